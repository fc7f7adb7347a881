// What the servers on Asio have in common.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "server.hpp"

namespace server {

using boost::asio::ip::tcp;

inline tcp::acceptor listen_with(boost::asio::io_context& context) {
    tcp::acceptor acceptor(context, tcp::v4());
    acceptor.bind({boost::asio::ip::address_v4::loopback(), 0});
    acceptor.listen(backlog);
    announce(acceptor.local_endpoint().port());
    return acceptor;
}

}  // namespace server
