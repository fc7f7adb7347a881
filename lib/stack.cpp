// Stacks are carved from chunks, each chunk one mapping. A slot is a power of two:
//
//     low                                                        high
//     | guard, 64 KiB | usable ...        | link | colour | chunk |
//
// The link chains free stacks, and says which fiber has a stack that is not free. It lies at the hot end, whose page is
// the one that a used stack has touched anyway. The last bytes of a chunk's first slot describe the chunk.
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

#include "detail/debug_descriptor.hpp"
#include "detail/stack_overflow.hpp"
#include "detail/stack_slot.hpp"
#include "sanitizer.hpp"

namespace crocus {

namespace {

constexpr std::size_t guard_size = stack::guard_size;
constexpr std::size_t smallest_slot = std::size_t{128} << 10;
constexpr std::size_t largest_size = std::size_t{1} << 30;
constexpr std::size_t classes = 16;
constexpr std::size_t chunk_bytes_limit = std::size_t{256} << 20;
constexpr std::size_t cached_per_thread = 1024;

#ifndef MADV_GUARD_INSTALL
constexpr int MADV_GUARD_INSTALL = 102;  // Linux 6.13; older headers lack the name
#endif

using detail::slot_colour_bytes;
using detail::slot_colours;
using detail::slot_reserved;
using detail::stack_chunk;
using free_stack = detail::stack_link;

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
            head = static_cast<free_stack*>(s->next);
            --count;
        }
        return s;
    }
};

std::size_t slot_bytes(std::size_t slot_class) noexcept { return smallest_slot << slot_class; }

std::size_t class_of(std::size_t size) noexcept {
    const std::size_t slot = std::bit_ceil(size + guard_size + slot_colours * slot_colour_bytes + slot_reserved);
    return slot <= smallest_slot ? 0 : static_cast<std::size_t>(std::countr_zero(slot / smallest_slot));
}

/// Where the link of the slot that begins here lies, and its stack ends. Neighbouring stacks end at different lines, or
/// they would all share a few cache sets.
std::byte* coloured_top(std::byte* begin, std::size_t slot) noexcept {
    const std::size_t number = reinterpret_cast<std::uintptr_t>(begin) / slot;
    return begin + slot - slot_reserved - (number % slot_colours) * slot_colour_bytes;
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
    struct growing {
        stack_chunk* chunk = nullptr;  // that new stacks are carved from
        std::size_t slots = 8;         // in the next chunk: doubles until chunk_bytes_limit
    };

    free_stack* carve(std::size_t slot_class) {
        growing& g = growing_[slot_class];
        const std::size_t slot = slot_bytes(slot_class);
        if (g.chunk == nullptr || g.chunk->next == g.chunk->end) map_chunk(g, slot);
        stack_chunk& c = *g.chunk;
        guard(c);
        detail::report_stack_overflows();
        std::byte* const top = coloured_top(c.next, slot);
        const auto size = static_cast<std::uint32_t>(top - (c.next + guard_size));
        auto* const s = new (top) free_stack{nullptr, size, static_cast<std::uint32_t>(slot_class)};
        c.next += slot;
        return s;
    }

    static void map_chunk(growing& g, std::size_t slot) {
        std::size_t slots = std::max<std::size_t>(1, std::min(g.slots, chunk_bytes_limit / slot));
        for (;; slots /= 2) {  // a smaller chunk may still fit
            void* const p = ::mmap(nullptr, slots * slot, PROT_READ | PROT_WRITE,
                                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
            if (p != MAP_FAILED) {
                ::madvise(p, slots * slot, MADV_NOHUGEPAGE);  // a huge page would give every stack 2 MiB
                auto* const begin = static_cast<std::byte*>(p);
                g.chunk = new (begin + slot - sizeof(stack_chunk))
                    stack_chunk{crocus_debug_v1.chunks, begin, begin, begin + slots * slot, slot, false};
                crocus_debug_v1.chunks = g.chunk;
                g.slots = slots * 2;
                return;
            }
            if (slots == 1)
                throw stack_exhausted("no stack: mmap of " + std::to_string(slot) +
                                      " bytes failed (out of address space, or ulimit -v, or vm.max_map_count)");
        }
    }

    void guard(stack_chunk& c) {
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
    std::array<growing, classes> growing_;
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

}  // namespace

std::size_t stack::default_size() noexcept {
    static const std::size_t size = ((sanitizer::present() ? std::size_t{1024} : std::size_t{256}) << 10) - guard_size -
                                    2 * slot_colours * slot_colour_bytes;
    return size;
}

stack::stack(std::size_t size) {
    if (size == 0 || size > largest_size)
        throw usage_error("a stack of " + std::to_string(size) + " bytes was asked for; 1 byte to 1 GiB can be had");
    const std::size_t slot_class = class_of(size);
    if (!cache.open) open_cache();
    free_stack* s = cache.free[slot_class].pop();
    if (s == nullptr) s = pool.take(slot_class);
    top_ = s;
    size_ = s->size;
    sanitizer::begin_stack(bottom(), size_);
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
    auto* const s = static_cast<free_stack*>(top_);
    const std::size_t slot_class = s->slot_class;
    free_list& list = cache.free[slot_class];
    list.push(s);
    if (cache.closed)
        pool.give(list, slot_class, 0);
    else if (list.count > cached_per_thread)
        pool.give(list, slot_class, cached_per_thread / 2);
}

}  // namespace crocus
