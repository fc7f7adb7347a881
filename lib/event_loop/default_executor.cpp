// Where a loop's calls on threads run.
#include <crocus/event_loop.hpp>

#include <thread>

#include <crocus/concurrent_future.hpp>
#include <crocus/error.hpp>
#include <crocus/executor.hpp>
#include <crocus/thread_pool.hpp>

namespace crocus {

executor& event_loop::default_executor() {
    if (default_executor_) return *default_executor_;
    if (executor_shut_down_) throw executor_shut_down();
    default_executor_ = std::make_shared<thread_pool_executor>();
    return *default_executor_;
}

void event_loop::set_default_executor(std::shared_ptr<executor> replacement) {
    default_executor_ = std::move(replacement);
    executor_shut_down_ = false;
}

bool event_loop::shutdown_default_executor(std::optional<duration> limit) {
    executor_shut_down_ = true;
    const auto ending = default_executor_;  // another may be set meanwhile
    if (!ending) return true;
    if (!limit) {
        ending->shutdown();
        return true;
    }
    ending->shutdown(false);
    concurrent_promise<void> promise;
    const auto ended = promise.get_future();
    // It may have to wait for longer than anybody here does.
    std::thread([executor = ending, promise = std::move(promise)]() mutable {
        executor->shutdown();
        executor.reset();
        promise.set_result();
    }).detach();
    if (ended.wait_for(*limit)) return true;
    call_exception_handler({"the default executor still runs calls, which nobody waits for any more"});
    return false;
}

}  // namespace crocus
