// What coroutine objects are built on: the part of their protocol that knows no types.
#pragma once

#include <cstddef>
#include <exception>
#include <functional>
#include <optional>
#include <source_location>
#include <string>
#include <type_traits>
#include <utility>

#include <crocus/config.hpp>
#include <crocus/detail/agent.hpp>
#include <crocus/detail/flow_identity.hpp>
#include <crocus/detail/future_state.hpp>
#include <crocus/detail/generator_state.hpp>
#include <crocus/detail/rare_text.hpp>
#include <crocus/detail/slot.hpp>
#include <crocus/event_loop.hpp>
#include <crocus/fiber.hpp>

namespace crocus::detail {

/// A call that has not started: somebody runs it as a part of himself, or drives it by hand. Driven by hand it is an
/// agent, on a stack of its own, and where it waits it goes back to its driver.
///
/// Owned by its handle, by whoever drives it just now, and by its loop if it cannot be ended.
///
/// Whoever calls a member holds a share of it: its handle may go away meanwhile.
class CROCUS_EXPORT coroutine_state : public agent {
public:
    void add_owner() noexcept { ++owners_; }
    void drop_owner() noexcept {
        if (--owners_ == 0) delete this;
    }
    /// Its handle is gone.
    static void let_go(coroutine_state* state) noexcept;

    [[nodiscard]] generator_status status() const noexcept { return status_; }
    [[nodiscard]] std::string name() const { return name_.get(); }
    /// "coroutine 'name' (made at file:line)", for reports.
    [[nodiscard]] std::string describe() const;
    [[nodiscard]] const std::source_location& site() const noexcept { return identity_.site; }
    [[nodiscard]] std::size_t stack_size() const noexcept { return stack_size_; }

    /// Somebody will run it: it is not reported as forgotten.
    void take();
    /// Runs it to its end, as a part of the caller.
    void run_here();

    /// Runs it until it waits or ends; rethrows what leaves it. Does nothing while it waits for what has not come.
    void send();
    void throw_(std::exception_ptr error);
    void close();
    /// Closes it, since the loop that it waits in ends.
    void end_with_loop() noexcept;

    /// While it is suspended: ends when it can go on; null if it waits for nothing.
    [[nodiscard]] const counted<future_state>& wait() const noexcept { return wait_; }
    /// The future that it waits for, if it is one.
    [[nodiscard]] const counted<future_state>& awaited_future() const noexcept { return future_; }

    /// While it runs: the coroutine, driven by hand too, that drives it; null if something else does.
    [[nodiscard]] coroutine_state* driven_by() const noexcept { return driven_by_; }

    /// Of those that wait in the same loop.
    [[nodiscard]] const coroutine_state* next_waiting() const noexcept { return next_; }

    void park() override;
    void park_as(waiter& as) override;
    void unpark() noexcept override;
    void reschedule() override;

protected:
    coroutine_state(std::string name, std::size_t stack_size, const std::source_location& site)
        : stack_size_(stack_size), identity_{"coroutine", &name_, site} {
        name_.set(std::move(name));
    }

    virtual void run_body() = 0;
    virtual void release_body() noexcept = 0;

private:
    static void entry(fiber&, void* argument);
    void run() noexcept;
    void begin();
    void enter();
    void suspend();
    void finish_unstarted() noexcept;
    void raise_thrown();
    void throw_in(std::exception_ptr error);

    void require_drivable() const;
    [[nodiscard]] bool ready() const noexcept { return !wait_ || wait_->done(); }
    void begin_wait(future_state* future);
    void end_wait() noexcept;
    void leave_loop() noexcept;

    [[nodiscard]] bool end() noexcept;
    void wait_for_clean_up();
    void give_up() noexcept;

    std::size_t owners_ = 1;  // its handle
    generator_status status_ = generator_status::created;
    bool taken_ = false;
    bool orphaned_ = false;  // its handle went while it ran
    bool given_up_ = false;
    bool raisable_ = true;       // where it is suspended an exception can be raised
    coroutine_state* driven_by_ = nullptr;
    fiber* driver_ = nullptr;    // who resumed it last
    fiber* flow_ = nullptr;      // where it goes on: not always its own fiber, since it may wait inside a generator
    std::exception_ptr thrown_;  // on its way in
    std::exception_ptr error_;   // on its way out
    std::optional<fiber> fiber_;
    std::size_t stack_size_;
    rare_text name_;
    flow_identity identity_;

    counted<future_state> wait_;
    counted<future_state> future_;
    event_loop* loop_ = nullptr;  // that it waits in
    std::optional<loop_ref> loop_ref_;
    coroutine_state* next_ = nullptr;   // in that loop's list; or of those that were given up
    coroutine_state** link_ = nullptr;  // what leads here
};

struct handle_of_coroutine_gone {
    void operator()(coroutine_state* state) const noexcept { coroutine_state::let_go(state); }
};

template <class R>
class coroutine_values : public coroutine_state {
public:
    using coroutine_state::coroutine_state;

    slot<R> returned;
};

template <class R, class F>
class coroutine_of final : public coroutine_values<R> {
public:
    template <class From>
    coroutine_of(From&& f, std::string name, std::size_t stack_size, const std::source_location& site)
        : coroutine_values<R>(std::move(name), stack_size, site), f_(std::in_place, std::forward<From>(f)) {}

private:
    void run_body() override {
        if constexpr (std::is_void_v<R>)
            static_cast<void>(std::invoke(*f_));
        else
            this->returned.set(std::invoke(*f_));
    }
    void release_body() noexcept override { f_.reset(); }

    std::optional<F> f_;
};

}  // namespace crocus::detail
