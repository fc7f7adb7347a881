#include <crocus/datagram.hpp>

#include <algorithm>
#include <utility>

#include <crocus/error.hpp>

#include "datagram/opening.hpp"

namespace crocus {

namespace {

std::span<const std::byte> bytes(std::string_view data) noexcept { return std::as_bytes(std::span(data)); }

iovec piece_of(std::string_view data) noexcept { return {const_cast<char*>(data.data()), data.size()}; }

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
    : socket_(std::move(owned)), max_size_(max_size), remote_(detail::peer_of(socket_)), connected_(remote_.has_value()) {}

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
    socket s = detail::open_datagram_socket(local, remote, options.family, options.allow_broadcast, options.reuse_port);
    datagram_endpoint endpoint(std::move(s), options.max_size);
    endpoint.remote_ = remote;
    return endpoint;
}

}  // namespace crocus
