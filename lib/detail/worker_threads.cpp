#include "worker_threads.hpp"

#include <algorithm>
#include <stdexcept>

#include <pthread.h>

namespace crocus::detail {

namespace {

constinit thread_local worker_threads* own_pool = nullptr;

void name_thread(const std::string& prefix, std::size_t number) noexcept {
    constexpr std::size_t kept_by_kernel = 15;
    const std::string suffix = "_" + std::to_string(number);
    const std::string name = prefix.substr(0, kept_by_kernel - std::min(suffix.size(), kept_by_kernel)) + suffix;
    pthread_setname_np(pthread_self(), name.c_str());
}

}  // namespace

worker_threads::worker::~worker() = default;

worker_threads::worker_threads(settings s) : settings_(std::move(s)), all_ended_(ended_.get_future()) {
    if (settings_.max_workers == 0) throw std::invalid_argument("a pool needs at least one worker: max_workers is 0");
}

worker_threads::~worker_threads() {
    for (auto& t : threads_) t.detach();  // the last of them destroys this, in a call that owned the pool
}

void worker_threads::post(work_item item) {
    const std::scoped_lock lock(mutex_);
    if (broken_) std::rethrow_exception(broken_);
    if (shut_down_) throw executor_shut_down();
    queue_.push_back(std::move(item));
    if (idle_ != 0) work_.notify_one();  // always: what is in the queue may be another's already, who has not taken it yet
    if (queue_.size() <= idle_ || alive_ == settings_.max_workers) return;
    try {
        start_thread();
    } catch (const std::exception& e) {
        if (alive_ > 0) return;  // those that are there will come to it
        item = std::move(queue_.back());
        queue_.pop_back();
        throw broken_executor(std::string("no thread can be started: ") + e.what() +
                              "; the process is at a limit (ulimit -u, or memory)");
    }
}

void worker_threads::start_thread() {
    threads_.reserve(threads_.size() + 1);
    threads_.emplace_back([self = shared_from_this(), number = started_] { self->main(number); });
    ++started_;
    ++alive_;
}

void worker_threads::main(std::size_t number) noexcept {
    own_pool = this;
    name_thread(settings_.name_prefix, number);
    std::exception_ptr could_not_start;
    try {
        const auto self = settings_.make_worker();
        while (wait_for_work()) run_next(*self);
    } catch (const cannot_start& reason) {
        could_not_start = reason.why;
    } catch (...) {
        const std::exception_ptr why = std::current_exception();
        std::unique_lock lock(mutex_);
        if (!broken_) broken_ = why;
        work_.notify_all();
        fail_all(std::move(lock), why);
    }
    end_thread(could_not_start);
}

bool worker_threads::wait_for_work() {
    std::unique_lock lock(mutex_);
    ++idle_;
    work_.wait(lock, [this] { return !queue_.empty() || shut_down_ || broken_; });
    --idle_;
    return !queue_.empty();
}

void worker_threads::run_next(worker& w) {
    w.prepare();
    std::unique_lock lock(mutex_);
    if (queue_.empty()) return;  // another was faster
    work_item item = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    w.run(std::move(item));
}

void worker_threads::fail_all(std::unique_lock<std::mutex> lock, const std::exception_ptr& why) noexcept {
    std::deque<work_item> lost;
    lost.swap(queue_);
    lock.unlock();
    for (auto& item : lost) item.fail(why);
}

void worker_threads::end_thread(const std::exception_ptr& could_not_start) noexcept {
    std::unique_lock lock(mutex_);
    --alive_;
    if (could_not_start) {
        const auto self = std::find_if(threads_.begin(), threads_.end(),
                                       [](const auto& t) { return t.get_id() == std::this_thread::get_id(); });
        if (self != threads_.end()) {
            self->detach();
            threads_.erase(self);
        }
        if (alive_ == 0) {
            fail_all(std::move(lock), could_not_start);
            lock = std::unique_lock(mutex_);
        }
    }
    end_if_last();
}

/// Under the lock.
void worker_threads::end_if_last() noexcept {
    if (shut_down_ && alive_ == 0 && !all_ended_.done()) ended_.set_result();
}

void worker_threads::shutdown(bool wait, bool cancel_futures) {
    std::deque<work_item> cancelled;
    {
        const std::scoped_lock lock(mutex_);
        shut_down_ = true;
        if (cancel_futures) cancelled.swap(queue_);
        end_if_last();
    }
    work_.notify_all();
    for (auto& item : cancelled) item.cancel();
    if (!wait || own_pool == this) return;
    all_ended_.state()->wait_held();
    std::vector<std::thread> ended;
    {
        const std::scoped_lock lock(mutex_);
        ended.swap(threads_);
    }
    for (auto& t : ended) t.join();
}

}  // namespace crocus::detail
