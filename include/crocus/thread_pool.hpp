// Native threads that run calls (concurrent.futures.ThreadPoolExecutor).
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include <crocus/config.hpp>
#include <crocus/executor.hpp>

namespace crocus {

namespace detail {
class worker_threads;
}

/// The processors that this process may run on (its affinity mask), at least 1.
CROCUS_EXPORT std::size_t usable_processors() noexcept;

struct thread_pool_options {
    std::size_t max_workers = default_max_workers();
    std::string thread_name_prefix = {};          // threads are "prefix_0", "prefix_1" ...; empty: "pool-N"
    std::function<void()> initializer = nullptr;  // each thread calls it before its first call

    /// Python's choice for calls that mostly wait: the processors and four, at most 32. (E24)
    CROCUS_EXPORT static std::size_t default_max_workers() noexcept;
};

/// Starts a thread when a call comes and none idles, up to max_workers (E25). Calls are taken in the order in which
/// they were submitted.
///
/// A thread that cannot be started is not waited for: the threads there are do the work, and the next submit tries
/// again. If there is none, submit throws broken_executor and the call was not taken. An initializer that throws breaks
/// the pool: calls that have not begun fail with broken_executor, in which the reason is nested, and submit throws it
/// (E23).
///
/// Names are cut to the 15 characters that the kernel keeps, the prefix first.
class CROCUS_EXPORT thread_pool_executor final : public executor {
public:
    /// Throws: std::invalid_argument   max_workers is 0 (E22)
    explicit thread_pool_executor(thread_pool_options options = {});

    /// shutdown(): waits for what was submitted. (E18)
    ~thread_pool_executor() override;

    void shutdown(bool wait = true, bool cancel_futures = false) override;

private:
    void execute(work_item item) override;

    std::shared_ptr<detail::worker_threads> threads_;
};

}  // namespace crocus
