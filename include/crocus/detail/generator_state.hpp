// What generator templates are built on: slots for values, and the part of the protocol that knows no types.
#pragma once

#include <cstddef>
#include <exception>
#include <functional>
#include <optional>
#include <source_location>
#include <type_traits>
#include <utility>

#include <crocus/config.hpp>
#include <crocus/detail/block_pool.hpp>
#include <crocus/detail/flow_identity.hpp>
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
    ///
    /// It and yield() are inline, so that nothing lies between the user's call and the switch.
    void resume() {
        if (status_ != generator_status::suspended) [[unlikely]]
            if (!begin()) return;
        switch_in();
        if (error_) [[unlikely]]
            rethrow();
    }
    /// The same, with `error` raised at the yield.
    void resume_with(std::exception_ptr error);
    void close();
    void require_sendable() const;

    /// Throws wrong_fiber unless the caller runs on the body's stack.
    void require_own_fiber(const thread_state& t) const {
        if (t.running != &own_fiber()) [[unlikely]]
            throw_wrong_fiber();
    }
    /// In the body: whom the next yield returns to.
    [[nodiscard]] fiber& resumer() const noexcept { return *resumer_; }
    /// In the body: suspends it until somebody resumes the generator; rethrows what resume_with was given.
    void yield(thread_state& t, fiber& to) {
        status_ = generator_status::suspended;
        resumer_ = &to.enter(t);
        if (thrown_) [[unlikely]]
            rethrow_thrown();
    }

protected:
    generator_state(std::size_t stack_size, const std::source_location& site) noexcept
        : stack_size_(stack_size), identity_{"generator", nullptr, site} {}
    virtual ~generator_state();

    virtual void run_body() = 0;
    virtual void release_body() noexcept = 0;

private:
    friend struct generator_closer;
    friend struct debug_layout;

    // Nothing is loaded: its place is the same before and after its time.
    [[nodiscard]] fiber& own_fiber() noexcept { return reinterpret_cast<fiber&>(own_fiber_); }
    [[nodiscard]] const fiber& own_fiber() const noexcept { return reinterpret_cast<const fiber&>(own_fiber_); }

    void switch_in() {
        thread_state& t = this_thread();
        fiber& body = own_fiber();
        if (fiber::special(t)) [[unlikely]]
            return switch_in_specially();
        status_ = generator_status::running;
        body.set_entered_in_unwinding(t.running->entered_in_unwinding());
        body.enter_on(t);
    }

    static void entry(fiber& self, void* argument);
    bool begin();
    void require_not_running() const;
    void finish_unstarted() noexcept;
    void switch_in_specially();
    void rethrow();
    [[noreturn, gnu::cold]] void rethrow_thrown();
    [[noreturn, gnu::cold]] static void throw_wrong_fiber();
    bool close_for_destruction() noexcept;

    generator_status status_ = generator_status::created;
    fiber* resumer_ = nullptr;                           // the most recent one: whom a yield returns to (G12)
    std::exception_ptr thrown_;                          // on its way in
    std::exception_ptr error_;                           // on its way out
    alignas(fiber) std::byte own_fiber_[sizeof(fiber)];  // a fiber while the body has a stack
    std::size_t stack_size_;
    flow_identity identity_;
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
    generator_body(From&& body, std::size_t stack_size, const std::source_location& site)
        : Values(stack_size, site), body_(std::in_place, std::forward<From>(body)) {}

    static void* operator new(std::size_t) { return allocate_block<sizeof(generator_body)>(); }
    static void operator delete(void* block) noexcept { free_block<sizeof(generator_body)>(block); }

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
