// What a simulated network does to those who use it: everything is drawn, and is the same again with the same seed.
#define BOOST_TEST_MODULE testing_network_conditions
#include <crocus/testing/simulated_network.hpp>

#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <crocus/error.hpp>
#include <crocus/io/socket.hpp>
#include <crocus/server.hpp>
#include <crocus/stream.hpp>
#include <crocus/task.hpp>
#include <crocus/testing/driver_decorator.hpp>
#include <crocus/testing/schedule.hpp>
#include <crocus/timeout.hpp>
#include <crocus/wait.hpp>

#include "support/errors.hpp"
#include "support/loop_tests.hpp"
#include "support/seeds.hpp"

using crocus::address;
using crocus::create_task;
using crocus::stream;
using crocus::test::contains;
using crocus::test::error_of;
using crocus::testing::network_conditions;
namespace testing = crocus::testing;
using namespace std::chrono_literals;

namespace {

constexpr unsigned seeds = crocus::test::usual_seeds(1000);

crocus::time_point now() { return crocus::event_loop::current().now(); }

template <class F>
crocus::duration time_of(F f) {
    const auto start = now();
    f();
    return now() - start;
}

std::span<const std::byte> bytes_of(std::string_view s) { return std::as_bytes(std::span(s)); }

std::pair<stream, stream> stream_pair() {
    auto [a, b] = crocus::socket::pair();
    return {stream(std::move(a)), stream(std::move(b))};
}

void under(const network_conditions& conditions, const std::function<void()>& f) {
    testing::run(f, {.seed = 1, .network = conditions});
}

/// Calls `f` until it gives true, at most a thousand times. Returns how often.
template <class F>
int first_of_many(F f) {
    int n = 1;
    while (!f()) BOOST_REQUIRE(++n < 1000);
    return n;
}

/// Two datagram sockets, the first connected to the second.
std::pair<crocus::socket, crocus::socket> datagram_pair() {
    crocus::socket to(AF_INET, SOCK_DGRAM);
    to.bind(address::parse("127.0.0.1", 0));
    crocus::socket from(AF_INET, SOCK_DGRAM);
    from.connect(to.local_address());
    return {std::move(from), std::move(to)};
}

/// Sends 0 to n - 1, and returns what comes within a second.
std::vector<int> datagrams_that_come(int n) {
    auto [from, to] = datagram_pair();
    for (int i = 0; i != n; ++i) from.send_to(bytes_of(std::to_string(i)), to.local_address());
    std::vector<int> come;
    crocus::move_on_after(1s, [&, &sock = to] {
        for (;;) {
            char room[8] = {};
            sock.recv(std::as_writable_bytes(std::span(room)));
            come.push_back(std::atoi(room));
        }
    });
    return come;
}

}  // namespace

// ---------------------------------------------------------------------------------------------------------- conditions

BOOST_AUTO_TEST_CASE(what_is_sent_arrives_after_its_latency_and_time_passes_for_nothing_else) {
    under({.least_latency = 10ms}, [] {
        auto server = crocus::start_server([](stream& s) { s.write(s.read_line()); }, "127.0.0.1", 0);
        std::optional<stream> client;
        BOOST_TEST((time_of([&] { client = crocus::open_connection("127.0.0.1", server.port()); }) == 20ms));
        BOOST_TEST((time_of([&] { client->write("x\n"); }) == 0ms));
        BOOST_TEST((time_of([&] { client->read_line(); }) == 20ms));
    });
    under({.least_latency = 10ms, .most_latency = 20ms}, [] {
        auto [near, far] = stream_pair();
        std::set<crocus::duration> seen;
        for (int i = 0; i != 100; ++i) {
            far.write("x");
            seen.insert(time_of([&, &s = near] { s.read(1); }));
        }
        BOOST_TEST(seen.size() > 90u);
        BOOST_TEST((*seen.begin() >= 10ms && *seen.rbegin() <= 20ms));
    });
}

BOOST_AUTO_TEST_CASE(timers_and_arrivals_come_in_the_order_of_their_time) {
    under({.least_latency = 10ms}, [] {
        auto [near, far] = stream_pair();
        std::string log;
        far.write("x");
        crocus::gather(
            [&] {
                crocus::sleep(9ms);
                log += 'a';
            },
            [&, &s = near] {
                s.read(1);
                log += 'b';
            },
            [&] {
                crocus::sleep(11ms);
                log += 'c';
            });
        BOOST_TEST(log == "abc");
    });
}

BOOST_AUTO_TEST_CASE(short_reads_and_writes_move_a_part_and_lose_nothing) {
    const auto moves = [](const network_conditions& c) {
        std::set<std::size_t> sizes;
        under(c, [&] {
            auto [a, b] = crocus::socket::pair();
            const std::string text = "0123456789";
            for (int i = 0; i != 100; ++i) {
                const iovec pieces[]{{const_cast<char*>(text.data()), 5}, {const_cast<char*>(text.data() + 5), 5}};
                const std::size_t sent = a.send(pieces);
                sizes.insert(sent);
                std::string got;
                while (got.size() != sent) {
                    char room[10];
                    const std::size_t n = b.recv(std::as_writable_bytes(std::span(room)));
                    sizes.insert(n);
                    got.append(room, n);
                }
                BOOST_TEST(got == text.substr(0, sent));
            }
        });
        return sizes.size();
    };
    BOOST_TEST(moves({}) == 1u);
    BOOST_TEST(moves({.short_reads = 0.5}) == 10u);
    BOOST_TEST(moves({.short_writes = 0.5}) == 10u);
}

BOOST_AUTO_TEST_CASE(a_connection_that_breaks_gives_both_ends_econnreset) {
    under({.resets = 0.1}, [] {
        int broken_after = 0;
        broken_after = first_of_many([] {
            auto [near, far] = stream_pair();
            auto reading = create_task([&, &s = near] { return s.read(1); });
            crocus::yield_now();
            if (error_of([&, &s = far] { s.write("x"); }) == 0) return reading.get() != "x";
            BOOST_TEST(error_of([&] { reading.get(); }) == ECONNRESET);
            BOOST_TEST(error_of([&, &s = far] { s.read(); }) == ECONNRESET);
            return true;
        });
        BOOST_TEST(broken_after > 1);
    });
}

BOOST_AUTO_TEST_CASE(a_connection_that_falls_silent_tells_nobody_and_a_time_limit_passes_at_once) {
    under({.least_latency = 1ms, .silences = 1}, [] {
        auto [near, far] = stream_pair();
        far.write("into the void");
        BOOST_TEST((time_of([&, &s = near] { crocus::move_on_after(24h, [&] { s.read(1); }); }) == 24h));
        far.close();
        BOOST_CHECK_THROW(near.read(1), crocus::deadlock_error);
    });
}

BOOST_AUTO_TEST_CASE(connects_are_refused_by_chance) {
    under({.refusals = 0.5}, [] {
        auto server = crocus::start_server([](stream&) {}, "127.0.0.1", 0);
        int refused = 0;
        for (int i = 0; i != 100; ++i)
            refused += error_of([&] { crocus::open_connection("127.0.0.1", server.port()); }) == ECONNREFUSED;
        BOOST_TEST((refused > 25 && refused < 75));
    });
}

BOOST_AUTO_TEST_CASE(datagrams_are_lost_doubled_and_late_by_chance) {
    const auto in_order = [](const std::vector<int>& v) { return std::is_sorted(v.begin(), v.end()); };
    under({.most_latency = 10ms}, [&] {
        const auto come = datagrams_that_come(100);
        BOOST_TEST((come.size() == 100u && in_order(come)));
    });
    under({.losses = 0.5}, [&] {
        const auto come = datagrams_that_come(100);
        BOOST_TEST((come.size() > 25 && come.size() < 75 && in_order(come)));
    });
    under({.duplicates = 0.5}, [&] {
        const auto come = datagrams_that_come(100);
        BOOST_TEST((come.size() > 125 && come.size() < 175 && in_order(come)));
    });
    under({.reorderings = 0.5}, [&] {
        auto come = datagrams_that_come(100);
        BOOST_TEST(!in_order(come));
        std::sort(come.begin(), come.end());
        BOOST_TEST((come.size() == 100u && std::unique(come.begin(), come.end()) == come.end()));
    });
}

BOOST_AUTO_TEST_CASE(so_many_sockets_are_open_at_most_and_a_server_survives_that) {  // L36
    under({.sockets = 4}, [] {
        const auto seen = crocus::test::collect_reports();
        auto server = crocus::start_server([](stream& s) { s.write(s.read_line()); }, "127.0.0.1", 0);
        const crocus::socket first(AF_INET);
        const crocus::socket second(AF_INET);
        auto client = crocus::open_connection("127.0.0.1", server.port());
        client.write("x\n");
        BOOST_TEST(error_of([] { crocus::socket(AF_INET); }) == EMFILE);
        auto answer = create_task([&] { return client.read_line(); });
        crocus::sleep(1ms);
        BOOST_TEST((!seen->empty() && contains(seen->front(), "accepting pauses")));
        auto conditions = testing::network().conditions();
        conditions.sockets = 5;
        testing::network().set_conditions(conditions);
        BOOST_TEST(answer.get() == "x\n");
    });
}

BOOST_AUTO_TEST_CASE(conditions_that_cannot_be_are_refused_and_those_that_can_may_change_at_any_time) {
    for (const network_conditions& wrong :
         {network_conditions{.short_reads = 1.5}, network_conditions{.losses = -0.1}, network_conditions{.buffer = 0},
          network_conditions{.least_latency = 2ms, .most_latency = 1ms}, network_conditions{.least_latency = -1ms}})
        BOOST_CHECK_THROW(testing::run([] {}, {.network = wrong}), crocus::usage_error);
    under({.least_latency = 5ms, .buffer = 4}, [] {
        auto [near, far] = stream_pair();
        auto writing = create_task([&, &s = far] { s.write("01234567"); });
        crocus::sleep(1s);
        BOOST_TEST(!writing.done());
        testing::network().set_conditions({});  // what is on its way comes when it would have, the rest behind it
        writing.get();
        BOOST_TEST(near.read_exactly(8) == "01234567");
        far.write("a");
        testing::network().set_conditions({.least_latency = 10ms});
        far.write("b");
        testing::network().set_conditions({});
        far.write("c");
        BOOST_TEST((time_of([&, &s = near] { BOOST_TEST(s.read_exactly(3) == "abc"); }) == 10ms));
    });
}

// -------------------------------------------------------------------------------------------------------------
// controls

BOOST_AUTO_TEST_CASE(hosts_that_cannot_be_reached_say_so_or_nothing_and_a_time_limit_passes_at_once) {
    under({}, [] {
        auto& network = testing::network();
        auto server = crocus::start_server([](stream&) {}, "10.0.0.1", 80);
        network.unreachable(address::parse("10.0.0.1", 0));
        BOOST_TEST(error_of([] { crocus::open_connection("10.0.0.1", 80); }) == EHOSTUNREACH);
        network.reachable(address::parse("10.0.0.1", 0));
        network.black_hole(address::parse("10.0.0.1", 80));
        const auto connect = [] { crocus::with_timeout(30s, [] { crocus::open_connection("10.0.0.1", 80); }); };
        BOOST_TEST((time_of([&] { BOOST_CHECK_THROW(connect(), crocus::timeout_error); }) == 30s));
        network.reachable(address::parse("10.0.0.1", 80));
        BOOST_TEST((time_of(connect) == 0s));
        crocus::socket datagrams(AF_INET, SOCK_DGRAM);
        network.unreachable(address::parse("10.0.0.2", 0));
        BOOST_TEST(error_of([&] { datagrams.send_to(bytes_of("x"), address::parse("10.0.0.2", 53)); }) == EHOSTUNREACH);
    });
}

BOOST_AUTO_TEST_CASE(a_connect_that_is_cancelled_leaves_nothing_behind) {
    testing::for_each_seed(seeds / 10,
                           [] {
                               auto server = crocus::start_server([](stream& s) { s.read(); }, "127.0.0.1", 0);
                               for (int i = 0; i != 5; ++i)
                                   crocus::move_on_after(testing::choose(10) * 1ms,
                                                         [&] { crocus::open_connection("127.0.0.1", server.port()); });
                               crocus::sleep(1s);
                               BOOST_TEST(testing::network().connections() == 0u);
                               BOOST_TEST(server.connections() == 0u);
                           },
                           {.least_latency = 1ms, .most_latency = 5ms});
}

BOOST_AUTO_TEST_CASE(what_streams_send_while_the_network_is_cut_comes_once_it_is_healed_and_datagrams_do_not) {
    under({.most_latency = 1ms}, [] {
        auto server = crocus::start_server([](stream& s) { s.write(s.read_line()); }, "127.0.0.1", 0);
        auto client = crocus::open_connection("127.0.0.1", server.port());
        auto [from, to] = datagram_pair();
        auto& network = testing::network();
        client.write("be");
        network.partition();
        client.write("fore\n");
        from.send_to(bytes_of("lost"), to.local_address());
        auto late = create_task([&] { return crocus::open_connection("127.0.0.1", server.port()).is_closed(); });
        auto answer = create_task([&] { return client.read_line(); });
        BOOST_CHECK_THROW(answer.get(), crocus::deadlock_error);  // nobody would heal it
        crocus::sleep(1h);
        BOOST_TEST(!answer.done());
        BOOST_TEST(!late.done());
        network.heal();
        BOOST_TEST(answer.get() == "before\n");
        BOOST_TEST(!late.get());
        std::byte room[8];
        BOOST_TEST(!to.try_recv(room));
    });
}

BOOST_AUTO_TEST_CASE(all_connections_can_be_broken_at_once) {
    under({.least_latency = 1ms}, [] {
        auto [near, far] = stream_pair();
        auto [near_2, far_2] = stream_pair();
        far.write("lost");
        BOOST_TEST(testing::network().connections() == 2u);
        testing::network().reset_all();
        for (stream* const s : {&near, &far, &near_2, &far_2}) BOOST_TEST(error_of([&] { s->read(1); }) == ECONNRESET);
    });
}

BOOST_AUTO_TEST_CASE(the_network_is_the_one_of_this_loop_also_below_another_driver) {
    BOOST_CHECK_THROW(static_cast<void>(testing::network()), crocus::usage_error);
    crocus::run([] { BOOST_CHECK_THROW(static_cast<void>(testing::network()), crocus::usage_error); },
                {.driver = crocus::make_io_driver("epoll")});
    crocus::run([] { BOOST_TEST((&testing::network() == &crocus::event_loop::current().driver())); },
                {.driver = crocus::make_io_driver("simulated")});
    auto inner = std::make_unique<testing::simulated_network>();
    const auto* const simulated = inner.get();
    crocus::run([&] { BOOST_TEST((&testing::network() == simulated)); },
                {.driver = std::make_unique<testing::driver_decorator>(std::move(inner))});
}

// --------------------------------------------------------------------------------------------------------------- seeds

namespace {

/// What a server and its clients have said, through everything that may happen to streams but the end of a connection.
std::string conversation(network_conditions conditions, std::optional<std::uint64_t> seed) {
    return testing::run(
        [] {
            testing::network().set_trace(true);
            auto server = crocus::start_server([](stream& s) { s.write(s.read()); }, "127.0.0.1", 0);
            const auto ask = [&] {
                auto s = crocus::open_connection("127.0.0.1", server.port());
                s.write("what is said");
                s.write_eof();
                return s.read();
            };
            crocus::gather(ask, ask, ask);
            return testing::network().trace();
        },
        {.seed = seed, .network = conditions});
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_same_seed_gives_the_same_run_and_another_another) {
    const network_conditions rough{.least_latency = 1ms, .most_latency = 5ms, .short_reads = 0.5, .short_writes = 0.5};
    std::set<std::string> different;
    for (unsigned seed = 1; seed <= 100; ++seed) {
        const std::string trace = conversation(rough, seed);
        BOOST_TEST(trace == conversation(rough, seed));
        different.insert(trace);
    }
    BOOST_TEST(different.size() == 100u);
    BOOST_TEST(conversation(rough, std::nullopt) == conversation(rough, std::nullopt));
    const std::string neutral = conversation({}, std::nullopt);
    BOOST_TEST_MESSAGE(neutral);
    BOOST_TEST(contains(neutral, "0.000000000 #1 127.0.0.1:32768 listens\n"));
    BOOST_TEST(contains(neutral, "127.0.0.1:32769 sends 12 of 12 to 127.0.0.1:32768\n"));
}

namespace {

/// Sends numbered bytes, reads the answer with time limits that may pass at any moment, and gives up what has come when
/// the connection breaks.
void talk(std::uint16_t port, bool may_break) {
    const std::size_t n = 1 + testing::choose(3000);
    std::string sent;
    for (std::size_t i = 0; i != n; ++i) sent += static_cast<char>('a' + (i * i + i / 7) % 26);
    std::string got;
    try {
        auto s = crocus::open_connection("127.0.0.1", port);
        crocus::gather(
            [&] {
                for (std::size_t at = 0; at != n;) {
                    const std::size_t part = std::min(n - at, 1 + testing::choose(700));
                    s.write(std::string_view(sent).substr(at, part));
                    at += part;
                    if (testing::choose(3) == 0) crocus::sleep(testing::choose(3) * 1ms);
                }
                s.write_eof();
            },
            [&] {
                while (!s.at_eof())
                    crocus::move_on_after(testing::choose(4) * 1ms, [&] { got += s.read(1 + testing::choose(900)); });
            });
        if (got != sent) throw std::logic_error("the echo differs");
    } catch (const std::system_error& e) {
        const int why = e.code().value();
        if (!may_break || (why != ECONNRESET && why != EPIPE && why != ECONNREFUSED)) throw;
        if (!sent.starts_with(got)) throw std::logic_error("the echo differs before it breaks");
    }
}

void echo(stream& s) {
    try {
        for (std::string part; !(part = s.read(1 + testing::choose(500))).empty();) s.write(part);
    } catch (const std::system_error&) {
    }
}

void conversations(bool may_break) {
    auto server = crocus::start_server(echo, "127.0.0.1", 0);
    const auto one = [&] { talk(server.port(), may_break); };
    crocus::gather(one, one, one);
    server.close();
    server.wait_closed();
    if (testing::network().connections() != 0) throw std::logic_error("a connection was left");
}

}  // namespace

BOOST_AUTO_TEST_CASE(nothing_is_lost_doubled_out_of_order_or_stuck_in_a_thousand_seeds) {  // users' T21
    network_conditions rough{.most_latency = 3ms, .buffer = 256, .short_reads = 0.3, .short_writes = 0.3};
    testing::for_each_seed(
        seeds, [] { conversations(false); }, rough);
    rough.resets = 0.02;
    rough.refusals = 0.05;
    testing::for_each_seed(
        seeds, [] { conversations(true); }, rough);
}

namespace {

/// Adds two numbers of four digits. The faulty one takes for granted that what was sent in one piece comes in one.
void add(crocus::socket& s, bool correct) {
    std::string text(8, '\0');
    std::size_t have = 0;
    do have += s.recv(std::as_writable_bytes(std::span(text)).subspan(have));
    while (correct && have != text.size());
    s.send_all(bytes_of(std::to_string(std::stoi(text.substr(0, 4)) + std::stoi(text.substr(4)))));
    s.close();
}

void addition(bool correct) {
    auto [a, b] = crocus::socket::pair();
    auto server = create_task([&, &s = b] { add(s, correct); });
    a.send_all(bytes_of("11112222"));
    const std::string answer = stream(std::move(a)).read();
    if (answer != "3333") throw std::logic_error("it says " + answer);
    server.get();
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_planted_fault_of_short_reads_is_found_and_replayed) {  // users' T29
    testing::for_each_seed(seeds, [] { addition(false); });                   // a kind network does not show it
    const network_conditions rough{.most_latency = 1ms, .short_reads = 0.05};
    std::string trace;
    const auto find = [&]() -> std::uint64_t {
        try {
            testing::for_each_seed(
                seeds,
                [&] {
                    testing::network().set_trace(true);
                    try {
                        addition(false);
                    } catch (...) {
                        trace = testing::network().trace();
                        throw;
                    }
                },
                rough);
        } catch (const crocus::failure_with_seed& e) {
            return e.seed();
        }
        return 0;
    };
    const auto seed = find();
    BOOST_REQUIRE(seed != 0u);
    const std::string first = std::exchange(trace, "");
    ::setenv("CROCUS_SEED", std::to_string(seed).c_str(), 1);
    BOOST_TEST(find() == seed);
    BOOST_TEST(trace == first);
    ::unsetenv("CROCUS_SEED");
    testing::for_each_seed(
        seeds, [] { addition(true); }, rough);
}

BOOST_AUTO_TEST_CASE(a_driver_that_is_made_by_its_name_has_its_seed_from_the_environment) {
    const auto latencies = [](const char* seed) {
        ::setenv("CROCUS_SEED", seed, 1);
        auto driver = crocus::make_io_driver("simulated");
        ::unsetenv("CROCUS_SEED");
        return crocus::run(
            [] {
                testing::network().set_conditions({.most_latency = 1s});
                auto [near, far] = stream_pair();
                far.write("x");
                return time_of([&, &s = near] { s.read(1); });
            },
            {.driver = std::move(driver), .handle_interrupt = false});
    };
    BOOST_TEST((latencies("5") == latencies("5")));
    BOOST_TEST((latencies("5") != latencies("6")));
    BOOST_CHECK_THROW(latencies("x"), crocus::usage_error);
    ::unsetenv("CROCUS_SEED");
}
