// Echo on Asio with callbacks.
#include <memory>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

#include "asio.hpp"

namespace {

using boost::system::error_code;

class session : public std::enable_shared_from_this<session> {
public:
    explicit session(server::tcp::socket peer) : peer_(std::move(peer)) {}

    void read() {
        peer_.async_read_some(boost::asio::buffer(buffer_),
                              [self = shared_from_this()](error_code error, std::size_t n) {
                                  if (!error) self->write(n);
                              });
    }

private:
    void write(std::size_t n) {
        boost::asio::async_write(peer_, boost::asio::buffer(buffer_, n),
                                 [self = shared_from_this()](error_code error, std::size_t) {
                                     if (!error) self->read();
                                 });
    }

    server::tcp::socket peer_;
    server::read_buffer buffer_;
};

void accept_next(server::tcp::acceptor& acceptor) {
    acceptor.async_accept([&acceptor](error_code error, server::tcp::socket peer) {
        if (!error) {
            peer.set_option(server::tcp::no_delay(true));
            std::make_shared<session>(std::move(peer))->read();
        }
        accept_next(acceptor);
    });
}

}  // namespace

int main() {
    boost::asio::io_context context(1);
    auto acceptor = server::listen_with(context);
    accept_next(acceptor);
    context.run();
}
