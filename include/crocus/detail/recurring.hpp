// A callback that a loop runs again and again: of a descriptor that is watched, of a signal.
#pragma once

#include <optional>
#include <utility>

#include <crocus/config.hpp>
#include <crocus/detail/runnable.hpp>

namespace crocus::detail {

class recurring;

/// Whose callback it is.
class recurring_source {
public:
    /// The callback is about to run. False if it must not: what it stands for is gone.
    virtual bool begin_call() noexcept = 0;

protected:
    ~recurring_source() = default;
};

/// Its context stays with it: what one call sets, the next one sees.
class CROCUS_EXPORT recurring : public callback {
public:
    /// Puts it into the loop's ready queue, unless it is there or was stopped.
    void trigger(event_loop& loop) noexcept;

    /// It will not run any more. The function is destroyed now, or when it returns.
    void stop() noexcept;

    [[nodiscard]] bool queued() const noexcept { return queued_; }
    void set_source(recurring_source& source) noexcept { source_ = &source; }

    void call() final;
    void release() noexcept final;

protected:
    using callback::callback;

    virtual void invoke() = 0;
    virtual void destroy() noexcept = 0;

private:
    recurring_source* source_ = nullptr;
    bool queued_ = false;
    bool running_ = false;
};

template <class F>
class recurring_of final : public recurring {
public:
    recurring_of(F f, const std::source_location& where) : recurring(where), f_(std::move(f)) {}

private:
    void invoke() override { (*f_)(); }
    void destroy() noexcept override { f_.reset(); }

    std::optional<F> f_;
};

template <class F>
counted<recurring> make_recurring(F f, const std::source_location& site) {
    return counted<recurring>(new recurring_of<F>(std::move(f), site));
}

}  // namespace crocus::detail
