#define BOOST_TEST_MODULE server
#include <boost/test/unit_test.hpp>

#include <functional>
#include <string>
#include <vector>

#include <sys/resource.h>

#include <crocus/error.hpp>
#include <crocus/run.hpp>
#include <crocus/server.hpp>
#include <crocus/task.hpp>
#include <crocus/wait.hpp>

#include "support/loop_tests.hpp"

namespace {

void echo_lines(crocus::stream& s) {
    for (std::string line = s.read_line(); !line.empty(); line = s.read_line()) s.write({"echo ", line});
}

crocus::stream connect(const crocus::server& to) { return crocus::open_connection("127.0.0.1", to.port()); }

}  // namespace

BOOST_AUTO_TEST_CASE(every_connection_has_a_task_of_its_own) {  // S2
    crocus::run([] {
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

BOOST_AUTO_TEST_CASE(a_handler_that_throws_is_reported_and_the_server_goes_on) {  // S2
    crocus::run([] {
        const auto seen = crocus::test::collect_reports();
        auto server = crocus::start_server(
            [](crocus::stream& s) {
                if (s.read_line() == "fail\n") throw std::runtime_error("on request");
                s.write("fine\n");
            },
            "127.0.0.1", 0);
        auto first = connect(server);
        first.write("fail\n");
        BOOST_TEST(first.read() == "");
        auto second = connect(server);
        second.write("go on\n");
        BOOST_TEST(second.read() == "fine\n");
        BOOST_REQUIRE(seen->size() == 1u);
        BOOST_TEST(seen->front() == "exception in a connection handler: std::runtime_error: on request");
    });
}

BOOST_AUTO_TEST_CASE(a_closed_server_accepts_no_more_but_serves_the_connections_it_has) {  // L37
    crocus::run([] {
        auto server = crocus::start_server(echo_lines, "127.0.0.1", 0);
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
    crocus::run([] {
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
    });
}

BOOST_AUTO_TEST_CASE(cancelling_serve_forever_closes_the_server) {  // L40
    crocus::run([] {
        auto server = crocus::start_server(echo_lines, "127.0.0.1", 0);
        auto serving = crocus::create_task([&] { server.serve_forever(); });
        crocus::yield_now();
        serving.cancel();
        BOOST_CHECK_THROW(serving.get(), crocus::cancelled_error);
        BOOST_TEST(!server.is_serving());
    });
}

BOOST_AUTO_TEST_CASE(a_server_that_goes_away_ends_its_handlers_first) {
    crocus::run([] {
        int running = 0;
        bool seen_while_destroyed = false;
        std::optional<crocus::stream> client;
        {
            auto server = crocus::start_server(
                [&](crocus::stream& s) {
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

BOOST_AUTO_TEST_CASE(a_port_that_is_taken_is_an_error_that_names_it) {
    crocus::run([] {
        auto first = crocus::start_server(echo_lines, "127.0.0.1", 0);
        BOOST_CHECK_EXCEPTION(crocus::start_server(echo_lines, "127.0.0.1", first.port()), std::system_error,
                              [&](const auto& e) {
                                  return std::string(e.what()).find(std::to_string(first.port())) != std::string::npos;
                              });
    });
}

BOOST_AUTO_TEST_CASE(running_out_of_descriptors_is_reported_and_survived) {  // L36
    crocus::run([] {
        const auto seen = crocus::test::collect_reports();
        auto server = crocus::start_server(echo_lines, "127.0.0.1", 0);
        auto client = connect(server);
        client.write("a\n");
        client.read_line();

        rlimit before{};
        BOOST_REQUIRE_EQUAL(::getrlimit(RLIMIT_NOFILE, &before), 0);
        crocus::socket waiting(AF_INET);  // the last descriptor that can be had
        const rlimit none{static_cast<rlim_t>(waiting.descriptor().native()) + 1, before.rlim_max};
        BOOST_REQUIRE_EQUAL(::setrlimit(RLIMIT_NOFILE, &none), 0);
        waiting.connect(crocus::address::parse("127.0.0.1", server.port()));
        while (seen->empty()) crocus::yield_now();
        BOOST_REQUIRE_EQUAL(::setrlimit(RLIMIT_NOFILE, &before), 0);

        BOOST_TEST(seen->front().find("accepting pauses") == 0u);
        client.write("b\n");
        BOOST_TEST(client.read_line() == "echo b\n");
    });
}
