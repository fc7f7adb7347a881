// Echo on Asio with stackful coroutines, over Boost.Context.
#define BOOST_ASIO_DISABLE_BOOST_COROUTINE  // the older ones, of another library

#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/spawn.hpp>
#include <boost/asio/write.hpp>

#include "asio.hpp"

namespace {

namespace asio = boost::asio;

void echo(server::tcp::socket& peer, const asio::yield_context& yield) {
    server::read_buffer buffer;
    boost::system::error_code error;
    for (;;) {
        const std::size_t n = peer.async_read_some(asio::buffer(buffer), yield[error]);
        if (error) return;
        asio::async_write(peer, asio::buffer(buffer, n), yield[error]);
        if (error) return;
    }
}

}  // namespace

int main() {
    asio::io_context context(1);
    auto acceptor = server::listen_with(context);
    const auto accept_all = [&](const asio::yield_context& yield) {
        for (;;) {
            auto peer = acceptor.async_accept(yield);
            peer.set_option(server::tcp::no_delay(true));
            asio::spawn(
                context, [p = std::move(peer)](const asio::yield_context& y) mutable { echo(p, y); }, asio::detached);
        }
    };
    asio::spawn(context, accept_all, asio::detached);
    context.run();
}
