// How a loop is run, stopped and closed.
#include <crocus/event_loop.hpp>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <string>

#include <crocus/detail/coroutine_state.hpp>
#include <crocus/detail/future_state.hpp>
#include <crocus/error.hpp>
#include <crocus/executor.hpp>
#include <crocus/unraisable.hpp>
#include <crocus/wait_queue.hpp>

#include "../detail/task_stack.hpp"
#include "rehearsal.hpp"
#include "signals.hpp"
#include "watches.hpp"

namespace crocus {

namespace detail {

/// The main flow, while it waits for stop() or for a future.
class loop_run final : public waiter {
public:
    explicit loop_run(future_state* until) noexcept : until_(until) {}
    ~loop_run() override { ending.cancel(); }

    void wait() {
        if (until_ != nullptr && !until_->done()) until_->on_done(*this);
        if (until_ != nullptr)
            if (const auto message = agent::current().take_cancellation()) until_->cancel(*message);
        if (done()) return;
        for_either both(until_);
        ended_.wait(both);
    }
    void notified() noexcept override { ended_.notify_all(); }
    void stop() noexcept { ended_.notify_all(); }

    [[nodiscard]] bool done() const noexcept { return until_ != nullptr && until_->done(); }
    [[nodiscard]] bool for_stop_alone() const noexcept { return until_ == nullptr; }

    handle ending;  // what will end it

private:
    class for_either final : public wait_queue::parked {
    public:
        explicit for_either(future_state* until) : until_(until) {}
        bool cancel(const std::string& message) override {
            return until_ != nullptr ? until_->cancel(message) : parked::cancel(message);
        }

    private:
        future_state* until_;
    };

    future_state* until_;
    static constexpr wait_subject subject_{"the end of its run", {}};
    wait_queue ended_{subject_};
};

namespace {

[[noreturn]] void throw_in_the_way(const char* doing, const char* why) {
    throw usage_error(std::string(doing) + " was called " + why);
}

/// A loop can be run where nothing is run yet: outside all loops, and in the main flow of a thread's own.
void require_can_run(const char* doing) {
    event_loop* const loop = event_loop::current_if_any();
    if (loop == nullptr) return;
    if (loop->run_by_somebody() || loop->running_or_driving() != &loop->main_agent())
        throw_in_the_way(doing, "inside a task or another run(): there is a loop already, call the function itself");
}

}  // namespace

loop_runs::loop_runs(event_loop& loop, const char* doing) : loop_(loop) {
    if (loop.closed_) throw loop_closed();
    if (!loop.is_running()) {
        require_can_run(doing);
        before_ = loop.attach();
        attached_ = true;
    } else if (loop.run_by_somebody_ || event_loop::current_if_any() != &loop || loop.running_ != loop.main_.get()) {
        throw_in_the_way(doing, "while this event loop is running already");
    }
    loop.run_by_somebody_ = true;
}

loop_runs::~loop_runs() {
    if (loop_.forked()) return;  // the parent goes on with it
    loop_.run_by_somebody_ = false;
    if (attached_) loop_.detach(before_);
}

}  // namespace detail

bool event_loop::wait_until_done(detail::future_state* until) {
    detail::loop_run run(until);
    struct entered {
        event_loop& loop;
        entered(event_loop& l, detail::loop_run& r) : loop(l) { l.run_ = &r; }
        entered(const entered&) = delete;
        entered& operator=(const entered&) = delete;
        ~entered() {
            loop.run_ = nullptr;
            loop.stopping_ = false;
        }
    } const here(*this, run);
    if (run.done()) return true;
    if (stopping_) {
        look_outside(time_point::min());
        end_run_soon();
    }
    run.wait();
    return run.done();
}

/// It runs for ever, and has nothing to do: that is what it was asked for.
bool event_loop::idles() const noexcept {
    return run_ != nullptr && run_->for_stop_alone() && tasks_.empty() && waiting_coroutines_ == nullptr;
}

void event_loop::run_forever() {
    const detail::loop_runs runs(*this, "run_forever()");
    static_cast<void>(wait_until_done(nullptr));
}

void event_loop::stop() {
    if (stopping_) return;
    if (run_ != nullptr) end_run_soon();  // may throw
    stopping_ = true;
}

/// After what is ready now, and before all that will be.
void event_loop::end_run_soon() {
    run_->ending = call_soon([this] {
        detail::ready_queue later;
        later.append(ready_);
        run_->stop();
        ready_.append(later);
    });
}

void event_loop::close() {
    if (closed_) return;
    if (is_running()) throw usage_error("a running event loop cannot be closed: stop() it first");
    if (!tasks_.empty() || waiting_coroutines_ != nullptr) {
        report_tasks_left();
        event_loop* const before = attach();
        std::exception_ptr error;
        try {
            shut_down();
        } catch (...) {
            error = std::current_exception();
        }
        detach(before);
        if (error) std::rethrow_exception(error);
    }
    if (const auto executor = default_executor_) executor->shutdown();  // which may wait, and another be set
    closed_ = true;
    decide_examination();
    inbox_->close();
    signals_.reset();
    watches_.reset();
    destroy_scheduled();
}

event_loop::~event_loop() {
    if (forked()) {
        new std::shared_ptr<executor>(std::move(default_executor_));  // its threads are the parent's
        return;
    }
    try {
        close();
    } catch (...) {
        report_unraisable("while an event loop was destroyed", std::current_exception());
        if (is_running() || !tasks_.empty()) {
            std::fputs(is_running() ? "crocus: fatal: an event loop was destroyed while it ran\n"
                                    : "crocus: fatal: an event loop was destroyed with tasks that could not be ended\n",
                       stderr);
            std::abort();  // what runs, or their stacks, refer to it
        }
        inbox_->close();
        destroy_scheduled();
    }
    while (idle_stacks_ != nullptr) std::exchange(idle_stacks_, idle_stacks_->next_idle)->destroy();
}

void event_loop::report_tasks_left() noexcept {
    for (auto* task = tasks_.first(); task != nullptr; task = task->next_task)
        call_exception_handler({task->describe() + " was pending when its event loop was closed, and is cancelled",
                                nullptr, task->made_at()});
}

}  // namespace crocus
