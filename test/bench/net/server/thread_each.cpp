// Echo on native threads: one for each connection, which blocks.
#include <thread>

#include "server.hpp"

namespace {

void echo(int peer) {
    server::read_buffer buffer;
    ssize_t n = 0;
    while ((n = ::recv(peer, buffer.data(), buffer.size(), 0)) > 0)
        if (::send(peer, buffer.data(), static_cast<std::size_t>(n), MSG_NOSIGNAL) != n) break;
    ::close(peer);
}

}  // namespace

int main() {
    const int listener = server::listen_on_loopback(0);
    for (;;) {
        const int peer = server::accept_from(listener, 0);
        server::require(peer >= 0, "accept");
        std::thread(echo, peer).detach();
    }
}
