#include <crocus/event_loop.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include <crocus/detail/coroutine_state.hpp>
#include <crocus/error.hpp>
#include <crocus/executor.hpp>
#include <crocus/no_suspend.hpp>
#include <crocus/unraisable.hpp>

#include "detail/stack_recorder.hpp"
#include "detail/task_stack.hpp"
#include "event_loop/rehearsal.hpp"
#include "event_loop/signals.hpp"
#include "event_loop/watches.hpp"
#include "sanitizer.hpp"

namespace crocus {

namespace {

constinit thread_local bool thread_has_ended = false;

// A task that no stack can be had for waits while others of its loop run; with none to run, for a second.
constexpr auto starved_look_interval = std::chrono::milliseconds(10);
constexpr std::size_t most_starved_looks = 100;

constexpr std::uint32_t most_counted = 1024;

/// By the environment.
bool debug_asked_for() noexcept {
    const char* const value = std::getenv("CROCUS_DEBUG");
    return value != nullptr && *value != '\0' && std::string_view(value) != "0";
}

/// A thread's own loop: attached when first needed, ended with the thread.
class implicit_loop {
public:
    implicit_loop() { begin(); }
    ~implicit_loop() {
        thread_has_ended = true;
        if (loop_->forked()) {
            event_loop::keep_of_parent(std::move(loop_));
            return;
        }
        if (event_loop::current_if_any() != loop_.get() || loop_->running() != &loop_->main_agent()) {
            // exit() was called in a task, or inside run(): this runs on top of what it would have to unwind.
            static_cast<void>(loop_.release());
            return;
        }
        end();
    }
    implicit_loop(const implicit_loop&) = delete;
    implicit_loop& operator=(const implicit_loop&) = delete;

    [[nodiscard]] event_loop& loop() {
        if (loop_->forked()) {
            event_loop::keep_of_parent(std::move(loop_));
            begin();
        }
        return *loop_;
    }

private:
    void begin() {
        loop_ = std::make_unique<event_loop>();
        loop_->attach_under_driver();
        no_suspend::begin_loop(loop_->main_agent());
    }
    void end() noexcept {
        try {
            if (const std::size_t left = loop_->shut_down(); left != 0)
                loop_->call_exception_handler(
                    {std::to_string(left) + " task(s) were left when their thread ended, and were cancelled", nullptr});
        } catch (...) {
            report_unraisable("while a thread's event loop was ended", std::current_exception());
        }
        loop_->detach(nullptr);
        event_loop::dispose(std::move(loop_));
    }

    std::unique_ptr<event_loop> loop_;
};

constinit const detail::flow_identity hub_identity{"event loop", nullptr, std::source_location::current()};

// Loops whose tasks could not be ended. They are kept findable.
struct {
    std::mutex mutex;
    event_loop* head = nullptr;
} constinit kept;

}  // namespace

namespace detail {

callback::~callback() = default;

/// A callback that waits for its time.
struct callback_timer final : timer {
    callback_timer(event_loop& of, time_point at, counted<callback> c) : timer(at, due), loop(of), what(std::move(c)) {
        what->waits_for = this;
    }
    ~callback_timer() { what->waits_for = nullptr; }

    static void due(timer& t) noexcept {
        auto& self = static_cast<callback_timer&>(t);
        self.loop.make_ready(*counted<callback>(self.what).release());
        delete &self;
    }

    event_loop& loop;
    counted<callback> what;
};

void green_agent::park() { park_here(); }

void green_agent::unpark() noexcept { unpark_here(); }

void green_agent::reschedule() {
    loop_.make_ready(*this);
    loop_.suspend();
}

}  // namespace detail

void handle::cancel() noexcept {
    if (!callback_ || callback_->cancelled || callback_->started) return;
    const auto callback = callback_;  // what the function captured may own this handle
    callback->cancelled = true;
    if (auto* const waiting = callback->waits_for; waiting != nullptr) {
        waiting->loop.remove_timer(*waiting);
        delete waiting;
    }
    callback->release();
    callback->context = {};
}

time_point handle::when() const noexcept {
    return callback_ && callback_->waits_for != nullptr ? callback_->waits_for->when : time_point::max();
}

bool loop_ref::post(detail::counted<detail::callback> callback) const { return inbox_->post(std::move(callback)); }

void loop_ref::wake() const noexcept { inbox_->wake(); }

event_loop& event_loop::of_thread() {
    if (thread_has_ended) throw loop_closed();
    thread_local implicit_loop own;
    return own.loop();
}

std::atomic<std::uint64_t> event_loop::last_id{0};

event_loop::event_loop(std::unique_ptr<io_driver> driver)
    : id_(++last_id),
      driver_(std::move(driver)),
      inbox_(std::make_shared<detail::inbox>(*driver_)),
      main_(std::make_unique<detail::green_agent>(*this)) {
    if (debug_asked_for()) set_debug(true);
}

/// Callbacks that never run.
void event_loop::destroy_scheduled() noexcept {
    while (!ready_.empty()) {
        auto* const r = ready_.pop();
        if (r->what != detail::runnable::kind::callback) continue;
        static_cast<detail::callback*>(r)->release();
        static_cast<detail::callback*>(r)->drop_owner();
    }
    while (auto* const t = timers_.take_due(time_point::max())) {
        if (t->fire != detail::callback_timer::due) continue;
        const auto callback = static_cast<detail::callback_timer*>(t)->what;
        delete static_cast<detail::callback_timer*>(t);
        callback->release();  // last: what it captured may cancel it as it goes
    }
}

void event_loop::require_open() const {
    require_own_process();
    if (closed_) throw_closed();
}

/// In debug mode not every thread may schedule.
void event_loop::require_usable() const {
    require_open();
    if (debug_ && thread_ != nullptr && thread_ != &detail::this_thread())
        throw usage_error("an event loop was used on another thread than the one that runs it: what crosses threads is "
                          "call_soon_threadsafe");
}

void event_loop::throw_closed() { throw loop_closed(); }

handle event_loop::schedule(detail::counted<detail::callback> callback) {
    require_usable();
    handle h(callback);
    ready_.push(*callback.release());
    return h;
}

handle event_loop::schedule_at(time_point when, detail::counted<detail::callback> callback) {
    require_usable();
    auto timer = std::make_unique<detail::callback_timer>(*this, when, callback);
    timers_.add(*timer);
    static_cast<void>(timer.release());
    return handle(std::move(callback));
}

void event_loop::set_exception_handler(exception_handler handler) { exception_handler_ = std::move(handler); }

void event_loop::call_exception_handler(const exception_context& context) noexcept {
    try {
        if (const exception_handler handler = exception_handler_) return handler(*this, context);  // it may set another
    } catch (...) {
        report_unraisable("in an event loop's exception handler", std::current_exception());
    }
    default_exception_handler(context);
}

void event_loop::default_exception_handler(const exception_context& context) noexcept {
    const std::string why = context.exception ? ": " + describe(context.exception) : "";
    std::fprintf(stderr, "crocus: %s%s\n", context.message.c_str(), why.c_str());
}

event_loop* event_loop::attach() {
    hub_exit_ = nullptr;
    fatal_ = nullptr;
    while (main_->uncancel() != 0) {  // what was asked of the main flow before
    }
    thread_ = &detail::this_thread();
    main_->context = detail::context_slot::capture();
    hub_.emplace(
        stack(stack::default_size()), [](fiber&, void* self) { static_cast<event_loop*>(self)->run_hub(); }, this);
    hub_->set_identity(&hub_identity);
    main_->flow = &fiber::current();
    running_ = main_.get();
    driven_before_ = std::exchange(detail::this_thread().driven, nullptr);
    return std::exchange(detail::this_thread().loop, this);
}

void event_loop::attach_under_driver() {
    attach();
    main_->context = detail::context_slot(std::exchange(detail::this_thread().context, nullptr));
    if (driven_before_ == nullptr) return;
    detail::this_thread().driven = std::exchange(driven_before_, nullptr);
    begin_driving();
}

std::size_t event_loop::shut_down() {
    const std::size_t left = tasks_.size();
    end_tasks();
    while (waiting_coroutines_ != nullptr) waiting_coroutines_->end_with_loop();
    if (const auto executor = default_executor_) executor->shutdown();  // another may be set meanwhile
    end_tasks();  // its last calls may have made some
    return left;
}

void event_loop::end_tasks() {
    draining_ = true;
    for (std::size_t failed_with = 0; !tasks_.empty();) {
        for (auto* task = tasks_.first(); task != nullptr; task = task->next_task)
            if (!std::exchange(task->told_to_end, true)) task->cancel("the event loop is shut down");
        try {
            main_->park();  // until a task ends
        } catch (...) {
            // The driver failed. Tasks may end without it; when none does, nobody ever will.
            const bool none_ended = std::exchange(failed_with, tasks_.size()) == tasks_.size();
            if (none_ended && !tasks_.empty() && ready_.empty()) throw;
        }
    }
    draining_ = false;
}

void event_loop::detach(event_loop* before) noexcept {
    hub_exit_ = &fiber::current();
    hub_->enter();
    hub_.reset();
    running_ = nullptr;
    thread_ = nullptr;
    detail::this_thread().loop = before;
    detail::this_thread().driven = driven_before_;
}

void event_loop::dispose(std::unique_ptr<event_loop> loop) noexcept {
    if (loop->tasks_.empty() && !loop->keep_) return;
    for (auto* task = loop->tasks_.first(); task != nullptr; task = task->next_task)
        loop->call_exception_handler({task->describe() + " still waits, but its loop ended: it is abandoned", nullptr});
    loop->inbox_->close();
    loop->signals_.reset();
    const std::scoped_lock lock(kept.mutex);
    loop->next_kept_ = kept.head;
    kept.head = loop.release();
}

// --------------------------------------------------------------------------------------------------- who runs next

/// Takes the next agent from the queue and makes it the running one. The hub, if what comes first is the hub's to do.
fiber& event_loop::next_flow() noexcept {
    const bool by_the_hub = by_the_hub_ && detail::this_thread().running != &*hub_;
    if (by_the_hub && debug_ && running_ != nullptr && detail::suspension_observer != nullptr) observe_suspension();
    while (!ready_.empty() && ready_.front()->what == detail::runnable::kind::agent && !budget_.spent()) {
        if (by_the_hub) break;
        auto& next = *static_cast<detail::green_agent*>(ready_.pop());
        fiber* const flow = next.flow != nullptr ? next.flow : begin(next);
        if (flow == nullptr) continue;
        running_ = &next;
        if (looks_ahead_) look_ahead();
        return *flow;
    }
    running_ = nullptr;
    return *hub_;
}

/// A fiber for a task that has not begun. Null if there is none for now, or never will be: the task has ended then, and
/// may be gone.
fiber* event_loop::begin(detail::green_agent& unstarted) noexcept {
    running_ = nullptr;  // nobody runs who could suspend
    try {
        detail::task_stack& s = take_stack(unstarted.stack_size());
        ++task_stacks_;
        starved_looks_ = 0;
        return &s.flow();
    } catch (const stack_exhausted&) {
        const bool in_vain = task_stacks_ == 0 || starved_looks_ == most_starved_looks;
        if (!in_vain) {
            starved_.push(unstarted);  // until a task of this loop ends, or somebody else gives a stack back
            return nullptr;
        }
        starved_looks_ = 0;
        unstarted.give_up(std::current_exception());
    } catch (...) {
        unstarted.give_up(std::current_exception());
    }
    return nullptr;
}

void event_loop::begin_now(detail::green_agent& unstarted) {
    detail::green_agent* const self = running_;
    // Where this is the loop around the one that runs, its main flow runs, but stands still.
    if (self == nullptr || current_if_any() != this) return ready_.push(unstarted);
    fiber* const flow = begin(unstarted);
    running_ = self;
    if (flow == nullptr) return;  // it waits for a stack, or has failed for want of one
    detail::thread_state& t = detail::this_thread();
    const int error_number = *t.error_number;
    self->flow = t.running;
    ready_.push_front(*self);
    if (rehearsal_) rehearsal_->note_first();
    running_ = &unstarted;
    flow->enter();
    *detail::this_thread().error_number = error_number;
    if (fatal_) [[unlikely]]
        raise_fatal(*self);
}

detail::task_stack& event_loop::take_stack(std::size_t size) {
    detail::task_stack** link = &idle_stacks_;
    while (*link != nullptr && (*link)->size() != size) link = &(*link)->next_idle;
    if (*link == nullptr || detail::recording_stack_use.load(std::memory_order_relaxed))
        return detail::task_stack::make(*this, size);
    --idle_count_;
    return *std::exchange(*link, (*link)->next_idle);
}

bool event_loop::keep_idle(detail::task_stack& stack) noexcept {
    constexpr std::size_t most = 16;
    if (idle_count_ == most || sanitizer::present() || !starved_.empty()) return false;
    ++idle_count_;
    --task_stacks_;
    stack.next_idle = std::exchange(idle_stacks_, &stack);
    return true;
}

void event_loop::raise_fatal(const detail::green_agent& self) {
    if (&self == main_.get()) std::rethrow_exception(std::exchange(fatal_, nullptr));
}

void event_loop::exit_running(void (*after)(void*) noexcept, void* argument) noexcept {
    --task_stacks_;
    if (!starved_.empty()) ready_.push(*starved_.pop());  // of another size: it may fit now
    fiber::exit_to(next_flow(), after, argument);
}

// --------------------------------------------------------------------------------------------------------- the hub

void event_loop::run_hub() noexcept {
    while (hub_exit_ == nullptr) {
        if (ready_.empty() || budget_.spent() || (budget_.spend() && budget_.spent()))
            end_iteration();
        else if (by_the_hub_)
            run_special_step();
        else
            run_step();
    }
    fiber::exit_to(
        *hub_exit_, [](void*) noexcept {}, nullptr);
}

void event_loop::run_step() noexcept {
    if (ready_.front()->what == detail::runnable::kind::callback)
        run_callback(*static_cast<detail::callback*>(ready_.pop()));
    else if (fiber& next = next_flow(); &next != &*hub_)
        next.enter();
}

void event_loop::run_callback(detail::callback& c) noexcept {
    if (!c.cancelled) {
        c.started = true;
        callback_context_ = std::move(c.context);
        try {
            c.call();
        } catch (...) {
            call_exception_handler({"Exception in callback", std::current_exception(), c.site});
        }
        c.release();
        callback_context_ = {};
    }
    c.drop_owner();
}

/// The end of what asyncio calls an iteration: what the kernel has, what other threads posted, what is due. (I2)
void event_loop::end_iteration() noexcept {
    if (forked()) [[unlikely]]
        die_of_return();
    take_inbox();
    if (rehearsal_ && rehearsal_->standstill_awaited() && ready_.empty() && starved_.empty()) {
        look_outside(time_point::min());
        if (ready_.empty()) rehearsal_->stands_still();
        return budget_.restart(0);
    }
    time_point until = time_point::min();
    if (ready_.empty() && inbox_->fall_asleep()) until = timers_.empty() ? time_point::max() : timers_.first();
    if (until == time_point::max() && starved_.empty() && waits_in_vain()) [[unlikely]] {
        // Whoever had a loop_ref, and has none now, may have posted before he let it go. The store in there comes after the
        // look at the count, and before the look at the posts.
        if (inbox_->fall_asleep()) {
            inbox_->wake_up();
            return fail(std::make_exception_ptr(deadlock_error(explain_deadlock())));
        }
        until = time_point::min();
    }
    if (!starved_.empty()) until = std::min(until, time_after(starved_look_interval));
    look_outside(std::min(until, sweep_.due(tasks_)));
    if (!starved_.empty() && ready_.empty()) {
        ++starved_looks_;
        ready_.push(*starved_.pop());
    }
    if (!ready_.empty()) sweep_.note_activity();
    sweep_.step(tasks_, driver_->now());
    budget_.restart(count_ready());
}

/// The loop cannot go on: its main flow, which waits, is told why.
void event_loop::fail(std::exception_ptr why) noexcept {
    fatal_ = std::move(why);
    main_->unpark();
}

/// Asks the kernel, until `until`, and makes ready what became so.
void event_loop::look_outside(time_point until) noexcept {
    try {
        driver_->poll(until);
    } catch (...) {
        fail(std::current_exception());
    }
    inbox_->wake_up();
    if (wake_hook_) wake_hook_();
    if (signals_) signals_->look(*this);
    take_inbox();
    fire_timers();
}

void event_loop::fire_timers() noexcept {
    std::size_t fired = 0;
    if (!timers_.empty())
        for (const time_point now = driver_->now(); auto* const t = timers_.take_due(now); ++fired) t->fire(*t);
    look_ahead_from_now_on(fired >= 8);
}

/// As far as it matters.
std::uint32_t event_loop::count_ready() const noexcept {
    std::uint32_t n = 0;
    for (const auto* r = ready_.front(); r != nullptr && n != most_counted; r = r->next) ++n;
    return n;
}

/// It takes every step out of the fast path, which is no loss where each has to wait for memory.
void event_loop::look_ahead_from_now_on(bool yes) noexcept {
    if (looks_ahead_ == yes) return;
    looks_ahead_ = yes;
    decide_steps();
}

/// Those that come next have their agents, their fibers and their frames fetched, each a few steps before it is used:
/// where many have slept none of it is in the cache, and one thing leads to the next.
void event_loop::look_ahead() const noexcept {
    const detail::runnable* r = ready_.front();
    for (int distance = 1; r != nullptr; ++distance, r = r->next) {
        if (distance == 6) return __builtin_prefetch(r);
        if (r->flow == nullptr) continue;
        if (distance == 4) __builtin_prefetch(r->flow);
        if (distance == 2) r->flow->prefetch_frames();
    }
}

void event_loop::take_inbox() noexcept {
    for (auto* r = inbox_->take(); r != nullptr;) {
        auto* const next = r->next;
        ready_.push(*r);
        r = next;
    }
}

}  // namespace crocus
