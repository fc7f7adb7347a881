// Generators: Python's protocol (PEP 342, 380, 479) on stacks of their own, so that yield works at any call depth.
#pragma once

#include <concepts>
#include <cstddef>
#include <exception>
#include <iterator>
#include <optional>
#include <ranges>
#include <source_location>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

#include <crocus/detail/generator_state.hpp>
#include <crocus/detail/owner.hpp>
#include <crocus/error.hpp>
#include <crocus/stack.hpp>

namespace crocus {

/// Where a generator stands (inspect.getgeneratorstate).
///
///     created -> running <-> suspended        a body that awaits (sleeps, reads a socket) counts as running
///         \        |         /
///          +---> closed <---+                 it returned, threw, or was closed
using detail::generator_status;

/// What a resumed generator came to: a value that it yielded, or its end, with what the body returned.
///
/// A step owns its value (a step of a reference refers), so it outlives the generator.
template <class Yield, class Return>
class step {
public:
    /// True if the body yielded.
    [[nodiscard]] bool yielded() const noexcept { return yielded_.has_value(); }

    /// True if the generator is finished.
    [[nodiscard]] bool finished() const noexcept { return !yielded(); }

    /// The yielded value.
    ///
    /// Throws: bad_step_access   the generator is finished
    [[nodiscard]] std::remove_reference_t<Yield>& operator*() & { return checked(yielded_).get(); }
    [[nodiscard]] const std::remove_reference_t<Yield>& operator*() const& { return checked(yielded_).get(); }
    [[nodiscard]] Yield&& operator*() && { return static_cast<Yield&&>(checked(yielded_).get()); }
    [[nodiscard]] std::remove_reference_t<Yield>* operator->() { return std::addressof(**this); }
    [[nodiscard]] const std::remove_reference_t<Yield>* operator->() const { return std::addressof(**this); }

    /// What the body returned, moved out. It is reported once, by the step that saw the end.
    ///
    /// Throws: bad_step_access   the body yielded; or this step came after the end and carries no value
    Return result() {
        if (yielded()) throw bad_step_access("step::result: the body yielded; the value is *step");
        if constexpr (!std::is_void_v<Return>) {
            if (!returned_.has_value())
                throw bad_step_access("step::result: no value; it was reported by the step that saw the end");
            return static_cast<Return&&>(returned_.get());
        }
    }

    /// True if result() has something to give.
    [[nodiscard]] bool has_result() const noexcept {
        if constexpr (std::is_void_v<Return>)
            return finished();
        else
            return returned_.has_value();
    }

    /// The yielded value, moved out, as Python's next() gives it.
    ///
    /// Throws: stop_iteration<Return>   the generator is finished; carries what the body returned
    ///         stop_iteration_error     it was finished before
    Yield value() {
        if (yielded()) return static_cast<Yield&&>(yielded_.get());
        if constexpr (std::is_void_v<Return>) {
            throw stop_iteration<void>();
        } else {
            if (!returned_.has_value()) throw stop_iteration_error();
            throw stop_iteration<Return>(static_cast<Return&&>(returned_.get()));
        }
    }

    /// The yielded value, moved out, or `other` if the generator is finished (next(g, other), anext(g, other)). (C14)
    template <class Other>
        requires std::convertible_to<Other&&, Yield>
    [[nodiscard]] Yield value_or(Other&& other) {
        if (yielded()) return static_cast<Yield&&>(yielded_.get());
        return static_cast<Yield>(std::forward<Other>(other));
    }

private:
    template <class, class, class>
    friend class generator;
    template <class>
    friend class coroutine;

    template <class Slot>
    static Slot& checked(Slot& yielded) {
        if (!yielded.has_value())
            throw bad_step_access("step: no value, the generator is finished; ask yielded() first");
        return yielded;
    }

    detail::slot<Yield> yielded_;
    detail::slot<Return> returned_;
};

/// What a yield expression gives to the body: the value sent, or nothing if the generator was resumed by next().
template <class Send>
class received {
public:
    received() = default;
    explicit received(Send value) { value_.set(std::forward<Send>(value)); }

    /// True if something was sent.
    [[nodiscard]] bool has_value() const noexcept { return value_.has_value(); }
    [[nodiscard]] explicit operator bool() const noexcept { return has_value(); }

    /// Throws: nothing_sent   resumed by next()
    [[nodiscard]] std::remove_reference_t<Send>& operator*() & { return checked().get(); }
    [[nodiscard]] Send&& operator*() && { return static_cast<Send&&>(checked().get()); }
    [[nodiscard]] std::remove_reference_t<Send>* operator->() { return std::addressof(checked().get()); }

private:
    auto& checked() {
        if (!has_value()) throw nothing_sent();
        return value_;
    }

    detail::slot<Send> value_;
};

/// A computation that yields values on demand and can be sent values and exceptions: Python's generator.
///
///     crocus::generator<int> range(int stop) {
///         return [stop](auto& yield) { for (int i = 0; i < stop; ++i) yield(i); };
///     }
///     for (int i : range(3)) ...
///
/// `Yield` is what comes out (a reference type refers into the body), `Send` what send() takes, `Return` what the body
/// returns. The body is called with a generator::yielder&, usually `auto& yield`; `yield(value)` gives the value out
/// and suspends the body; it may be called from functions that the body calls, at any depth.
///
/// A body may suspend its task (sleep, read a socket): it is then what Python calls an asynchronous generator.
///
/// Thread: may be resumed on any thread, by one at a time.
/// Cost:   one allocation and one pooled stack; two switches per element.
template <class Yield, class Send = void, class Return = void>
class generator : public std::ranges::view_base {
    static_assert(!std::is_rvalue_reference_v<Yield> && !std::is_void_v<Yield>, "yield values or lvalue references");

    using state_type = detail::generator_values<Yield, Send, Return>;

public:
    using step_type = step<Yield, Return>;
    using received_type = std::conditional_t<std::is_void_v<Send>, void, received<Send>>;

    class yielder;
    class iterator;
    class block_iterator;
    class block_range;

    /// A generator that will run `body(yield)`. No code of the body runs, and no stack is taken, before the first
    /// next(). (G1) `site` is where it was made, for reports.
    template <class Body>
        requires(!std::same_as<std::remove_cvref_t<Body>, generator> &&
                 requires(std::decay_t<Body>& body, yielder& yield) { body(yield); })
    generator(Body&& body, std::size_t stack_size = stack::default_size(),  // NOLINT: implicit, so `return [...]` works
              std::source_location site = std::source_location::current())
        : state_(new detail::generator_body<yielder, std::decay_t<Body>>(std::forward<Body>(body), stack_size, site)) {}

    generator(generator&&) noexcept = default;
    generator& operator=(generator&&) noexcept = default;

    /// Closes it. What close() would throw goes to the unraisable hook. A body that keeps yielding instead of leaving
    /// is given up with its stack, and reported. Nothing runs if the body was never started. A cancellation that comes
    /// while the body's clean-up waits is held until the next wait outside. (G46, G47)
    ~generator() = default;

    /// Resumes the body to its next yield, or its end (next(g)).
    ///
    /// Throws: generator_already_executing; what the body throws (a stop_iteration as generator_raised_stop_iteration);
    ///         what stack's constructor throws, the first time: the body has not started then, and may be tried again
    step_type next() {
        state_type& s = state();  // the body may move or destroy the generator: not `this` from here on
        s.resume();
        return take_step(s);
    }

    /// Resumes the body; the yield expression it is suspended in gives `value` (g.send(value)).
    ///
    /// Throws: generator_not_started   the body has not reached a yield; nothing was sent, nothing is harmed (G3)
    ///         and what next() throws
    template <class Value = Send>
        requires(!std::is_void_v<Send> && std::convertible_to<Value &&, Send>)
    step_type send(Value&& value) {
        state_type& s = state();
        s.require_sendable();
        Send converted = std::forward<Value>(value);
        if constexpr (!std::same_as<std::remove_cvref_t<Value>, std::remove_cvref_t<Send>>)
            s.require_sendable();  // the conversion may have resumed it
        if (!s.closed()) s.set_sent(std::addressof(converted));
        s.resume();
        return take_step(s);
    }

    /// Raises `error` in the body, at the yield it is suspended in (g.throw(error)).
    ///
    /// Returns the next step if the body handles it. An unstarted generator is closed, a finished one stays so, and the
    /// error comes straight back. (G22 to G28) Other than an exception_ptr, `error` is copied as its static type: in a
    /// handler, pass std::current_exception().
    ///
    /// Throws: what next() throws; usage_error   `error` is null
    step_type throw_(std::exception_ptr error) {
        state_type& s = state();
        s.resume_with(std::move(error));
        return take_step(s);
    }
    template <class Error>
        requires(!std::same_as<std::remove_cvref_t<Error>, std::exception_ptr>)
    step_type throw_(Error&& error) {
        return throw_(std::make_exception_ptr(std::forward<Error>(error)));
    }

    /// Asks the body to leave: raises generator_exit at its yield (g.close()).
    ///
    /// Returns what the body returned if it caught the exit and returned, else nothing: a std::optional; a pointer if
    /// Return is a reference; void if it is void. (G39)
    /// Throws: generator_ignored_exit        the body yielded; it stays suspended there (G41)
    ///         generator_already_executing   it runs
    ///         what the body throws instead of leaving
    auto close() {
        state_type& s = state();
        s.close();
        if constexpr (std::is_reference_v<Return>) {
            const auto returned = s.returned_.has_value() ? std::addressof(s.returned_.get()) : nullptr;
            s.forget_result();
            return returned;
        } else if constexpr (!std::is_void_v<Return>) {
            std::optional<Return> returned;
            if (s.returned_.has_value()) returned.emplace(std::move(s.returned_.get()));
            s.forget_result();
            return returned;
        }
    }

    [[nodiscard]] generator_status status() const noexcept {
        return state_ ? state_->status() : generator_status::closed;
    }

    /// True while the body is suspended in a yield.from of `inner` (gi_yieldfrom). (G78)
    ///
    /// Cost: grows with the depth of the delegation
    template <class InnerSend, class InnerReturn>
    [[nodiscard]] bool delegates_to(const generator<Yield, InnerSend, InnerReturn>& inner) const noexcept {
        return state_ && inner.state_ && state_->stands_in(*inner.state_);
    }

    /// Its name in reports; empty if set_name() was not called. (G79)
    [[nodiscard]] std::string name() const { return state().name(); }
    void set_name(std::string name) { state().set_name(std::move(name)); }

    /// Iteration: each value in place, in the body. The end is silent; a body's exception comes out of begin() or ++.
    ///
    /// Requires: the generator outlives the iterator, which is single-pass: begin() goes on where the generator stands.
    [[nodiscard]] iterator begin() {
        state_type& s = state();
        s.resume();
        s.forget_result();
        return iterator(s);
    }
    [[nodiscard]] std::default_sentinel_t end() const noexcept { return std::default_sentinel; }

    /// Iteration by blocks, as std::span: what the body yields together (yielder::block) is read together, in place;
    /// what it yields alone is a block of one. A block is there until the generator is resumed or closed.
    [[nodiscard]] block_range blocks() & { return block_range(state(), 0); }

    /// The same, in blocks of up to `ahead` elements, which the body leaves behind without waiting for them to be read:
    /// it runs ahead, and what it throws is raised after what it yielded before.
    ///
    /// Throws: usage_error   ahead is 0
    ///         what moving a value throws: where the body runs ahead, out of its yield; else (a value of a first resume,
    ///         a block or a delegate) out of the iterator, and what it has gathered for its block is lost
    /// Cost:   two allocations for each call; a few nanoseconds an element
    [[nodiscard]] block_range blocks(std::size_t ahead) &
        requires(state_type::can_run_ahead && std::is_void_v<Send>)
    {
        if (ahead == 0) throw usage_error("generator::blocks: a block of no elements was asked for");
        return block_range(state(), ahead);
    }

    /// The blocks of a temporary keep it: `for (auto block : primes().blocks(64))`.
    [[nodiscard]] block_range blocks() && { return blocks().keep(std::move(state_)); }
    [[nodiscard]] block_range blocks(std::size_t ahead) &&
        requires(state_type::can_run_ahead && std::is_void_v<Send>)
    {
        return blocks(ahead).keep(std::move(state_));
    }

private:
    template <class, class, class>
    friend class generator;

    state_type& state() const {
        if (!state_) throw generator_error("the generator was moved from");
        return *state_;
    }

    static step_type take_step(state_type& from) {
        step_type s;
        if (!from.closed()) {
            s.yielded_.set(static_cast<Yield&&>(*from.yielded()));
        } else if constexpr (!std::is_void_v<Return>) {
            s.returned_ = std::move(from.returned_);
            from.forget_result();
        }
        return s;
    }

    using owner = detail::owner<state_type, detail::generator_closer>;
    owner state_;
};

/// What a body calls to yield. Its type has a name so that functions which yield on a body's behalf can take it.
template <class Yield, class Send, class Return>
class generator<Yield, Send, Return>::yielder : private state_type {  // no pointer lies between a yield and the state
public:
    yielder(const yielder&) = delete;
    yielder& operator=(const yielder&) = delete;

    /// Gives `value` out and suspends the body. Returns what was sent (nothing at all if Send is void).
    ///
    /// Suspends: until the generator is resumed
    /// Throws:   what throw_() was given; generator_exit when it is closed
    ///           wrong_fiber          called from a stack that is not this generator's
    ///           yield_across_scope   called inside a scope that holds for its flow alone (PEP 789)
    ///           A destructor that yields must not let these out: C++ ends the process.
    received_type operator()(Yield value) {
        give(value);
        if constexpr (!std::is_void_v<Send>) return take_received();
    }

    /// Delegates to `inner` until it is finished (yield from): next, send, throw_ and close go straight to it. Somebody
    /// else may resume inner too; when a close comes, inner is closed first, and then this body.
    ///
    /// Returns what inner's body returned.
    /// Throws: what leaves inner; wrong_fiber; yield_across_scope
    ///         bad_step_access               somebody else finished inner and was given its result
    ///         generator_error               a value was sent, and inner takes none (G59); inner was destroyed
    ///         generator_already_executing   somebody else runs inner
    /// Cost:   an element costs the same however many generators delegate between the one that is resumed and the one
    ///         that yields: some nanoseconds more than without delegation
    template <class InnerSend, class InnerReturn>
        requires(std::same_as<InnerSend, Send> || std::is_void_v<InnerSend>)
    InnerReturn from(generator<Yield, InnerSend, InnerReturn>& inner) {
        this->require_own_fiber(detail::this_thread());
        auto& s = inner.state();
        s.resume();
        if (!s.closed() && !this->delegate_to(s))
            throw generator_error("yield.from: the generator that was delegated to was destroyed meanwhile");
        return inner.take_step(s).result();
    }
    template <class InnerSend, class InnerReturn>
        requires(std::same_as<InnerSend, Send> || std::is_void_v<InnerSend>)
    InnerReturn from(generator<Yield, InnerSend, InnerReturn>&& inner) {
        return from(inner);
    }

    /// Yields every element of a range. What is thrown in is raised here: a range knows no protocol, and a generator
    /// that yields or takes something else counts as a range.
    ///
    /// Throws: generator_error   a value was sent, and a range takes none (G59)
    template <std::ranges::input_range Range>
        requires std::convertible_to<std::ranges::range_reference_t<Range>, Yield>
    void from(Range&& range) {
        for (auto&& each : range) {
            Yield value = std::forward<decltype(each)>(each);
            give(value);
            refuse_sent();
        }
    }

    /// Yields every element of `elements`, in place: who resumes the generator sees the elements themselves, and may
    /// change them or move from them unless they are const. The body is entered again after the last one only.
    ///
    /// Throws: generator_error   a value was sent, and a block takes none
    ///         what a yield throws; what is thrown in comes wherever in the block the reader stands
    /// Cost:   some nanoseconds an element that is read by itself, none for what is read by blocks()
    template <std::ranges::contiguous_range Elements>
        requires std::ranges::sized_range<Elements> &&
                 std::convertible_to<std::remove_reference_t<std::ranges::range_reference_t<Elements>> (*)[],
                                     std::remove_reference_t<Yield> (*)[]>
    void block(Elements&& elements) {
        this->require_own_fiber(detail::this_thread());
        if (std::ranges::empty(elements)) return;
        state_type::yield_block(std::ranges::data(elements), std::ranges::size(elements));
        refuse_sent();
    }

private:
    friend class generator;
    template <class, class>
    friend class detail::generator_body;
    using state_type::state_type;

    [[gnu::always_inline]] void give(std::remove_reference_t<Yield>& value) {
        fiber& to = this->resumer();  // first, so that in a loop the compiler has it from the last yield
        detail::thread_state& t = detail::this_thread();
        if (!this->may_yield(t)) [[unlikely]]
            if (this->ran_ahead(t, value)) return;
        this->set_yielded(std::addressof(value));
        this->yield(t, to);
    }

    void refuse_sent() {
        if (state_type::take_sent() != nullptr)
            throw generator_error("yield.from: a value was sent, and what is delegated to takes none");
    }

    received_type take_received() {
        auto* const sent = state_type::take_sent();
        return sent != nullptr ? received_type(static_cast<Send&&>(*sent)) : received_type();
    }

};

/// Single-pass. Refers to the value in the body; ++ resumes the body.
template <class Yield, class Send, class Return>
class generator<Yield, Send, Return>::iterator {
public:
    using value_type = std::remove_cvref_t<Yield>;
    using reference = std::remove_reference_t<Yield>&;
    using difference_type = std::ptrdiff_t;
    using iterator_concept = std::input_iterator_tag;

    iterator() = default;
    iterator(iterator&&) noexcept = default;
    iterator& operator=(iterator&&) noexcept = default;

    [[nodiscard]] reference operator*() const noexcept { return *at_; }
    [[gnu::always_inline]] iterator& operator++() {
        if (!state_->suspended()) [[unlikely]]
            if (state_->in_block_at(at_)) {
                state_->set_yielded(++at_);
                return *this;
            }
        state_->resume_here();
        state_->forget_result();
        at_ = state_->yielded();
        return *this;
    }
    void operator++(int) { ++*this; }

    [[nodiscard]] bool operator==(std::default_sentinel_t) const noexcept { return state_->closed(); }

private:
    friend class generator;
    explicit iterator(state_type& state) noexcept : state_(&state), at_(state.yielded()) {}

    state_type* state_ = nullptr;
    std::remove_reference_t<Yield>* at_ = nullptr;  // of its own, so that in a block it stays in a register
};

/// Single-pass, as iterator; ++ resumes the body.
template <class Yield, class Send, class Return>
class generator<Yield, Send, Return>::block_iterator {
public:
    using value_type = std::span<std::remove_reference_t<Yield>>;
    using difference_type = std::ptrdiff_t;
    using iterator_concept = std::input_iterator_tag;

    block_iterator() = default;
    block_iterator(block_iterator&&) noexcept = default;
    block_iterator& operator=(block_iterator&&) noexcept = default;

    [[nodiscard]] value_type operator*() const noexcept { return block_; }
    block_iterator& operator++() {
        block_ = range_->next();
        return *this;
    }
    void operator++(int) { ++*this; }

    [[nodiscard]] bool operator==(std::default_sentinel_t) const noexcept { return block_.empty(); }

private:
    friend class block_range;
    explicit block_iterator(block_range& range) : range_(&range), block_(range.next()) {}

    block_range* range_ = nullptr;
    value_type block_;
};

/// What blocks() returns. Requires: the generator outlives it, unless that was a temporary; and it its iterators.
template <class Yield, class Send, class Return>
class generator<Yield, Send, Return>::block_range : public std::ranges::view_base {
public:
    block_range(block_range&&) noexcept = default;
    block_range& operator=(block_range&&) noexcept = default;

    [[nodiscard]] block_iterator begin() { return block_iterator(*this); }
    [[nodiscard]] std::default_sentinel_t end() const noexcept { return std::default_sentinel; }

private:
    friend class generator;
    friend class block_iterator;
    using element = std::remove_reference_t<Yield>;
    using room = typename state_type::room_ahead;

    block_range(state_type& state, std::size_t ahead) : state_(&state) {
        if (ahead != 0) ahead_ = detail::owner<room>(new room(ahead));
    }

    block_range keep(owner of) && noexcept {
        kept_ = std::move(of);
        return std::move(*this);
    }

    /// Empty at the end.
    std::span<element> next() {
        if constexpr (state_type::can_run_ahead)
            if (ahead_) return state_->fill(*ahead_);
        state_->resume();
        state_->forget_result();
        return state_->closed() ? std::span<element>() : state_->take_block();
    }

    state_type* state_;
    detail::owner<room> ahead_;  // null: the body does not run ahead
    owner kept_;                 // null: somebody else's
};

}  // namespace crocus
