// High-water marks. A fiber's stack begins with untouched pages, and when the fiber has ended the kernel says which are
// there.
#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <sys/mman.h>
#include <unistd.h>

#include <crocus/stack.hpp>

#include "../detail/stack_recorder.hpp"

namespace crocus {

namespace {

std::size_t page_size() noexcept {
    static const auto size = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    return size;
}

/// The usable bytes below a stack's top page. That page is always touched, and what links free stacks lies in it.
std::size_t bytes_below_top_page(const stack& s) noexcept { return s.size() / page_size() * page_size(); }

/// Bytes from the lowest touched page to the top, as far as the kernel has them in memory.
std::size_t touched_bytes(const stack& s) noexcept {
    auto* const bottom = static_cast<std::byte*>(s.bottom());
    const std::size_t below = bytes_below_top_page(s);
    unsigned char present[256];
    for (std::size_t at = 0; at < below; at += sizeof present * page_size()) {
        const std::size_t size = std::min(sizeof present * page_size(), below - at);
        if (::mincore(bottom + at, size, present) != 0) break;
        unsigned char* const end = present + size / page_size();
        unsigned char* const first = std::find_if(present, end, [](unsigned char page) { return (page & 1) != 0; });
        if (first != end) return s.size() - at - static_cast<std::size_t>(first - present) * page_size();
    }
    return s.size() - below;
}

struct records {
    using place = std::tuple<std::string, std::string, std::uint_least32_t>;
    std::mutex mutex;
    std::map<place, stack_use> by_place;
};

// Never destroyed: fibers may end after main has.
records& all() {
    static auto* const instance = new records;
    return *instance;
}

}  // namespace

namespace detail {

constinit std::atomic<bool> recording_stack_use{false};

bool forget_pages(const stack& s, const void* top) noexcept {
    const auto usable =
        static_cast<std::size_t>(static_cast<const std::byte*>(top) - static_cast<std::byte*>(s.bottom()));
    return ::madvise(s.bottom(), usable / page_size() * page_size(), MADV_DONTNEED) == 0;  // locked memory stays
}

void end_recording(const stack& s, const flow_identity* who) noexcept {
    const std::size_t touched = touched_bytes(s);
    try {
        stack_use fresh;
        fresh.kind = who != nullptr ? who->kind : "fiber";
        if (who != nullptr) fresh.file = who->site.file_name();
        if (who != nullptr) fresh.line = who->site.line();
        const std::scoped_lock lock(all().mutex);
        const records::place place{fresh.kind, fresh.file, fresh.line};
        stack_use& use = all().by_place.try_emplace(place, std::move(fresh)).first->second;
        use.stack_size = std::max(use.stack_size, s.size());
        use.high_water = std::max(use.high_water, touched);
        ++use.count;
    } catch (...) {  // no memory: the program goes on, and this use is missing
    }
}

}  // namespace detail

void stack_use::record(bool on) noexcept { detail::recording_stack_use.store(on, std::memory_order_relaxed); }

std::vector<stack_use> stack_use::recorded() {
    const std::scoped_lock lock(all().mutex);
    std::vector<stack_use> uses;
    for (const auto& [place, use] : all().by_place) uses.push_back(use);
    return uses;
}

}  // namespace crocus
