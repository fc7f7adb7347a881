#include "load.hpp"

#include <array>
#include <cstring>
#include <utility>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "failure.hpp"

namespace bench {

namespace {

using std::chrono::steady_clock;

constexpr std::size_t connections_per_address = 10'000;  // of some 28,000 ports that the system gives to one
constexpr std::chrono::seconds patience{10};

constexpr std::array<char, message_size> message = [] {
    std::array<char, message_size> text{};
    for (std::size_t i = 0; i != text.size(); ++i) text[i] = static_cast<char>('!' + i);
    return text;
}();

sockaddr_in loopback(std::size_t host, std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + static_cast<std::uint32_t>(host));
    address.sin_port = htons(port);
    return address;
}

}  // namespace

load::load(std::uint16_t port, std::size_t connections)
    : epoll_(checked(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")) {
    connections_.reserve(connections);
    while (connections_.size() != connections) connect(port, connections_.size());
}

void load::connect(std::uint16_t port, std::size_t number) {
    const int fd = checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    connections_.push_back({descriptor(fd), 0});
    const int on = 1;
    const timeval limit{patience.count(), 0};
    ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);        // also of connect()
    ::setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);  // the port may serve another peer, too
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const sockaddr_in from = loopback(number / connections_per_address, 0);
    const sockaddr_in to = loopback(0, port);
    checked(::bind(fd, reinterpret_cast<const sockaddr*>(&from), sizeof from), "bind");
    checked(::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to), "connect");
    checked(::fcntl(fd, F_SETFL, O_NONBLOCK), "fcntl");
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = number;
    checked(::epoll_ctl(epoll_.native(), EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
}

void load::send(const connection& on) {
    const ssize_t sent = checked(::send(on.fd.native(), message.data(), message.size(), MSG_NOSIGNAL), "send");
    if (static_cast<std::size_t>(sent) != message.size()) throw failure("the system took a part of 64 bytes");
}

/// Whether the answer is complete.
bool load::receive(connection& from) {
    std::array<char, message_size> answer;
    const std::size_t wanted = answer.size() - from.received;
    const auto n = static_cast<std::size_t>(checked(::recv(from.fd.native(), answer.data(), wanted, 0), "recv"));
    if (n == 0) throw failure("the server closed a connection");
    if (std::memcmp(answer.data(), message.data() + from.received, n) != 0) throw failure("an echo of something else");
    from.received = n == wanted ? 0 : from.received + n;
    return n == wanted;
}

/// The answers that are complete now.
std::size_t load::collect(bool send_again) {
    std::array<epoll_event, 256> events;
    const int n =
        checked(::epoll_wait(epoll_.native(), events.data(), static_cast<int>(events.size()), 0), "epoll_wait");
    std::size_t complete = 0;
    for (int i = 0; i < n; ++i) {
        connection& c = connections_[events[static_cast<std::size_t>(i)].data.u64];
        if (!receive(c)) continue;
        ++complete;
        if (send_again) send(c);
    }
    return complete;
}

answered load::run(std::chrono::duration<double> time) {
    const auto start = steady_clock::now();
    const auto enough = start + std::chrono::duration_cast<steady_clock::duration>(time);
    if (!std::exchange(started_, true))
        for (const connection& c : connections_) send(c);
    answered result;
    auto now = start;
    for (; now < enough || (result.messages == 0 && now < start + patience); now = steady_clock::now())
        result.messages += collect(true);
    result.time = now - start;
    if (result.messages == 0) throw failure("the server answers nothing");
    return result;
}

void load::once() {
    for (const connection& c : connections_) send(c);
    const auto enough = steady_clock::now() + patience;
    for (std::size_t complete = 0; complete != connections_.size(); complete += collect(false))
        if (steady_clock::now() > enough) throw failure("the server does not answer on every connection");
}

}  // namespace bench
