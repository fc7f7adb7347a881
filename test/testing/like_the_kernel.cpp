// The simulated network does what the kernel does: each of these is run over both.
#define BOOST_TEST_MODULE testing_like_the_kernel
#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <chrono>
#include <string>
#include <system_error>
#include <utility>

#include <crocus/error.hpp>
#include <crocus/io/socket.hpp>
#include <crocus/task.hpp>
#include <crocus/testing/simulated_network.hpp>
#include <crocus/wait_queue.hpp>

#include "support/io_drivers.hpp"

using crocus::address;
using crocus::create_task;
using sock = crocus::socket;

namespace {

std::span<const std::byte> bytes_of(std::string_view s) { return std::as_bytes(std::span(s)); }

std::string receive(sock& from, std::size_t most = 64) {
    std::string text(most, '\0');
    text.resize(from.recv(std::as_writable_bytes(std::span(text))));
    return text;
}

/// What has been sent on a loopback interface is there.
std::string what_there_is(sock& at) {
    at.descriptor().wait_readable();
    return receive(at);
}

std::size_t send(sock& to, std::string_view text) {
    const iovec piece{const_cast<char*>(text.data()), text.size()};
    return to.send({&piece, 1});
}

/// "recv: ECONNRESET" and its kind; "" if nothing leaves `f`.
template <class F>
std::string error_of(F f) {
    try {
        f();
        return "";
    } catch (const std::system_error& e) {
        const std::string what = e.what();
        return what.substr(0, what.find(':')) + ": " + ::strerrorname_np(e.code().value());
    }
}

const address loopback = address::parse("127.0.0.1", 0);

sock listening(const address& on = loopback) {
    sock s(on.family());
    s.bind(on);
    s.listen(10);
    return s;
}

struct ends {
    sock client;
    sock server;
};

ends tcp_pair() {
    sock door = listening();
    sock client(AF_INET);
    client.connect(door.local_address());
    return {std::move(client), door.accept()};
}

/// A port that nobody has.
address nobody(int type = SOCK_STREAM) {
    sock s(AF_INET, type);
    s.bind(loopback);
    return s.local_address();
}

template <class F>
void on_both(F f) {
    crocus::test::on_each_driver({"epoll", "simulated"}, f);
}

}  // namespace

BOOST_AUTO_TEST_CASE(what_a_fresh_stream_socket_cannot_do) {
    on_both([] {
        for (const int family : {AF_INET, AF_UNIX}) {
            sock s(family);
            const bool tcp = family == AF_INET;
            BOOST_TEST(error_of([&] { receive(s); }) == (tcp ? "recv: ENOTCONN" : "recv: EINVAL"));
            BOOST_TEST(error_of([&] { send(s, "x"); }) == (tcp ? "send: EPIPE" : "send: ENOTCONN"));
            BOOST_TEST(error_of([&] { s.accept(); }) == "accept: EINVAL");
            BOOST_TEST(error_of([&] { s.shutdown_send(); }) == (tcp ? "shutdown: ENOTCONN" : ""));
            BOOST_TEST(error_of([&] { static_cast<void>(s.remote_address()); }) == "getpeername: ENOTCONN");
            BOOST_TEST(s.local_address().port() == 0u);
        }
        BOOST_TEST(error_of([] { sock(AF_INET).connect(nobody()); }).ends_with("ECONNREFUSED"));
        sock s(AF_INET);
        sock door = listening();
        s.connect(door.local_address());
        error_of([&] { s.connect(door.local_address()); });  // the kernel takes the first as a question how it went
        BOOST_TEST(error_of([&] { s.connect(door.local_address()); }).ends_with("EISCONN"));
        BOOST_TEST(error_of([&] { s.listen(1); }) == "listen: EINVAL");
        BOOST_TEST(error_of([&] { sock(AF_UNIX).listen(1); }) == "listen: EINVAL");
        BOOST_TEST(error_of([&] { s.bind(loopback); }).ends_with("EINVAL"));
        BOOST_TEST(error_of([&] { listening(door.local_address()); }).ends_with("EADDRINUSE"));
        BOOST_TEST(error_of([&] { receive(door); }) == "recv: ENOTCONN");
    });
}

BOOST_AUTO_TEST_CASE(how_a_connection_ends) {
    on_both([] {
        {
            auto [client, server] = tcp_pair();
            send(client, "last");
            client.shutdown_send();
            client.shutdown_send();
            BOOST_TEST(error_of([&] { send(client, "x"); }) == "send: EPIPE");
            BOOST_TEST(receive(server) == "last");
            BOOST_TEST(receive(server) == "");
            BOOST_TEST(receive(server) == "");
            BOOST_TEST(send(server, "answer") == 6u);
            BOOST_TEST(receive(client) == "answer");
            server.close();
            BOOST_TEST(receive(client) == "");
        }
        {
            auto [client, server] = tcp_pair();
            server.close();
            BOOST_TEST(what_there_is(client) == "");
            BOOST_TEST(send(client, "x") == 1u);
            BOOST_TEST(error_of([&] { send(client, "x"); }) == "send: EPIPE");
            BOOST_TEST(receive(client) == "");
        }
        {
            auto [client, server] = tcp_pair();
            send(client, "unread");
            server.descriptor().wait_readable();
            server.close();
            BOOST_TEST(error_of([&] { receive(client); }) == "recv: ECONNRESET");
        }
        {
            auto [client, server] = tcp_pair();
            send(server, "last words");
            client.descriptor().wait_readable();
            server.abort();
            BOOST_TEST(error_of([&] { send(client, "x"); }) == "send: ECONNRESET");
            auto [client_2, server_2] = tcp_pair();
            auto reading = create_task([&, &s = client_2] { return receive(s); });
            crocus::yield_now();
            server_2.abort();
            BOOST_TEST(error_of([&] { reading.get(); }) == "recv: ECONNRESET");
        }
        {
            auto [a, b] = sock::pair();
            send(b, "last words");
            b.close();
            BOOST_TEST(error_of([&, &s = a] { send(s, "x"); }) == "send: EPIPE");
            BOOST_TEST(receive(a) == "last words");
            BOOST_TEST(receive(a) == "");
            auto [c, d] = sock::pair();
            send(c, "unread");
            d.close();
            BOOST_TEST(error_of([&, &s = c] { receive(s); }) == "recv: ECONNRESET");
        }
    });
}

BOOST_AUTO_TEST_CASE(what_a_listener_that_closes_does_to_those_it_has_not_accepted) {
    on_both([] {
        sock door = listening();
        sock client(AF_INET);
        client.connect(door.local_address());
        door.close();
        BOOST_TEST(error_of([&] { receive(client); }) == "recv: ECONNRESET");
    });
}

BOOST_AUTO_TEST_CASE(addresses_of_both_ends) {
    on_both([] {
        sock any(AF_INET);
        any.bind(address());
        any.listen(1);
        BOOST_TEST(any.local_address().host() == "0.0.0.0");
        sock client(AF_INET);
        client.connect(address::parse("127.0.0.1", any.local_address().port()));
        sock server = any.accept();
        BOOST_TEST(client.local_address().host() == "127.0.0.1");
        BOOST_TEST((client.local_address() == server.remote_address()));
        BOOST_TEST((client.remote_address() == server.local_address()));
        const std::string name("\0crocus-like-the-kernel", 23);
        sock door = listening(address::local(name));
        sock local(AF_UNIX);
        local.connect(address::local(name));
        sock accepted = door.accept();
        BOOST_TEST((accepted.local_address().path() == name));
        BOOST_TEST((local.remote_address().path() == name));
        BOOST_TEST(accepted.remote_address().path() == "");
        BOOST_TEST(error_of([&] { listening(address::local(name)); }).ends_with("EADDRINUSE"));
        BOOST_TEST(error_of([] { sock(AF_UNIX).connect(address::local("/nowhere/at/all")); }).ends_with("ENOENT"));
        BOOST_TEST(error_of([] {
                       sock(AF_UNIX).connect(address::local(std::string("\0none", 5)));
                   }).ends_with("ECONNREFUSED"));
    });
}

BOOST_AUTO_TEST_CASE(datagrams) {
    on_both([] {
        sock to(AF_INET, SOCK_DGRAM);
        to.bind(loopback);
        sock from(AF_INET, SOCK_DGRAM);
        BOOST_TEST(error_of([&] { send(from, "x"); }) == "send: EDESTADDRREQ");
        from.send_to(bytes_of("0123456789"), to.local_address());
        std::byte room[4];
        const auto first = to.recv_from(room);
        BOOST_TEST(first.size == 10u);
        BOOST_TEST(first.from.to_string() == "127.0.0.1:" + std::to_string(from.local_address().port()));
        BOOST_TEST(!to.try_recv_from(room));
        from.connect(to.local_address());
        BOOST_TEST(send(from, "") == 0u);
        BOOST_TEST(what_there_is(to) == "");
        BOOST_TEST(error_of([&] { send(from, std::string(70000, 'x')); }) == "send: EMSGSIZE");
        sock lonely(AF_INET, SOCK_DGRAM);
        lonely.connect(nobody(SOCK_DGRAM));
        BOOST_TEST(send(lonely, "x") == 1u);
        BOOST_TEST(error_of([&] { receive(lonely); }) == "recv: ECONNREFUSED");
        BOOST_TEST(send(lonely, "x") == 1u);
        BOOST_TEST(error_of([] { sock(AF_INET, SOCK_DGRAM).listen(1); }) == "listen: EOPNOTSUPP");
        BOOST_TEST(error_of([&] { from.accept(); }) == "accept: EOPNOTSUPP");
        auto [a, b] = sock::pair(SOCK_DGRAM);
        send(a, "one");
        send(a, "two");
        BOOST_TEST(receive(b, 2) == "on");
        BOOST_TEST(receive(b) == "two");
        b.close();
        BOOST_TEST(error_of([&, &s = a] { send(s, "x"); }) == "send: ECONNREFUSED");
        BOOST_TEST(error_of([] { send(*std::make_unique<sock>(AF_UNIX, SOCK_DGRAM), "x"); }) == "send: ENOTCONN");
    });
}

BOOST_AUTO_TEST_CASE(kinds_that_there_are_not) {
    on_both([] {
        BOOST_TEST(error_of([] { sock(AF_INET, SOCK_RDM); }) == "socket: ESOCKTNOSUPPORT");
        BOOST_TEST(error_of([] {
                       crocus::event_loop::current().driver().open_socket(AF_INET, SOCK_STREAM, IPPROTO_UDP);
                   }) == "socket: EPROTONOSUPPORT");
        BOOST_TEST(error_of([] { sock(99); }) == "socket: EAFNOSUPPORT");
    });
}
