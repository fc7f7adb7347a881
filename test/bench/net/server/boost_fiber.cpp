// Echo on Boost.Fiber: a fiber for each connection, and a scheduler that sleeps in epoll.
#include <algorithm>
#include <chrono>
#include <climits>
#include <utility>

#include <sys/epoll.h>
#include <boost/fiber/algo/round_robin.hpp>
#include <boost/fiber/context.hpp>
#include <boost/fiber/fiber.hpp>
#include <boost/fiber/operations.hpp>

#include "server.hpp"

namespace {

using boost::fibers::context;

const int epoll = ::epoll_create1(EPOLL_CLOEXEC);

/// A socket, closed with its owner, on whose readiness one fiber may wait.
class waited_socket {
public:
    explicit waited_socket(int fd) : fd_(fd) { control(EPOLL_CTL_ADD, EPOLLIN); }
    waited_socket(const waited_socket&) = delete;
    waited_socket& operator=(const waited_socket&) = delete;
    ~waited_socket() { ::close(fd_); }

    [[nodiscard]] int fd() const noexcept { return fd_; }

    void wait_readable() {
        waiter_ = context::active();
        waiter_->suspend();
    }

    void wait_writable() {
        control(EPOLL_CTL_MOD, EPOLLOUT);
        wait_readable();
        control(EPOLL_CTL_MOD, EPOLLIN);
    }

    void wake() noexcept {
        if (waiter_ != nullptr) context::active()->schedule(std::exchange(waiter_, nullptr));
    }

private:
    void control(int operation, std::uint32_t events) {
        epoll_event event{};
        event.events = events;
        event.data.ptr = this;
        server::require(::epoll_ctl(epoll, operation, fd_, &event) == 0, "epoll_ctl");
    }

    int fd_;
    context* waiter_ = nullptr;
};

class epoll_scheduler : public boost::fibers::algo::round_robin {
public:
    /// Called when no fiber is ready.
    void suspend_until(const std::chrono::steady_clock::time_point& until) noexcept override {
        using namespace std::chrono;
        int timeout = -1;
        if (until != steady_clock::time_point::max())
            timeout =
                static_cast<int>(std::clamp<long>(ceil<milliseconds>(until - steady_clock::now()).count(), 0, INT_MAX));
        std::array<epoll_event, 256> events;
        const int n = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), timeout);
        for (int i = 0; i < n; ++i) static_cast<waited_socket*>(events[static_cast<std::size_t>(i)].data.ptr)->wake();
    }

    void notify() noexcept override {}  // for other threads, of which there are none
};

bool send_all(waited_socket& peer, const char* data, std::size_t size) {
    while (size != 0) {
        const ssize_t n = ::send(peer.fd(), data, size, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN) return false;
        if (n < 0)
            peer.wait_writable();
        else
            data += n, size -= static_cast<std::size_t>(n);
    }
    return true;
}

void echo(int fd) {
    waited_socket peer(fd);
    server::read_buffer buffer;
    for (;;) {
        peer.wait_readable();
        const ssize_t n = ::recv(fd, buffer.data(), buffer.size(), 0);
        if (n < 0 && errno == EAGAIN) continue;
        if (n <= 0 || !send_all(peer, buffer.data(), static_cast<std::size_t>(n))) return;
    }
}

}  // namespace

int main() {
    boost::fibers::use_scheduling_algorithm<epoll_scheduler>();
    waited_socket listener(server::listen_on_loopback(SOCK_NONBLOCK));
    for (;;) {
        listener.wait_readable();
        for (int peer; (peer = server::accept_from(listener.fd(), SOCK_NONBLOCK)) >= 0;)
            boost::fibers::fiber(echo, peer).detach();
    }
}
