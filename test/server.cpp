#define BOOST_TEST_MODULE server
#include <crocus/server.hpp>

#include <boost/test/unit_test.hpp>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <crocus/error.hpp>
#include <crocus/run.hpp>
#include <crocus/task.hpp>
#include <crocus/wait.hpp>

#include "support/loop_tests.hpp"
#include "support/servers.hpp"

using crocus::stream;
using crocus::test::all_stream_drivers;
using crocus::test::connect;
using crocus::test::contains;
using crocus::test::echo_lines;
using crocus::test::on_each_driver;
using crocus::test::settle;

BOOST_AUTO_TEST_CASE(every_connection_has_a_task_of_its_own) {  // S2
    on_each_driver(all_stream_drivers, [] {
        auto server = crocus::start_server(echo_lines, "127.0.0.1", 0);
        std::vector<std::function<std::string()>> clients;
        for (int i = 0; i < 50; ++i)
            clients.push_back([&server, i] {
                auto s = connect(server);
                std::string all;
                for (int k = 0; k < 5; ++k) {
                    s.write(std::to_string(i) + "\n");
                    all += s.read_line();
                }
                return all;
            });
        const auto answers = crocus::gather(clients);
        for (std::size_t i = 0; i < answers.size(); ++i) {
            std::string expected;
            for (int k = 0; k < 5; ++k) expected += "echo " + std::to_string(i) + "\n";
            BOOST_TEST(answers[i] == expected);
        }
    });
}

BOOST_AUTO_TEST_CASE(a_handler_that_throws_is_reported_with_its_peer_and_the_server_goes_on) {  // S2
    on_each_driver(all_stream_drivers, [] {
        const auto seen = crocus::test::collect_reports();
        auto server = crocus::start_server(
            [](stream& s) {
                if (s.read_line() == "fail\n") throw std::runtime_error("on request");
                s.write("fine\n");
            },
            "127.0.0.1", 0);
        auto first = connect(server);
        first.write("fail\n");
        const std::string own = first.local_address().to_string();
        BOOST_TEST(first.read() == "");
        auto second = connect(server);
        second.write("go on\n");
        BOOST_TEST(second.read() == "fine\n");
        BOOST_REQUIRE(seen->size() == 1u);
        BOOST_TEST(contains(seen->front(), "connection handler"));
        BOOST_TEST(contains(seen->front(), own));
        BOOST_TEST(contains(seen->front(), "std::runtime_error: on request"));
    });
}

BOOST_AUTO_TEST_CASE(a_handler_that_is_cancelled_goes_quietly) {  // S2
    on_each_driver(all_stream_drivers, [] {
        const auto seen = crocus::test::collect_reports();
        auto server = crocus::start_server([](stream&) { throw crocus::cancelled_error("by itself"); }, "127.0.0.1", 0);
        auto client = connect(server);
        BOOST_TEST(client.read() == "");
        {
            auto other = crocus::start_server([](stream& s) { s.read(); }, "127.0.0.1", 0);
            client = connect(other);
            settle();
        }
        BOOST_TEST(client.read() == "");
        BOOST_TEST(seen->empty());
    });
}

BOOST_AUTO_TEST_CASE(a_closed_server_accepts_no_more_but_serves_the_connections_it_has) {  // L37
    on_each_driver(all_stream_drivers, [] {
        auto server = crocus::start_server(echo_lines, "127.0.0.1", 0);
        BOOST_TEST(server.is_serving());
        auto client = connect(server);
        client.write("a\n");
        BOOST_TEST(client.read_line() == "echo a\n");
        server.close();
        server.close();
        BOOST_TEST(!server.is_serving());
        BOOST_CHECK_THROW(connect(server), std::system_error);
        client.write("b\n");
        BOOST_TEST(client.read_line() == "echo b\n");
    });
}

BOOST_AUTO_TEST_CASE(wait_closed_waits_for_the_close_and_for_the_last_connection) {  // L38
    on_each_driver(all_stream_drivers, [] {
        auto server = crocus::start_server(echo_lines, "127.0.0.1", 0);
        auto waiting = crocus::create_task([&] { server.wait_closed(); });
        auto client = connect(server);
        client.write("a\n");
        client.read_line();
        BOOST_TEST(server.connections() == 1u);
        server.close();
        client.write("b\n");
        client.read_line();
        BOOST_TEST(!waiting.done());
        client.close();
        waiting.get();
        BOOST_TEST(server.connections() == 0u);

        auto idle = crocus::start_server(echo_lines, "127.0.0.1", 0);  // no connection: it waits for the close
        auto waiting_too = crocus::create_task([&] { idle.wait_closed(); });
        settle();
        BOOST_TEST(!waiting_too.done());
        idle.close();
        waiting_too.get();
    });
}

BOOST_AUTO_TEST_CASE(cancelling_serve_forever_closes_the_server_and_ends_its_connections) {  // L40
    on_each_driver(all_stream_drivers, [] {
        bool cleaned_up = false;
        auto server = crocus::start_server(
            [&](crocus::stream& s) {
                try {
                    echo_lines(s);
                } catch (const crocus::cancelled_error&) {
                    s.write("good-bye\n");
                    crocus::yield_now();
                    cleaned_up = true;
                    throw;
                }
            },
            "127.0.0.1", 0);
        auto serving = crocus::create_task([&] { server.serve_forever(); });
        auto client = connect(server);
        client.write("a\n");
        BOOST_TEST(client.read_line() == "echo a\n");
        serving.cancel();
        BOOST_CHECK_THROW(serving.get(), crocus::cancelled_error);
        BOOST_TEST(cleaned_up);
        BOOST_TEST(!server.is_serving());
        BOOST_TEST(server.connections() == 0u);
        BOOST_TEST(client.read() == "good-bye\n");
    });
}

BOOST_AUTO_TEST_CASE(a_peer_that_takes_nothing_does_not_hold_up_the_end_of_serve_forever) {  // L40
    crocus::test::on_driver("simulated", [] {
        auto server = crocus::start_server(
            [&](crocus::stream& s) {
                try {
                    s.read();
                } catch (const crocus::cancelled_error&) {
                    s.write(std::string(1'000'000, 'x'));  // which nobody reads
                }
            },
            "127.0.0.1", 0);
        auto serving = crocus::create_task([&] { server.serve_forever(); });
        auto client = connect(server);
        settle();
        serving.cancel();
        BOOST_CHECK_THROW(serving.get(), crocus::cancelled_error);
        BOOST_TEST(server.connections() == 0u);
    });
}

BOOST_AUTO_TEST_CASE(serve_forever_returns_when_somebody_closes_the_server) {  // L37
    on_each_driver(all_stream_drivers, [] {
        auto server = crocus::start_server(echo_lines, "127.0.0.1", 0);
        auto serving = crocus::create_task([&] { server.serve_forever(); });
        settle();
        server.close();
        serving.get();
    });
}

BOOST_AUTO_TEST_CASE(serve_forever_twice_or_on_a_closed_server_is_an_error) {  // L40
    on_each_driver(all_stream_drivers, [] {
        auto server = crocus::start_server(echo_lines, "127.0.0.1", 0);
        auto serving = crocus::create_task([&] { server.serve_forever(); });
        settle();
        BOOST_CHECK_THROW(server.serve_forever(), crocus::usage_error);
        server.start_serving();
        auto client = connect(server);
        client.write("it goes on\n");
        BOOST_TEST(client.read_line() == "echo it goes on\n");
        client.close();
        serving.cancel();
        BOOST_CHECK_THROW(serving.get(), crocus::cancelled_error);
        BOOST_CHECK_EXCEPTION(server.serve_forever(), crocus::usage_error,
                              [](const auto& e) { return contains(e.what(), "is closed"); });
        BOOST_CHECK_THROW(server.start_serving(), crocus::usage_error);
    });
}

BOOST_AUTO_TEST_CASE(a_server_may_be_bound_first_and_serve_later) {  // L35, L40
    on_each_driver(all_stream_drivers, [] {
        auto server = crocus::start_server(echo_lines, "127.0.0.1", 0, {.start_serving = false});
        BOOST_TEST(!server.is_serving());
        BOOST_TEST(server.port() != 0);
        BOOST_CHECK_THROW(connect(server), std::system_error);
        auto serving = crocus::create_task([&] { server.serve_forever(); });
        settle();
        BOOST_TEST(server.is_serving());
        auto client = connect(server);
        client.write("a\n");
        BOOST_TEST(client.read_line() == "echo a\n");
        client.close();
        server.close();
        serving.get();
    });
}

BOOST_AUTO_TEST_CASE(a_server_that_goes_away_ends_its_handlers_first) {  // L40
    on_each_driver(all_stream_drivers, [] {
        int running = 0;
        bool seen_while_destroyed = false;
        std::optional<stream> client;
        {
            auto server = crocus::start_server(
                [&](stream& s) {
                    ++running;
                    try {
                        s.read();
                    } catch (const crocus::cancelled_error&) {
                        crocus::yield_now();  // a clean-up that suspends
                        seen_while_destroyed = true;
                        --running;
                        throw;
                    }
                },
                "127.0.0.1", 0);
            client.emplace(connect(server));
            while (running == 0) crocus::yield_now();
        }
        BOOST_TEST(seen_while_destroyed);
        BOOST_TEST(running == 0);
        BOOST_TEST(client->read() == "");
    });
}

// ------------------------------------------------------------------------------------------------------------ clients

BOOST_AUTO_TEST_CASE(close_clients_ends_the_reads_and_writes_of_all_handlers) {  // L39
    on_each_driver(all_stream_drivers, [] {
        const auto seen = crocus::test::collect_reports();
        int closed = 0;
        auto server = crocus::start_server(
            [&](stream& s) {
                try {
                    if (s.read_line() == "flood\n")
                        for (;;) s.write(std::string(100'000, 'x'));
                    s.read();
                } catch (const crocus::closed_error&) {
                    ++closed;
                    throw;  // which is nobody's fault
                }
            },
            "127.0.0.1", 0);
        auto a = connect(server);
        auto b = connect(server);
        a.write("flood\n");
        b.write("read\n");
        b.write("more\n");
        while (server.connections() != 2) crocus::yield_now();
        settle();
        server.close_clients();
        BOOST_TEST(server.is_serving());
        while (server.connections() != 0) crocus::yield_now();
        BOOST_TEST(closed == 2);
        BOOST_TEST(seen->empty());
        server.close();
        server.wait_closed();
    });
}

BOOST_AUTO_TEST_CASE(clients_are_closed_before_their_handlers_have_begun) {  // L39
    on_each_driver(all_stream_drivers, [] {
        bool was_closed = false;
        auto server = crocus::start_server([&](stream& s) { was_closed = s.is_closed(); }, "127.0.0.1", 0);
        auto client = connect(server);
        while (server.connections() == 0) crocus::yield_now();
        server.close_clients();
        while (server.connections() != 0) crocus::yield_now();
        BOOST_TEST(client.read() == "");
        BOOST_TEST(was_closed);
    });
}

BOOST_AUTO_TEST_CASE(abort_clients_resets_their_peers) {  // L39
    on_each_driver(crocus::test::kernel_stream_drivers, [] {
        const auto seen = crocus::test::collect_reports();
        auto server = crocus::start_server([](stream& s) { s.read(); }, "127.0.0.1", 0);
        auto client = connect(server);
        while (server.connections() == 0) crocus::yield_now();
        settle();
        server.abort_clients();
        BOOST_TEST(crocus::test::error_of([&] { client.read(); }) == ECONNRESET);
        while (server.connections() != 0) crocus::yield_now();
        BOOST_TEST(seen->empty());
    });
}

BOOST_AUTO_TEST_CASE(a_closed_error_that_is_the_handlers_own_is_reported) {  // S2
    on_each_driver(all_stream_drivers, [] {
        const auto seen = crocus::test::collect_reports();
        auto server = crocus::start_server(
            [](stream& s) {
                s.close();
                s.write("x");
            },
            "127.0.0.1", 0);
        auto client = connect(server);
        BOOST_TEST(client.read() == "");
        settle();
        BOOST_REQUIRE(seen->size() == 1u);
        BOOST_TEST(contains(seen->front(), "crocus::closed_error"));
    });
}

BOOST_AUTO_TEST_CASE(a_handler_that_starts_eagerly_may_end_before_its_connection_is_known) {  // T23
    on_each_driver(all_stream_drivers, [] {
        crocus::event_loop::current().set_task_factory(crocus::eager_task_factory);
        int served = 0;
        auto server = crocus::start_server([&](stream&) { ++served; }, "127.0.0.1", 0, {.max_connections = 1});
        for (int i = 0; i != 3; ++i) {
            auto s = connect(server);
            BOOST_TEST(s.read() == "");
        }
        BOOST_TEST(served == 3);
        BOOST_TEST(server.connections() == 0u);
    });
}
