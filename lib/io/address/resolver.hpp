// The system's resolver, and the threads that wait for it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sys/socket.h>

#include <crocus/executor.hpp>
#include <crocus/io/address.hpp>

namespace crocus::detail {

/// What getaddrinfo is asked for.
struct look_up_hints {
    int family = AF_UNSPEC;
    int type = SOCK_STREAM;
    int flags = 0;
};

struct look_up_result {
    int error = 0;         // getaddrinfo's
    int system_error = 0;  // for EAI_SYSTEM
    std::vector<address> addresses = {};
};

look_up_result ask_system(const std::string& host, const std::string& service, look_up_hints hints);

[[noreturn]] void throw_unresolved(const std::string& host, const look_up_result& failed);

/// A plain numeric address, read without the resolver: it takes kilobytes of stack to find out that it is not needed.
std::optional<address> read_numeric(const std::string& host, std::uint16_t port);

/// Threads of this process that may wait for the resolver after everybody else has lost interest: nobody joins them.
executor& resolver_threads();

}  // namespace crocus::detail
