// System calls whose failures are exceptions.
#pragma once

#include <cerrno>
#include <system_error>

namespace crocus::detail {

[[noreturn, gnu::cold, gnu::noinline]] inline void throw_errno(const char* operation) {
    throw std::system_error(errno, std::generic_category(), operation);
}

inline int checked_result(int result, const char* operation) {
    if (result < 0) throw_errno(operation);
    return result;
}

}  // namespace crocus::detail
