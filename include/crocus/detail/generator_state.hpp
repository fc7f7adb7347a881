// What generator templates are built on: slots for values, and the part of the protocol that knows no types.
#pragma once

#include <concepts>
#include <cstddef>
#include <exception>
#include <optional>
#include <source_location>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

#include <crocus/config.hpp>
#include <crocus/detail/block_pool.hpp>
#include <crocus/detail/flow_identity.hpp>
#include <crocus/detail/run_ahead.hpp>
#include <crocus/detail/slot.hpp>
#include <crocus/fiber.hpp>

namespace crocus::detail {

enum class generator_status { created, running, suspended, closed };

/// The protocol: who may resume, close and yield, and where exceptions go.
///
/// Delegation (yield.from). The generators that delegate form a chain, from the one that is resumed, the root, to the
/// one whose body stands at a yield, the leaf. The root enters the leaf's body at once, whatever lies between, and the
/// leaf's yield returns at once to whoever resumed the root; a leaf that ends goes on in the body of its delegator. So
/// a generator in a chain is asked about it only where it is resumed, and its body at its end.
///
/// Which leaf a root last entered is remembered by both; nobody else remembers them. Whoever enters a chain by another
/// way, or shortens it, parts them first, so that neither is ever entered, or dangles, out of another's memory.
class CROCUS_EXPORT generator_state {
public:
    generator_state(const generator_state&) = delete;
    generator_state& operator=(const generator_state&) = delete;

    [[nodiscard]] generator_status status() const noexcept;
    [[nodiscard]] bool closed() const noexcept { return phase_ == phase::closed; }
    /// False also where there is more to ask than that: see phase.
    [[nodiscard]] bool suspended() const noexcept { return phase_ == phase::suspended; }

    /// Runs the body until it yields or ends. Rethrows what leaves it. Does nothing once closed.
    ///
    /// resume_here() and yield() are inline, so that nothing lies between the user's call and the switch.
    void resume() { resume_here(); }
    [[gnu::always_inline]] void resume_here() {
        if (phase_ != phase::suspended) [[unlikely]] {
            if (generator_state* const member = prepare()) {
                member->switch_in();
                settle();
            }
        } else {
            switch_in();
        }
        if (closed()) [[unlikely]]
            rethrow();
    }
    /// The same, with `error` raised at the yield.
    void resume_with(std::exception_ptr error);
    void close();
    void require_sendable() const;

    /// True if a yield may suspend the body: the caller runs on its stack, behind no yield_barrier, and not ahead.
    [[nodiscard]] bool may_yield(const thread_state& t) const noexcept { return own_fiber().may_yield(t); }
    /// Throws unless the caller may yield, be it ahead of who reads.
    void require_own_fiber(const thread_state& t) const {
        if (!may_yield(t) && !is_intercepted(t)) [[unlikely]]
            throw_may_not_yield(t);
    }
    /// True if may_yield() is false for that reason.
    [[nodiscard]] bool is_intercepted(const thread_state& t) const noexcept {
        return t.running == &own_fiber() && !own_fiber().behind_barrier();
    }
    [[noreturn, gnu::cold]] void throw_may_not_yield(const thread_state& t) const;
    /// In the body: whom the next yield returns to.
    [[nodiscard]] fiber& resumer() const noexcept { return *resumer_; }
    /// In the body: suspends it until somebody resumes the generator; rethrows what resume_with was given.
    [[gnu::always_inline]] void yield(thread_state& t, fiber& to) {
        phase_ = phase::suspended;
        resumer_ = &to.enter(t);
        if (thrown_) [[unlikely]]
            rethrow_thrown();
    }
    /// In the body: the same for `size` elements from yielded_ on, in place; they are left without entering the body,
    /// but for the last one. Returns early when a value is sent.
    void yield_block(std::size_t size, std::size_t element_size);

    /// In the body: suspends it until `inner`, which stands at a yield, is finished, by this body's resumers or by
    /// somebody else; true unless its owner destroyed it. When a close comes, inner is closed first.
    bool delegate_to(generator_state& inner);
    /// True while the body is suspended there.
    [[nodiscard]] bool stands_in(const generator_state& inner) const noexcept;

    /// The end of the block that the current element lies in, which is left at its last element.
    [[nodiscard]] void* take_block(std::size_t element_size) noexcept;

    void set_name(std::string name);
    [[nodiscard]] std::string name() const { return name_.get(); }

    /// If a generator's body is on `f`: visits who delegates to it, the innermost first, and at last who resumed it.
    static void visit_fibers_behind(const fiber& f, void (*visit)(const fiber& behind, void* argument), void* argument);

protected:
    generator_state(std::size_t stack_size, const std::source_location& site, bool takes_sent) noexcept
        : takes_sent_(takes_sent), stack_size_(stack_size), identity_{"generator", nullptr, site} {}
    virtual ~generator_state();

    virtual void run_body() = 0;
    virtual void release_body() noexcept = 0;
    virtual void forget_result() noexcept = 0;

    /// True if the body stands at `at` in a block of its own, and that is not the block's last element.
    [[nodiscard]] bool in_block_at(const void* at, std::size_t element_size) const noexcept {
        return block_end_ != nullptr && yielded_ == at &&
               static_cast<const std::byte*>(at) + element_size != block_end_;
    }
    void require_not_running() const;
    /// resume(), where yields of the body itself are to find may_yield() false.
    void resume_ahead();
    /// Once closed: the next resume raises `error`.
    void raise_later(std::exception_ptr error) noexcept { error_ = std::move(error); }

    void* yielded_ = nullptr;  // in the body's frame, or in the leaf's; const if the generator's values are
    void* sent_ = nullptr;     // in the sender's frame; null after next()

private:
    friend struct generator_closer;
    friend struct debug_layout;

    /// What resume() finds. `entangled` is suspended, with more to ask: it delegates, or somebody delegates to it, or
    /// elements of a block are left.
    enum class phase { created, running, suspended, entangled, closed };

    // Nothing is loaded: its place is the same before and after its time.
    [[nodiscard]] fiber& own_fiber() noexcept { return reinterpret_cast<fiber&>(own_fiber_); }
    [[nodiscard]] const fiber& own_fiber() const noexcept { return reinterpret_cast<const fiber&>(own_fiber_); }

    void switch_in() {
        thread_state& t = this_thread();
        generator_state* self = this;
        asm volatile("" : "+r"(self));  // or compilers keep the sum in memory, from which everything here would wait
        fiber& body = self->own_fiber();
        if (fiber::special(t)) [[unlikely]]
            return switch_in_specially();
        phase_ = phase::running;
        body.set_entered_in_unwinding(t.running->entered_in_unwinding());
        body.enter_on(t);
    }

    static void entry(fiber& self, void* argument);
    void begin();
    [[nodiscard]] generator_state* prepare();
    void finish_unstarted() noexcept;
    void switch_in_specially();
    void rethrow();
    [[noreturn, gnu::cold]] void rethrow_thrown();
    bool close_for_destruction() noexcept;

    // The chain: lib/generator/delegation.cpp
    void settle();
    void settle_anew() noexcept;
    [[nodiscard]] generator_state* prepare_chain(std::exception_ptr error);
    [[nodiscard]] generator_state* prepare_own(std::exception_ptr error);
    void prepare_member(generator_state& member, std::exception_ptr error);
    [[nodiscard]] fiber& hand_over() noexcept;
    [[nodiscard]] generator_state& find_leaf() noexcept;
    [[nodiscard]] bool leads_to(const generator_state& member) const noexcept;
    [[nodiscard]] bool runs_in_chain() const noexcept;
    [[nodiscard]] bool advance_block() noexcept;
    void classify() noexcept;
    void remember(generator_state& leaf) noexcept;
    void part() noexcept;
    void link(generator_state& inner) noexcept;
    void unlink() noexcept;
    void leave_chains() noexcept;

    phase phase_ = phase::created;
    const bool takes_sent_;
    bool delegating_ = false;                            // the body stands in delegate_to
    fiber* resumer_ = nullptr;                           // the most recent one: whom a yield returns to (G12)
    std::exception_ptr thrown_;                          // on its way in
    std::exception_ptr error_;                           // on its way out, once closed
    alignas(fiber) std::byte own_fiber_[sizeof(fiber)];  // a fiber while the body has a stack
    std::size_t stack_size_;
    flow_identity identity_;
    rare_text name_;
    std::byte* block_end_ = nullptr;  // of the block that the body stands in, if it does
    std::size_t element_size_ = 0;
    generator_state* delegate_ = nullptr;    // of delegate_to; null if it was destroyed meanwhile
    generator_state* delegators_ = nullptr;  // whose delegate this is, chained by next_delegator_
    generator_state* next_delegator_ = nullptr;
    generator_state* leaf_ = nullptr;  // as a root: the one it entered last, if not itself
    generator_state* root_ = nullptr;  // the other way round
    generator_state* next_abandoned_ = nullptr;
};

/// Ends a generator whose owner is gone.
struct CROCUS_EXPORT generator_closer {
    void operator()(generator_state* state) const noexcept;
};

template <class Yield, class Send, class Return>
class generator_values : public generator_state {
public:
    using return_type = Return;
    using element = std::remove_reference_t<Yield>;
    using room_ahead = run_ahead<std::remove_cv_t<element>>;
    static constexpr bool can_run_ahead = std::move_constructible<Yield> && !std::is_reference_v<Yield>;

    generator_values(std::size_t stack_size, const std::source_location& site) noexcept
        : generator_state(stack_size, site, !std::is_void_v<Send>) {}

    [[nodiscard]] element* yielded() const noexcept { return static_cast<element*>(yielded_); }
    void set_yielded(element* at) noexcept { yielded_ = const_cast<std::remove_cv_t<element>*>(at); }
    [[nodiscard]] bool in_block_at(const element* at) const noexcept {
        return generator_state::in_block_at(at, sizeof(element));
    }
    /// The current element, and all that is left of its block, which count as read.
    [[nodiscard]] std::span<element> take_block() noexcept {
        element* const first = yielded();
        return {first, static_cast<element*>(generator_state::take_block(sizeof(element)))};
    }

    void yield_block(element* first, std::size_t size) {
        set_yielded(first);
        generator_state::yield_block(size, sizeof(element));
    }

    void set_sent(auto* value) noexcept { sent_ = const_cast<std::remove_cv_t<std::remove_reference_t<Send>>*>(value); }
    [[nodiscard]] std::remove_reference_t<Send>* take_sent() noexcept {
        return static_cast<std::remove_reference_t<Send>*>(std::exchange(sent_, nullptr));
    }

    /// Resumes until `ahead` is full or the body at its end. An error is raised when what came before it was read.
    std::span<element> fill(room_ahead& ahead) {
        require_not_running();
        ahead.clear();
        if (closed()) resume();
        while (!ahead.full() && !closed()) {
            ahead_ = &ahead;
            try {
                resume_ahead();
            } catch (...) {
                ahead_ = nullptr;
                if (ahead.values().empty()) throw;
                raise_later(std::current_exception());
            }
            const bool left = std::exchange(ahead_, nullptr) == nullptr;  // by the yield that the body stands at
            if (!left && !closed()) ahead.add(static_cast<Yield&&>(*yielded()));
        }
        forget_result();
        return ahead.values();
    }
    /// In the body, where may_yield() is false: true if it may go on, the value is left where it was asked for.
    bool ran_ahead(const thread_state& t, element& value) {
        if (!is_intercepted(t)) [[unlikely]]
            throw_may_not_yield(t);
        if constexpr (can_run_ahead) {
            ahead_->add(static_cast<Yield&&>(value));
            if (!ahead_->full()) return true;
            ahead_ = nullptr;
        }
        return false;
    }

    void forget_result() noexcept final { returned_.reset(); }

    slot<Return> returned_;

private:
    room_ahead* ahead_ = nullptr;
};

/// The whole of a generator: what its body is called with, and the body.
template <class Yielder, class Body>
class generator_body final : public Yielder {
public:
    template <class From>
    generator_body(From&& body, std::size_t stack_size, const std::source_location& site)
        : Yielder(stack_size, site), body_(std::in_place, std::forward<From>(body)) {}

    static void* operator new(std::size_t) { return allocate_block<sizeof(generator_body), alignof(generator_body)>(); }
    static void operator delete(void* block) noexcept { free_block<sizeof(generator_body), alignof(generator_body)>(block); }

private:
    void run_body() override {
        Yielder& yield = *this;
        if constexpr (std::is_void_v<typename Yielder::return_type>)
            static_cast<void>((*body_)(yield));
        else
            this->returned_.set((*body_)(yield));
    }
    void release_body() noexcept override { body_.reset(); }

    std::optional<Body> body_;
};

}  // namespace crocus::detail
