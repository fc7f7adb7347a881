// What the inline switch leaves out: threads that have no fiber yet, exception state, floating-point environments,
// sanitizers, and Boost.Context, which is the mechanism where there is no inline one.
#include <crocus/fiber.hpp>

#include <cerrno>
#include <cstdlib>
#include <new>
#include <utility>

#include <boost/context/detail/fcontext.hpp>

#include "detail/debug_descriptor.hpp"
#include "detail/exceptions_of_thread.hpp"
#include "detail/stack_overflow.hpp"
#include "detail/stack_recorder.hpp"
#include "sanitizer.hpp"

namespace crocus {

namespace {

namespace context = boost::context::detail;

/// Seen in place of a thread's exceptions, it makes every switch special.
constinit const detail::exception_globals always_special{nullptr, 1};

/// Fibers left by one mechanism cannot be entered by the other: it is chosen once, for the whole process. Where the
/// processor keeps a shadow stack, Boost's is the one that knows of it.
constinit bool over_boost = false;

/// True if every arrival has something to see to, and so every switch is out of line.
constinit bool never_inline = false;

/// True if somebody must be told of fibers' stacks.
constinit bool watched = false;

}  // namespace

extern "C" {
// Found by its name, from the assembler of switch/: nothing else tells the compiler that it is used.
[[gnu::used, gnu::visibility("default"),
  gnu::tls_model("initial-exec")]] constinit thread_local detail::thread_state crocus_thread_state{.exceptions =
                                                                                                       &always_special};
}

namespace detail {
/// For processors that have no assembler of their own in switch/.
CROCUS_EXPORT void* find_thread_state() noexcept;
void* find_thread_state() noexcept { return &crocus_thread_state; }
}  // namespace detail

namespace {
// Before any constructor that may use a fiber.
[[gnu::constructor(101)]] void choose() noexcept {
#ifdef CROCUS_SWITCH_OVER_BOOST
    over_boost = true;
#else
    over_boost = !detail::has_inline_switch || detail::has_shadow_stack();
#endif
    crocus_debug_v1.mechanism = over_boost ? 2 : 1;
    never_inline = over_boost || sanitizer::present();
    watched = sanitizer::watching();
}
}  // namespace

fiber::fiber() noexcept = default;

fiber::fiber(stack on, body run, void* argument) noexcept : fiber(std::move(on), on.top(), run, argument) {}

fiber::fiber(stack&& on, void* top, body run, void* argument) noexcept
    : recorded_(detail::start_recording(on, top)), stack_(std::move(on)), run_(run), argument_(argument) {
    detail::set_fiber_on(stack_, *this);
    if (over_boost)
        context_.sp = context::make_fcontext(top, stack_.size(), [](context::transfer_t from) {
            detail::this_thread().left->context_.sp = from.fctx;
            *static_cast<void**>(__builtin_frame_address(0)) = nullptr;  // who walks frame pointers stops here
            start();
        });
    else
        detail::prepare_context(context_, top, &fiber::start);
    if (watched) [[unlikely]]
        sanitizer::create(seen_, stack_.bottom(), stack_.size());
}

fiber::~fiber() {
    if (stack_) forget_stack();
}

/// Nobody will stand on it as this fiber any more.
void fiber::forget_stack() noexcept {
    if (recorded_) [[unlikely]]
        detail::end_recording(stack_, identity_);
    if (watched) [[unlikely]]
        sanitizer::destroy(seen_, stack_.bottom(), stack_.size());
}

stack fiber::release_stack() noexcept {
    forget_stack();
    return std::move(stack_);
}

// The thread's own flow has no destructor to run, and must outlive every thread-local object that may still switch.
fiber& fiber::of_thread() noexcept {
    alignas(fiber) thread_local std::byte storage[sizeof(fiber)];
    detail::thread_state& t = detail::this_thread();
    t.running = new (storage) fiber;
    t.error_number = &errno;
    if (!never_inline) t.exceptions = &detail::exceptions_of_thread();
    detail::make_signal_stack();
    detail::list_thread(*t.running);
    return *t.running;
}

void fiber::give_back_unused() const noexcept {
    // Both mechanisms keep the stack pointer. Some processors' functions use 128 bytes below it.
    if (stack_ && !recorded_) stack_.give_back_below(static_cast<std::byte*>(context_.sp) - 128);
}

// leave() and arrive() are not inline: __cxa_get_globals counts as constant, and its result must not be kept from the
// one to the other.

/// Takes what is this fiber's own out of the thread, before the switch: after it this fiber may be on another thread.
[[gnu::noinline, CROCUS_NOT_INSTRUMENTED]] void fiber::leave(fiber& to, bool for_good) noexcept {
    exceptions_ = std::exchange(detail::exceptions_of_thread(), {});
    detail::thread_state& t = detail::this_thread();
    if (floating_point_ != nullptr) {
        floating_point_->exchange();
        if (!never_inline) t.exceptions = &detail::exceptions_of_thread();
    }
    t.running = &to;
    t.left = this;
    sanitizer::leave(seen_, to.seen_, for_good);
}

/// Not instrumented: a fiber that leaves for good has no fake stack any more when it gets here.
[[gnu::noinline, gnu::no_sanitize_address]] void fiber::jump(fiber& to) noexcept {
    if (over_boost)
        detail::this_thread().left->context_.sp =
            context::jump_fcontext(std::exchange(to.context_.sp, nullptr), nullptr).fctx;
    else
        detail::this_thread().left = &reinterpret_cast<fiber&>(detail::switch_context(context_, to.context_));
}

/// The reverse of leave(), on whatever thread this is. Where every switch is out of line, it also sees off the fiber
/// that was left: sanitizers know the bounds of a thread's own stack only now, and one that exited is cleared away.
[[gnu::noinline]] fiber& fiber::arrive() noexcept {
    detail::thread_state& t = detail::this_thread();
    fiber& self = *t.running;
    fiber& left = *t.left;
    if (never_inline) {
        sanitizer::arrive(self.seen_, left.seen_);
        if (auto* const after = std::exchange(t.after, nullptr)) after(t.after_argument);
    }
    detail::exceptions_of_thread() = std::exchange(self.exceptions_, {});
    if (self.floating_point_ != nullptr) {
        self.floating_point_->exchange();
        t.exceptions = &always_special;
    }
    return left;
}

[[gnu::noinline, gnu::no_sanitize_address]] fiber& fiber::enter_specially() noexcept {
    fiber& from = current();
    from.leave(*this, false);
    from.jump(*this);
    return arrive();
}

[[gnu::no_sanitize_address]] void fiber::exit_to(fiber& next, void (*after)(void*) noexcept, void* argument) noexcept {
    fiber& from = current();
    detail::thread_state& t = detail::this_thread();
    if (!special(t)) {
        t.running = &next;
        detail::leave_context(next.context_, after, argument);
    }
    from.leave(next, true);
    if (!never_inline) detail::leave_context(next.context_, after, argument);
    t.after = after;
    t.after_argument = argument;
    from.jump(next);
    std::abort();  // an exited fiber was entered
}

// Not inline, for the same reason as leave() and arrive(): what lies between the two may suspend.

[[gnu::noinline]] void fiber::begin_unwinding() noexcept { ++detail::exceptions_of_thread().uncaught; }
[[gnu::noinline]] void fiber::end_unwinding() noexcept { --detail::exceptions_of_thread().uncaught; }

void fiber::start() noexcept {
    detail::mark_end_of_stack();
    if (never_inline) arrive();
    fiber& self = *detail::this_thread().running;
    self.run_(self, self.argument_);
    std::abort();  // a body returned; it must end in exit_to
}

// ------------------------------------------------------------------------------------------------------------- scopes

fp_scope::fp_scope() noexcept : owner_(fiber::current()) {
    std::fegetenv(&others_);
    if (owner_.floating_point_ != nullptr) return;
    owner_.floating_point_ = this;
    detail::this_thread().exceptions = &always_special;
}

fp_scope::~fp_scope() {
    std::fesetenv(&others_);
    if (owner_.floating_point_ != this) return;
    owner_.floating_point_ = nullptr;
    if (!never_inline) detail::this_thread().exceptions = &detail::exceptions_of_thread();
}

void fp_scope::exchange() noexcept {
    std::fenv_t now;
    std::fegetenv(&now);
    std::fesetenv(&others_);
    others_ = now;
}

}  // namespace crocus
