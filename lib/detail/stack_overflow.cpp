#include "stack_overflow.hpp"

#include <cerrno>
#include <charconv>
#include <climits>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <execinfo.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>
#include <unwind.h>

#include <crocus/fiber.hpp>

namespace crocus::detail {

namespace {

// The handler and all that it calls: only what is async-signal-safe, and little stack.

struct sigaction before;  // who gets a fault after us

struct registers {
    std::uintptr_t sp, pc;
};

registers registers_of(const ucontext_t& context) noexcept {
#if defined(__x86_64__)
    return {static_cast<std::uintptr_t>(context.uc_mcontext.gregs[REG_RSP]),
            static_cast<std::uintptr_t>(context.uc_mcontext.gregs[REG_RIP])};
#elif defined(__aarch64__)
    return {context.uc_mcontext.sp, context.uc_mcontext.pc};
#else
    static_cast<void>(context);
    return {0, 0};  // any fault in a guard is taken for an overflow, and frames begin with the handler's own
#endif
}

/// The fiber that ran over the end of its stack, or null: the fault is something else. Then the address lies in the
/// guard, and the stack pointer is not far: a wild pointer that happens to point there is no overflow.
const fiber* overflowed(const siginfo_t& info, const ucontext_t& context) noexcept {
    const fiber* const running = this_thread().running;
    if (info.si_code <= 0 || running == nullptr || !running->on()) return nullptr;
    constexpr std::size_t last_pages = std::size_t{16} << 10;  // compilers probe below the stack pointer
    const auto bottom = reinterpret_cast<std::uintptr_t>(running->on().bottom());
    const auto at = reinterpret_cast<std::uintptr_t>(info.si_addr);
    const bool in_guard = at < bottom && at >= bottom - stack::guard_size;
    return in_guard && registers_of(context).sp < bottom + last_pages ? running : nullptr;
}

/// A text that is written at once.
class message {
public:
    message& operator<<(std::string_view text) noexcept {
        size_ += text.copy(text_ + size_, sizeof text_ - size_);
        return *this;
    }
    message& operator<<(std::size_t number) noexcept {
        char digits[20];
        const char* const end = std::to_chars(digits, digits + sizeof digits, number).ptr;
        return *this << std::string_view(digits, static_cast<std::size_t>(end - digits));
    }
    void write() const noexcept { [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text_, size_); }

private:
    char text_[1024];
    std::size_t size_ = 0;
};

struct frames {
    static constexpr int most = 16;
    std::uintptr_t faulted_at;
    void* pc[most];
    int count = 0;
};

/// Keeps the frames from the faulting one on. Above it stand our own.
_Unwind_Reason_Code add_frame(_Unwind_Context* context, void* argument) {
    auto& f = *static_cast<frames*>(argument);
    const auto pc = static_cast<std::uintptr_t>(_Unwind_GetIP(context));
    if (f.count != 0 || pc == f.faulted_at || f.faulted_at == 0) f.pc[f.count++] = reinterpret_cast<void*>(pc);
    return f.count == frames::most ? _URC_END_OF_STACK : _URC_NO_REASON;
}

void report(const fiber& f, const ucontext_t& context) noexcept {
    message m;
    m << "crocus: stack overflow in ";
    if (const flow_identity* const who = f.identity(); who != nullptr) {
        m << who->kind;
        if (const std::string* const name = who->name != nullptr ? who->name->peek() : nullptr; name != nullptr)
            m << " '" << std::string_view(*name).substr(0, 200) << "'";
        else if (who->number != 0)
            m << " 'Task-" << static_cast<std::size_t>(who->number) << "'";
        m << " (made at " << std::string_view(who->site.file_name()).substr(0, 300) << ":" << who->site.line() << ")";
    } else {
        m << "a fiber";
    }
    m << ": its stack of " << f.on().size()
      << " bytes ran into the guard below it.\n"
         "crocus: give it a larger stack where it is made (stack_size), or call what goes deep by "
         "crocus::with_big_stack. The innermost frames:\n";
    m.write();

    constexpr std::size_t enough_to_unwind = std::size_t{16} << 10;
    if (context.uc_stack.ss_size < enough_to_unwind) return;  // a signal stack of the user's
    frames top{.faulted_at = registers_of(context).pc, .pc = {}};
    _Unwind_Backtrace(&add_frame, &top);  // backtrace() would load a library the first time
    ::backtrace_symbols_fd(top.pc, top.count, STDERR_FILENO);
}

/// Gives the signal to the default action, when the handler has returned.
void die(int signal, siginfo_t* info) noexcept {
    struct sigaction fallback {};
    fallback.sa_handler = SIG_DFL;
    ::sigaction(signal, &fallback, nullptr);
    if (info->si_code <= 0)  // somebody sent it; a fault comes again by itself
        ::syscall(SYS_rt_tgsigqueueinfo, ::getpid(), ::syscall(SYS_gettid), signal, info);
}

/// Does what the system would have done if we were not there. A handler may leave by longjmp, or even throw.
void pass_on(int signal, siginfo_t* info, void* context) {
    const struct sigaction to = before;
    if (to.sa_handler == SIG_IGN && info->si_code <= 0) return;  // a fault cannot be ignored
    if (to.sa_handler == SIG_IGN || to.sa_handler == SIG_DFL) return die(signal, info);
    if ((to.sa_flags & SA_RESETHAND) != 0) before = {};
    sigset_t mask = to.sa_mask;
    ::pthread_sigmask(SIG_BLOCK, &mask, nullptr);
    if ((to.sa_flags & SA_NODEFER) != 0) {
        ::sigemptyset(&mask);
        ::sigaddset(&mask, signal);
        ::pthread_sigmask(SIG_UNBLOCK, &mask, nullptr);
    }
    if ((to.sa_flags & SA_SIGINFO) != 0)
        to.sa_sigaction(signal, info, context);
    else
        to.sa_handler(signal);
}

void on_fault(int signal, siginfo_t* info, void* context) {
    const int error_number = errno;
    const auto& where = *static_cast<const ucontext_t*>(context);
    if (const fiber* const f = overflowed(*info, where)) report(*f, where);
    errno = error_number;
    pass_on(signal, info, context);
}

// -------------------------------------------------------------------------------------------------- signal stacks

constexpr std::size_t signal_stack_size = std::size_t{64} << 10;

void free_signal_stack(void* mapping) noexcept {
    auto* const stack = static_cast<std::byte*>(mapping) + stack::guard_size;
    stack_t now{};
    if (::sigaltstack(nullptr, &now) == 0 && now.ss_sp == stack) {
        stack_t none{};
        none.ss_flags = SS_DISABLE;
        if (::sigaltstack(&none, nullptr) != 0) return;  // the thread ends inside a handler, which stands on it
    }
    ::munmap(mapping, stack::guard_size + signal_stack_size);
}

/// A key's destructor runs after those of all thread_local objects, in which fibers may still run; and for the main
/// thread, whose fibers may run in static objects' destructors, never.
pthread_key_t key() noexcept {
    static const pthread_key_t made = [] {
        pthread_key_t k;
        return ::pthread_key_create(&k, &free_signal_stack) == 0 ? k : PTHREAD_KEYS_MAX;
    }();
    return made;
}

}  // namespace

void report_stack_overflows() noexcept {
    static constinit bool installed = false;
    if (installed) return;
    installed = true;
    ::sigaction(SIGSEGV, nullptr, &before);  // first, for who faults as soon as ours is there
    struct sigaction action {};
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | (before.sa_flags & SA_RESTART);
    ::sigaction(SIGSEGV, &action, nullptr);
}

void make_signal_stack() noexcept {
    stack_t now{};
    if (::sigaltstack(nullptr, &now) != 0 || (now.ss_flags & SS_DISABLE) == 0) return;
    const std::size_t size = stack::guard_size + signal_stack_size;
    void* const mapping =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (mapping == MAP_FAILED) return;
    stack_t made{};
    made.ss_sp = static_cast<std::byte*>(mapping) + stack::guard_size;
    made.ss_size = signal_stack_size;
    if (::mprotect(mapping, stack::guard_size, PROT_NONE) != 0 || ::pthread_setspecific(key(), mapping) != 0)
        ::munmap(mapping, size);
    else
        ::sigaltstack(&made, nullptr);
}

}  // namespace crocus::detail
