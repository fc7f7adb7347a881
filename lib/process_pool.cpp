#include <crocus/process_pool.hpp>

#include <algorithm>
#include <csignal>
#include <mutex>
#include <vector>

#include "detail/worker_process.hpp"
#include "detail/worker_threads.hpp"

namespace crocus {

namespace detail {

/// What the threads of a pool share. Each has a worker process: starts it, hands it one call after the other, reaps it.
class process_pool {
public:
    explicit process_pool(process_pool_options o) : options(std::move(o)) {}

    const process_pool_options options;

    void add(worker_process& w) {
        const std::scoped_lock lock(mutex_);
        workers_.push_back(&w);
        if (signal_ != 0) w.signal(signal_);
    }
    void remove(worker_process& w) noexcept {
        const std::scoped_lock lock(mutex_);
        std::erase(workers_, &w);
    }
    void signal_all(int number) noexcept {
        const std::scoped_lock lock(mutex_);
        signal_ = number;
        for (auto* w : workers_) w->signal(number);
    }
    [[nodiscard]] bool was_signalled() const noexcept {
        const std::scoped_lock lock(mutex_);
        return signal_ != 0;
    }

private:
    mutable std::mutex mutex_;
    std::vector<worker_process*> workers_;
    int signal_ = 0;  // what all workers were sent, and those get that come late
};

namespace {

class served_process;
constinit thread_local served_process* current_server = nullptr;

class served_process final : public worker_threads::worker {
public:
    explicit served_process(std::shared_ptr<process_pool> pool) : pool_(std::move(pool)) { current_server = this; }
    ~served_process() override { discard(); }

    void prepare() override {
        if (process_ && process_->alive()) return;
        discard();
        try {
            process_.emplace();
        } catch (const std::exception& e) {
            throw worker_threads::cannot_start{
                std::make_exception_ptr(broken_executor(std::string("no worker process can be started: ") + e.what()))};
        }
        calls_ = 0;
        pool_->add(*process_);
        initialize();
    }

    void run(work_item item) noexcept override {
        item.run();
        if (++calls_ == pool_->options.max_tasks_per_child) discard();
    }

    std::string call(const remote_call& call) {
        constexpr int attempts = 3;
        for (int i = 0; i < attempts; ++i) {
            if (auto result = process_->call(call.function->name, call.arguments)) return *std::move(result);
            if (pool_->was_signalled()) throw broken_process_pool("the pool's workers were terminated");
            try {
                prepare();
            } catch (const worker_threads::cannot_start& reason) {
                std::rethrow_exception(reason.why);
            }
        }
        throw broken_process_pool("worker processes die before they begin a call; the last of " +
                                  std::to_string(attempts) + " just did");
    }

private:
    void initialize() {
        const auto& initializer = pool_->options.initializer;
        if (!initializer) return;
        try {
            if (!process_->call(initializer->function->name, initializer->arguments))
                throw broken_process_pool("the worker process died before it began");
        } catch (...) {
            std::throw_with_nested(broken_process_pool("the process pool is broken: its initializer failed with " +
                                                       describe(std::current_exception())));
        }
    }

    void discard() noexcept {
        if (!process_) return;
        pool_->remove(*process_);
        process_.reset();
    }

    const std::shared_ptr<process_pool> pool_;
    std::optional<worker_process> process_;
    std::size_t calls_ = 0;
};

}  // namespace

std::string call_in_worker(const remote_call& call) { return current_server->call(call); }

}  // namespace detail

void host_workers(int argc, char** argv) { detail::host_workers_here(argc, argv); }

process_pool_executor::process_pool_executor(process_pool_options options)
    : pool_(std::make_shared<detail::process_pool>(std::move(options))) {
    detail::worker_threads::settings settings;
    settings.max_workers = pool_->options.max_workers;
    settings.name_prefix = "process_pool";
    settings.make_worker = [pool = pool_] { return std::make_unique<detail::served_process>(pool); };
    threads_ = std::make_shared<detail::worker_threads>(std::move(settings));
}

process_pool_executor::~process_pool_executor() { threads_->shutdown(true, false); }

void process_pool_executor::shutdown(bool wait, bool cancel_futures) { threads_->shutdown(wait, cancel_futures); }

void process_pool_executor::terminate_workers() {
    shutdown(false, true);  // first, or what waits could begin in place of what dies
    pool_->signal_all(SIGTERM);
}

void process_pool_executor::kill_workers() {
    shutdown(false, true);
    pool_->signal_all(SIGKILL);
}

void process_pool_executor::require_ready() const {
    if (!detail::workers_are_hosted()) throw workers_not_hosted();
}

void process_pool_executor::execute(work_item item) { threads_->post(std::move(item)); }

}  // namespace crocus
