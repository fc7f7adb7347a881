// Names of hosts and services, looked up where that stops nobody.
#include <crocus/io/address.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include <netdb.h>

#include <crocus/concurrent_future.hpp>
#include <crocus/error.hpp>
#include <crocus/event_loop.hpp>

#include "resolver.hpp"

namespace crocus {

namespace {

executor& threads_of(executor* chosen) { return chosen != nullptr ? *chosen : detail::resolver_threads(); }

/// Calls `f`, which owns all that it uses, on such a thread: a cancelled task leaves it there.
template <class F>
auto call_elsewhere(executor* chosen, F f) {
    detail::require_can_wait();
    return threads_of(chosen).submit(std::move(f)).get();
}

std::vector<address> each_once(std::vector<address> found) {
    auto end = found.begin();
    for (auto& a : found)
        if (std::find(found.begin(), end, a) == end) *end++ = a;
    found.erase(end, found.end());
    return found;
}

/// The port that a service's number says; nothing for a name.
std::optional<std::uint16_t> read_port(const std::string& service) {
    if (service.empty()) return 0;
    if (service.find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
    std::uint16_t port = 0;
    const char* const end = service.data() + service.size();
    if (const auto read = std::from_chars(service.data(), end, port); read.ec != std::errc() || read.ptr != end)
        throw resolve_error("there is no port " + service + ": they end with 65535");
    return port;
}

/// What can be said without asking anybody: nothing for a name.
std::optional<std::vector<address>> resolve_at_once(const std::string& host, std::uint16_t port,
                                                    const resolve_options& options) {
    if (auto a = detail::read_numeric(host, port); a && (options.family == AF_UNSPEC || options.family == a->family()))
        return std::vector{*a};
    const int passive = host.empty() ? AI_PASSIVE : 0;
    auto found =
        detail::ask_system(host, std::to_string(port),
                           {options.family, options.type, options.flags | passive | AI_NUMERICHOST | AI_NUMERICSERV});
    if (found.error == EAI_NONAME && !host.empty()) return std::nullopt;
    if (found.error != 0) detail::throw_unresolved(host, found);
    return std::move(found.addresses);
}

/// What the loop's driver knows, a simulated network.
std::optional<std::vector<address>> resolve_by_driver(const std::string& host, const std::string& service,
                                                      const resolve_options& options) {
    const auto known = event_loop::current().driver().look_up(host);
    if (!known || (known->empty() && options.resolver)) return std::nullopt;
    const auto number = read_port(service);
    const std::uint16_t port = number ? *number : resolve("", service, options).front().port();
    std::vector<address> found;
    for (const sockaddr_storage& a : *known) {
        found.emplace_back(reinterpret_cast<const sockaddr*>(&a), socklen_t{sizeof a});
        found.back().set_port(port);
    }
    if (options.family != AF_UNSPEC)
        std::erase_if(found, [&](const address& a) { return a.family() != options.family; });
    if (found.empty()) throw resolve_error("'" + host + "' has no address of this family");
    return found;
}

std::vector<address> look_up(const std::string& host, const std::string& service, const resolve_options& options) {
    if (options.resolver) {
        auto found = call_elsewhere(options.where, [=, ask = options.resolver] { return ask(host, service); });
        if (found.empty()) throw resolve_error("cannot find an address for '" + host + "': there is none");
        return found;
    }
    const detail::look_up_hints hints{options.family, options.type, options.flags | (host.empty() ? AI_PASSIVE : 0)};
    auto found = call_elsewhere(options.where, [=] { return detail::ask_system(host, service, hints); });
    if (found.error != 0) detail::throw_unresolved(host + (service.empty() ? "" : ":" + service), found);
    return std::move(found.addresses);
}

}  // namespace

std::vector<address> resolve(const std::string& host, const std::string& service, const resolve_options& options) {
    if (const auto port = read_port(service))
        if (auto found = resolve_at_once(host, *port, options)) return each_once(std::move(*found));
    if (!host.empty())
        if (auto found = resolve_by_driver(host, service, options)) return each_once(std::move(*found));
    return each_once(look_up(host, service, options));
}

std::vector<address> resolve(const std::string& host, std::uint16_t port, const resolve_options& options) {
    return resolve(host, std::to_string(port), options);
}

namespace {

struct name_result {
    int error = 0;
    host_name name = {};
};

name_result ask_name(const address& of, int flags) {
    std::array<char, NI_MAXHOST> host{};
    std::array<char, NI_MAXSERV> service{};
    const int error =
        ::getnameinfo(of.data(), of.size(), host.data(), host.size(), service.data(), service.size(), flags);
    return {error, {host.data(), service.data()}};
}

}  // namespace

host_name name_of(const address& of, const name_options& options) {
    if (of.is_local()) throw usage_error("name_of: " + of.to_string() + " is a path, which has no other name");
    if (options.numeric_host && options.numeric_service) return {of.host(), std::to_string(of.port())};
    if (options.resolver) return call_elsewhere(options.where, [of, ask = options.resolver] { return ask(of); });
    const int flags = (options.numeric_host ? NI_NUMERICHOST : 0) | (options.numeric_service ? NI_NUMERICSERV : 0) |
                      (options.required ? NI_NAMEREQD : 0) | (options.datagram ? NI_DGRAM : 0);
    name_result found = call_elsewhere(options.where, [of, flags] { return ask_name(of, flags); });
    if (found.error != 0)
        throw resolve_error("cannot find a name for " + of.to_string() + ": " + ::gai_strerror(found.error));
    return std::move(found.name);
}

}  // namespace crocus
