// Every exception that crocus throws, in one place.
//
// Two of them, generator_exit and cancelled_error, ask a flow of control to go away. They do not derive from
// std::exception, as their Python originals do not derive from Exception: catch (const std::exception&) is for errors
// and must not stop them by accident.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include <crocus/config.hpp>

namespace crocus {

/// Something was used in a way its contract excludes; the message says what to do instead.
class CROCUS_EXPORT usage_error : public std::logic_error {
public:
    using std::logic_error::logic_error;
    ~usage_error() override;
};

// ---------------------------------------------------------------------------------------------------- floor 1: control

/// No stack can be had: address space, memory or the kernel's map count is used up. Says which, and how to raise it.
class CROCUS_EXPORT stack_exhausted : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
    ~stack_exhausted() override;
};

/// A generator is finished (StopIteration). Catch this base where the type of the return value does not matter.
class CROCUS_EXPORT stop_iteration_error : public std::exception {
public:
    ~stop_iteration_error() override;
    [[nodiscard]] const char* what() const noexcept override;
};

/// A generator is finished; carries what its body returned (PEP 380).
template <class Return = void>
class stop_iteration : public stop_iteration_error {
public:
    explicit stop_iteration(Return value) : value_(std::forward<Return>(value)) {}

    [[nodiscard]] Return& value() & { return value_; }
    [[nodiscard]] const Return& value() const& { return value_; }
    [[nodiscard]] Return&& value() && { return static_cast<Return&&>(value_); }

private:
    Return value_;
};

template <>
class stop_iteration<void> : public stop_iteration_error {};

/// Asks a generator's body to clean up and leave (GeneratorExit). Not a std::exception.
class CROCUS_EXPORT generator_exit {
public:
    virtual ~generator_exit();
};

/// The generator protocol was broken; the message says how. Base of the errors below.
class CROCUS_EXPORT generator_error : public std::logic_error {
public:
    using std::logic_error::logic_error;
    ~generator_error() override;
};

/// A running generator was resumed: by itself, by its delegate, or by somebody while it awaits (ValueError in Python).
class CROCUS_EXPORT generator_already_executing : public generator_error {
public:
    generator_already_executing();
    ~generator_already_executing() override;
};

/// A value was sent to a generator that has not reached a yield yet (TypeError in Python). The generator is unharmed.
class CROCUS_EXPORT generator_not_started : public generator_error {
public:
    generator_not_started();
    ~generator_not_started() override;
};

/// A body yielded instead of leaving when it was closed (RuntimeError in Python). It stays suspended at that yield.
class CROCUS_EXPORT generator_ignored_exit : public generator_error {
public:
    generator_ignored_exit();
    ~generator_ignored_exit() override;
};

/// A stop_iteration escaped a body (PEP 479). The original is nested: std::rethrow_if_nested.
class CROCUS_EXPORT generator_raised_stop_iteration : public generator_error {
public:
    generator_raised_stop_iteration();
    ~generator_raised_stop_iteration() override;
};

/// A yield that was resumed by next() has received nothing, and its value was asked for.
class CROCUS_EXPORT nothing_sent : public generator_error {
public:
    nothing_sent();
    ~nothing_sent() override;
};

/// A step was asked for what it does not hold: a value after the end, or a result before it.
class CROCUS_EXPORT bad_step_access : public generator_error {
public:
    using generator_error::generator_error;
    ~bad_step_access() override;
};

/// yield was called from a stack that is not its generator's.
class CROCUS_EXPORT wrong_fiber : public generator_error {
public:
    wrong_fiber();
    ~wrong_fiber() override;
};

/// yield was called inside a scope that holds for its flow alone: defer_cancellation, a time limit, a group of tasks
/// (PEP 789). Whoever resumes the generator would run inside that scope.
class CROCUS_EXPORT yield_across_scope : public generator_error {
public:
    yield_across_scope();
    ~yield_across_scope() override;
};

/// The body of a context manager returned without a yield: there is nothing to enter (RuntimeError in Python).
class CROCUS_EXPORT generator_did_not_yield : public generator_error {
public:
    generator_did_not_yield();
    ~generator_did_not_yield() override;
};

/// The body of a context manager yielded a second time, and was closed (RuntimeError in Python). If it did so instead
/// of dealing with an exception, that one is nested: std::rethrow_if_nested.
class CROCUS_EXPORT generator_did_not_stop : public generator_error {
public:
    using generator_error::generator_error;
    ~generator_did_not_stop() override;
};

/// A scope suppressed what ended its body, and has no value to return then: a context manager an exception, which is
/// nested; task_group::cancel() its own request.
class CROCUS_EXPORT exception_suppressed : public usage_error {
public:
    exception_suppressed();
    using usage_error::usage_error;
    ~exception_suppressed() override;
};

// ------------------------------------------------------------------------------------------- floors 2 and 3: the loop

/// The awaiting task, or the awaited one, was cancelled (asyncio.CancelledError). Not a std::exception.
class CROCUS_EXPORT cancelled_error {
public:
    explicit cancelled_error(std::string message = {});
    virtual ~cancelled_error();

    /// What cancel(message) was given; empty if nothing.
    [[nodiscard]] const std::string& message() const noexcept { return message_; }

private:
    std::string message_;
};

/// The protocol of coroutine objects was broken; the message says how. Base of the errors below.
class CROCUS_EXPORT coroutine_error : public std::logic_error {
public:
    using std::logic_error::logic_error;
    ~coroutine_error() override;
};

/// A coroutine was driven while it runs, or while somebody awaits it (ValueError in Python).
class CROCUS_EXPORT coroutine_already_executing : public coroutine_error {
public:
    coroutine_already_executing();
    ~coroutine_already_executing() override;
};

/// A coroutine that has ended, or was given away, was awaited or driven again (RuntimeError in Python).
class CROCUS_EXPORT coroutine_already_awaited : public coroutine_error {
public:
    coroutine_already_awaited();
    ~coroutine_already_awaited() override;
};

/// A coroutine that was begun, and has not ended, was awaited or handed to create_task (RuntimeError in Python).
class CROCUS_EXPORT coroutine_being_awaited : public coroutine_error {
public:
    coroutine_being_awaited();
    ~coroutine_being_awaited() override;
};

/// A coroutine waited instead of leaving when it was closed (RuntimeError in Python). It stays suspended there.
class CROCUS_EXPORT coroutine_ignored_exit : public coroutine_error {
public:
    coroutine_ignored_exit();
    ~coroutine_ignored_exit() override;
};

/// A stop_iteration escaped a coroutine (PEP 479). The original is nested: std::rethrow_if_nested.
class CROCUS_EXPORT coroutine_raised_stop_iteration : public coroutine_error {
public:
    coroutine_raised_stop_iteration();
    ~coroutine_raised_stop_iteration() override;
};

/// A coroutine was dropped that nobody awaited (RuntimeWarning in Python). It goes to the unraisable hook.
class CROCUS_EXPORT coroutine_never_awaited : public coroutine_error {
public:
    explicit coroutine_never_awaited(const std::string& who);
    ~coroutine_never_awaited() override;
};

/// A coroutine was driven in another loop than the one it waits in, on another thread, say.
class CROCUS_EXPORT wrong_loop : public usage_error {
public:
    using usage_error::usage_error;
    ~wrong_loop() override;
};

/// A context variable has no value in the current context, and no default (LookupError in Python).
class CROCUS_EXPORT context_var_unset : public std::out_of_range {
public:
    explicit context_var_unset(const std::string& name);
    ~context_var_unset() override;
};

/// A token that was used already, or moved from, was used to reset a context variable (RuntimeError in Python).
class CROCUS_EXPORT context_token_used : public usage_error {
public:
    explicit context_token_used(const std::string& name);
    ~context_token_used() override;
};

/// A context variable was to be reset with a token of another one (ValueError in Python).
class CROCUS_EXPORT context_token_of_other_variable : public usage_error {
public:
    context_token_of_other_variable(const std::string& name, const std::string& other);
    ~context_token_of_other_variable() override;
};

/// A context variable was to be reset in another context than the one it was set in: another task (ValueError in Python).
class CROCUS_EXPORT context_token_of_other_context : public usage_error {
public:
    explicit context_token_of_other_context(const std::string& name);
    ~context_token_of_other_context() override;
};

/// A context was entered while somebody is in it (RuntimeError in Python).
class CROCUS_EXPORT context_already_entered : public usage_error {
public:
    context_already_entered();
    ~context_already_entered() override;
};

/// A future was asked for what its state excludes: a result before it is there, a second result.
class CROCUS_EXPORT invalid_state_error : public std::logic_error {
public:
    using std::logic_error::logic_error;
    ~invalid_state_error() override;
};

/// Something had to suspend where nothing can: in a loop callback, or after the loop is gone.
class CROCUS_EXPORT cannot_suspend : public usage_error {
public:
    using usage_error::usage_error;
    ~cannot_suspend() override;
};

/// The loop is closed.
class CROCUS_EXPORT loop_closed : public usage_error {
public:
    loop_closed();
    ~loop_closed() override;
};

/// The loop was stopped before what run_until_complete() waits for was done. It is not lost: it goes on when the loop
/// runs again.
class CROCUS_EXPORT loop_stopped : public std::runtime_error {
public:
    explicit loop_stopped(const std::string& what_was_awaited);
    ~loop_stopped() override;
};

/// A time limit passed.
class CROCUS_EXPORT timeout_error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
    ~timeout_error() override;
};

/// A task group was given a child when it takes no more: one has failed, or it was cancelled, or all have ended. The
/// function was not called (RuntimeError in Python).
class CROCUS_EXPORT task_group_closed : public usage_error {
public:
    using usage_error::usage_error;
    ~task_group_closed() override;
};

/// Several failures at once (ExceptionGroup): a task group's, in the order in which its tasks ended. One may be a group
/// itself.
///
///     catch (const crocus::exception_group& failures) {          // except* timeout_error
///         const auto [timeouts, others] = failures.split<crocus::timeout_error>();
///         for (const auto& error : timeouts.exceptions()) log(error);
///         if (!others.empty()) throw others;
///     }
class CROCUS_EXPORT exception_group : public std::exception {
public:
    exception_group(std::string message, std::vector<std::exception_ptr> exceptions);
    ~exception_group() override;

    /// The message, how many failures there are, and each.
    [[nodiscard]] const char* what() const noexcept override { return what_.c_str(); }
    [[nodiscard]] const std::string& message() const noexcept { return message_; }

    [[nodiscard]] std::span<const std::exception_ptr> exceptions() const noexcept { return exceptions_; }
    /// True of what subgroup() and split() give where there is nothing.
    [[nodiscard]] bool empty() const noexcept { return exceptions_.empty(); }

    /// The failures that can be caught as `const E&`, and the others. Groups within it are split in the same way, unless
    /// they are an E themselves, so that both parts keep their shape.
    template <class E>
    [[nodiscard]] std::pair<exception_group, exception_group> split() const {
        return split_by(&is_a<E>, nullptr);
    }
    template <class E>
    [[nodiscard]] exception_group subgroup() const {
        return split<E>().first;
    }

    /// The same, by what `matches(exception_ptr)` says of each failure, and of each group within.
    template <class Predicate>
    [[nodiscard]] std::pair<exception_group, exception_group> split_if(Predicate matches) const {
        return split_by([](const std::exception_ptr& e, void* p) -> bool { return (*static_cast<Predicate*>(p))(e); },
                        &matches);
    }

private:
    template <class E>
    static bool is_a(const std::exception_ptr& error, void*) {
        try {
            std::rethrow_exception(error);
        } catch (const E&) {
            return true;
        } catch (...) {
            return false;
        }
    }
    [[nodiscard]] std::pair<exception_group, exception_group> split_by(bool (*matches)(const std::exception_ptr&, void*),
                                                                       void* argument) const;

    std::string message_;
    std::vector<std::exception_ptr> exceptions_;
    std::string what_;
};

/// Nothing is ready, nothing can become ready, and tasks still wait: reported instead of hanging.
class CROCUS_EXPORT deadlock_error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
    ~deadlock_error() override;
};

// ------------------------------------------------------------------------------------------------ floor 4: coordination

/// A barrier was broken, or reset while the caller waited at it (BrokenBarrierError).
class CROCUS_EXPORT broken_barrier : public std::runtime_error {
public:
    broken_barrier();
    ~broken_barrier() override;
};

/// A queue was shut down: it takes nothing more, or has nothing left (QueueShutDown).
class CROCUS_EXPORT queue_shut_down : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
    ~queue_shut_down() override;
};

// -------------------------------------------------------------------------------------- floor 5: threads and processes

/// An executor takes no more work: it was shut down.
class CROCUS_EXPORT executor_shut_down : public std::runtime_error {
public:
    executor_shut_down();
    ~executor_shut_down() override;
};

/// An executor cannot go on: a worker could not be started, or its initializer failed (BrokenExecutor).
class CROCUS_EXPORT broken_executor : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
    ~broken_executor() override;
};

/// The worker process that ran this call died. Only this call is lost; the pool replaces the worker and goes on.
class CROCUS_EXPORT broken_process_pool : public broken_executor {
public:
    using broken_executor::broken_executor;
    ~broken_process_pool() override;
};

/// A process pool was used in a program that does not host workers; the message shows the line to add to main.
class CROCUS_EXPORT workers_not_hosted : public usage_error {
public:
    workers_not_hosted();
    ~workers_not_hosted() override;
};

/// A call in another process failed with an exception; its type and message crossed over as text.
class CROCUS_EXPORT remote_error : public std::runtime_error {
public:
    remote_error(std::string type_name, const std::string& message);
    ~remote_error() override;

    /// The demangled name of the exception's type over there.
    [[nodiscard]] const std::string& type_name() const noexcept { return type_name_; }

private:
    std::string type_name_;
};

// ------------------------------------------------------------------------------------------ floor 6: the outside world

/// The peer closed the stream before all that was asked for had come. Nothing is lost: partial() holds what came.
class CROCUS_EXPORT incomplete_read_error : public std::runtime_error {
public:
    incomplete_read_error(std::string partial, std::size_t expected);
    ~incomplete_read_error() override;

    [[nodiscard]] const std::string& partial() const noexcept { return partial_; }

    /// Bytes that were asked for; 0 where a separator was.
    [[nodiscard]] std::size_t expected() const noexcept { return expected_; }

private:
    std::string partial_;
    std::size_t expected_;
};

/// No separator within the stream's limit. The bytes stay in the stream; consumed() of them were looked at.
class CROCUS_EXPORT limit_overrun_error : public std::runtime_error {
public:
    limit_overrun_error(const std::string& message, std::size_t consumed);
    ~limit_overrun_error() override;

    [[nodiscard]] std::size_t consumed() const noexcept { return consumed_; }

private:
    std::size_t consumed_;
};

/// The descriptor was closed, here, while somebody waited on it or before it was used.
class CROCUS_EXPORT closed_error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
    ~closed_error() override;
};

/// A host name has no address. The message is the resolver's, with the name.
class CROCUS_EXPORT resolve_error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
    ~resolve_error() override;
};

// -------------------------------------------------------------------------------------------------- the roof: testing

/// A test failed in one of the orders that testing::for_each_seed tried. The message says how to see that one again;
/// what it failed with is nested (std::rethrow_if_nested).
class CROCUS_EXPORT failure_with_seed : public std::runtime_error {
public:
    failure_with_seed(const std::string& message, std::uint64_t seed);
    ~failure_with_seed() override;

    [[nodiscard]] std::uint64_t seed() const noexcept { return seed_; }

private:
    std::uint64_t seed_;
};

/// "type: message" of an exception, for a person to read.
[[nodiscard]] CROCUS_EXPORT std::string describe(const std::exception_ptr& error);

}  // namespace crocus
