#include "syscalls.hpp"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <thread>

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "failure.hpp"
#include "load.hpp"
#include "options.hpp"
#include "server_process.hpp"

namespace bench {

namespace {

using calls = std::map<std::string, double>;

/// What `strace -c` wrote: a line is "% seconds usecs/call calls [errors] name", with rules above and below all.
calls read_summary(const std::string& file) {
    calls result;
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);) {
        std::istringstream words(line);
        double share = 0;
        double seconds = 0;
        double each = 0;
        double count = 0;
        std::string name;
        if (!(words >> share >> seconds >> each >> count)) continue;
        while (words >> name) {
        }
        if (name != "total") result[name] = count;
    }
    return result;
}

/// strace ends, and writes, a moment after the server has. It is our child then, as count_syscalls sees to.
void await_strace() {
    for (int patience = 100; ::waitpid(-1, nullptr, WNOHANG) >= 0; --patience) {
        if (patience == 0) throw failure("strace does not end");
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
}

struct traced {
    calls made;  // from the server's start to its end
    std::uint64_t messages = 0;
};

/// One message on each connection, and then a load for so long.
traced trace(const std::string& server, std::size_t connections, std::chrono::duration<double> time) {
    char file[] = "/tmp/bench_net_XXXXXX";
    ::close(checked(::mkstemp(file), "mkstemp"));
    traced result;
    {
        // -D: the server is our own child, so that the signal that ends it is not strace's.
        server_process process(beside_this_program(server), std::nullopt, {"strace", "-D", "-c", "-f", "-o", file});
        load clients(process.port(), connections);
        clients.once();
        if (time.count() > 0) result.messages = clients.run(time).messages;
        process.end();
    }
    await_strace();
    result.made = read_summary(file);
    ::unlink(file);
    if (result.made.empty()) throw failure("strace counted nothing: may it trace here?");
    return result;
}

/// The difference to a server that has only started, accepted and answered once.
void print_calls(const std::string& server, std::size_t connections, std::chrono::duration<double> time) {
    calls before = trace(server, connections, std::chrono::seconds(0)).made;
    const auto [made, messages] = trace(server, connections, time);
    std::printf("%s, %zu connections, %llu messages, system calls for each:", server.c_str(), connections,
                static_cast<unsigned long long>(messages));
    for (const auto& [name, count] : made)
        if (const double each = (count - before[name]) / static_cast<double>(messages); each >= 0.01)
            std::printf(" %s %.2f", name.c_str(), each);
    std::printf("\n");
    std::fflush(stdout);
}

}  // namespace

void count_syscalls(const std::vector<std::string>& servers, const std::vector<std::size_t>& connections,
                    std::chrono::duration<double> time) {
    if (std::system("command -v strace >/dev/null") != 0)
        throw failure("--syscalls counts with strace, which is not installed: apt-get install strace");
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    for (const std::size_t size : connections)
        for (const std::string& server : servers) print_calls(server, size, time);
}

}  // namespace bench
