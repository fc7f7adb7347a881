// How servers accept: errors, pauses, a limit of connections.
#define BOOST_TEST_MODULE server_accepting
#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <sys/resource.h>

#include <crocus/error.hpp>
#include <crocus/run.hpp>
#include <crocus/server.hpp>
#include <crocus/task.hpp>
#include <crocus/wait.hpp>

#include "support/loop_tests.hpp"
#include "support/servers.hpp"

using crocus::stream;
using crocus::test::connect;
using crocus::test::contains;
using crocus::test::echo_lines;
using crocus::test::echo_of;
using crocus::test::on_each_driver;
using crocus::test::settle;

namespace {

/// Fails in accept as it is told to, before it looks whether somebody is there.
struct failing_accept final : crocus::testing::driver_decorator {
    using driver_decorator::driver_decorator;
    crocus::io_handle accept(crocus::io_handle handle) override {
        ++calls;
        if (errors.empty()) return driver_decorator::accept(handle);
        const int error = errors.front();
        errors.pop_front();
        throw std::system_error(error, std::generic_category(), "accept");
    }
    std::deque<int> errors;
    int calls = 0;
};

template <class F>
void with_failing_accept(F f) {
    auto driver = std::make_unique<failing_accept>(
        std::make_unique<crocus::test::quick_clock>(crocus::make_io_driver("epoll")));
    failing_accept& faults = *driver;
    crocus::run([&] { f(faults); }, {.driver = std::move(driver)});
}

}  // namespace

BOOST_AUTO_TEST_CASE(many_who_come_at_once_are_accepted_and_nobody_else_waits_for_that) {  // L36
    on_each_driver(crocus::test::all_drivers, [] {
        int served = 0;
        auto server = crocus::start_server([&](stream&) { ++served; }, "127.0.0.1", 0);
        std::vector<stream> clients;
        for (int i = 0; i != 200; ++i) clients.push_back(connect(server));
        while (served != 200) crocus::yield_now();
        BOOST_TEST(served == 200);
    });
}

BOOST_AUTO_TEST_CASE(connections_that_had_failed_before_they_were_accepted_are_skipped) {  // L36
    with_failing_accept([](failing_accept& faults) {
        const auto seen = crocus::test::collect_reports();
        faults.errors = {ECONNABORTED, ECONNABORTED, EPROTO, ENETDOWN};
        auto server = crocus::start_server(echo_lines, "127.0.0.1", 0);
        settle();
        BOOST_TEST(faults.calls == 5);
        auto client = connect(server);
        BOOST_TEST(echo_of(client, "a") == "echo a\n");
        BOOST_TEST(seen->empty());
    });
}

BOOST_AUTO_TEST_CASE(exhaustion_is_reported_once_for_each_pause_of_a_second) {  // L36
    for (const int error : {EMFILE, ENFILE, ENOBUFS, ENOMEM})
        with_failing_accept([error](failing_accept& faults) {
            const auto seen = crocus::test::collect_reports();
            faults.errors = {error, error};
            const auto began = crocus::event_loop::current().now();
            auto server = crocus::start_server(echo_lines, "127.0.0.1", 0);
            settle();
            BOOST_TEST(faults.calls == 1);
            BOOST_TEST(seen->size() == 1u);
            auto client = connect(server);
            BOOST_TEST(echo_of(client, "a") == "echo a\n");
            BOOST_TEST((crocus::event_loop::current().now() - began >= std::chrono::seconds(2)));
            BOOST_REQUIRE(seen->size() == 2u);
            BOOST_TEST(contains(seen->back(), "accepting pauses for a second"));
        });
}

BOOST_AUTO_TEST_CASE(other_errors_are_reported_and_do_not_make_it_spin) {  // L36
    with_failing_accept([](failing_accept& faults) {
        const auto seen = crocus::test::collect_reports();
        faults.errors = {EINVAL};
        auto server = crocus::start_server(echo_lines, "127.0.0.1", 0);
        settle();
        BOOST_TEST(faults.calls == 1);
        BOOST_REQUIRE(seen->size() == 1u);
        BOOST_TEST(contains(seen->front(), "could not be accepted"));
        auto client = connect(server);
        BOOST_TEST(echo_of(client, "a") == "echo a\n");
    });
}

BOOST_AUTO_TEST_CASE(a_server_that_is_closed_while_it_pauses_is_closed_at_once) {  // L36, L37
    with_failing_accept([](failing_accept& faults) {
        const auto seen = crocus::test::collect_reports();
        faults.errors = {EMFILE};
        const auto began = crocus::event_loop::current().now();
        auto server = crocus::start_server(echo_lines, "127.0.0.1", 0);
        settle();
        server.close();
        server.wait_closed();
        BOOST_TEST((crocus::event_loop::current().now() - began < std::chrono::seconds(1)));
        BOOST_TEST(seen->size() == 1u);
    });
}

BOOST_AUTO_TEST_CASE(running_out_of_descriptors_is_reported_and_survived) {  // L36
    on_each_driver(crocus::test::kernel_drivers, [] {
        const auto seen = crocus::test::collect_reports();
        auto server = crocus::start_server(echo_lines, "127.0.0.1", 0);
        auto client = connect(server);
        BOOST_TEST(echo_of(client, "a") == "echo a\n");

        rlimit before{};
        BOOST_REQUIRE_EQUAL(::getrlimit(RLIMIT_NOFILE, &before), 0);
        crocus::socket waiting(AF_INET);  // the last descriptor that can be had
        const rlimit none{static_cast<rlim_t>(waiting.descriptor().native()) + 1, before.rlim_max};
        BOOST_REQUIRE_EQUAL(::setrlimit(RLIMIT_NOFILE, &none), 0);
        waiting.connect(crocus::address::parse("127.0.0.1", server.port()));
        while (seen->empty()) crocus::yield_now();
        BOOST_REQUIRE_EQUAL(::setrlimit(RLIMIT_NOFILE, &before), 0);

        BOOST_TEST(seen->front().find("accepting pauses") == 0u);
        BOOST_TEST(echo_of(client, "b") == "echo b\n");
    });
}

// ---------------------------------------------------------------------------------------------------- max_connections

BOOST_AUTO_TEST_CASE(no_more_connections_are_served_at_once_than_allowed) {
    on_each_driver(crocus::test::all_stream_drivers, [] {
        std::size_t running = 0;
        std::size_t most = 0;
        int served = 0;
        auto server = crocus::start_server(
            [&](stream& s) {
                most = std::max(most, ++running);
                echo_lines(s);
                --running;
                ++served;
            },
            {"127.0.0.1", "127.0.0.2"}, 0, {.max_connections = 3});
        std::vector<std::function<void()>> clients;
        for (int i = 0; i != 20; ++i)
            clients.push_back([&server, i] {
                auto s = crocus::open_connection(i % 2 == 0 ? "127.0.0.1" : "127.0.0.2", server.port());
                for (int k = 0; k != 3; ++k) BOOST_TEST(echo_of(s, "a") == "echo a\n");
            });
        crocus::gather(clients);
        while (served != 20) crocus::yield_now();
        BOOST_TEST(most == 3u);
    });
}

BOOST_AUTO_TEST_CASE(who_comes_when_all_places_are_taken_waits_for_one) {
    on_each_driver(crocus::test::all_drivers, [] {
        auto server = crocus::start_server(echo_lines, "127.0.0.1", 0, {.max_connections = 1});
        auto first = connect(server);
        BOOST_TEST(echo_of(first, "1") == "echo 1\n");
        auto second = connect(server);
        auto answer = crocus::create_task([&] { return echo_of(second, "2"); });
        settle();
        BOOST_TEST(!answer.done());
        BOOST_TEST(server.connections() == 1u);
        first.close();
        BOOST_TEST(answer.get() == "echo 2\n");
        auto third = connect(server);
        settle();
        server.close();  // it waits for a place meanwhile
        second.close();
        server.wait_closed();
        BOOST_TEST(crocus::test::error_of([&] { BOOST_TEST(third.read() == ""); }) == ECONNRESET);
    });
}
