// The memory of a server's idle connections: each has had one message echoed, and waits for the next.
//
//   idle_connections [--servers=crocus_epoll,thread_each,raw_epoll] [--idle=15000] [--output=FILE]
//
// Resident bytes of the server's process. What the kernel keeps, sockets and the stacks of threads, is not among them.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <optional>

#include <sys/resource.h>

#include "failure.hpp"
#include "figures.hpp"
#include "load.hpp"
#include "options.hpp"
#include "server_process.hpp"

namespace {

constexpr std::size_t other_descriptors = 64;

/// As many as asked for, if the limit of descriptors can be raised to them. Servers inherit it.
std::size_t allowed_connections(std::size_t asked) {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    const rlim_t wanted = asked + other_descriptors;
    const rlimit raised{std::max(wanted, limit.rlim_cur), std::max(wanted, limit.rlim_max)};
    if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) return asked;
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur <= other_descriptors) throw bench::failure("RLIMIT_NOFILE leaves no descriptors");
    const auto allowed = std::min<std::size_t>(asked, limit.rlim_cur - other_descriptors);
    std::printf("RLIMIT_NOFILE cannot be raised above %llu here: %zu connections instead of %zu\n",
                static_cast<unsigned long long>(limit.rlim_max), allowed, asked);
    return allowed;
}

double bytes_per_connection(const std::string& server, std::size_t connections) {
    bench::server_process process(bench::beside_this_program(server), std::nullopt);
    const std::size_t before = process.resident_bytes();
    bench::load clients(process.port(), connections);
    clients.once();
    const std::size_t after = process.resident_bytes();
    process.end();
    return (static_cast<double>(after) - static_cast<double>(before)) / static_cast<double>(connections);
}

void run(const bench::options& asked) {
    const std::size_t connections = allowed_connections(static_cast<std::size_t>(asked.number("idle")));
    std::vector<bench::figure> figures;
    std::printf("\n%-24s %12s %7s\n", (std::to_string(connections) + " idle connections").c_str(), "bytes each", "");
    for (const std::string& server : asked.list("servers")) {
        const double bytes = bytes_per_connection(server, connections);
        figures.push_back({.name = "idle_bytes/" + server + "/" + std::to_string(connections),
                           .counter = "bytes_per_connection",
                           .counted = bytes});
        std::printf("%-24s %12.0f %6.2fx\n", server.c_str(), bytes, bytes / figures.front().counted);
        std::fflush(stdout);
    }
    bench::write_figures(asked.text("output"), "idle_bytes/", figures);
}

}  // namespace

int main(int argc, char** argv) {
    try {
        run({argc,
             argv,
             {{"servers", "crocus_epoll,thread_each,raw_epoll"}, {"idle", "15000"}, {"output", "bin/bench/net.json"}}});
        return 0;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "idle_connections: %s\n", e.what());
        return 1;
    }
}
