#define BOOST_TEST_MODULE io_connect
#include <crocus/io/connect.hpp>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <crocus/error.hpp>
#include <crocus/event_loop.hpp>
#include <crocus/run.hpp>
#include <crocus/stream.hpp>
#include <crocus/task.hpp>
#include <crocus/timeout.hpp>
#include <crocus/wait.hpp>

#include "support/io_drivers.hpp"

using namespace std::chrono_literals;
using crocus::address;
using crocus::connect;
using crocus::test::all_drivers;
using crocus::test::kernel_drivers;
using crocus::test::on_each_driver;

namespace {

crocus::socket listener_at(const std::string& host = "127.0.0.1", int backlog = 5) {
    crocus::socket s(AF_INET);
    s.bind(address::parse(host, 0));
    s.listen(backlog);
    return s;
}

/// An address where nobody listens, as long as this lives.
class refusing {
public:
    refusing() { bound_.bind(address::parse("127.0.0.1", 0)); }
    [[nodiscard]] address where() const { return bound_.local_address(); }

private:
    crocus::socket bound_{AF_INET};
};

/// An address that neither accepts nor refuses: its listener's queue is full.
class silent {
public:
    silent() {
        waiting_.connect(where());
        listener_.descriptor().wait_readable();  // it is in the queue
    }
    [[nodiscard]] address where() const { return listener_.local_address(); }

private:
    crocus::socket listener_ = listener_at("127.0.0.1", 0);
    crocus::socket waiting_{AF_INET};
};

std::ptrdiff_t open_descriptors() {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), std::filesystem::directory_iterator());
}

std::string texts(const std::vector<address>& addresses) {
    std::string text;
    for (const auto& a : addresses) text += (text.empty() ? "" : " ") + a.host();
    return text;
}

template <class F>
std::system_error system_error_of(F f) {
    try {
        f();
    } catch (const std::system_error& e) {
        return e;
    }
    BOOST_FAIL("no system_error");
    throw;
}

std::size_t count(const std::string& text, const std::string& part) {
    std::size_t n = 0;
    for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; ++at) ++n;
    return n;
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_families_take_turns) {  // L32, L34
    std::vector<address> all;
    for (const char* host : {"::1", "::2", "::3", "::4", "10.0.0.1", "10.0.0.2"})
        all.push_back(address::parse(host, 1));
    BOOST_TEST(texts(crocus::interleave(all)) == "::1 10.0.0.1 ::2 10.0.0.2 ::3 ::4");
    BOOST_TEST(texts(crocus::interleave(all, 2)) == "::1 ::2 10.0.0.1 ::3 10.0.0.2 ::4");
    BOOST_TEST(texts(crocus::interleave(all, 9)) == "::1 ::2 ::3 ::4 10.0.0.1 10.0.0.2");
    BOOST_TEST(texts(crocus::interleave(all, 0)) == texts(all));
    std::reverse(all.begin(), all.end());
    BOOST_TEST(texts(crocus::interleave(all)) == "10.0.0.2 ::4 10.0.0.1 ::3 ::2 ::1");
    BOOST_TEST(crocus::interleave({}).empty());
}

BOOST_AUTO_TEST_CASE(one_that_refuses_is_followed_by_the_next) {  // L32
    on_each_driver(all_drivers, [] {
        const refusing nobody;
        auto listener = listener_at();
        for (const std::optional<crocus::duration> delay : {std::optional<crocus::duration>(1h), {}}) {
            const std::vector all{nobody.where(), nobody.where(), listener.local_address()};
            const auto s = connect(all, {.happy_eyeballs_delay = delay});
            BOOST_TEST((s.remote_address() == listener.local_address()));
            BOOST_TEST((listener.accept().remote_address() == s.local_address()));
        }
    });
}

BOOST_AUTO_TEST_CASE(one_that_does_not_answer_is_overtaken_and_closed) {  // L34
    on_each_driver(kernel_drivers, [] {
        const silent nobody;
        auto listener = listener_at();
        const std::vector all{nobody.where(), listener.local_address()};
        const auto before = open_descriptors();
        {
            const auto s = connect(all, {.happy_eyeballs_delay = 1ms});
            BOOST_TEST((s.remote_address() == listener.local_address()));
            BOOST_TEST(open_descriptors() == before + 1);
        }
        BOOST_TEST(open_descriptors() == before);
    });
}

BOOST_AUTO_TEST_CASE(those_that_accept_at_the_same_instant_leak_nothing) {  // L34
    on_each_driver(all_drivers, [] {
        auto listener = listener_at("127.0.0.1", 1000);
        const std::vector<address> all(8, listener.local_address());
        const auto before = open_descriptors();
        for (int round = 0; round != 20; ++round) connect(all, {.happy_eyeballs_delay = 0ms});
        BOOST_TEST(open_descriptors() == before);
    });
}

BOOST_AUTO_TEST_CASE(a_single_failure_is_thrown_as_it_is) {  // L32
    on_each_driver(all_drivers, [] {
        const refusing nobody;
        const std::vector all{nobody.where()};
        const auto e = system_error_of([&] { connect(all); });
        BOOST_TEST((e.code() == std::errc::connection_refused));
        BOOST_TEST(std::string(e.what()).find("connect to " + nobody.where().to_string()) == 0u);
    });
}

BOOST_AUTO_TEST_CASE(several_failures_are_one_that_lists_them_or_a_group) {  // L32
    on_each_driver(all_drivers, [] {
        const refusing one;
        const refusing two;
        const std::vector all{one.where(), two.where()};
        const std::string text = system_error_of([&] { connect(all); }).what();
        BOOST_TEST(text.find("none of 2 addresses") != std::string::npos);
        BOOST_TEST(count(text, one.where().to_string() + ": Connection refused") == 1u);
        BOOST_TEST(count(text, two.where().to_string() + ": Connection refused") == 1u);
        BOOST_TEST(text.find(one.where().to_string()) < text.find(two.where().to_string()));
        BOOST_TEST((system_error_of([&] { connect(all); }).code() == std::errc::connection_refused));
        for (const std::size_t n : {1u, 2u})
            BOOST_CHECK_EXCEPTION(connect(std::span(all).first(n), {.all_errors = true}), crocus::exception_group,
                                  [&](const auto& e) {
                                      return e.exceptions().size() == n &&
                                             e.template subgroup<std::system_error>().exceptions().size() == n;
                                  });
        BOOST_CHECK_THROW(connect(std::vector<address>{}), crocus::usage_error);
    });
}

BOOST_AUTO_TEST_CASE(the_local_address_is_bound_to_and_chooses_the_family) {  // L32
    on_each_driver(all_drivers, [] {
        auto listener = listener_at();
        const std::vector all{address::parse("::1", 1), listener.local_address()};
        const auto s = connect(all, {.local_address = address::parse("127.0.0.3", 0)});
        BOOST_TEST(s.local_address().host() == "127.0.0.3");
        BOOST_TEST(listener.accept().remote_address().host() == "127.0.0.3");
        const std::vector six{all[0]};
        const auto none = system_error_of([&] { connect(six, {.local_address = address::parse("127.0.0.1", 0)}); });
        BOOST_TEST((none.code() == std::errc::address_not_available));
        if (crocus::event_loop::current().driver().name() == "simulated") return;  // where every address is one's own
        const auto foreign = system_error_of([&] { connect(all, {.local_address = address::parse("192.0.2.1", 0)}); });
        BOOST_TEST(std::string(foreign.what()).find("bind to 192.0.2.1") != std::string::npos);
    });
}

BOOST_AUTO_TEST_CASE(a_cancelled_connect_leaves_nothing_behind) {  // L32, L34
    on_each_driver(kernel_drivers, [] {
        const silent nobody;
        const std::vector all{nobody.where(), nobody.where()};
        const auto before = open_descriptors();
        auto connecting = crocus::create_task([&] { connect(all, {.happy_eyeballs_delay = 0ms}); });
        while (open_descriptors() != before + 2) crocus::yield_now();
        connecting.cancel();
        BOOST_CHECK_THROW(connecting.get(), crocus::cancelled_error);
        BOOST_TEST(open_descriptors() == before);
        BOOST_CHECK_THROW(crocus::with_timeout(1ms, [&] { connect(all); }), crocus::timeout_error);
        BOOST_TEST(open_descriptors() == before);
    });
}

BOOST_AUTO_TEST_CASE(a_host_is_resolved_and_its_addresses_raced) {  // L32, S1
    on_each_driver(all_drivers, [] {
        auto listener = listener_at();
        const refusing nobody;
        const crocus::connect_options options{
            .resolve = {.resolver = [from = std::vector{nobody.where(), listener.local_address()}](auto&, auto&) {
                return from;
            }}};
        const auto s = connect("some.name", 1, options);
        BOOST_TEST((s.remote_address() == listener.local_address()));
        BOOST_TEST((connect("some.name", "some-service", options).remote_address() == listener.local_address()));
        BOOST_TEST(
            (connect("127.0.0.1", listener.local_address().port()).remote_address() == listener.local_address()));
        auto stream = crocus::open_connection("some.name", 1, {.limit = 7}, options);
        BOOST_TEST((stream.remote_address() == listener.local_address()));
        BOOST_CHECK_THROW(crocus::open_connection("some.name", 1, {},
                                                  {.resolve = {.resolver = [](auto&, auto&) -> std::vector<address> {
                                                       throw crocus::resolve_error("no");
                                                   }}}),
                          crocus::resolve_error);
    });
}
