#include <crocus/thread_pool.hpp>

#include <algorithm>
#include <atomic>
#include <exception>
#include <utility>

#include <sched.h>

#include "detail/worker_threads.hpp"

namespace crocus {

namespace {

class initialized_thread final : public detail::worker_threads::worker {
public:
    explicit initialized_thread(std::function<void()> initializer) : initializer_(std::move(initializer)) {}

    void prepare() override {
        if (!initializer_) return;
        try {
            std::exchange(initializer_, nullptr)();
        } catch (...) {
            std::throw_with_nested(broken_executor("the thread pool is broken: its initializer failed with " +
                                                   describe(std::current_exception())));
        }
    }
    void run(work_item item) noexcept override { item.run(); }

private:
    std::function<void()> initializer_;
};

std::string default_prefix() {
    static std::atomic<unsigned> count{0};
    return "pool-" + std::to_string(count++);
}

}  // namespace

std::size_t usable_processors() noexcept {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return std::max(1U, std::thread::hardware_concurrency());
    return static_cast<std::size_t>(std::max(1, CPU_COUNT(&allowed)));
}

std::size_t thread_pool_options::default_max_workers() noexcept {
    return std::min<std::size_t>(32, usable_processors() + 4);
}

thread_pool_executor::thread_pool_executor(thread_pool_options options) {
    detail::worker_threads::settings settings;
    settings.max_workers = options.max_workers;
    settings.name_prefix =
        options.thread_name_prefix.empty() ? default_prefix() : std::move(options.thread_name_prefix);
    settings.make_worker = [initializer = std::move(options.initializer)] {
        return std::make_unique<initialized_thread>(initializer);
    };
    threads_ = std::make_shared<detail::worker_threads>(std::move(settings));
}

thread_pool_executor::~thread_pool_executor() { threads_->shutdown(true, false); }

void thread_pool_executor::shutdown(bool wait, bool cancel_futures) { threads_->shutdown(wait, cancel_futures); }

void thread_pool_executor::execute(work_item item) { threads_->post(std::move(item)); }

}  // namespace crocus
