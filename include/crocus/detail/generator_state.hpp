// What generator templates are built on: slots for values, and the part of the protocol that knows no types.
#pragma once

#include <cstddef>
#include <exception>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

#include <crocus/config.hpp>
#include <crocus/detail/slot.hpp>
#include <crocus/fiber.hpp>

namespace crocus::detail {

enum class generator_status { created, running, suspended, closed };

/// The protocol: who may resume, close and yield, and where exceptions go.
class CROCUS_EXPORT generator_state {
public:
    generator_state(const generator_state&) = delete;
    generator_state& operator=(const generator_state&) = delete;

    [[nodiscard]] generator_status status() const noexcept { return status_; }

    /// Runs the body until it yields or ends. Rethrows what leaves it. Does nothing once closed.
    void resume();
    /// The same, with `error` raised at the yield.
    void resume_with(std::exception_ptr error);
    void close();
    void require_sendable() const;

    /// Throws wrong_fiber unless the caller runs on the body's stack.
    void require_own_fiber() const;
    /// In the body: suspends it until somebody resumes the generator; rethrows what resume_with was given.
    void yield();

protected:
    explicit generator_state(std::size_t stack_size) noexcept : stack_size_(stack_size) {}
    virtual ~generator_state();

    virtual void run_body() = 0;
    virtual void release_body() noexcept = 0;

private:
    friend struct generator_closer;

    static void entry(fiber& self, void* argument);
    void require_not_running() const;
    void finish_unstarted() noexcept;
    void switch_in();
    void rethrow();
    bool close_for_destruction() noexcept;

    generator_status status_ = generator_status::created;
    std::size_t stack_size_;
    std::optional<fiber> body_;         // while the body has a stack
    fiber* resumer_ = nullptr;          // while running: whom a yield returns to, the most recent resumer (G12)
    std::exception_ptr thrown_;         // on its way in
    std::exception_ptr error_;          // on its way out
    generator_state* next_abandoned_ = nullptr;
};

/// Ends a generator whose owner is gone.
struct CROCUS_EXPORT generator_closer {
    void operator()(generator_state* state) const noexcept;
};

template <class Yield, class Send, class Return>
class generator_values : public generator_state {
public:
    using generator_state::generator_state;
    using return_type = Return;

    std::remove_reference_t<Yield>* yielded_ = nullptr;  // in the body's frame
    std::remove_reference_t<Send>* sent_ = nullptr;      // in the sender's frame; null after next()
    slot<Return> returned_;
};

/// The whole of a generator, with the body and what it is called with.
template <class Values, class Yielder, class Body>
class generator_body final : public Values {
public:
    template <class From>
    generator_body(From&& body, std::size_t stack_size)
        : Values(stack_size), body_(std::in_place, std::forward<From>(body)) {}

private:
    void run_body() override {
        Yielder yield(*this);
        if constexpr (std::is_void_v<typename Values::return_type>)
            static_cast<void>(std::invoke(*body_, yield));
        else
            this->returned_.set(std::invoke(*body_, yield));
    }
    void release_body() noexcept override { body_.reset(); }

    std::optional<Body> body_;
};

}  // namespace crocus::detail
