#include "server_process.hpp"

#include <charconv>

#include "failure.hpp"

namespace compare {

server_process::server_process(const options& of)
    : child_({"--role=server", std::to_string(of.seed), std::to_string(of.latency.least.count()),
              std::to_string(of.latency.most.count())}) {
    const std::string line = child_.next_line(std::chrono::seconds(30)).value_or("");
    constexpr std::string_view prefix = "port ";
    const char* const end = line.data() + line.size();
    if (!line.starts_with(prefix) || std::from_chars(line.data() + prefix.size(), end, port_).ptr != end)
        throw failure("the server does not start (" + (line.empty() ? "it says nothing" : line) +
                      "): can this machine listen on 127.0.0.1?");
}

void server_process::check() {
    child_.next_line(std::chrono::milliseconds(0));
    if (child_.ended()) throw failure("the server died (" + describe_exit(child_.wait().status) + "): run it again");
}

}  // namespace compare
