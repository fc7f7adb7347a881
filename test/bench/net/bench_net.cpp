// Echo over TCP: servers on one core, the load on another, in rounds, so that what changes meanwhile meets them all.
//
//   bench_net [--servers=crocus_epoll,raw_epoll...] [--connections=1,64,1000] [--rounds=5] [--seconds=1]
//   [--output=FILE] bench_net --syscalls [...]   instead: the system calls for each message, as strace counts them
//
// What counts is CPU time for each message, the server's own: a throughput over loopback swings.
#include <cstdio>
#include <exception>
#include <filesystem>

#include "comparison.hpp"
#include "cores.hpp"
#include "failure.hpp"
#include "options.hpp"
#include "syscalls.hpp"

namespace {

const char* const all_servers =
    "crocus_epoll,raw_epoll,boost_fiber,asio_callback,asio_spawn,asio_awaitable,libuv,go,uvloop";

/// Those that were built: some need what not every machine has.
std::vector<std::string> present(const std::vector<std::string>& servers) {
    std::vector<std::string> found;
    for (const std::string& server : servers) {
        if (std::filesystem::exists(bench::beside_this_program(server)))
            found.push_back(server);
        else
            std::printf("%s is left out: no such server was built (bootstrap --all brings what go and uvloop need)\n",
                        server.c_str());
    }
    if (found.empty()) throw bench::failure("no server is left");
    return found;
}

void run(const bench::options& asked) {
    const auto servers = present(asked.list("servers"));
    const std::chrono::duration<double> time(asked.number("seconds"));
    const bench::cores where = bench::choose_cores();
    bench::pin_to(where.load);
    if (!asked.text("syscalls").empty()) return bench::count_syscalls(servers, asked.sizes("connections"), time);
    bench::comparison figures(where, time);
    for (const std::size_t connections : asked.sizes("connections")) {
        for (double round = 0; round < asked.number("rounds"); ++round)
            for (const std::string& server : servers) figures.measure(server, connections);
        figures.print(servers, connections);
    }
    figures.write(asked.text("output"));
}

}  // namespace

int main(int argc, char** argv) {
    try {
        run({argc,
             argv,
             {{"servers", all_servers},
              {"connections", "1,64,1000"},
              {"rounds", "5"},
              {"seconds", "1"},
              {"output", "bin/bench/net.json"},
              {"syscalls", ""}}});
        return 0;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "bench_net: %s\n", e.what());
        return 1;
    }
}
