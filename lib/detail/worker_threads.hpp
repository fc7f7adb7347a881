// The threads behind a pool, of either kind.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <crocus/executor.hpp>

namespace crocus::detail {

/// Threads that share one queue of calls. One is started when a call comes and none idles, up to a number.
///
/// The threads share its ownership, so that a pool may be destroyed in one of its own calls.
///
/// Thread: any.
class worker_threads : public std::enable_shared_from_this<worker_threads> {
public:
    /// A worker cannot be had now: the thread ends, the others go on.
    struct cannot_start {
        std::exception_ptr why;
    };

    /// What one thread is to the pool; made and destroyed on it.
    class worker {
    public:
        virtual ~worker();

        /// Called when a call waits, before it is taken. Throws cannot_start, or whatever breaks the pool for good.
        virtual void prepare() = 0;
        virtual void run(work_item item) noexcept = 0;
    };

    struct settings {
        std::size_t max_workers;
        std::string name_prefix;
        std::function<std::unique_ptr<worker>()> make_worker;
    };

    /// Throws: std::invalid_argument   max_workers is 0
    explicit worker_threads(settings s);
    ~worker_threads();

    /// Throws: executor_shut_down;   what broke the pool;   broken_executor   there is no thread, and none can be
    /// started
    void post(work_item item);

    void shutdown(bool wait, bool cancel_futures);

private:
    void start_thread();
    void main(std::size_t number) noexcept;
    bool wait_for_work();
    void run_next(worker& w);
    void fail_all(std::unique_lock<std::mutex> lock, const std::exception_ptr& why) noexcept;
    void end_thread(const std::exception_ptr& could_not_start) noexcept;
    void end_if_last() noexcept;

    const settings settings_;
    concurrent_promise<void> ended_;
    const concurrent_future<void> all_ended_;  // shut down, and the last thread is on its way out

    std::mutex mutex_;  // guards all that follows
    std::condition_variable work_;
    std::deque<work_item> queue_;
    std::vector<std::thread> threads_;
    std::size_t alive_ = 0;
    std::size_t idle_ = 0;
    std::size_t started_ = 0;  // for names
    bool shut_down_ = false;
    std::exception_ptr broken_;
};

}  // namespace crocus::detail
