// Peers that do nothing, or too much: neither their neighbours nor the server's memory suffer.
#define BOOST_TEST_MODULE server_bad_peers
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <string>
#include <vector>

#include <crocus/error.hpp>
#include <crocus/run.hpp>
#include <crocus/server.hpp>
#include <crocus/task.hpp>
#include <crocus/timeout.hpp>
#include <crocus/wait.hpp>

#include "support/loop_tests.hpp"
#include "support/servers.hpp"

using crocus::stream;
using crocus::test::all_stream_drivers;
using crocus::test::connect;
using crocus::test::echo_lines;
using crocus::test::echo_of;
using crocus::test::on_each_driver;
using crocus::test::settle;
using crocus::test::with_quick_clock;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_CASE(a_peer_that_sends_one_byte_and_then_nothing_is_let_go_when_its_time_is_up) {
    with_quick_clock([] {
        int given_up = 0;
        auto server = crocus::start_server(
            [&](stream& s) {
                const bool in_time = crocus::move_on_after(10s, [&] {
                    for (std::string line = s.read_line(); !line.empty(); line = s.read_line()) s.write({"echo ", line});
                });
                if (!in_time) ++given_up;
            },
            "127.0.0.1", 0);
        std::vector<stream> slow;
        for (int i = 0; i != 20; ++i) {
            slow.push_back(connect(server));
            slow.back().write("x");
        }
        const auto began = crocus::event_loop::current().now();
        auto neighbour = connect(server);
        for (int i = 0; i != 100; ++i) BOOST_TEST(echo_of(neighbour, "a") == "echo a\n");
        BOOST_TEST((crocus::event_loop::current().now() - began < 10s));
        BOOST_TEST(given_up == 0);
        for (stream& s : slow) BOOST_TEST(s.read() == "");
        BOOST_TEST(given_up >= 20);
    });
}

BOOST_AUTO_TEST_CASE(a_peer_that_ends_its_half_is_answered) {  // S17
    on_each_driver(all_stream_drivers, [] {
        auto server = crocus::start_server([](stream& s) { s.write("got " + s.read()); }, "127.0.0.1", 0);
        auto client = connect(server);
        client.write("all of it");
        client.write_eof();
        BOOST_TEST(client.read() == "got all of it");
    });
}

BOOST_AUTO_TEST_CASE(peers_that_break_off_are_reported_and_hurt_nobody) {
    on_each_driver(crocus::test::kernel_stream_drivers, [] {
        const auto seen = crocus::test::collect_reports();
        auto server = crocus::start_server(echo_lines, "127.0.0.1", 0);
        auto neighbour = connect(server);
        BOOST_TEST(echo_of(neighbour, "a") == "echo a\n");
        for (int i = 0; i != 10; ++i) {
            auto gone = connect(server);
            gone.write("half a li");
            if (i % 2 == 0) settle();  // before or after the handler has begun
            gone.abort();
            BOOST_TEST(echo_of(neighbour, "b") == "echo b\n");
        }
        while (server.connections() != 1) crocus::yield_now();
        BOOST_TEST(seen->size() == 10u);
        for (const std::string& report : *seen) BOOST_TEST(crocus::test::contains(report, "connection handler"));
    });
}

BOOST_AUTO_TEST_CASE(a_peer_whose_line_never_ends_gets_no_further_than_the_limit) {
    on_each_driver(all_stream_drivers, [] {
        std::size_t looked_at = 0;
        auto server = crocus::start_server(
            [&](stream& s) {
                try {
                    s.read_line();
                } catch (const crocus::limit_overrun_error& e) {
                    looked_at = e.consumed();
                }
            },
            "127.0.0.1", 0, {.stream = {.limit = 1000}});
        auto client = connect(server);
        auto neighbour = connect(server);
        const std::string endless(100'000, 'x');
        const int error = crocus::test::error_of([&] {
            for (;;) client.write(endless);
        });
        BOOST_TEST(error != 0);
        BOOST_TEST(looked_at > 1000u);
        BOOST_TEST(looked_at < 100'000u);
    });
}

BOOST_AUTO_TEST_CASE(a_writer_whose_peer_reads_nothing_waits_and_others_are_served) {
    on_each_driver(all_stream_drivers, [] {
        std::size_t written = 0;
        auto server = crocus::start_server(
            [&](stream& s) {
                if (s.read_line() != "flood\n") return s.write("served\n");
                const std::string some(10'000, 'x');
                for (;;) {
                    s.write(some);
                    written += some.size();
                    crocus::yield_now();
                }
            },
            "127.0.0.1", 0);
        auto deaf = connect(server);
        deaf.write("flood\n");
        std::size_t before = 0;
        do {  // until nothing goes any more
            before = written;
            settle();
            settle();
        } while (written == 0 || written != before);
        auto neighbour = connect(server);
        neighbour.write("a\n");
        BOOST_TEST(neighbour.read() == "served\n");
        BOOST_TEST(written == before);
        BOOST_TEST(server.connections() == 1u);
        deaf.read_exactly(100);
        const auto seen = crocus::test::collect_reports();
        deaf.close();
        while (server.connections() != 0) crocus::yield_now();
        BOOST_TEST(seen->size() == 1u);
    });
}
