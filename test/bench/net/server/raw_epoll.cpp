// Echo on epoll by hand: nothing but the system calls, and so the floor under the others.
#include <sys/epoll.h>

#include "server.hpp"

namespace {

void watch(int epoll, int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    server::require(::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
}

void accept_all(int epoll, int listener) {
    for (int peer; (peer = server::accept_from(listener, SOCK_NONBLOCK)) >= 0;) watch(epoll, peer);
}

/// A peer that does not take its answer is dropped: the floor keeps nothing for later.
void echo(int peer) {
    server::read_buffer buffer;
    const ssize_t n = ::recv(peer, buffer.data(), buffer.size(), 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0 || ::send(peer, buffer.data(), static_cast<std::size_t>(n), MSG_NOSIGNAL) != n) ::close(peer);
}

}  // namespace

int main() {
    const int listener = server::listen_on_loopback(SOCK_NONBLOCK);
    const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
    watch(epoll, listener);
    std::array<epoll_event, 256> events;
    for (;;) {
        const int n = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
        server::require(n >= 0 || errno == EINTR, "epoll_wait");
        for (int i = 0; i < n; ++i) {
            const int fd = events[static_cast<std::size_t>(i)].data.fd;
            fd == listener ? accept_all(epoll, listener) : echo(fd);
        }
    }
}
