#include "preflight.hpp"

#include <netdb.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <memory>

#include "blocking_download.hpp"
#include "failure.hpp"
#include "format.hpp"
#include "interrupt.hpp"

namespace compare {
namespace {

std::vector<std::string> numeric_addresses(const url& of) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const int error = getaddrinfo(of.host.c_str(), nullptr, &hints, &found);
    if (error != 0)
        throw failure("--base-url " + of.to_string() + ": no address for '" + of.host + "' (" + gai_strerror(error) +
                      "): check the name");
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(found, freeaddrinfo);
    std::vector<std::string> numbers;
    for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
        char text[NI_MAXHOST];
        if (getnameinfo(one->ai_addr, one->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST) == 0)
            numbers.emplace_back(text);
    }
    return numbers;
}

tally probe(const work_order& order, const flag_set& flags) {
    constexpr std::size_t probes = 5;
    tally answers;
    for (std::size_t i = 0; i < probes; ++i) {
        answers.add(download_blocking(order, flags, i * flags.size() / probes));
        throw_if_interrupted();
        if (answers.broken() > answers.count(outcome::corrupt)) break;
    }
    return answers;
}

}  // namespace

void require_descriptors(std::size_t concurrency) {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    getrlimit(RLIMIT_NOFILE, &limit);

    // The server has a connection's descriptor a moment longer than the client; a pool has a few per process.
    const std::size_t for_connections = concurrency + concurrency / 8;
    const std::size_t for_processes = 4 * std::min(concurrency, most_processes);
    const std::size_t needed = 32 + std::max(for_connections, for_processes);
    if (limit.rlim_cur < needed)
        throw failure("--concurrency " + std::to_string(concurrency) + " needs " + grouped(needed) +
                      " file descriptors, this system allows " + grouped(limit.rlim_cur) +
                      ": raise ulimit -Hn, or lower --concurrency");
}

work_order order_for_base_url(const options& of, const flag_set& flags) {
    work_order order;
    order.own_server = false;
    order.port = of.base_url->port;
    order.path = of.base_url->path;
    order.host = of.base_url->to_string().substr(std::string_view("http://").size());
    order.host.resize(order.host.size() - order.path.size());

    tally answers;
    std::chrono::steady_clock::duration took{};
    for (const std::string& address : numeric_addresses(*of.base_url)) {
        order.address = address;
        const auto start = std::chrono::steady_clock::now();
        answers = probe(order, flags);
        took = std::chrono::steady_clock::now() - start;
        if (answers.broken() == answers.count(outcome::corrupt)) break;
    }
    const std::string where = "--base-url " + of.base_url->to_string() + ": ";
    if (answers.broken() > answers.count(outcome::corrupt))
        throw failure(where + "no usable answer (" + answers.to_string() + "): is an HTTP server running there?");
    if (answers.count(outcome::verified) + answers.count(outcome::corrupt) == 0)
        throw failure(where + "no flags there (" + answers.to_string() + " for " + flags.name(0) +
                      " and others): serve " + std::string(flag_set::debian_directory) + ", or add the path");
    order.verify = answers.count(outcome::corrupt) == 0;
    const auto mean = std::chrono::duration_cast<std::chrono::milliseconds>(took / answers.total());
    order.latency = {mean, mean};
    return order;
}

}  // namespace compare
