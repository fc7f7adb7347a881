#include <crocus/fiber.hpp>

#include <cstdlib>
#include <exception>
#include <new>
#include <utility>

#include <boost/context/detail/fcontext.hpp>
#include <cxxabi.h>

#include "sanitizer.hpp"

namespace crocus {

namespace {

namespace context = boost::context::detail;

/// The layout that the Itanium C++ ABI gives __cxa_eh_globals.
struct exception_globals {
    void* caught_exceptions;
    unsigned int uncaught_exceptions;
};

constinit thread_local fiber* running = nullptr;

}  // namespace

/// What jump_fcontext hands over: where the other fiber was left, and which one it was.
struct fiber::arrival : context::transfer_t {};

fiber::fiber() noexcept = default;

fiber::fiber(stack on, body run, void* argument) noexcept
    : stack_(std::move(on)), run_(run), argument_(argument) {
    context_ = context::make_fcontext(stack_.top(), stack_.size(), [](context::transfer_t t) { start({t}); });
    sanitizer::create(seen_, stack_.bottom(), stack_.size());
}

fiber::~fiber() { sanitizer::destroy(seen_); }

fiber& fiber::current() noexcept { return running != nullptr ? *running : of_thread(); }

// The thread's own flow has no destructor to run, and must outlive every thread-local object that may still switch.
fiber& fiber::of_thread() noexcept {
    alignas(fiber) thread_local std::byte storage[sizeof(fiber)];
    running = new (storage) fiber;
    return *running;
}

bool fiber::unwinding() const noexcept { return entered_in_unwinding_ || std::uncaught_exceptions() > 0; }

void fiber::enter() noexcept {
    fiber& from = current();
    from.arrive(leave(from, *this, false));
}

void fiber::exit_to(fiber& next, void (*after)(void*) noexcept, void* argument) noexcept {
    fiber& from = current();
    from.after_ = after;
    from.after_argument_ = argument;
    leave(from, next, true);
    std::abort();  // an exited fiber was entered
}

void fiber::start(arrival from) {
    fiber& self = current();
    self.arrive(from);
    self.run_(self, self.argument_);
    std::abort();  // a body returned; it must end in exit_to
}

// Everything that belongs to the thread is set for the other fiber before the switch. After it this fiber may be on
// another thread, and no address of a thread-local that the compiler kept may be used. Not instrumented, because a
// fiber that leaves for good has no fake stack any more when it gets to the jump.
[[gnu::noinline, gnu::no_sanitize_address]] fiber::arrival fiber::leave(fiber& from, fiber& to, bool for_good) noexcept {
    auto& globals = *reinterpret_cast<exception_globals*>(abi::__cxa_get_globals());
    from.caught_exceptions_ = std::exchange(globals.caught_exceptions, to.caught_exceptions_);
    from.uncaught_exceptions_ = std::exchange(globals.uncaught_exceptions, to.uncaught_exceptions_);
    running = &to;
    sanitizer::leave(from.seen_, to.seen_, for_good);
    return {context::jump_fcontext(std::exchange(to.context_, nullptr), &from)};
}

void fiber::arrive(arrival from) noexcept {
    auto& left = *static_cast<fiber*>(from.data);
    left.context_ = from.fctx;
    sanitizer::arrive(seen_, left.seen_);
    if (left.after_ != nullptr) left.after_(left.after_argument_);
}

}  // namespace crocus
