// Processes that run calls (concurrent.futures.ProcessPoolExecutor).
//
// The workers are fresh processes of this very program, never forks of a threaded one, so main must let them in:
//
//     int main(int argc, char** argv) {
//         crocus::host_workers(argc, argv);     // first; or the whole of main in crocus::run(argc, argv, f)
//         crocus::process_pool_executor pool;
//         std::cout << pool.submit<&fib>(40).get() << '\n';
//     }
//
// Arguments and results travel by Boost.Serialization: numbers, strings and the containers that
// detail/remote_function.hpp includes, more with the headers of <boost/serialization/>, and every type with a
// serialize(). Such programs link boost_serialization; the library itself moves bytes only.
#pragma once

#include <concepts>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <ranges>
#include <string>
#include <type_traits>
#include <utility>

#include <crocus/config.hpp>
#include <crocus/detail/remote_function.hpp>
#include <crocus/executor.hpp>
#include <crocus/run.hpp>
#include <crocus/thread_pool.hpp>

namespace crocus {

/// The first line of main. In a worker process: runs calls until the pool ends, then exits; never returns. Elsewhere it
/// notes that workers can be started, and returns.
CROCUS_EXPORT void host_workers(int argc, char** argv);

/// host_workers, then run(f): the whole of main. Returns what f returns, 0 if that is void.
///
/// Throws: what run throws
template <class F>
int run(int argc, char** argv, F&& f) {
    host_workers(argc, argv);
    if constexpr (std::is_void_v<std::invoke_result_t<F&>>) {
        run(std::forward<F>(f));
        return 0;
    } else {
        return run(std::forward<F>(f));
    }
}

/// A call that is ready to be sent to a worker.
struct remote_call {
    const detail::registered_function* function;
    std::string arguments;
};

/// Throws: usage_error   two functions of the program have the same name: static ones, in two files
template <auto Function, class... Args>
    requires std::constructible_from<typename detail::remote_function<Function>::arguments, Args...>
remote_call make_remote_call(Args&&... args);

struct process_pool_options {
    std::size_t max_workers = usable_processors();          // E29
    std::optional<remote_call> initializer = std::nullopt;  // make_remote_call<&f>(...): each worker's first call
    std::size_t max_tasks_per_child = 0;                    // a worker is replaced after so many; 0: never (E34)
};

namespace detail {

class process_pool;

/// Has the current thread's worker run the call.
///
/// Throws: remote_error, broken_process_pool
CROCUS_EXPORT std::string call_in_worker(const remote_call& call);

CROCUS_EXPORT void require_unambiguous(const registered_function& function);

template <class Result>
class call_of_worker {
public:
    explicit call_of_worker(std::in_place_t, remote_call call) : call_(std::move(call)) {}
    Result operator()() { return unpack_result<Result>(call_in_worker(call_)); }

private:
    remote_call call_;
};

}  // namespace detail

/// Starts a worker process when a call comes and none idles, up to max_workers (E35).
///
/// Functions are registered by being named: submit<&f> anywhere in the program makes f known in every process of it.
/// One in a library that is loaded after the start is not known in the workers.
///
/// What a call throws arrives as remote_error. A worker that dies fails the call that it ran with broken_process_pool,
/// and is replaced; a call that it had not begun is given to another. Workers have /dev/null as standard input, the
/// program's own output and error streams, no other descriptor of it, default signal handling but for SIGINT, which
/// they ignore, and they die with the program. A worker may use a pool of its own.
///
/// If a worker cannot be started, the others do the work; if there is none, what waits fails with broken_executor. An
/// initializer that fails breaks the pool: calls that have not begun fail with broken_process_pool, in which the reason
/// is nested, and submit throws it (E23).
///
/// Thread: any.
class CROCUS_EXPORT process_pool_executor {
public:
    /// Throws: std::invalid_argument   max_workers is 0 (E22)
    explicit process_pool_executor(process_pool_options options = {});
    process_pool_executor(const process_pool_executor&) = delete;
    process_pool_executor& operator=(const process_pool_executor&) = delete;

    /// shutdown(): waits for what was submitted, and for the workers' ends. (E18)
    ~process_pool_executor();

    /// Has `Function(args...)` called in a worker. Arguments are converted to its parameter types and packed here and
    /// now; if that fails, so does the future, and nothing else (E31).
    ///
    /// Throws: workers_not_hosted   main has not called host_workers
    ///         executor_shut_down;  broken_process_pool;  usage_error   as make_remote_call
    template <auto Function, class... Args>
        requires std::constructible_from<typename detail::remote_function<Function>::arguments, Args...>
    concurrent_future<typename detail::remote_function<Function>::result> submit(Args&&... args) {
        using result = typename detail::remote_function<Function>::result;
        require_ready();
        detail::require_unambiguous(detail::remote_function<Function>::entry);
        std::optional<remote_call> packed;
        try {
            packed = make_remote_call<Function>(std::forward<Args>(args)...);
        } catch (...) {
            concurrent_promise<result> failed;
            failed.set_exception(std::current_exception());
            return failed.get_future();
        }
        auto call = std::make_shared<detail::concurrent_call<result, detail::call_of_worker<result>>>(
            std::in_place, *std::move(packed));
        execute(work_item(call));
        return concurrent_future<result>(std::move(call));
    }

    /// Has `Function(element)` called for each element. All are submitted now. (E14)
    template <auto Function, std::ranges::input_range Range>
    map_results<typename detail::remote_function<Function>::result> map(Range&& range) {
        using results = map_results<typename detail::remote_function<Function>::result>;
        results calls(results::abandoned_calls::are_left);
        for (auto&& element : range) calls.add(submit<Function>(std::forward<decltype(element)>(element)));
        return calls;
    }

    /// As executor::shutdown.
    void shutdown(bool wait = true, bool cancel_futures = false);

    /// Sends SIGTERM or SIGKILL to all workers: the calls that they run fail with broken_process_pool, those that have
    /// not begun are cancelled. Does not wait. (E36)
    void terminate_workers();
    void kill_workers();

private:
    void require_ready() const;
    void execute(work_item item);

    std::shared_ptr<detail::process_pool> pool_;
    std::shared_ptr<detail::worker_threads> threads_;
};

template <auto Function, class... Args>
    requires std::constructible_from<typename detail::remote_function<Function>::arguments, Args...>
remote_call make_remote_call(Args&&... args) {
    detail::require_unambiguous(detail::remote_function<Function>::entry);
    const typename detail::remote_function<Function>::arguments converted(std::forward<Args>(args)...);
    return {&detail::remote_function<Function>::entry,
            std::apply([](const auto&... value) { return detail::pack(value...); }, converted)};
}

}  // namespace crocus
