#include <crocus/error.hpp>

#include <cstdlib>
#include <typeinfo>

#include <cxxabi.h>

namespace crocus {

// The destructors stand here so that each class has one type_info, in the library, and can be caught across it.
usage_error::~usage_error() = default;
stack_exhausted::~stack_exhausted() = default;
stop_iteration_error::~stop_iteration_error() = default;
generator_exit::~generator_exit() = default;
generator_error::~generator_error() = default;
generator_already_executing::~generator_already_executing() = default;
generator_not_started::~generator_not_started() = default;
generator_ignored_exit::~generator_ignored_exit() = default;
generator_raised_stop_iteration::~generator_raised_stop_iteration() = default;
nothing_sent::~nothing_sent() = default;
bad_step_access::~bad_step_access() = default;
wrong_fiber::~wrong_fiber() = default;
yield_across_scope::~yield_across_scope() = default;
generator_did_not_yield::~generator_did_not_yield() = default;
generator_did_not_stop::~generator_did_not_stop() = default;
exception_suppressed::~exception_suppressed() = default;
cancelled_error::~cancelled_error() = default;
coroutine_error::~coroutine_error() = default;
coroutine_already_executing::~coroutine_already_executing() = default;
coroutine_already_awaited::~coroutine_already_awaited() = default;
coroutine_being_awaited::~coroutine_being_awaited() = default;
coroutine_ignored_exit::~coroutine_ignored_exit() = default;
coroutine_raised_stop_iteration::~coroutine_raised_stop_iteration() = default;
coroutine_never_awaited::~coroutine_never_awaited() = default;
wrong_loop::~wrong_loop() = default;
invalid_state_error::~invalid_state_error() = default;
cannot_suspend::~cannot_suspend() = default;
context_var_unset::~context_var_unset() = default;
context_token_used::~context_token_used() = default;
context_token_of_other_variable::~context_token_of_other_variable() = default;
context_token_of_other_context::~context_token_of_other_context() = default;
context_already_entered::~context_already_entered() = default;
loop_closed::~loop_closed() = default;
loop_stopped::loop_stopped(const std::string& what_was_awaited)
    : runtime_error("the event loop was stopped before what it ran for was done: " + what_was_awaited) {}
loop_stopped::~loop_stopped() = default;

timeout_error::~timeout_error() = default;
task_group_closed::~task_group_closed() = default;
exception_group::~exception_group() = default;
deadlock_error::~deadlock_error() = default;
broken_barrier::broken_barrier() : std::runtime_error("the barrier is broken, or was reset meanwhile") {}
broken_barrier::~broken_barrier() = default;
queue_shut_down::~queue_shut_down() = default;
executor_shut_down::~executor_shut_down() = default;
broken_executor::~broken_executor() = default;
broken_process_pool::~broken_process_pool() = default;
workers_not_hosted::~workers_not_hosted() = default;
remote_error::~remote_error() = default;
incomplete_read_error::~incomplete_read_error() = default;
limit_overrun_error::~limit_overrun_error() = default;
closed_error::~closed_error() = default;
resolve_error::~resolve_error() = default;
failure_with_seed::failure_with_seed(const std::string& message, std::uint64_t seed)
    : std::runtime_error(message), seed_(seed) {}
failure_with_seed::~failure_with_seed() = default;

const char* stop_iteration_error::what() const noexcept { return "the generator is finished"; }

generator_already_executing::generator_already_executing()
    : generator_error("generator already executing: it cannot be resumed or closed while its body runs or awaits") {}

generator_not_started::generator_not_started()
    : generator_error("can't send a value to a just-started generator: call next() first, it runs to the first yield") {}

generator_ignored_exit::generator_ignored_exit()
    : generator_error("generator ignored generator_exit: its body yielded instead of leaving when it was closed") {}

generator_raised_stop_iteration::generator_raised_stop_iteration()
    : generator_error("generator raised stop_iteration (PEP 479): leave a body by return, not by throwing it") {}

nothing_sent::nothing_sent()
    : generator_error("nothing was sent: this yield was resumed by next(); test the received value before using it") {}

wrong_fiber::wrong_fiber()
    : generator_error("yield was called from a stack that is not its generator's: "
                      "from another task, an inner generator, or after the body has ended") {}

yield_across_scope::yield_across_scope()
    : generator_error("yield was called inside a scope that holds for its own flow alone (defer_cancellation, a time limit, "
                      "a group of tasks): leave the scope before yielding, or open it around what resumes the generator") {}

generator_did_not_yield::generator_did_not_yield()
    : generator_error("generator didn't yield: a context manager's body yields once, "
                      "where the scope's body is to run") {}

exception_suppressed::exception_suppressed()
    : usage_error("with: the context manager suppressed what the body threw, so there is no value to return. "
                  "Let the body return a std::optional: it is empty then") {}

cancelled_error::cancelled_error(std::string message) : message_(std::move(message)) {}

coroutine_already_executing::coroutine_already_executing()
    : coroutine_error("coroutine already executing: it cannot be driven while it runs, or while somebody awaits it") {}

coroutine_already_awaited::coroutine_already_awaited()
    : coroutine_error("cannot reuse already awaited coroutine: it has ended, or a task took it, or it was moved from") {}

coroutine_being_awaited::coroutine_being_awaited()
    : coroutine_error("coroutine is being awaited already, or is driven by hand") {}

coroutine_ignored_exit::coroutine_ignored_exit()
    : coroutine_error("coroutine ignored generator_exit: it waited instead of leaving when it was closed") {}

coroutine_raised_stop_iteration::coroutine_raised_stop_iteration()
    : coroutine_error("coroutine raised stop_iteration (PEP 479): leave it by return, not by throwing that") {}

coroutine_never_awaited::coroutine_never_awaited(const std::string& who) : coroutine_error(who + " was never awaited") {}

context_var_unset::context_var_unset(const std::string& name)
    : out_of_range("the context variable '" + name + "' has no value here, and no default; get_or() gives one") {}

context_token_used::context_token_used(const std::string& name)
    : usage_error("the token has been used already: it resets the context variable '" + name + "' once") {}

context_token_of_other_variable::context_token_of_other_variable(const std::string& name, const std::string& other)
    : usage_error("the context variable '" + name + "' cannot be reset with a token of '" + other + "'") {}

context_token_of_other_context::context_token_of_other_context(const std::string& name)
    : usage_error("the context variable '" + name + "' was set in another context (another task, say): reset it there") {}

context_already_entered::context_already_entered()
    : usage_error("context::run: somebody is in this context already; a copy of it can be entered") {}

loop_closed::loop_closed() : usage_error("the event loop is closed") {}

exception_group::exception_group(std::string message, std::vector<std::exception_ptr> exceptions)
    : message_(std::move(message)), exceptions_(std::move(exceptions)), what_(message_) {
    what_ += " (" + std::to_string(exceptions_.size()) + (exceptions_.size() == 1 ? " failure)" : " failures)");
    for (std::size_t i = 0; i != exceptions_.size(); ++i)
        what_ += (i == 0 ? ": " : "; ") + crocus::describe(exceptions_[i]);
}

std::pair<exception_group, exception_group> exception_group::split_by(bool (*matches)(const std::exception_ptr&, void*),
                                                                      void* argument) const {
    std::vector<std::exception_ptr> matching, others;
    for (const auto& error : exceptions_) {
        if (matches(error, argument)) {
            matching.push_back(error);
            continue;
        }
        try {
            std::rethrow_exception(error);
        } catch (const exception_group& nested) {
            auto [inner_matching, inner_others] = nested.split_by(matches, argument);
            if (inner_matching.empty()) {
                others.push_back(error);  // as it is
                continue;
            }
            matching.push_back(std::make_exception_ptr(std::move(inner_matching)));
            if (!inner_others.empty()) others.push_back(std::make_exception_ptr(std::move(inner_others)));
        } catch (...) {
            others.push_back(error);
        }
    }
    return {exception_group(message_, std::move(matching)), exception_group(message_, std::move(others))};
}

executor_shut_down::executor_shut_down() : runtime_error("cannot submit: the executor was shut down") {}

workers_not_hosted::workers_not_hosted()
    : usage_error("a process pool starts fresh processes of this program, and its main does not host them. "
                  "Make crocus::host_workers(argc, argv) the first line of main, or use crocus::run(argc, argv, f)") {}

remote_error::remote_error(std::string type_name, const std::string& message)
    : runtime_error(message), type_name_(std::move(type_name)) {}

incomplete_read_error::incomplete_read_error(std::string partial, std::size_t expected)
    : runtime_error("the stream ended after " + std::to_string(partial.size()) + " bytes" +
                    (expected != 0 ? " of " + std::to_string(expected) : ", before the separator")),
      partial_(std::move(partial)),
      expected_(expected) {}

limit_overrun_error::limit_overrun_error(const std::string& message, std::size_t consumed)
    : runtime_error(message), consumed_(consumed) {}

std::string describe(const std::exception_ptr& error) {
    if (!error) return "no exception";
    try {
        std::rethrow_exception(error);
    } catch (const std::exception& e) {
        int status = 0;
        char* name = abi::__cxa_demangle(typeid(e).name(), nullptr, nullptr, &status);
        std::string text = (name != nullptr ? name : typeid(e).name()) + std::string(": ") + e.what();
        std::free(name);
        return text;
    } catch (const cancelled_error& e) {
        return e.message().empty() ? "crocus::cancelled_error" : "crocus::cancelled_error: " + e.message();
    } catch (const generator_exit&) {
        return "crocus::generator_exit";
    } catch (...) {
        return "an exception that is not a std::exception";
    }
}

}  // namespace crocus
