// Echo on Asio with C++20 coroutines.
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "asio.hpp"

namespace {

namespace asio = boost::asio;

/// The end of the stream arrives as an exception, which detached swallows.
asio::awaitable<void> echo(server::tcp::socket peer) {
    server::read_buffer buffer;
    for (;;) {
        const std::size_t n = co_await peer.async_read_some(asio::buffer(buffer), asio::use_awaitable);
        co_await asio::async_write(peer, asio::buffer(buffer, n), asio::use_awaitable);
    }
}

asio::awaitable<void> accept_all(server::tcp::acceptor& acceptor) {
    for (;;) {
        auto peer = co_await acceptor.async_accept(asio::use_awaitable);
        peer.set_option(server::tcp::no_delay(true));
        asio::co_spawn(acceptor.get_executor(), echo(std::move(peer)), asio::detached);
    }
}

}  // namespace

int main() {
    asio::io_context context(1);
    auto acceptor = server::listen_with(context);
    asio::co_spawn(context, accept_all(acceptor), asio::detached);
    context.run();
}
