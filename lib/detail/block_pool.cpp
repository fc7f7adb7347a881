#include <crocus/detail/block_pool.hpp>

#include <array>
#include <mutex>
#include <new>
#include <type_traits>

#include "../sanitizer.hpp"

namespace crocus::detail {

namespace {

constexpr std::size_t classes = largest_block / block_unit;
constexpr std::size_t blocks_per_slab = 64;
constexpr std::size_t cached_per_thread = 65536;

void* pop(void*& head) noexcept {
    void* const block = head;
    head = *static_cast<void**>(block);
    return block;
}

void push(void*& head, void* block) noexcept {
    *static_cast<void**>(block) = head;
    head = block;
}

/// Blocks that no thread's lists hold. Slabs are never given back: what was needed once is needed again.
class global_pool {
public:
    /// Some blocks for a list that has none.
    void fill(block_list& list, std::size_t c) {
        const std::scoped_lock lock(mutex_);
        if (free_[c] == nullptr) carve(c);
        for (std::size_t i = 0; i != blocks_per_slab && free_[c] != nullptr; ++i) {
            push(list.head, pop(free_[c]));
            --list.room;
        }
    }

    /// Blocks of a list, until it has room for so many.
    void empty(block_list& list, std::size_t c, std::size_t until_room) noexcept {
        const std::scoped_lock lock(mutex_);
        for (; list.head != nullptr && list.room != until_room; ++list.room) push(free_[c], pop(list.head));
    }

    void* take(std::size_t c) {
        const std::scoped_lock lock(mutex_);
        if (free_[c] == nullptr) carve(c);
        return pop(free_[c]);
    }

    void give(void* block, std::size_t c) noexcept {
        const std::scoped_lock lock(mutex_);
        push(free_[c], block);
    }

private:
    void carve(std::size_t c) {
        const std::size_t size = (c + 1) * block_unit;
        auto* const slab = static_cast<std::byte*>(::operator new(size* blocks_per_slab, std::align_val_t(block_unit)));
        for (std::size_t i = blocks_per_slab; i != 0;) push(free_[c], slab + --i * size);
    }

    std::mutex mutex_;
    std::array<void*, classes> free_{};
};

// Never destroyed: tasks may outlive main.
constinit global_pool pool;
static_assert(std::is_trivially_destructible_v<global_pool>);

enum class lists { not_open, open, closed };
constinit thread_local lists lists_of_thread = lists::not_open;

struct lists_owner {
    lists_owner() {
        for (block_list& list : this_thread().blocks) list.room = cached_per_thread;
        lists_of_thread = lists::open;
    }
    ~lists_owner() {
        lists_of_thread = lists::closed;
        for (std::size_t c = 0; c != classes; ++c) {
            block_list& list = this_thread().blocks[c];
            pool.empty(list, c, cached_per_thread);
            list.room = 0;
        }
    }
};

/// False if the thread is ending: its blocks come from the pool directly.
bool open_lists() {
    if (lists_of_thread == lists::not_open) {
        thread_local const lists_owner owner;
        static_cast<void>(owner);
    }
    return lists_of_thread == lists::open;
}

bool pooled(std::size_t size) noexcept {
    static const bool watched = sanitizer::watching();
    return size <= largest_block && !watched;
}

}  // namespace

void* allocate_block_slowly(std::size_t size) {
    if (!pooled(size)) return ::operator new(size);
    const std::size_t c = (size - 1) / block_unit;
    if (!open_lists()) return pool.take(c);
    block_list& list = this_thread().blocks[c];
    if (list.head == nullptr) pool.fill(list, c);
    ++list.room;
    return pop(list.head);
}

void free_block_slowly(void* block, std::size_t size) noexcept {
    if (!pooled(size)) return ::operator delete(block);
    const std::size_t c = (size - 1) / block_unit;
    if (!open_lists()) return pool.give(block, c);
    block_list& list = this_thread().blocks[c];
    if (list.room == 0) pool.empty(list, c, cached_per_thread / 2);
    push(list.head, block);
    --list.room;
}

}  // namespace crocus::detail
