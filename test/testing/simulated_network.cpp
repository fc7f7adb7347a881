// What sockets do that are connected in memory.
#define BOOST_TEST_MODULE testing_simulated_network
#include <crocus/testing/simulated_network.hpp>

#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <chrono>
#include <functional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <crocus/error.hpp>
#include <crocus/io/socket.hpp>
#include <crocus/server.hpp>
#include <crocus/stream.hpp>
#include <crocus/task.hpp>
#include <crocus/testing/schedule.hpp>
#include <crocus/timeout.hpp>
#include <crocus/wait.hpp>
#include <crocus/wait_queue.hpp>

#include "support/errors.hpp"
#include "support/loop_tests.hpp"
#include "support/seeds.hpp"

using crocus::address;
using crocus::create_task;
using crocus::test::contains;
using crocus::test::error_of;
using sock = crocus::socket;
namespace testing = crocus::testing;
using namespace std::chrono_literals;

namespace {

std::span<const std::byte> bytes_of(std::string_view s) { return std::as_bytes(std::span(s)); }

std::string receive(sock& from, std::size_t most = 64) {
    std::string text(most, '\0');
    text.resize(from.recv(std::as_writable_bytes(std::span(text))));
    return text;
}

std::size_t send(sock& to, std::string_view text) {
    const iovec piece{const_cast<char*>(text.data()), text.size()};
    return to.send({&piece, 1});
}

sock listening(const address& on, int backlog = 10) {
    sock s(on.family());
    s.bind(on);
    s.listen(backlog);
    return s;
}

sock listening(int backlog = 10) { return listening(address::parse("127.0.0.1", 0), backlog); }

sock connected_to(const address& to) {
    sock s(to.family());
    s.connect(to);
    return s;
}

struct ends {
    sock client;
    sock server;
};

ends tcp_pair() {
    sock door = listening();
    sock client = connected_to(door.local_address());
    return {std::move(client), door.accept()};
}

}  // namespace

// --------------------------------------------------------------------------------------------------------- connections

BOOST_AUTO_TEST_CASE(a_connection_has_two_ends_that_know_each_other) {
    testing::run([] {
        sock door = listening(address::parse("127.0.0.1", 80));
        sock client = connected_to(address::parse("127.0.0.1", 80));
        sock server = door.accept();
        BOOST_TEST(client.remote_address().to_string() == "127.0.0.1:80");
        BOOST_TEST(server.local_address().to_string() == "127.0.0.1:80");
        BOOST_TEST((server.remote_address() == client.local_address()));
        BOOST_TEST(client.local_address().port() != 0);
        BOOST_TEST(send(client, "question") == 8u);
        BOOST_TEST(receive(server) == "question");
        BOOST_TEST(send(server, "answer") == 6u);
        BOOST_TEST(receive(client) == "answer");
        BOOST_TEST(client.descriptor().native() == -1);
    });
}

BOOST_AUTO_TEST_CASE(each_port_is_one_sockets_at_a_time_of_each_kind_and_family) {
    testing::run([] {
        const auto bound = [](const char* host, std::uint16_t port, int type = SOCK_STREAM) {
            const address a = address::parse(host, port);
            sock s(a.family(), type);
            s.bind(a);
            return s;
        };
        sock first = bound("10.0.0.1", 0);
        const std::uint16_t port = first.local_address().port();
        BOOST_TEST(port != 0);
        BOOST_TEST(error_of([&] { bound("10.0.0.1", port); }) == EADDRINUSE);
        BOOST_TEST(error_of([&] { bound("0.0.0.0", port); }) == EADDRINUSE);
        const sock elsewhere = bound("10.0.0.2", port);
        const sock other_family = bound("::", port);
        BOOST_TEST(error_of([&] { bound("::1", port); }) == EADDRINUSE);
        const sock other_kind = bound("10.0.0.1", port, SOCK_DGRAM);
        BOOST_TEST(error_of([&] { first.bind(address::parse("10.0.0.1", 7)); }) == EINVAL);
        BOOST_TEST(error_of([&] { sock(AF_INET).bind(address::parse("::1", 7)); }) == EAFNOSUPPORT);
        first.close();
        BOOST_TEST(bound("10.0.0.1", port).local_address().port() == port);
        BOOST_TEST(error_of([&] { connected_to(address::parse("10.0.0.2", port)); }) == ECONNREFUSED);
    });
}

BOOST_AUTO_TEST_CASE(a_wildcard_listens_on_every_address_of_its_family) {
    testing::run([] {
        sock door = listening(address::parse("0.0.0.0", 80));
        sock door_v6 = listening(address::parse("::", 80));
        const sock client = connected_to(address::parse("10.1.2.3", 80));
        BOOST_TEST(door.accept().local_address().to_string() == "10.1.2.3:80");
        const sock client_v6 = connected_to(address::parse("::1", 80));
        BOOST_TEST(door_v6.accept().local_address().to_string() == "[::1]:80");
        const sock to_any = connected_to(address::parse("0.0.0.0", 80));
        BOOST_TEST(to_any.remote_address().to_string() == "127.0.0.1:80");
    });
}

BOOST_AUTO_TEST_CASE(paths_and_abstract_names_are_addresses_too) {
    testing::run([] {
        for (const std::string& path : {std::string("/run/service"), std::string("\0service", 8)}) {
            const address at = address::local(path);
            const bool file = path.front() == '/';
            BOOST_TEST(error_of([&] { connected_to(at); }) == (file ? ENOENT : ECONNREFUSED));
            sock door = listening(at);
            BOOST_TEST(error_of([&] { listening(at); }) == EADDRINUSE);
            sock client = connected_to(at);
            sock server = door.accept();
            BOOST_TEST((server.local_address() == at));
            BOOST_TEST((client.remote_address() == at));
            BOOST_TEST(server.remote_address().path() == "");
            send(client, "hello");
            BOOST_TEST(receive(server) == "hello");
            door.close();
            BOOST_TEST(error_of([&] { connected_to(at); }) == ECONNREFUSED);
            const sock again = listening(at);
        }
    });
}

BOOST_AUTO_TEST_CASE(a_full_listener_lets_the_next_one_in_when_it_has_accepted_one) {
    testing::run([] {
        sock door = listening(1);  // and one more, as Linux counts
        const address at = door.local_address();
        const sock first = connected_to(at);
        sock second = connected_to(at);
        auto third = create_task([&] { return connected_to(at); });
        testing::wait_all_blocked();
        BOOST_TEST(!third.done());
        const sock accepted = door.accept();
        BOOST_TEST(third.get().is_open());
        auto fourth = create_task([&] { return connected_to(at); });
        testing::wait_all_blocked();
        BOOST_TEST(testing::network().connections() == 3u);
        door.close();  // who was not accepted is reset, who was not in is refused
        BOOST_TEST(error_of([&] { fourth.get(); }) == ECONNREFUSED);
        BOOST_TEST(error_of([&] { receive(second); }) == ECONNRESET);
        second.close();
        BOOST_TEST(testing::network().connections() == 1u);
    });
}

BOOST_AUTO_TEST_CASE(what_a_socket_cannot_do_is_the_error_that_linux_gives) {
    testing::run([] {
        sock fresh(AF_INET);
        BOOST_TEST(error_of([&] { receive(fresh); }) == ENOTCONN);
        BOOST_TEST(error_of([&] { send(fresh, "x"); }) == EPIPE);
        BOOST_TEST(error_of([&] { fresh.accept(); }) == EINVAL);
        BOOST_TEST(error_of([&] { fresh.shutdown_send(); }) == ENOTCONN);
        BOOST_TEST(error_of([&] { static_cast<void>(fresh.remote_address()); }) == ENOTCONN);
        BOOST_TEST(error_of([&] { fresh.connect(address::parse("127.0.0.1", 1)); }) == ECONNREFUSED);
        sock door = listening();
        fresh.connect(door.local_address());  // and may try again
        BOOST_TEST(error_of([&] { fresh.connect(door.local_address()); }) == EISCONN);
        BOOST_TEST(error_of([&] { fresh.listen(1); }) == EINVAL);
        BOOST_TEST(error_of([&] { sock(AF_UNIX).listen(1); }) == EINVAL);
        BOOST_TEST(error_of([&] { sock(AF_INET, SOCK_RAW); }) == ESOCKTNOSUPPORT);
        BOOST_TEST(error_of([&] { sock(AF_PACKET); }) == EAFNOSUPPORT);
        BOOST_CHECK_EXCEPTION(connected_to(address::parse("127.0.0.1", 1)), std::system_error,
                              [](const auto& e) { return contains(e.what(), "connect to 127.0.0.1:1"); });
    });
}

BOOST_AUTO_TEST_CASE(descriptors_of_the_system_are_refused_with_what_to_use_instead) {
    testing::run([] {
        BOOST_CHECK_EXCEPTION(crocus::fd(0), crocus::usage_error,
                              [](const auto& e) { return contains(e.what(), "crocus::socket"); });
        BOOST_CHECK_EXCEPTION(crocus::event_loop::current().add_reader(0, [] {}), crocus::usage_error,
                              [](const auto& e) { return contains(e.what(), "descriptor 0 is the system's"); });
    });
}

// ------------------------------------------------------------------------------------------------ what goes through
// them

BOOST_AUTO_TEST_CASE(who_sends_more_than_the_buffer_holds_waits_until_it_is_read) {
    testing::run(
        [] {
            auto [a, b] = sock::pair();
            BOOST_TEST(send(a, "0123456789abcdef") == 10u);
            const iovec more{const_cast<char*>("xyz"), 3};
            BOOST_TEST((a.try_send({&more, 1}) == std::nullopt));
            auto sending = create_task([&] { return send(a, "xyz"); });
            testing::wait_all_blocked();
            BOOST_TEST(!sending.done());
            BOOST_TEST(receive(b, 2) == "01");
            BOOST_TEST(sending.get() == 2u);
            BOOST_TEST(receive(b) == "23456789xy");
        },
        {.network = {.buffer = 10}});
}

BOOST_AUTO_TEST_CASE(the_end_comes_after_all_that_was_on_its_way_and_the_other_direction_goes_on) {
    testing::run(
        [] {
            auto [client, server] = tcp_pair();
            send(client, "one ");
            send(client, "two");
            client.shutdown_send();
            BOOST_TEST(error_of([&] { send(client, "x"); }) == EPIPE);
            std::string all;
            for (std::string part; !(part = receive(server, 3)).empty();) all += part;
            BOOST_TEST(all == "one two");
            send(server, "answer");
            server.close();
            BOOST_TEST(receive(client) == "answer");
            BOOST_TEST(receive(client) == "");
            BOOST_TEST(testing::network().connections() == 1u);
            client.close();
            BOOST_TEST(testing::network().connections() == 0u);
        },
        {.network = {.least_latency = 1ms, .most_latency = 9ms}});
}

BOOST_AUTO_TEST_CASE(who_sends_to_a_peer_that_is_gone_gets_epipe) {
    testing::run([] {
        auto [client, server] = tcp_pair();
        server.close();
        BOOST_TEST(receive(client) == "");
        BOOST_TEST(send(client, "x") == 1u);  // TCP does not know yet
        BOOST_TEST(error_of([&] { send(client, "x"); }) == EPIPE);
        auto [a, b] = sock::pair();
        b.close();
        BOOST_TEST(error_of([&] { send(a, "x"); }) == EPIPE);
    });
}

BOOST_AUTO_TEST_CASE(who_closes_with_something_unread_or_aborts_resets_its_peer_who_reads_first_what_had_come) {
    testing::run(
        [] {
            auto [client, server] = tcp_pair();
            send(client, "unread");
            crocus::sleep(1s);
            send(server, "last words");
            server.close();
            BOOST_TEST(receive(client) == "last words");
            BOOST_TEST(error_of([&] { receive(client); }) == ECONNRESET);
            BOOST_TEST(error_of([&] { send(client, "x"); }) == ECONNRESET);
            auto [client_2, server_2] = tcp_pair();
            auto reading = create_task([&] { return receive(client_2); });
            crocus::yield_now();
            server_2.abort();
            BOOST_TEST(error_of([&] { reading.get(); }) == ECONNRESET);
        },
        {.network = {.least_latency = 1ms}});
}

BOOST_AUTO_TEST_CASE(waiting_for_readiness_takes_nothing) {
    testing::run(
        [] {
            auto [a, b] = sock::pair();
            auto first = create_task([&] { b.descriptor().wait_readable(); });
            auto second = create_task([&] { b.descriptor().wait_readable(); });
            testing::wait_all_blocked();
            BOOST_TEST(!first.done());
            a.descriptor().wait_writable();
            send(a, "0123456789");
            first.get();
            second.get();
            auto writable = create_task([&] { a.descriptor().wait_writable(); });
            testing::wait_all_blocked();
            BOOST_TEST(!writable.done());
            BOOST_TEST(receive(b) == "0123456789");
            writable.get();
            b.close();
            a.descriptor().wait_readable();  // the end
        },
        {.network = {.buffer = 10}});
}

// ----------------------------------------------------------------------------------------------------------- who waits

BOOST_AUTO_TEST_CASE(closing_wakes_all_who_wait_on_it_with_closed_error) {
    testing::for_each_seed(20, [] {
        sock door = listening();
        auto [client, server] = tcp_pair();
        while (client.try_send(std::vector{iovec{const_cast<char*>("0123456789"), 10}})) {
        }
        testing::network().black_hole(address::parse("10.0.0.1", 0));
        sock lost(AF_INET);
        std::vector<std::function<void()>> waits{[&] { door.accept(); },
                                                 [&] { receive(client); },
                                                 [&] { client.descriptor().wait_readable(); },
                                                 [&] { send(client, "x"); },
                                                 [&] { client.descriptor().wait_writable(); },
                                                 [&] { lost.connect(address::parse("10.0.0.1", 80)); }};
        std::vector<crocus::task<void>> tasks;
        for (int i = 0; i != 3; ++i)
            for (const auto& w : waits)
                if (i == 0 || &w != &waits.back()) tasks.push_back(create_task(w));
        testing::wait_all_blocked();
        door.close();
        client.close();
        lost.close();
        for (auto& t : tasks) BOOST_CHECK_THROW(t.get(), crocus::closed_error);
    });
}

BOOST_AUTO_TEST_CASE(a_handle_that_was_closed_never_reaches_the_socket_that_has_its_slot_now) {  // users' T21
    testing::for_each_seed(200, [] {
        auto& driver = crocus::event_loop::current().driver();
        std::byte room[8];
        for (int i = 0; i != 10; ++i) {
            const auto [a, b] = driver.open_pair(SOCK_STREAM);
            std::vector<crocus::task<void>> waiting;
            for (int k = 0; k != 3; ++k) waiting.push_back(create_task([&, a = a] { driver.recv(a, room); }));
            if (testing::choose(2) == 0) crocus::yield_now();
            if (testing::choose(2) == 0) testing::wait_all_blocked();
            driver.close(a);
            const auto [c, d] = driver.open_pair(SOCK_STREAM);
            BOOST_TEST(c.slot == a.slot);
            const iovec piece{const_cast<char*>("news"), 4};
            driver.send(d, {&piece, 1});
            driver.close(a);  // again: nothing happens
            BOOST_CHECK_THROW(driver.send(a, {&piece, 1}), crocus::closed_error);
            for (auto& w : waiting) BOOST_CHECK_THROW(w.get(), crocus::closed_error);
            BOOST_TEST((driver.recv(c, room) == 4u));
            for (const auto h : {b, c, d}) driver.close(h);
        }
    });
}

BOOST_AUTO_TEST_CASE(those_who_wait_have_their_turns_in_their_order_also_if_one_is_cancelled) {
    testing::for_each_seed(200, [] {
        auto [a, b] = sock::pair();
        std::string log;
        std::vector<crocus::task<void>> readers;
        for (char mark = '0'; mark != '8'; ++mark) {
            readers.push_back(create_task([&, mark] { log += mark + receive(b, 1); }));
            testing::wait_all_blocked();  // so that this is their order
        }
        const std::size_t gone = testing::choose(9);
        if (gone != 8) readers[gone].cancel();
        send(a, "abcdefgh");
        auto late = create_task([&] { log += '8' + receive(b, 1); });  // has its turn when they have had theirs
        std::string expected;
        for (std::size_t i = 0; i != 9; ++i)
            if (i != gone) expected += {static_cast<char>('0' + i), static_cast<char>('a' + expected.size() / 2)};
        if (gone == 8) late.cancel();
        readers.push_back(late);
        crocus::wait(readers);
        BOOST_TEST(log == expected);
    });
}

BOOST_AUTO_TEST_CASE(who_is_cancelled_when_it_was_told_already_takes_nothing_and_the_next_has_its_turn) {
    testing::for_each_seed(200, [] {
        auto [a, b] = sock::pair();
        std::string log;
        auto first = create_task([&] { log += "1" + receive(b, 1); });
        testing::wait_all_blocked();
        auto second = create_task([&] { log += "2" + receive(b, 1); });
        testing::wait_all_blocked();
        send(a, "xy");
        first.cancel();
        crocus::wait(std::vector{first, second});
        BOOST_TEST(log == "2x");
        send(a, "z");
        BOOST_TEST(receive(b) == "yz");
    });
}

BOOST_AUTO_TEST_CASE(a_deadlock_says_who_waits_for_which_socket) {
    testing::run([] {
        auto [client, server] = tcp_pair();
        auto reading = create_task([&] { return receive(server); }, {.name = "server"});
        try {
            receive(client);
            BOOST_FAIL("no exception");
        } catch (const crocus::deadlock_error& e) {
            BOOST_TEST_MESSAGE(e.what());
            const std::string here = client.local_address().to_string();
            BOOST_TEST(contains(e.what(), "the main flow waits for recv on #"));
            BOOST_TEST(contains(e.what(), here + " with " + client.remote_address().to_string()));
            BOOST_TEST(contains(e.what(), "task 'server'"));
            BOOST_TEST(contains(e.what(), "with " + here));
        }
    });
}

// ------------------------------------------------------------------------------------------------------------
// datagrams

BOOST_AUTO_TEST_CASE(datagrams_come_whole_with_their_sender_and_what_does_not_fit_is_lost) {
    testing::run([] {
        sock server(AF_INET, SOCK_DGRAM);
        server.bind(address::parse("0.0.0.0", 53));
        sock client(AF_INET, SOCK_DGRAM);
        client.send_to(bytes_of("question"), address::parse("10.0.0.1", 53));
        client.send_to(bytes_of(""), address::parse("10.0.0.1", 53));
        std::byte room[4];
        const auto first = server.recv_from(room);
        BOOST_TEST(first.size == 8u);
        BOOST_TEST(first.from.to_string() == "10.0.0.1:" + std::to_string(client.local_address().port()));
        BOOST_TEST(server.recv_from(room).size == 0u);
        BOOST_TEST(!server.try_recv_from(room));
        server.send_to(bytes_of("answer"), first.from);
        BOOST_TEST(receive(client, 3) == "ans");
        BOOST_TEST(error_of([&] { send(client, "x"); }) == EDESTADDRREQ);
        BOOST_TEST(error_of([&] { client.send_to(bytes_of("x"), address::parse("::1", 53)); }) == EAFNOSUPPORT);
        const std::string large(65508, 'x');
        BOOST_TEST(error_of([&] { client.send_to(bytes_of(large), first.from); }) == EMSGSIZE);
    });
}

BOOST_AUTO_TEST_CASE(a_connected_datagram_socket_hears_its_peer_alone_and_that_nobody_is_there) {
    testing::run([] {
        sock peer(AF_INET, SOCK_DGRAM);
        peer.bind(address::parse("127.0.0.1", 0));
        sock stranger(AF_INET, SOCK_DGRAM);
        sock client(AF_INET, SOCK_DGRAM);
        client.connect(peer.local_address());
        stranger.send_to(bytes_of("noise"), client.local_address());
        peer.send_to(bytes_of("signal"), client.local_address());
        BOOST_TEST(receive(client) == "signal");
        BOOST_TEST(send(client, "hello") == 5u);
        BOOST_TEST(receive(peer) == "hello");
        peer.close();
        BOOST_TEST(send(client, "hello") == 5u);
        BOOST_TEST(error_of([&] { receive(client); }) == ECONNREFUSED);  // once
        BOOST_TEST(send(client, "hello") == 5u);
        BOOST_TEST(error_of([&] { send(client, "x"); }) == ECONNREFUSED);
    });
}

BOOST_AUTO_TEST_CASE(datagrams_between_unix_sockets_wait_for_room_and_none_is_lost) {
    testing::run(
        [] {
            auto [a, b] = sock::pair(SOCK_DGRAM);
            send(a, "12345");
            send(a, "67890");
            auto third = create_task([&] { return send(a, "x"); });
            auto writable = create_task([&] { a.descriptor().wait_writable(); });
            crocus::sleep(1s);
            BOOST_TEST(!third.done());
            BOOST_TEST(receive(b) == "12345");
            BOOST_TEST(third.get() == 1u);
            writable.get();
            BOOST_TEST(receive(b) == "67890");
            BOOST_TEST(receive(b) == "x");
            sock named(AF_UNIX, SOCK_DGRAM);
            named.bind(address::local("/run/log"));
            sock nameless(AF_UNIX, SOCK_DGRAM);
            nameless.send_to(bytes_of("line"), address::local("/run/log"));
            std::byte room[8];
            const auto line = named.recv_from(room);
            BOOST_TEST(line.size == 4u);
            BOOST_TEST(line.from.path() == "");
            BOOST_TEST(error_of([&] { nameless.send_to(bytes_of("x"), address::local("/run/none")); }) == ENOENT);
            b.close();
            BOOST_TEST(error_of([&] { send(a, "x"); }) == ECONNREFUSED);
        },
        {.network = {.least_latency = 1ms, .buffer = 10, .losses = 1}});
}

// --------------------------------------------------------------------------------------------------- servers and
// streams

BOOST_AUTO_TEST_CASE(servers_and_streams_work_over_it) {  // S1, S2
    testing::for_each_seed(20,
                           [] {
                               testing::network().add_host("echo.example", {"10.0.0.7", "fd00::7"});
                               auto server = crocus::start_server(
                                   [](crocus::stream& s) {
                                       for (std::string line = s.read_line(); !line.empty(); line = s.read_line())
                                           s.write({"echo ", line});
                                   },
                                   "", 7);
                               std::vector<std::function<std::string()>> clients;
                               for (int i = 0; i != 10; ++i)
                                   clients.emplace_back([i] {
                                       auto s = crocus::open_connection(i % 2 == 0 ? "echo.example" : "localhost", 7);
                                       s.write(std::to_string(i) + "\nbye\n");
                                       s.write_eof();
                                       return s.read();
                                   });
                               const auto answers = crocus::gather(clients);
                               for (std::size_t i = 0; i != answers.size(); ++i)
                                   BOOST_TEST(answers[i] == "echo " + std::to_string(i) + "\necho bye\n");
                               BOOST_CHECK_THROW(crocus::open_connection("unknown.example", 7), crocus::resolve_error);
                           },
                           {.least_latency = 1ms, .most_latency = 5ms, .short_reads = 0.3, .short_writes = 0.3});
}
