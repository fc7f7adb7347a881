#include <crocus/detail/block_pool.hpp>

#include <array>
#include <mutex>
#include <new>

#include "../sanitizer.hpp"

namespace crocus::detail {

namespace {

constexpr std::size_t unit = 64;  // a cache line
constexpr std::size_t classes = 16;
constexpr std::size_t blocks_per_slab = 64;
constexpr std::size_t cached_per_thread = 4096;

struct free_block_list {
    struct node {
        node* next;
    };

    void push(void* block) noexcept {
        head = new (block) node{head};
        ++count;
    }
    void* pop() noexcept {
        node* const block = head;
        head = block->next;
        --count;
        return block;
    }

    node* head = nullptr;
    std::size_t count = 0;
};

using lists = std::array<free_block_list, classes>;

/// Blocks that no thread's lists hold. Slabs are never given back: what was needed once is needed again.
class global_pool {
public:
    void fill(free_block_list& list, std::size_t c) {
        const std::scoped_lock lock(mutex_);
        while (free_[c].count != 0 && list.count != blocks_per_slab) list.push(free_[c].pop());
        if (list.count != 0) return;
        const std::size_t size = (c + 1) * unit;
        auto* const slab = static_cast<std::byte*>(::operator new(size* blocks_per_slab, std::align_val_t(unit)));
        for (std::size_t i = blocks_per_slab; i != 0;) list.push(slab + --i * size);
    }

    void take_back(free_block_list& list, std::size_t c, std::size_t keep) noexcept {
        const std::scoped_lock lock(mutex_);
        while (list.count > keep) free_[c].push(list.pop());
    }

private:
    std::mutex mutex_;
    lists free_;
};

// Never destroyed: tasks may outlive main.
global_pool& pool() {
    static auto* const instance = new global_pool;
    return *instance;
}

struct thread_lists {
    lists free;
    bool open = false;    // its owner, below, exists
    bool closed = false;  // the thread is ending: blocks go back at once
};

[[gnu::tls_model("initial-exec")]] constinit thread_local thread_lists cache;

struct thread_lists_owner {
    thread_lists_owner() { cache.open = true; }
    ~thread_lists_owner() {
        cache.closed = true;
        for (std::size_t c = 0; c != classes; ++c) pool().take_back(cache.free[c], c, 0);
    }
};

void open_cache() {
    thread_local const thread_lists_owner owner;
    static_cast<void>(owner);
}

bool pooled(std::size_t size) noexcept { return size <= classes * unit && !sanitizer::present(); }

}  // namespace

void* allocate_block(std::size_t size) {
    if (!pooled(size)) return ::operator new(size);
    const std::size_t c = (size - 1) / unit;
    free_block_list& list = cache.free[c];
    if (list.count == 0) [[unlikely]] {
        if (!cache.open) open_cache();
        pool().fill(list, c);
    }
    return list.pop();
}

void free_block(void* block, std::size_t size) noexcept {
    if (!pooled(size)) return ::operator delete(block);
    const std::size_t c = (size - 1) / unit;
    free_block_list& list = cache.free[c];
    list.push(block);
    if (list.count > cached_per_thread || !cache.open || cache.closed) [[unlikely]] {
        if (!cache.open) open_cache();
        pool().take_back(list, c, cache.closed ? 0 : cached_per_thread / 2);
    }
}

}  // namespace crocus::detail
