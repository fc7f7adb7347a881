// Which addresses are code: what tells a frame from garbage.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include <link.h>

namespace crocus::test {

/// The code of the program and its libraries, as they are loaded now.
class code_ranges {
public:
    code_ranges() {
        ::dl_iterate_phdr(
            [](dl_phdr_info* info, std::size_t, void* self) {
                for (int i = 0; i != info->dlpi_phnum; ++i) {
                    const auto& header = info->dlpi_phdr[i];
                    const std::uintptr_t begin = info->dlpi_addr + header.p_vaddr;
                    if (header.p_type == PT_LOAD && (header.p_flags & PF_X) != 0)
                        static_cast<code_ranges*>(self)->ranges_.emplace_back(begin, begin + header.p_memsz);
                }
                return 0;
            },
            this);
    }

    /// Async-signal-safe.
    [[nodiscard]] bool has(const void* address) const noexcept {
        const auto a = reinterpret_cast<std::uintptr_t>(address);
        for (const auto& [begin, end] : ranges_)
            if (a >= begin && a < end) return true;
        return false;
    }

private:
    std::vector<std::pair<std::uintptr_t, std::uintptr_t>> ranges_;
};

}  // namespace crocus::test
