// What the servers in C++ have in common: each tells its port once it listens, and what it has used at each SIGUSR1.
#pragma once

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

namespace server {

using read_buffer = std::array<char, 4096>;

constexpr int backlog = 4096;

/// Writes the number's digits in front of `at`, and returns where they begin.
inline char* put_before(char* at, std::int64_t number) noexcept {
    do *--at = static_cast<char>('0' + number % 10);
    while ((number /= 10) != 0);
    return at;
}

inline std::int64_t nanoseconds(timeval t) noexcept { return t.tv_sec * 1'000'000'000L + t.tv_usec * 1'000L; }

/// Writes "user system", the nanoseconds that the process has used; by itself, as a signal handler must.
inline void report_usage(int) noexcept {
    const int error = errno;
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    std::array<char, 64> line;
    char* const end = line.data() + line.size();
    char* begin = end;
    *--begin = '\n';
    begin = put_before(begin, nanoseconds(used.ru_stime));
    *--begin = ' ';
    begin = put_before(begin, nanoseconds(used.ru_utime));
    if (::write(STDOUT_FILENO, begin, static_cast<std::size_t>(end - begin)) < 0) ::_exit(1);
    errno = error;
}

/// Tells who started it that connections may come. SIGTERM ends it, as it ends any program.
inline void announce(std::uint16_t port) {
    struct sigaction action {};
    action.sa_handler = report_usage;
    action.sa_flags = SA_RESTART;
    ::sigaction(SIGUSR1, &action, nullptr);
    std::printf("%u\n", unsigned{port});
    std::fflush(stdout);
}

inline void require(bool done, const char* operation) {
    if (done) return;
    std::perror(operation);
    std::exit(1);
}

/// A socket that listens on a port of 127.0.0.1 which the system chooses. `flags`: SOCK_NONBLOCK, or nothing.
inline int listen_on_loopback(int flags) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    require(listener >= 0 && ::bind(listener, generic, size) == 0 && ::listen(listener, backlog) == 0, "listen");
    require(::getsockname(listener, generic, &size) == 0, "getsockname");
    announce(ntohs(address.sin_port));
    return listener;
}

/// The next connection, or -1 as accept4 says it.
inline int accept_from(int listener, int flags) {
    const int peer = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | flags);
    const int on = 1;
    if (peer >= 0) ::setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return peer;
}

}  // namespace server
