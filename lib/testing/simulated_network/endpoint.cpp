#include "endpoint.hpp"

#include <algorithm>

#include <netinet/in.h>

namespace crocus::testing::in_memory {

namespace {

const sockaddr_in& v4_of(const address& a) noexcept { return *reinterpret_cast<const sockaddr_in*>(a.data()); }
const sockaddr_in6& v6_of(const address& a) noexcept { return *reinterpret_cast<const sockaddr_in6*>(a.data()); }

address loopback_v4() {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return {reinterpret_cast<const sockaddr*>(&a), sizeof a};
}

address loopback_v6() {
    sockaddr_in6 a{};
    a.sin6_family = AF_INET6;
    a.sin6_addr = in6addr_loopback;
    return {reinterpret_cast<const sockaddr*>(&a), sizeof a};
}

}  // namespace

address no_address(int family) {
    if (family == AF_INET) return {};
    if (family == AF_UNIX) return address::local("");
    sockaddr_in6 a{};
    a.sin6_family = AF_INET6;
    return {reinterpret_cast<const sockaddr*>(&a), sizeof a};
}

bool is_any(const address& a) noexcept {
    if (a.family() == AF_INET) return v4_of(a).sin_addr.s_addr == htonl(INADDR_ANY);
    return a.family() == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&v6_of(a).sin6_addr);
}

address source_for(const address& to) {
    if (to.family() == AF_INET) {
        const bool loopback = ntohl(v4_of(to).sin_addr.s_addr) >> 24U == IN_LOOPBACKNET;
        if (loopback || is_any(to)) return loopback_v4();
    } else if (is_any(to)) {
        return loopback_v6();
    }
    address same = to;
    same.set_port(0);
    return same;
}

endpoint::endpoint(std::size_t n, int f, int t)
    : number(n), family(f), type(t), local(no_address(f)), remote(no_address(f)) {
    if (!is_stream()) mail = std::make_unique<mailbox>();
}

endpoint::~endpoint() {
    if (link && link->ends[end] == this) link->ends[end] = nullptr;
}

bool endpoint::readable() const noexcept {
    if (is == phase::listening) return !door->arrived.empty();
    if (error != 0 || read_shut) return true;
    if (mail) return !mail->arrived.empty();
    if (is == phase::connecting) return false;
    return !link || incoming().unread() != 0 || incoming().ended;
}

bool endpoint::writable(std::size_t buffer) const noexcept {
    if (error != 0 || write_shut) return true;
    if (mail) {
        const auto peer = mail->peer.lock();
        return !peer || peer->mail->bytes < buffer;
    }
    if (is == phase::connecting) return false;
    return !link || outgoing().room(buffer) != 0 || (is_local() && other_end() == nullptr);
}

std::string text_of(const address& a) {
    std::string text = a.to_string();
    return text.empty() ? "a nameless socket" : text;
}

std::string endpoint::name() const {
    const std::string where = local.to_string();
    return "#" + std::to_string(number) + (where.empty() ? "" : " ") + where;
}

std::string endpoint::full_name() const {
    return is == phase::connecting || is == phase::connected ? name() + " with " + text_of(remote) : name();
}

std::size_t total_of(std::span<const iovec> pieces) noexcept {
    std::size_t n = 0;
    for (const iovec& p : pieces) n += p.iov_len;
    return n;
}

std::string beginning_of(std::span<const iovec> pieces, std::size_t n) {
    std::string bytes;
    bytes.reserve(n);
    for (const iovec& p : pieces) {
        if (bytes.size() == n) break;
        bytes.append(static_cast<const char*>(p.iov_base), std::min(p.iov_len, n - bytes.size()));
    }
    return bytes;
}

}  // namespace crocus::testing::in_memory
