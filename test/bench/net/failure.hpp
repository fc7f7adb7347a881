// What ends a measurement, and the system's reason for it.
#pragma once

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>

namespace bench {

class failure : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

[[noreturn]] inline void fail(const std::string& what) { throw failure(what + ": " + std::strerror(errno)); }

/// The result of a system call, unless it failed.
template <class Result>
Result checked(Result result, const char* what) {
    if (result < 0) fail(what);
    return result;
}

}  // namespace bench
