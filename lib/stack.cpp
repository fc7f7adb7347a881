// Stacks are carved from chunks, each chunk one mapping. A slot is a power of two:
//
//     low                                                        high
//     | guard, 64 KiB | usable ...                | colour | link |
//
// The link chains free stacks. It lies at the hot end, whose page is the one that a used stack has touched anyway.
#include <crocus/stack.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <mutex>
#include <string>
#include <type_traits>

#include <sys/mman.h>

#include <crocus/error.hpp>

#include "detail/stack_overflow.hpp"
#include "sanitizer.hpp"

namespace crocus {

namespace {

constexpr std::size_t guard_size = stack::guard_size;
constexpr std::size_t smallest_slot = std::size_t{128} << 10;
constexpr std::size_t largest_size = std::size_t{1} << 30;
constexpr std::size_t classes = 16;
constexpr std::size_t chunk_bytes_limit = std::size_t{256} << 20;
constexpr std::size_t cache_line = 64;
constexpr std::size_t colours = 16;  // 16 lines of 64 bytes: tops of stacks spread over 1 KiB of cache sets
constexpr std::size_t cached_per_thread = 1024;

#ifndef MADV_GUARD_INSTALL
constexpr int MADV_GUARD_INSTALL = 102;  // Linux 6.13; older headers lack the name
#endif

struct free_stack {
    free_stack* next;
    std::size_t slot_class;
};

struct free_list {
    free_stack* head = nullptr;
    std::size_t count = 0;

    void push(free_stack* s) noexcept {
        s->next = head;
        head = s;
        ++count;
    }
    free_stack* pop() noexcept {
        free_stack* const s = head;
        if (s != nullptr) {
            head = s->next;
            --count;
        }
        return s;
    }
};

std::size_t slot_bytes(std::size_t slot_class) noexcept { return smallest_slot << slot_class; }

std::size_t class_of(std::size_t size) noexcept {
    const std::size_t slot = std::bit_ceil(size + guard_size + colours * cache_line + sizeof(free_stack));
    return slot <= smallest_slot ? 0 : static_cast<std::size_t>(std::countr_zero(slot / smallest_slot));
}

/// What the kernel allows this process, from /proc: every mprotect guard splits a mapping in two more.
long map_count_limit() noexcept {
    long limit = 65530;
    if (std::FILE* f = std::fopen("/proc/sys/vm/max_map_count", "re"); f != nullptr) {
        if (std::fscanf(f, "%ld", &limit) != 1) limit = 65530;
        std::fclose(f);
    }
    return limit;
}

/// The process's stacks that no thread's cache holds, and the chunk of each class that new ones are carved from.
class global_pool {
public:
    free_stack* take(std::size_t slot_class) {
        const std::scoped_lock lock(mutex_);
        if (free_stack* s = free_[slot_class].pop()) return s;
        return carve(slot_class);
    }

    void give(free_list& list, std::size_t slot_class, std::size_t keep) noexcept {
        const std::scoped_lock lock(mutex_);
        while (list.count > keep) free_[slot_class].push(list.pop());
    }

private:
    struct chunk {
        std::byte* next = nullptr;
        std::byte* end = nullptr;
        std::size_t slots = 8;  // in the next chunk: doubles until chunk_bytes_limit
        bool guards_by_mprotect = false;
    };

    free_stack* carve(std::size_t slot_class) {
        chunk& c = chunks_[slot_class];
        const std::size_t slot = slot_bytes(slot_class);
        if (c.next == c.end) map_chunk(c, slot);
        guard(c);
        detail::report_stack_overflows();
        std::byte* const base = c.next;
        c.next += slot;
        auto* const s = reinterpret_cast<free_stack*>(base + slot - sizeof(free_stack));
        s->slot_class = slot_class;
        return s;
    }

    static void map_chunk(chunk& c, std::size_t slot) {
        std::size_t slots = std::max<std::size_t>(1, std::min(c.slots, chunk_bytes_limit / slot));
        for (;; slots /= 2) {  // a smaller chunk may still fit
            void* const p = ::mmap(nullptr, slots * slot, PROT_READ | PROT_WRITE,
                                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
            if (p != MAP_FAILED) {
                ::madvise(p, slots * slot, MADV_NOHUGEPAGE);  // a huge page would give every stack 2 MiB
                c.next = static_cast<std::byte*>(p);
                c.end = c.next + slots * slot;
                c.slots = slots * 2;
                c.guards_by_mprotect = false;
                return;
            }
            if (slots == 1)
                throw stack_exhausted("no stack: mmap of " + std::to_string(slot) +
                                      " bytes failed (out of address space, or ulimit -v, or vm.max_map_count)");
        }
    }

    void guard(chunk& c) {
        if (!c.guards_by_mprotect) {
            if (::madvise(c.next, guard_size, MADV_GUARD_INSTALL) == 0) return;
            c.guards_by_mprotect = true;  // an older kernel, or locked memory: mprotect for the rest of the chunk
        }
        static const long limit = map_count_limit();
        constexpr long left_for_others = 4096;
        if (mprotect_guards_ * 2 + left_for_others > limit || ::mprotect(c.next, guard_size, PROT_NONE) != 0)
            throw stack_exhausted("no stack: the guards of " + std::to_string(mprotect_guards_) +
                                  " stacks use up vm.max_map_count (" + std::to_string(limit) +
                                  "); raise it with sysctl, or use Linux 6.13, where guards need no mapping");
        ++mprotect_guards_;
    }

    std::mutex mutex_;
    std::array<free_list, classes> free_;
    std::array<chunk, classes> chunks_;
    long mprotect_guards_ = 0;
};

// Never destroyed: a static generator may give its stack back after main has ended.
constinit global_pool pool;
static_assert(std::is_trivially_destructible_v<global_pool>);

struct thread_cache {
    std::array<free_list, classes> free;
    bool open = false;    // its owner, below, exists
    bool closed = false;  // the thread is ending: go to the global pool directly
};

[[gnu::tls_model("initial-exec")]] constinit thread_local thread_cache cache;

struct thread_cache_owner {
    thread_cache_owner() { cache.open = true; }
    ~thread_cache_owner() {
        cache.closed = true;
        for (std::size_t c = 0; c < classes; ++c) pool.give(cache.free[c], c, 0);
    }
};

void open_cache() {
    thread_local thread_cache_owner owner;
    (void)owner;
}

/// Neighbouring stacks start at different lines, or they would all share a few cache sets.
std::byte* coloured_top(free_stack* s, std::size_t slot) noexcept {
    const std::size_t number = reinterpret_cast<std::uintptr_t>(s) / slot;
    return reinterpret_cast<std::byte*>(s) - (number % colours) * cache_line;
}

}  // namespace

std::size_t stack::default_size() noexcept {
    static const std::size_t size =
        ((sanitizer::present() ? std::size_t{1024} : std::size_t{256}) << 10) - guard_size - 2 * colours * cache_line;
    return size;
}

stack::stack(std::size_t size) {
    if (size == 0 || size > largest_size)
        throw usage_error("a stack of " + std::to_string(size) + " bytes was asked for; 1 byte to 1 GiB can be had");
    const std::size_t slot_class = class_of(size);
    if (!cache.open) open_cache();
    free_stack* s = cache.free[slot_class].pop();
    if (s == nullptr) s = pool.take(slot_class);

    const std::size_t slot = slot_bytes(slot_class);
    std::byte* const base = reinterpret_cast<std::byte*>(s) + sizeof(free_stack) - slot;
    std::byte* const top = coloured_top(s, slot);
    top_ = top;
    size_ = static_cast<std::size_t>(top - (base + guard_size));
    sanitizer::unpoison(bottom(), size_);  // frames that were left, not returned from, leave poison behind
}

void stack::give_back_below(const void* p) const noexcept {
    constexpr std::uintptr_t page = 4096;  // a larger one makes madvise fail, and nothing is lost
    const auto from = reinterpret_cast<std::uintptr_t>(bottom());
    const std::uintptr_t to = reinterpret_cast<std::uintptr_t>(p) / page * page;
    if (to > from) ::madvise(bottom(), to - from, MADV_DONTNEED);
}

stack::~stack() {
    if (top_ == nullptr) return;
    if (!cache.open) open_cache();  // a thread that only gives back has one too, to be emptied when it ends
    // The slot is aligned to nothing but its chunk; the link is found from the size, which the colour has shortened.
    auto* const bottom_of_slot = static_cast<std::byte*>(bottom()) - guard_size;
    const std::size_t slot = std::bit_ceil(size_ + guard_size);
    auto* const s = reinterpret_cast<free_stack*>(bottom_of_slot + slot - sizeof(free_stack));
    const std::size_t slot_class = s->slot_class;
    free_list& list = cache.free[slot_class];
    list.push(s);
    if (cache.closed)
        pool.give(list, slot_class, 0);
    else if (list.count > cached_per_thread)
        pool.give(list, slot_class, cached_per_thread / 2);
}

}  // namespace crocus
