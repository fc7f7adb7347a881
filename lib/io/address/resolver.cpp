#include "resolver.hpp"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

#include <crocus/detail/fork_mark.hpp>
#include <crocus/error.hpp>
#include <crocus/thread_pool.hpp>

namespace crocus::detail {

look_up_result ask_system(const std::string& host, const std::string& service, look_up_hints hints) {
    addrinfo wanted{};
    wanted.ai_family = hints.family;
    wanted.ai_socktype = hints.type;
    wanted.ai_flags = hints.flags;
    addrinfo* list = nullptr;
    look_up_result result;
    const char* const named = host.empty() ? nullptr : host.c_str();
    result.error = ::getaddrinfo(named, service.empty() ? "0" : service.c_str(), &wanted, &list);
    result.system_error = errno;
    if (result.error != 0) return result;
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, ::freeaddrinfo);
    for (const addrinfo* a = list; a != nullptr; a = a->ai_next)
        result.addresses.emplace_back(a->ai_addr, a->ai_addrlen);
    return result;
}

void throw_unresolved(const std::string& host, const look_up_result& failed) {
    const char* const reason =
        failed.error == EAI_SYSTEM ? std::strerror(failed.system_error) : ::gai_strerror(failed.error);
    throw resolve_error("cannot find an address for '" + host + "': " + reason);
}

std::optional<address> read_numeric(const std::string& host, std::uint16_t port) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    if (::inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1)
        return address(reinterpret_cast<const sockaddr*>(&v4), sizeof v4);
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    if (::inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) == 1)
        return address(reinterpret_cast<const sockaddr*>(&v6), sizeof v6);
    return std::nullopt;
}

namespace {

struct resolver_pool {
    thread_pool_executor threads{{.max_workers = 32, .thread_name_prefix = "resolver"}};
    fork_mark made;
};

}  // namespace

/// It is never destroyed: its threads may be anywhere in the resolver. Without a lock, which a fork could leave locked.
executor& resolver_threads() {
    static std::atomic<resolver_pool*> pool{nullptr};
    resolver_pool* current = pool.load(std::memory_order_acquire);
    while (current == nullptr || current->made.passed()) {
        auto fresh = std::make_unique<resolver_pool>();
        if (pool.compare_exchange_strong(current, fresh.get(), std::memory_order_acq_rel)) current = fresh.release();
    }
    return current->threads;
}

}  // namespace crocus::detail
