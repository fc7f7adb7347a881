#include <crocus/datagram.hpp>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <crocus/error.hpp>

namespace crocus {

namespace {

std::span<const std::byte> bytes(std::string_view data) noexcept { return std::as_bytes(std::span(data)); }

iovec piece_of(std::string_view data) noexcept { return {const_cast<char*>(data.data()), data.size()}; }

/// Removes the file of a socket whose program has ended without doing so.
void remove_stale(const address& local) {
    const std::string path(local.path());
    struct stat found {};
    if (path.empty() || path.front() == '\0' || ::lstat(path.c_str(), &found) != 0 || !S_ISSOCK(found.st_mode)) return;
    const int probe = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (probe < 0) return;
    const bool is_stale = ::connect(probe, local.data(), local.size()) != 0 && errno == ECONNREFUSED;
    ::close(probe);
    if (is_stale) ::unlink(path.c_str());
}

/// That of the addresses, or else of the options.
int family_of(const std::optional<address>& local, const std::optional<address>& remote, int otherwise) {
    const int family = local ? local->family() : remote ? remote->family() : otherwise;
    if (family == AF_UNSPEC) throw usage_error("open_datagram: give an address, local or remote, or a family");
    if (remote && remote->family() != family)
        throw usage_error("open_datagram: " + local->to_string() + " cannot send to " + remote->to_string() +
                          ": their families differ");
    if (otherwise != AF_UNSPEC && otherwise != family)
        throw usage_error("open_datagram: the family is another one than that of the addresses");
    return family;
}

/// What a socket is connected to.
std::optional<address> peer_of(const socket& s) {
    try {
        return s.remote_address();
    } catch (const std::system_error&) {
        return std::nullopt;
    }
}

}  // namespace

/// Room for one datagram, given back for the next.
class datagram_endpoint::receiving {
public:
    explicit receiving(datagram_endpoint& of) : of_(of), room_(std::exchange(of.spare_, {})) {
        room_.resize(of.max_size_);
    }
    receiving(const receiving&) = delete;
    receiving& operator=(const receiving&) = delete;
    ~receiving() { of_.spare_.swap(room_); }

    [[nodiscard]] std::span<char> room() noexcept { return room_; }

    [[nodiscard]] datagram get(received r) const { return {room_.substr(0, r.size), std::move(r.from), r.truncated}; }

private:
    datagram_endpoint& of_;
    std::string room_;
};

datagram_endpoint::datagram_endpoint(socket owned, std::size_t max_size)
    : socket_(std::move(owned)), max_size_(max_size), remote_(peer_of(socket_)), connected_(remote_.has_value()) {}

datagram datagram_endpoint::receive() {
    receiving r(*this);
    return r.get(receive(r.room()));
}

std::optional<datagram> datagram_endpoint::try_receive() {
    receiving r(*this);
    auto got = try_receive(r.room());
    return got ? std::optional(r.get(std::move(*got))) : std::nullopt;
}

datagram_endpoint::received datagram_endpoint::receive(std::span<char> into) {
    const auto [size, from] = socket_.recv_from(std::as_writable_bytes(into));
    return {size, from, size > into.size()};
}

std::optional<datagram_endpoint::received> datagram_endpoint::try_receive(std::span<char> into) {
    const auto got = socket_.try_recv_from(std::as_writable_bytes(into));
    if (!got) return std::nullopt;
    return received{got->size, got->from, got->size > into.size()};
}

const address& datagram_endpoint::destination() const {
    if (!remote_) throw usage_error("this datagram_endpoint was opened without a remote address: say where to send to");
    return *remote_;
}

void datagram_endpoint::require_reachable(const address& to) const {
    if (connected_ && !(to == *remote_))
        throw usage_error("this datagram_endpoint is connected to " + remote_->to_string() + ", and cannot send to " +
                          to.to_string());
}

void datagram_endpoint::send(std::string_view data) { send(data, destination()); }

bool datagram_endpoint::try_send(std::string_view data) { return try_send(data, destination()); }

void datagram_endpoint::send(std::string_view data, const address& to) {
    require_reachable(to);
    if (!connected_) return socket_.send_to(bytes(data), to);
    const iovec piece = piece_of(data);
    socket_.send({&piece, 1});
}

bool datagram_endpoint::try_send(std::string_view data, const address& to) {
    require_reachable(to);
    if (!connected_) return socket_.try_send_to(bytes(data), to);
    const iovec piece = piece_of(data);
    return socket_.try_send({&piece, 1}).has_value();
}

datagram_endpoint open_datagram(const std::optional<address>& local, const std::optional<address>& remote,
                                const datagram_options& options) {
    const int family = family_of(local, remote, options.family);
    if (options.reuse_port && family == AF_UNIX)
        throw usage_error("open_datagram: reuse_port is for internet addresses, a path has no port");
    socket s(family, SOCK_DGRAM);
    if (options.reuse_port) s.set_option(SOL_SOCKET, SO_REUSEPORT, 1);
    if (options.allow_broadcast) s.set_option(SOL_SOCKET, SO_BROADCAST, 1);
    if (local) {
        if (local->is_local() && s.descriptor().native() >= 0) remove_stale(*local);
        s.bind(*local);
    }
    if (remote && !options.allow_broadcast) s.connect(*remote);
    datagram_endpoint endpoint(std::move(s), options.max_size);
    endpoint.remote_ = remote;
    return endpoint;
}

}  // namespace crocus
