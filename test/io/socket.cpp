#define BOOST_TEST_MODULE io_socket
#include <crocus/io/socket.hpp>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <netdb.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include <crocus/error.hpp>
#include <crocus/no_suspend.hpp>
#include <crocus/task.hpp>
#include <crocus/timeout.hpp>
#include <crocus/wait.hpp>

#include "support/io_drivers.hpp"
#include "support/temporary_file.hpp"

using namespace std::chrono_literals;
using crocus::address;
using crocus::create_task;
using crocus::test::all_drivers;
using crocus::test::kernel_drivers;
using crocus::test::on_each_driver;

namespace {

std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }
std::span<std::byte> room(std::string& text) { return std::as_writable_bytes(std::span(text)); }

std::string receive(crocus::socket& s, std::size_t most = 64) {
    std::string text(most, '\0');
    text.resize(s.recv(room(text)));
    return text;
}

std::string receive_all(crocus::socket& s) {
    std::string all;
    for (std::string part; !(part = receive(s, 30'000)).empty();) all += part;
    return all;
}

crocus::socket listener(int backlog = 5) {
    crocus::socket s(AF_INET);
    s.bind(address::parse("127.0.0.1", 0));
    s.listen(backlog);
    return s;
}

/// Two that are connected over TCP.
std::pair<crocus::socket, crocus::socket> tcp_pair() {
    auto l = listener();
    crocus::socket near(AF_INET);
    near.connect(l.local_address());
    return {std::move(near), l.accept()};
}

crocus::socket datagram_socket() {
    crocus::socket s(AF_INET, SOCK_DGRAM);
    s.bind(address::parse("127.0.0.1", 0));
    return s;
}

/// A task that waits in `f`.
template <class F>
auto waiting(F f) {
    auto t = create_task(std::move(f));
    crocus::yield_now();
    BOOST_TEST(!t.done());
    return t;
}

/// So many bytes that no two places look alike.
std::string huge(std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i != size; ++i) text[i] = static_cast<char>(i * 7 + i / 251);
    return text;
}

bool fails_with(std::errc code, const std::system_error& e) { return e.code() == code; }

}  // namespace

// --------------------------------------------------------------------------------------------------- receiving,
// sending

BOOST_AUTO_TEST_CASE(small_messages_of_tcp_sockets_are_sent_at_once_on_both_sides) {  // R14
    on_each_driver(kernel_drivers, [] {
        crocus::socket listener(AF_INET);
        listener.bind(crocus::address::parse("127.0.0.1", 0));
        listener.listen(1);
        crocus::socket client(AF_INET);
        client.connect(listener.local_address());
        const crocus::socket server = listener.accept();
        BOOST_TEST(client.get_option(IPPROTO_TCP, TCP_NODELAY) != 0);
        BOOST_TEST(server.get_option(IPPROTO_TCP, TCP_NODELAY) != 0);
    });
}

BOOST_AUTO_TEST_CASE(what_can_be_done_at_once_suspends_nobody) {  // L46
    on_each_driver(all_drivers, [] {
        auto [near, far] = crocus::socket::pair();
        std::string text(9, '\0');
        BOOST_TEST(!near.try_recv(room(text)));
        const crocus::no_suspend here;
        far.send_all(bytes("abc"));
        BOOST_TEST(receive(near) == "abc");
        far.send_all(bytes("def"));
        BOOST_TEST(near.try_recv(room(text)).value() == 3u);
        far.close();
        BOOST_TEST(near.try_recv(room(text)).value() == 0u);
        BOOST_TEST(near.recv(room(text)) == 0u);
    });
}

BOOST_AUTO_TEST_CASE(huge_content_arrives_as_it_was_sent) {  // L46
    on_each_driver(all_drivers, [] {
        const std::string sent = huge(8 << 20);
        for (const bool over_tcp : {false, true}) {
            auto [near, far] = over_tcp ? tcp_pair() : crocus::socket::pair();
            auto sending = create_task([&] {
                near.send_all(bytes(sent));
                near.shutdown_send();
            });
            auto answering = create_task([&] {
                const std::string got = receive_all(far);
                far.send_all(bytes(got));
                far.shutdown_send();
                return got == sent;
            });
            BOOST_TEST((receive_all(near) == sent));
            sending.get();
            BOOST_TEST(answering.get());
        }
    });
}

BOOST_AUTO_TEST_CASE(sending_waits_until_the_peer_reads) {  // L46
    on_each_driver(all_drivers, [] {
        auto [near, far] = crocus::socket::pair();
        const std::string filler(1 << 16, 'f');
        const iovec piece{const_cast<char*>(filler.data()), filler.size()};
        while (near.try_send({&piece, 1})) {
        }
        auto sending = waiting([&, &s = near] { s.send_all(bytes("end")); });
        std::string got;
        while (!got.ends_with("end")) got += receive(far, 1 << 20);
        sending.get();
    });
}

BOOST_AUTO_TEST_CASE(the_end_of_one_direction_leaves_the_other) {
    on_each_driver(all_drivers, [] {
        auto [near, far] = tcp_pair();
        near.send_all(bytes("question"));
        near.shutdown_send();
        BOOST_TEST(receive_all(far) == "question");
        far.send_all(bytes("answer"));
        far.close();
        BOOST_TEST(receive_all(near) == "answer");
        BOOST_CHECK_THROW(near.send_all(bytes("more")), std::system_error);
    });
}

BOOST_AUTO_TEST_CASE(an_aborted_connection_is_reset_for_its_peer) {
    on_each_driver(all_drivers, [] {
        auto [near, far] = tcp_pair();
        auto reading = waiting([&, &s = near] { receive(s); });
        far.abort();
        BOOST_TEST(!far.is_open());
        BOOST_CHECK_EXCEPTION(reading.get(), std::system_error,
                              [](const auto& e) { return fails_with(std::errc::connection_reset, e); });
        far.abort();
    });
}

BOOST_AUTO_TEST_CASE(a_file_is_sent_without_a_copy) {
    on_each_driver(kernel_drivers, [] {
        const std::string content = huge(3 << 20);
        const crocus::test::temporary_file file;
        BOOST_REQUIRE(::write(file.fd(), content.data(), content.size()) == static_cast<ssize_t>(content.size()));
        auto [near, far] = crocus::socket::pair();
        auto sending = create_task([&, &s = near] {
            std::uint64_t at = 5;
            while (const auto n = s.send_file(file.fd(), at, content.size()).value()) at += n;
            s.shutdown_send();
        });
        BOOST_TEST((receive_all(far) == content.substr(5)));
        sending.get();
        int ends[2];
        BOOST_REQUIRE(::pipe(ends) == 0);
        BOOST_TEST(!near.send_file(ends[0], 0, 1).has_value());  // it is none
        for (const int end : ends) ::close(end);
    });
}

// ----------------------------------------------------------------------------------------------------------
// cancellation

BOOST_AUTO_TEST_CASE(a_cancelled_operation_ends_at_once_and_takes_nothing) {  // L46
    on_each_driver(all_drivers, [] {
        auto [near, far] = crocus::socket::pair();
        auto reading = waiting([&, &s = near] { receive(s); });
        far.send_all(bytes("kept"));
        reading.cancel();
        BOOST_CHECK_THROW(reading.get(), crocus::cancelled_error);
        auto second = create_task([&, &s = near] { return receive(s); });
        BOOST_TEST(second.get() == "kept");
        // Nothing more happens on it.
        auto third = waiting([&, &s = near] { receive(s); });
        third.cancel();
        BOOST_CHECK_THROW(third.get(), crocus::cancelled_error);
        BOOST_CHECK_THROW(crocus::with_timeout(1ms, [&, &s = near] { receive(s); }), crocus::timeout_error);
        far.send_all(bytes("next"));
        BOOST_TEST(receive(near) == "next");
    });
}

BOOST_AUTO_TEST_CASE(a_cancelled_accept_leaves_the_connection_to_the_next) {  // L46
    on_each_driver(all_drivers, [] {
        auto l = listener();
        auto accepting = waiting([&] { l.accept(); });
        accepting.cancel();
        BOOST_CHECK_THROW(accepting.get(), crocus::cancelled_error);
        crocus::socket client(AF_INET);
        client.connect(l.local_address());
        BOOST_TEST((l.accept().remote_address() == client.local_address()));
    });
}

BOOST_AUTO_TEST_CASE(a_cancelled_receipt_of_a_datagram_leaves_it_there) {  // L46
    on_each_driver(all_drivers, [] {
        auto near = datagram_socket();
        auto far = datagram_socket();
        std::string into(9, '\0');
        auto receiving = waiting([&] { near.recv_from(room(into)); });
        far.send_to(bytes("kept"), near.local_address());
        receiving.cancel();
        BOOST_CHECK_THROW(receiving.get(), crocus::cancelled_error);
        BOOST_TEST(near.recv_from(room(into)).size == 4u);
    });
}

// ---------------------------------------------------------------------------------------------------------------
// closing

BOOST_AUTO_TEST_CASE(closing_wakes_whoever_waits_whatever_for) {  // L46, users' T21
    on_each_driver(all_drivers, [] {
        auto [near, far] = crocus::socket::pair();
        auto l = listener();
        auto datagrams = datagram_socket();
        std::string into(9, '\0');
        const std::string filler(1 << 16, 'f');
        const iovec piece{const_cast<char*>(filler.data()), filler.size()};
        while (far.try_send({&piece, 1})) {
        }
        std::vector<crocus::task<void>> all;
        all.push_back(waiting([&, &s = far] { receive(s); }));
        all.push_back(waiting([&, &s = far] { s.send_all(bytes("x")); }));
        all.push_back(waiting([&, &s = far] { s.descriptor().wait_readable(); }));
        all.push_back(waiting([&, &s = far] { s.descriptor().wait_writable(); }));
        all.push_back(waiting([&] { l.accept(); }));
        all.push_back(waiting([&] { datagrams.recv_from(room(into)); }));
        far.close();
        l.close();
        datagrams.close();
        for (auto& t : all) BOOST_CHECK_THROW(t.get(), crocus::closed_error);
        BOOST_CHECK_THROW(receive(far), crocus::closed_error);
        BOOST_CHECK_THROW(l.accept(), crocus::closed_error);
        BOOST_CHECK_THROW(datagrams.recv_from(room(into)), crocus::closed_error);
        BOOST_CHECK_THROW(far.set_option(SOL_SOCKET, SO_SNDBUF, 1), crocus::closed_error);
        BOOST_CHECK_THROW(static_cast<void>(far.get_option(SOL_SOCKET, SO_SNDBUF)), crocus::closed_error);
        BOOST_CHECK_THROW(static_cast<void>(far.local_address()), crocus::closed_error);
        far.close();
    });
}

BOOST_AUTO_TEST_CASE(a_new_socket_of_the_same_number_is_not_confused_with_the_old_one) {  // L46, users' T21
    on_each_driver(kernel_drivers, [] {
        auto [old_near, old_far] = crocus::socket::pair();
        const int number = old_near.descriptor().native();
        auto old_reader = waiting([&, &s = old_near] { return receive(s); });
        old_near.close();
        auto [near, far] = crocus::socket::pair();
        BOOST_TEST(near.descriptor().native() == number);
        auto reader = waiting([&, &s = near] { return receive(s); });  // while the old one has not run yet
        far.send_all(bytes("new"));
        BOOST_CHECK_THROW(old_reader.get(), crocus::closed_error);
        BOOST_TEST(reader.get() == "new");
    });
}

BOOST_AUTO_TEST_CASE(closing_ends_a_connect_that_is_under_way) {  // L46, L47
    on_each_driver(kernel_drivers, [] {
        auto l = listener(0);
        crocus::socket first(AF_INET);
        first.connect(l.local_address());
        l.descriptor().wait_readable();  // its queue is full now, and no one else is answered
        crocus::socket second(AF_INET);
        auto connecting = waiting([&] { second.connect(l.local_address()); });
        const int number = second.descriptor().native();
        second.close();
        crocus::socket other(AF_INET, SOCK_DGRAM);
        BOOST_TEST(other.descriptor().native() == number);
        BOOST_CHECK_THROW(connecting.get(), crocus::closed_error);
    });
}

// ------------------------------------------------------------------------------------------------ connecting,
// accepting

BOOST_AUTO_TEST_CASE(sockets_connect_and_know_where_they_are) {  // L46
    on_each_driver(all_drivers, [] {
        auto l = listener();
        auto accepting = waiting([&] { return l.accept(); });
        crocus::socket client(AF_INET);
        client.connect(l.local_address());
        auto served = accepting.get();
        BOOST_TEST((client.remote_address() == l.local_address()));
        BOOST_TEST((served.remote_address() == client.local_address()));
        BOOST_TEST(client.get_option(IPPROTO_TCP, TCP_NODELAY) == served.get_option(IPPROTO_TCP, TCP_NODELAY));
    });
}

BOOST_AUTO_TEST_CASE(small_messages_are_sent_at_once) {
    on_each_driver(kernel_drivers, [] {
        auto [near, far] = tcp_pair();
        BOOST_TEST(near.get_option(IPPROTO_TCP, TCP_NODELAY) != 0);
        BOOST_TEST(far.get_option(IPPROTO_TCP, TCP_NODELAY) != 0);
    });
}

BOOST_AUTO_TEST_CASE(a_refused_connect_says_which_address) {  // L47
    on_each_driver(all_drivers, [] {
        crocus::socket bound(AF_INET);  // its port is taken, and nobody listens
        bound.bind(address::parse("127.0.0.1", 0));
        crocus::socket client(AF_INET);
        BOOST_CHECK_EXCEPTION(client.connect(bound.local_address()), std::system_error, [&](const auto& e) {
            return fails_with(std::errc::connection_refused, e) &&
                   std::string(e.what()).find("connect to " + bound.local_address().to_string()) == 0;
        });
    });
}

BOOST_AUTO_TEST_CASE(a_host_is_resolved_for_this_kind_of_socket) {  // L47
    on_each_driver(kernel_drivers, [] {
        auto l = listener();
        const std::uint16_t port = l.local_address().port();
        crocus::socket four(AF_INET);
        four.connect("127.0.0.1", port);
        BOOST_TEST((four.remote_address() == l.local_address()));
        crocus::socket six(AF_INET6);
        BOOST_CHECK_THROW(six.connect("127.0.0.1", port), crocus::resolve_error);
        six.connect("127.0.0.1", port, {.flags = AI_V4MAPPED});
        BOOST_TEST(six.remote_address().host() == "::ffff:127.0.0.1");
        crocus::socket datagrams(AF_INET, SOCK_DGRAM);
        datagrams.connect("127.0.0.1", port);
        BOOST_TEST((datagrams.remote_address() == l.local_address()));
    });
}

BOOST_AUTO_TEST_CASE(an_address_in_use_is_an_error_that_names_it) {
    on_each_driver(all_drivers, [] {
        auto l = listener();
        crocus::socket second(AF_INET);
        BOOST_CHECK_EXCEPTION((second.bind(l.local_address()), second.listen(1)), std::system_error,
                              [&](const auto& e) { return fails_with(std::errc::address_in_use, e); });
    });
}

BOOST_AUTO_TEST_CASE(a_path_is_an_address_to_connect_to) {
    on_each_driver(kernel_drivers, [] {
        const std::string file = crocus::test::temporary_file().path();
        const std::string name = std::string(1, '\0') + "crocus-test-" + std::to_string(::getpid());
        for (const std::string& path : {file, name}) {
            crocus::socket l(AF_UNIX);
            l.bind(address::local(path));
            l.listen(3);
            BOOST_TEST(l.local_address().path() == path);
            crocus::socket client(AF_UNIX);
            client.connect(address::local(path));
            auto served = l.accept();
            BOOST_TEST(client.remote_address().path() == path);
            BOOST_TEST(served.remote_address().path() == "");
            served.send_all(bytes("hello"));
            BOOST_TEST(receive(client) == "hello");
        }
        std::filesystem::remove(file);
    });
}

BOOST_AUTO_TEST_CASE(a_local_listener_whose_queue_is_full_is_waited_for) {  // L46
    on_each_driver(kernel_drivers, [] {
        const auto name = address::local(std::string(1, '\0') + "crocus-full-" + std::to_string(::getpid()));
        crocus::socket l(AF_UNIX);
        l.bind(name);
        l.listen(0);
        std::vector<crocus::socket> clients(4);
        std::vector<crocus::task<void>> connecting;
        for (auto& c : clients) {
            c = crocus::socket(AF_UNIX);
            connecting.push_back(create_task([&] { c.connect(name); }));
        }
        for (std::size_t i = 0; i != clients.size(); ++i) BOOST_TEST(l.accept().is_open());
        for (auto& t : connecting) BOOST_CHECK_NO_THROW(t.get());
    });
}

// ------------------------------------------------------------------------------------------------------------
// datagrams

BOOST_AUTO_TEST_CASE(a_datagram_comes_whole_with_its_sender_and_its_size) {  // L46
    on_each_driver(all_drivers, [] {
        auto near = datagram_socket();
        auto far = datagram_socket();
        std::string into(64, '\0');
        BOOST_TEST(!near.try_recv_from(room(into)));
        for (const std::string sent : {"abc", "", "defg"}) far.send_to(bytes(sent), near.local_address());
        const auto first = near.recv_from(room(into));
        BOOST_TEST(first.size == 3u);
        BOOST_TEST(into.substr(0, 3) == "abc");
        BOOST_TEST((first.from == far.local_address()));
        BOOST_TEST(near.recv_from(room(into)).size == 0u);
        std::string small(2, '\0');
        BOOST_TEST(near.recv_from(room(small)).size == 4u);  // the rest is lost
        BOOST_TEST(small == "de");
        BOOST_TEST(far.try_send_to(bytes("later"), near.local_address()));
        BOOST_TEST(near.recv_from(room(into)).size == 5u);
    });
}

BOOST_AUTO_TEST_CASE(sending_datagrams_waits_for_room) {  // L46
    on_each_driver(kernel_drivers, [] {
        const auto name = address::local(std::string(1, '\0') + "crocus-datagrams-" + std::to_string(::getpid()));
        crocus::socket near(AF_UNIX, SOCK_DGRAM);
        near.bind(name);
        crocus::socket far(AF_UNIX, SOCK_DGRAM);
        far.connect(name);  // else Linux does not say when there is room again
        std::size_t sent = 0;
        while (far.try_send_to(bytes("x"), name)) ++sent;
        auto sending = waiting([&] { far.send_to(bytes("last"), name); });
        std::string into(9, '\0');
        for (; sent != 0; --sent) BOOST_TEST(near.recv_from(room(into)).size == 1u);
        sending.get();
        BOOST_TEST(near.recv_from(room(into)).size == 4u);
    });
}

// --------------------------------------------------------------------------------------------------------------
// options

BOOST_AUTO_TEST_CASE(options_are_set_and_read) {
    on_each_driver(kernel_drivers, [] {
        crocus::socket s(AF_INET);
        BOOST_TEST(s.get_option(SOL_SOCKET, SO_KEEPALIVE) == 0);
        s.set_option(SOL_SOCKET, SO_KEEPALIVE, 1);
        BOOST_TEST(s.get_option(SOL_SOCKET, SO_KEEPALIVE) == 1);
        BOOST_TEST(s.get_option(SOL_SOCKET, SO_TYPE) == SOCK_STREAM);
        BOOST_TEST(crocus::socket(AF_INET6, SOCK_DGRAM).get_option(SOL_SOCKET, SO_DOMAIN) == AF_INET6);
        BOOST_CHECK_THROW(s.set_option(SOL_SOCKET, 99999, 1), std::system_error);
        BOOST_CHECK_THROW(static_cast<void>(s.get_option(SOL_SOCKET, 99999)), std::system_error);
        BOOST_CHECK_THROW(crocus::socket(AF_PACKET + 1000), std::system_error);
        BOOST_CHECK_THROW(receive(s), std::system_error);  // it is not connected
    });
}

BOOST_AUTO_TEST_CASE(no_socket_is_closed) {
    on_each_driver(all_drivers, [] {
        crocus::socket none;
        BOOST_TEST(!none.is_open());
        BOOST_CHECK_THROW(receive(none), crocus::closed_error);
        crocus::socket s(AF_INET);
        crocus::socket taken = std::move(s);
        BOOST_TEST(taken.is_open());
        BOOST_TEST(!s.is_open());
        const crocus::fd owned = std::move(taken).descriptor();
        BOOST_TEST(owned.is_open());
        BOOST_TEST(!taken.is_open());
    });
}
