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

/// Counts them where the server ends, so from its start on.
calls trace(const std::string& server, std::size_t connections, std::chrono::duration<double> time,
            std::uint64_t& messages) {
    char file[] = "/tmp/bench_net_XXXXXX";
    ::close(checked(::mkstemp(file), "mkstemp"));
    {
        // -D: the server is our own child, so that the signal that ends it is not strace's.
        server_process process(beside_this_program(server), std::nullopt, {"strace", "-D", "-c", "-f", "-o", file});
        load clients(process.port(), connections);
        messages = clients.run(time).messages;
        process.end();
    }
    await_strace();
    calls result = read_summary(file);
    ::unlink(file);
    if (result.empty()) throw failure("strace counted nothing: may it trace here?");
    return result;
}

}  // namespace

void count_syscalls(const std::vector<std::string>& servers, const std::vector<std::size_t>& connections,
                    std::chrono::duration<double> time) {
    if (std::system("command -v strace >/dev/null") != 0)
        throw failure("--syscalls counts with strace, which is not installed: apt-get install strace");
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    for (const std::size_t size : connections) {
        for (const std::string& server : servers) {
            std::uint64_t messages = 0;
            const calls counted = trace(server, size, time, messages);
            std::printf("%s, %zu connections, %llu messages, system calls for each:", server.c_str(), size,
                        static_cast<unsigned long long>(messages));
            for (const auto& [name, count] : counted)
                if (const double each = count / static_cast<double>(messages); each >= 0.01)
                    std::printf(" %s %.2f", name.c_str(), each);
            std::printf("\n");
        }
    }
}

}  // namespace bench
