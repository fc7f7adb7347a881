#include "frame_name.hpp"

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>

#include <dlfcn.h>

#include <crocus/fiber.hpp>

#include "type_name.hpp"

namespace crocus::detail {

namespace {

constexpr std::size_t most_named = 4;

bool is_own(const std::string& name) { return name.starts_with("crocus::") || name.starts_with("libcrocus"); }

}  // namespace

std::string frame_name(void* return_address) {
    Dl_info info{};
    const auto call = reinterpret_cast<std::uintptr_t>(return_address) - 1;  // the call is the byte before
    if (::dladdr(reinterpret_cast<void*>(call), &info) == 0) return "?";
    if (info.dli_sname != nullptr) return type_name(info.dli_sname);
    const char* const slash = std::strrchr(info.dli_fname, '/');
    char offset[2 + 16 + 1];
    std::snprintf(offset, sizeof offset, "0x%zx", call - reinterpret_cast<std::uintptr_t>(info.dli_fbase));
    return std::string(slash != nullptr ? slash + 1 : info.dli_fname) + "+" + offset;
}

std::string names_of(std::span<void* const> frames) {
    std::string text, last_own;
    std::size_t named = 0;
    for (void* const f : frames) {
        const std::string name = frame_name(f);
        if (is_own(name)) {
            if (named == 0) last_own = name;
            continue;
        }
        if (named == 0 && !last_own.empty()) text = last_own;
        text += (text.empty() ? "" : " < ") + name;
        if (++named == most_named) break;
    }
    return text.empty() ? last_own : text;
}

[[gnu::noinline]] std::string names_of_callers() {
    std::array<void*, 32> frames;
    return names_of(std::span(frames).first(fiber::frames_of_caller(frames)));
}

}  // namespace crocus::detail
