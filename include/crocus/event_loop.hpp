// The cooperative loop of a thread: who runs next, timers, callbacks, and what other threads may ask of it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <source_location>
#include <string>
#include <type_traits>
#include <utility>

#include <crocus/clock.hpp>
#include <crocus/config.hpp>
#include <crocus/detail/fork_mark.hpp>
#include <crocus/detail/idle_sweep.hpp>
#include <crocus/detail/inbox.hpp>
#include <crocus/detail/poll_budget.hpp>
#include <crocus/detail/recurring.hpp>
#include <crocus/detail/runnable.hpp>
#include <crocus/detail/this_thread.hpp>
#include <crocus/detail/timer_heap.hpp>
#include <crocus/fiber.hpp>
#include <crocus/io_driver.hpp>

namespace crocus {

class executor;
class event_loop;
struct task_options;

namespace detail {
class cancel_scope;
class coroutine_state;
class descriptor_watches;
class done_callback;
class future_state;
class loop_run;
class loop_runs;
class posted_wake;
class rehearsal;
class signal_handlers;
class task_stack;
}  // namespace detail

/// A callback that a loop will run (asyncio.Handle). Copies refer to the same callback.
class CROCUS_EXPORT handle {
public:
    handle() noexcept = default;
    explicit handle(detail::counted<detail::callback> callback) noexcept : callback_(std::move(callback)) {}

    /// The callback will not run, and is destroyed. Does nothing once it has begun to run. (L17)
    void cancel() noexcept;

    [[nodiscard]] bool cancelled() const noexcept { return callback_ && callback_->cancelled; }

    /// The context that it will run in, for context::copy_of (Handle.get_context); nothing once it has run.
    ///
    /// Requires: it is a callback's.
    [[nodiscard]] const detail::context_slot& context() const noexcept { return callback_->context; }

    /// Of call_later and call_at, while it waits: its time (TimerHandle.when). Else the end of time.
    [[nodiscard]] time_point when() const noexcept;

private:
    detail::counted<detail::callback> callback_;
};

/// A loop, from any thread, and after its end.
class CROCUS_EXPORT loop_ref {
public:
    /// Runs `callback` on the loop, soon. False if the loop is closed: the callback was destroyed unrun.
    ///
    /// Thread: any.
    template <class F>
    bool call_soon(F callback, std::source_location site = std::source_location::current()) const {
        return post(detail::make_callback(std::move(callback), site));
    }

    /// Ends the wait of a loop that sleeps.
    ///
    /// Thread: any.
    void wake() const noexcept;

private:
    friend class event_loop;
    friend class detail::done_callback;
    friend class detail::posted_wake;
    explicit loop_ref(std::shared_ptr<detail::inbox> inbox) noexcept : inbox_(std::move(inbox)) {}
    bool post(detail::counted<detail::callback> callback) const;

    std::shared_ptr<detail::inbox> inbox_;
};

/// What an exception handler is told (the context of loop.call_exception_handler, L23).
struct exception_context {
    std::string message;
    std::exception_ptr exception = nullptr;  // may be null: a warning
    std::source_location site = {};          // where the callback was registered, or the task made; line 0: unknown
};

/// The loop of one thread. Tasks never leave it.
///
/// A thread's loop is made when it is first needed: main and every thread's start function are green threads too. run()
/// makes a fresh one around a function, and a loop of one's own is run by run_forever() and run_until_complete():
///
///     crocus::event_loop loop;
///     loop.call_soon([&] { std::puts("soon"); loop.stop(); });
///     loop.run_forever();
///
/// A suspending task switches straight to the next ready one; callbacks, timers and the kernel are seen to by a hub with
/// a stack of its own. What waits for the kernel is the io_driver's: to fit the loop into another library's, write one.
///
/// A process that is forked has none of its parent's loops: current() makes a new one, and the parent's tasks do not run
/// in it. Where the parent forked in a task or a callback, the child must not return from that: it ends itself, or execs.
/// What it does with the parent's futures, callbacks and descriptors is an error that says so. (L30)
///
/// Order: first come, first served, over tasks and callbacks alike.
/// Thread: the one that runs it, but for call_soon_threadsafe and ref().
class CROCUS_EXPORT event_loop {
public:
    /// The calling thread's loop; made now if there is none (asyncio.get_event_loop).
    ///
    /// Throws: loop_closed         the thread is ending
    ///         std::system_error   no descriptor is left for its driver
    static event_loop& current() {
        event_loop* const loop = current_if_any();
        return loop != nullptr ? *loop : of_thread();
    }

    /// The calling thread's loop, or null: never makes one.
    [[nodiscard]] static event_loop* current_if_any() noexcept { return detail::this_thread().loop; }

    /// True if the caller runs in a task, in a coroutine driven by hand, or in a main flow whose loop exists: it can
    /// suspend without making a loop.
    [[nodiscard]] static bool in_task() noexcept {
        return running_if_any(current_if_any()) != nullptr || detail::this_thread().driven != nullptr;
    }

    /// A loop over `driver` (asyncio.new_event_loop). It is no thread's before it runs. (L3)
    explicit event_loop(std::unique_ptr<io_driver> driver = make_io_driver());
    event_loop(const event_loop&) = delete;
    event_loop& operator=(const event_loop&) = delete;

    /// close() (L10). What that would throw goes to the unraisable hook.
    ///
    /// Requires: it does not run, and its tasks can be ended; else the process is.
    ~event_loop();

    // ------------------------------------------------------------------------------------------------------- running it

    /// Runs what is ready, and waits for more, until stop(). It is the calling thread's loop meanwhile, and the caller,
    /// who waits here, its main flow. What is left then goes on when it runs again. (L6)
    ///
    /// Suspends: until stop()
    /// Throws:   usage_error       it runs already, or the caller is a task, or in another run: the message says which
    ///           loop_closed;      cancelled_error   the main flow was cancelled;   what the driver failed with
    void run_forever();

    /// Runs the loop until `what` is done: a callable or a coroutine, of which a task is made, or a future. Returns its
    /// result. A cancellation of the main flow is forwarded to it. (L7) Defined in run.hpp.
    ///
    /// Throws: what it throws;   loop_stopped   stop() came first: it goes on when the loop runs again
    ///         usage_error   it is another loop's
    ///         usage_error, loop_closed, and what the driver failed with, as run_forever
    template <class What>
    auto run_until_complete(What&& what, std::source_location site = std::source_location::current());

    /// Ends run_forever() once all that is ready now has run. If the loop does not run, its next run asks the kernel once
    /// and ends so. (L8)
    void stop();

    /// Ends the loop for good: tasks that are left are reported, cancelled, and awaited; callbacks that have not run when
    /// these have ended never will; the default executor is shut down. Does nothing if it is closed. (L9, T17)
    ///
    /// Suspends: until the tasks have ended, with the calling flow as main flow: in a task or callback of another loop,
    ///           that loop stands still meanwhile
    /// Throws:   usage_error   it runs;   what the driver failed with: it is not closed then
    void close();

    /// It is some thread's loop now. (L11)
    [[nodiscard]] bool is_running() const noexcept { return hub_.has_value(); }
    [[nodiscard]] bool is_closed() const noexcept { return closed_; }

    // ----------------------------------------------------------------------------------------------------- what is to run

    /// Runs `callback()` in the loop, after all that is ready now (L13). A callback must not suspend: make a task for
    /// it. A loop that ends drops what has not run.
    ///
    /// Throws: loop_closed;   in debug mode usage_error on another thread than the one that runs it (L25)
    template <class F>
    handle call_soon(F callback, std::source_location site = std::source_location::current()) {
        return schedule(detail::make_callback(std::move(callback), site));
    }

    /// Runs `callback()` once `delay` has passed (L15). Equal times keep their order.
    ///
    /// Throws: as call_soon
    template <class F>
    handle call_later(duration delay, F callback, std::source_location site = std::source_location::current()) {
        return call_at(time_after(delay), std::move(callback), site);
    }

    /// Runs `callback()` when now() has reached `when`.
    ///
    /// Throws: as call_soon
    template <class F>
    handle call_at(time_point when, F callback, std::source_location site = std::source_location::current()) {
        return schedule_at(when, detail::make_callback(std::move(callback), site));
    }

    /// call_soon for other threads; wakes the loop if it sleeps (L14).
    ///
    /// Requires: the loop lives. Where it may not, keep a ref().
    /// Throws:   loop_closed
    /// Thread:   any.
    template <class F>
    void call_soon_threadsafe(F callback, std::source_location site = std::source_location::current()) {
        if (!ref().call_soon(std::move(callback), site)) throw_closed();
    }

    /// Runs `callback()` in the loop each time that `fd` can be read, or is at its end, in place of the callback that
    /// was there. As long as the callback leaves something to read, it is called again. It sees the context that it was
    /// registered in. The descriptor stays the caller's, who removes the callbacks before closing it: those that are
    /// left on a closed one are never called again, also when its number is used again. (L26, L27)
    ///
    /// Throws: usage_error         the descriptor belongs to a stream or an fd of this loop
    ///         std::system_error   it is not open, or is a file, which never waits
    template <class F>
    void add_reader(int fd, F callback, std::source_location site = std::source_location::current()) {
        watch(fd, false, detail::make_recurring(std::move(callback), site));
    }

    /// The same for writing.
    template <class F>
    void add_writer(int fd, F callback, std::source_location site = std::source_location::current()) {
        watch(fd, true, detail::make_recurring(std::move(callback), site));
    }

    /// The callback is not called any more, also where the descriptor is known to be ready. False if there was none.
    bool remove_reader(int fd) noexcept;
    bool remove_writer(int fd) noexcept;

    /// Runs `callback()` in the loop when the process has received `signal`, once for all that came meanwhile. It comes
    /// before a handler that was there, also that of run() for SIGINT, until it is removed, or the loop ends; then what
    /// was there before is there again. (L29)
    ///
    /// Throws: std::invalid_argument   there is no such signal
    ///         std::system_error       it cannot be caught
    ///         usage_error             it is a fault (SIGSEGV, SIGBUS, SIGFPE, SIGILL), which cannot wait for a loop
    /// Thread: the main one, else usage_error.
    template <class F>
    void add_signal_handler(int signal, F callback, std::source_location site = std::source_location::current()) {
        handle_signal(signal, detail::make_recurring(std::move(callback), site));
    }

    /// False if this loop had none.
    bool remove_signal_handler(int signal) noexcept;

    /// Thread: any.
    [[nodiscard]] loop_ref ref() const noexcept { return loop_ref(inbox_); }

    /// The loop's time: the driver's (loop.time()).
    [[nodiscard]] time_point now() noexcept { return driver_->now(); }

    /// now() + d, or the end of time where that cannot be expressed.
    [[nodiscard]] time_point time_after(duration d) noexcept {
        const time_point t = now();
        return d < time_point::max() - t ? t + d : time_point::max();
    }

    [[nodiscard]] io_driver& driver() noexcept { return *driver_; }

    /// Receives exceptions with no caller: a callback's, a task's that nobody retrieved. The default prints a line.
    /// (L22)
    using exception_handler = std::function<void(event_loop&, const exception_context&)>;
    /// An empty one stands for the default.
    void set_exception_handler(exception_handler handler);
    [[nodiscard]] const exception_handler& get_exception_handler() const noexcept { return exception_handler_; }
    void call_exception_handler(const exception_context& context) noexcept;
    void default_exception_handler(const exception_context& context) noexcept;

    /// Is shown the options of each task before it is made, and may change them: to begin all tasks at once
    /// (eager_task_factory), to name them, to give them bigger stacks. What it throws leaves create_task. (L21)
    using task_factory = std::function<void(event_loop&, task_options&)>;
    /// An empty one: none.
    void set_task_factory(task_factory factory);
    [[nodiscard]] const task_factory& get_task_factory() const noexcept { return task_factory_; }

    // -------------------------------------------------------------------------------------------------------- debug mode

    /// In debug mode the loop reports what keeps it from going on for slow_callback_duration() and more, refuses to be
    /// used on other threads than the one that runs it, and refuses in callbacks what may suspend even where it need
    /// not. Each step goes through the hub then: a switch costs tens of times as much. On from the beginning where the
    /// environment says CROCUS_DEBUG=1. (C26, L24)
    void set_debug(bool on);
    [[nodiscard]] bool get_debug() const noexcept { return debug_; }
    void set_slow_callback_duration(duration d) noexcept { slow_callback_duration_ = d; }
    [[nodiscard]] duration slow_callback_duration() const noexcept { return slow_callback_duration_; }

    /// Where to_thread runs: a thread pool, made at the first call, unless one was set (X2).
    executor& default_executor();
    void set_default_executor(std::shared_ptr<executor> replacement);

    /// Shuts it down, waiting for its calls for `limit` at most; what it runs then goes on, and is reported. From here on
    /// to_thread throws executor_shut_down, until another executor is set. The end of the loop does the same without a
    /// limit. Returns whether all calls had ended. (L50)
    ///
    /// Suspends: until they have
    /// Throws:   cancelled_error: it is shut down, and nobody waits
    bool shutdown_default_executor(std::optional<duration> limit = std::nullopt);

    /// A number that no other loop of this process has had.
    [[nodiscard]] std::uint64_t id() const noexcept { return id_; }

    // ---------------------------------------------------------- for run(), and for agents: not for application code

    /// Makes this the calling thread's loop and the calling flow its main flow, which begins with a copy of the caller's
    /// context. Returns the loop that was there before.
    event_loop* attach();

    /// Cancels the tasks that are left, waits for their ends, closes the coroutines that wait in this loop, and shuts
    /// the default executor down. Returns how many tasks were left. None begins that had not: it may refer to what went
    /// with the function that made it.
    ///
    /// Suspends: until they have ended
    /// Throws:   what the driver failed with, if some task waits for it that cannot be ended
    std::size_t shut_down();

    /// attach() in the middle of things: what waits in a coroutine that is driven by hand stays that, and the main flow
    /// has the context that the thread had.
    void attach_under_driver();

    /// Undoes attach().
    void detach(event_loop* before) noexcept;

    /// Destroys a detached loop. One with tasks that could not be ended is kept for ever, since their stacks are, and
    /// refer to it; the tasks are reported. (T17)
    static void dispose(std::unique_ptr<event_loop> loop) noexcept;

    /// In a process that was forked: the calling thread has no loop any more, but its context.
    static void leave_to_parent() noexcept;
    /// What was to end such a loop keeps it for ever instead.
    static void keep_of_parent(std::unique_ptr<event_loop> loop) noexcept;

    /// This loop is the parent's, and this process was forked from it.
    [[nodiscard]] bool forked() const noexcept { return made_.passed(); }

    /// Whose a loop is that is not the calling thread's, in words.
    [[nodiscard]] static const char* owner_of(std::uint64_t id) noexcept;

    /// Called on the loop after each wait for the kernel: what a signal handler left is seen to here.
    void set_wake_hook(std::function<void()> hook) { wake_hook_ = std::move(hook); }

    /// run() or one of its kind is on the way.
    [[nodiscard]] bool run_by_somebody() const noexcept { return run_by_somebody_; }

    /// Waits on the main flow until `until`, if any, is done, or stop() takes effect. False if that came first.
    bool wait_until_done(detail::future_state* until);

    /// create_task's, for loops that are closed, debugged, or have a task factory.
    [[nodiscard]] bool examines_tasks() const noexcept { return examines_tasks_; }
    void examine(task_options& options);

    /// Begins a task that has not begun, if the caller is one that can suspend: the caller goes on when that waits or
    /// has ended, before all else. Otherwise it begins when its turn comes. (T23)
    void begin_now(detail::green_agent& unstarted);

    /// Debug mode's: throws cannot_suspend in a callback.
    static void require_can_suspend();

    /// What testing.hpp has this loop do otherwise; made at the first call.
    [[nodiscard]] detail::rehearsal& rehearse();
    [[nodiscard]] detail::rehearsal* rehearsal_if_any() const noexcept { return rehearsal_.get(); }
    /// Each step goes by the hub, which draws whose it is from this seed; other things happen after counted steps.
    void draw_order(std::uint64_t seed);
    /// The kernel is asked after so many steps, whatever time they take: what happens in a test depends on no clock.
    void poll_by_count() noexcept { budget_.count_steps(); }

    /// While a flow of this loop waits for what another thread does (detail::foreign_wait).
    void begin_foreign_wait() noexcept { ++foreign_waits_; }
    void end_foreign_wait() noexcept { --foreign_waits_; }
    /// While this loop does what another thread may wait for (detail::foreign_work).
    void begin_foreign_work() noexcept { ++foreign_works_; }
    void end_foreign_work() noexcept { --foreign_works_; }
    /// Some flow of this loop waits for another thread, as far as is known, which does not wait for this loop.
    [[nodiscard]] bool awaits_other_threads() const noexcept;
    /// There may be another thread, and it may have a loop_ref; or a signal has a handler here.
    [[nodiscard]] bool others_may_wake() const noexcept;

    [[nodiscard]] detail::green_agent& main_agent() noexcept { return *main_; }
    [[nodiscard]] detail::green_agent* running() const noexcept { return running_; }
    /// The same of a loop that may be null.
    [[nodiscard]] static detail::green_agent* running_if_any(const event_loop* loop) noexcept {
        return loop != nullptr ? loop->running_ : nullptr;
    }

    /// Between these two the running agent drives a coroutine by hand, and is not the one that waits.
    void begin_driving() noexcept { driving_ = std::exchange(running_, nullptr); }
    void end_driving() noexcept { running_ = std::exchange(driving_, nullptr); }
    /// The running agent, also while it drives a coroutine.
    [[nodiscard]] detail::green_agent* running_or_driving() const noexcept {
        return running_ != nullptr ? running_ : driving_;
    }

    /// Of the callback that runs.
    [[nodiscard]] detail::context_slot& callback_context() noexcept { return callback_context_; }

    /// The coroutines driven by hand that wait in this loop.
    [[nodiscard]] detail::coroutine_state*& waiting_coroutines() noexcept { return waiting_coroutines_; }
    /// One of them could not be ended.
    void keep_for_ever() noexcept { keep_ = true; }

    /// The scopes that who delivers a cancellation must look at.
    [[nodiscard]] detail::cancel_scope*& noted_scopes() noexcept { return noted_scopes_; }

    void make_ready(detail::runnable& r) noexcept { ready_.push(r); }

    /// Leaves the running agent and goes on with the next one that is ready. Inline, so that nothing lies between what
    /// suspends and the switch.
    [[gnu::always_inline]] void suspend() { suspend(detail::this_thread()); }
    [[gnu::always_inline]] void suspend(detail::thread_state& t) {
        detail::green_agent& self = *running_;
        const int error_number = *t.error_number;
        self.flow = t.running;
        if (fiber& next = next_to_run(); &next != self.flow) next.enter(t);
        *detail::this_thread().error_number = error_number;
        if (fatal_) [[unlikely]]
            raise_fatal(self);
    }

    /// On the stack of a task that has ended: true if the next one to run has not begun and asks for just such a stack.
    /// It is the running one then.
    [[nodiscard]] bool next_begins_here(std::size_t stack_size) noexcept {
        detail::ready_queue& from = starved_.empty() ? ready_ : starved_;
        auto* const first = from.front();
        if (first == nullptr || first->what != detail::runnable::kind::agent || first->flow != nullptr) return false;
        auto& next = *static_cast<detail::green_agent*>(first);
        if (next.stack_size() != stack_size || budget_.spend()) return false;
        from.pop();
        running_ = &next;
        return true;
    }
    /// Keeps the stack of a task that has ended for the next one that begins. False if enough are kept.
    [[nodiscard]] bool keep_idle(detail::task_stack& stack) noexcept;
    /// Leaves the running fiber, whose task has ended, until it is entered again.
    void go_on() noexcept { next_to_run().enter(); }
    /// Leaves the running fiber for good; `after(argument)` then clears it away.
    [[noreturn]] void exit_running(void (*after)(void*) noexcept, void* argument) noexcept;
    void add_timer(detail::timer& t) { timers_.add(t); }
    [[nodiscard]] bool has_timers() const noexcept { return !timers_.empty(); }
    void remove_timer(detail::timer& t) noexcept { timers_.remove(t); }
    [[nodiscard]] detail::agent_list& tasks() noexcept { return tasks_; }
    void task_ended(detail::green_agent& task) noexcept {
        tasks_.remove(task);
        running_ = nullptr;  // from here to the next one nobody runs who could suspend
        if (draining_) [[unlikely]]
            main_->unpark();
    }

private:
    friend struct detail::debug_layout;
    friend class detail::loop_runs;

    /// Where to go on: the next agent, made the running one, or the hub.
    [[gnu::always_inline]] fiber& next_to_run() noexcept {
        detail::runnable* const first = ready_.front();
        if (first == nullptr || first->flow == nullptr || budget_.spend()) [[unlikely]]
            return next_flow();
        running_ = static_cast<detail::green_agent*>(ready_.pop());
        return *running_->flow;
    }

    static event_loop& of_thread();
    void require_open() const;
    void require_usable() const;
    [[noreturn]] static void throw_closed();
    void decide_examination() noexcept;
    void end_run_soon();
    void look_outside(time_point until) noexcept;
    void run_step() noexcept;
    void run_step_and_time_it() noexcept;
    void report_tasks_left() noexcept;
    void destroy_scheduled() noexcept;
    handle schedule(detail::counted<detail::callback> callback);
    handle schedule_at(time_point when, detail::counted<detail::callback> callback);
    void watch(int fd, bool writer, detail::counted<detail::recurring> callback);
    void handle_signal(int signal, detail::counted<detail::recurring> callback);
    void end_tasks();
    fiber& next_flow() noexcept;
    void observe_suspension() noexcept;
    void require_own_process() const;
    [[noreturn]] static void die_of_return() noexcept;
    fiber* begin(detail::green_agent& unstarted) noexcept;
    detail::task_stack& take_stack(std::size_t size);
    void raise_fatal(const detail::green_agent& self);
    [[noreturn]] void run_hub() noexcept;
    void run_callback(detail::callback& c) noexcept;
    void end_iteration() noexcept;
    void fire_timers() noexcept;
    [[nodiscard]] std::uint32_t count_ready() const noexcept;
    void look_ahead() const noexcept;
    void look_ahead_from_now_on(bool yes) noexcept;
    void run_special_step() noexcept;
    void decide_steps() noexcept;
    void fail(std::exception_ptr why) noexcept;
    [[nodiscard]] bool idles() const noexcept;
    [[nodiscard]] bool waits_in_vain() const noexcept;
    [[nodiscard]] std::string explain_deadlock() const;
    void take_inbox() noexcept;

    detail::ready_queue ready_;
    detail::poll_budget budget_;
    detail::green_agent* running_ = nullptr;  // null while the hub runs, or a coroutine that is driven by hand
    std::exception_ptr fatal_;                // why the loop cannot go on; for its main flow
    static std::atomic<std::uint64_t> last_id;
    const std::uint64_t id_;
    std::unique_ptr<io_driver> driver_;
    std::shared_ptr<detail::inbox> inbox_;
    detail::timer_heap timers_;
    detail::idle_sweep sweep_;
    detail::agent_list tasks_;
    std::unique_ptr<detail::green_agent> main_;
    std::optional<fiber> hub_;
    detail::ready_queue starved_;    // unstarted tasks that no stack could be had for
    std::size_t starved_looks_ = 0;  // for a stack, in vain, with nothing else to do
    std::size_t task_stacks_ = 0;    // that tasks of this loop run on
    detail::task_stack* idle_stacks_ = nullptr;
    std::size_t idle_count_ = 0;
    detail::green_agent* driving_ = nullptr;  // who runs, while it drives a coroutine
    agent* driven_before_ = nullptr;          // the coroutine in which this loop was attached
    detail::coroutine_state* waiting_coroutines_ = nullptr;
    detail::context_slot callback_context_;
    fiber* hub_exit_ = nullptr;  // set when the hub is to end: who goes on
    bool looks_ahead_ = false;  // many have slept, and their stacks with them
    bool draining_ = false;
    bool keep_ = false;  // somebody's frames refer to it for ever
    bool closed_ = false;
    bool executor_shut_down_ = false;
    bool stopping_ = false;
    bool run_by_somebody_ = false;
    bool examines_tasks_ = false;
    bool debug_ = false;
    bool by_the_hub_ = false;  // each step: somebody sees them all, or draws them
    duration slow_callback_duration_ = std::chrono::milliseconds(100);
    const detail::thread_state* thread_ = nullptr;  // that runs it
    detail::loop_run* run_ = nullptr;               // how its main flow waits for stop()
    event_loop* next_kept_ = nullptr;
    std::function<void()> wake_hook_;
    exception_handler exception_handler_;
    task_factory task_factory_;
    std::shared_ptr<executor> default_executor_;
    std::unique_ptr<detail::descriptor_watches> watches_;
    std::unique_ptr<detail::signal_handlers> signals_;
    const detail::fork_mark made_;
    detail::cancel_scope* noted_scopes_ = nullptr;
    std::unique_ptr<detail::rehearsal> rehearsal_;
    std::size_t foreign_waits_ = 0;
    std::size_t foreign_works_ = 0;
};

namespace detail {

/// A loop runs as long as this lives, with the calling flow as its main flow.
class CROCUS_EXPORT loop_runs {
public:
    /// `doing`: what the caller would do, for the error.
    ///
    /// Throws: usage_error   the loop runs already, or the caller is a task or callback of one, or inside another of these
    ///         loop_closed
    loop_runs(event_loop& loop, const char* doing);
    loop_runs(const loop_runs&) = delete;
    loop_runs& operator=(const loop_runs&) = delete;
    ~loop_runs();

private:
    event_loop& loop_;
    event_loop* before_ = nullptr;
    bool attached_ = false;
};

/// A flow waits for what another thread does: meanwhile virtual time stands still, and there is no deadlock.
///
/// Requires: it lives and ends on the loop's thread, and no longer than the loop.
class foreign_wait {
public:
    explicit foreign_wait(event_loop& loop) noexcept : loop_(loop) { loop.begin_foreign_wait(); }
    foreign_wait(const foreign_wait&) = delete;
    foreign_wait& operator=(const foreign_wait&) = delete;
    ~foreign_wait() { loop_.end_foreign_wait(); }

private:
    event_loop& loop_;
};

/// A loop does what another thread may wait for. Such a thread is no reason for virtual time to stand still.
class foreign_work {
public:
    explicit foreign_work(event_loop& loop) noexcept : loop_(&loop) { loop.begin_foreign_work(); }
    foreign_work(foreign_work&& other) noexcept : loop_(std::exchange(other.loop_, nullptr)) {}
    foreign_work& operator=(foreign_work&&) = delete;
    ~foreign_work() {
        if (loop_ != nullptr) loop_->end_foreign_work();
    }

private:
    event_loop* loop_;
};

/// Some loop of this process has been in debug mode.
extern CROCUS_EXPORT std::atomic<bool> debug_mode_in_use;

/// If set, it is called in debug mode where an agent is about to be left, on its stack: for lock_check.
extern CROCUS_EXPORT void (*suspension_observer)(event_loop&, const green_agent&) noexcept;

/// What may suspend calls this where it need not: debug mode has callbacks refused.
[[gnu::always_inline]] inline void check_can_suspend() {
    if (debug_mode_in_use.load(std::memory_order_relaxed)) [[unlikely]]
        event_loop::require_can_suspend();
}

}  // namespace detail

inline agent& agent::current() {
    detail::green_agent* const running = event_loop::running_if_any(event_loop::current_if_any());
    return running != nullptr ? *running : find_current();
}

[[gnu::always_inline]] inline void detail::green_agent::park_here() {
    parked_ = true;
    loop_.suspend();
}

[[gnu::always_inline]] inline void detail::green_agent::unpark_here() noexcept {
    if (!std::exchange(parked_, false)) return;
    idle_rounds = 0;
    loop_.make_ready(*this);
}

}  // namespace crocus
