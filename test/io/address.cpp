#define BOOST_TEST_MODULE io_address
#include <boost/test/unit_test.hpp>

#include <latch>
#include <memory>
#include <string>

#include <crocus/error.hpp>
#include <crocus/event_loop.hpp>
#include <crocus/io/address.hpp>
#include <crocus/run.hpp>
#include <crocus/task.hpp>
#include <crocus/thread_pool.hpp>

BOOST_AUTO_TEST_CASE(numeric_addresses_are_read_and_written) {  // L31
    const auto four = crocus::address::parse("127.0.0.1", 80);
    BOOST_TEST(four.to_string() == "127.0.0.1:80");
    BOOST_TEST(four.family() == AF_INET);
    const auto six = crocus::address::parse("::1", 8080);
    BOOST_TEST(six.to_string() == "[::1]:8080");
    BOOST_TEST(six.host() == "::1");
    BOOST_TEST(six.port() == 8080);
}

BOOST_AUTO_TEST_CASE(what_is_no_numeric_address_is_refused_with_its_text) {
    BOOST_CHECK_EXCEPTION(crocus::address::parse("not numeric", 80), crocus::resolve_error, [](const auto& e) {
        return std::string(e.what()).find("'not numeric'") != std::string::npos;
    });
}

BOOST_AUTO_TEST_CASE(a_numeric_host_is_resolved_without_a_resolver) {  // L31
    crocus::run([] {
        const auto found = crocus::resolve("127.0.0.1", 7);
        BOOST_REQUIRE(found.size() == 1u);
        BOOST_TEST(found[0].to_string() == "127.0.0.1:7");
    });
}

BOOST_AUTO_TEST_CASE(no_host_means_all_interfaces) {
    crocus::run([] {
        bool any = false;
        for (const auto& a : crocus::resolve("", 7)) any = any || a.host() == "0.0.0.0" || a.host() == "::";
        BOOST_TEST(any);
    });
}

BOOST_AUTO_TEST_CASE(a_name_is_looked_up_off_the_loop) {  // L31
    crocus::run([] {
        // The pool's one thread is busy until the other task has run, so the look-up cannot end before that.
        auto pool = std::make_shared<crocus::thread_pool_executor>(crocus::thread_pool_options{.max_workers = 1});
        crocus::event_loop::current().set_default_executor(pool);
        std::latch other_ran(1);
        auto busy = pool->submit([&] { other_ran.wait(); });
        bool others_ran = false;
        auto other = crocus::create_task([&] {
            others_ran = true;
            other_ran.count_down();
        });
        try {
            for (const auto& a : crocus::resolve("localhost", 7))
                BOOST_TEST((a.host() == "127.0.0.1" || a.host() == "::1"));
        } catch (const crocus::resolve_error& e) {  // a machine without /etc/hosts
            BOOST_TEST(std::string(e.what()).find("'localhost'") != std::string::npos);
        }
        BOOST_TEST(others_ran);
        other.get();
        busy.get();
    });
}

BOOST_AUTO_TEST_CASE(an_address_of_another_family_is_refused) {
    sockaddr other{};
    other.sa_family = AF_PACKET;
    BOOST_CHECK_THROW(crocus::address(&other, sizeof other), crocus::usage_error);
}

BOOST_AUTO_TEST_CASE(a_path_is_an_address_too_and_keeps_its_length) {
    const auto file = crocus::address::local("/run/some.socket");
    BOOST_TEST(file.is_local());
    BOOST_TEST(file.path() == "/run/some.socket");
    BOOST_TEST(file.to_string() == "/run/some.socket");
    BOOST_TEST(file.host() == "");
    BOOST_TEST(file.port() == 0u);
    const auto name = crocus::address::local(std::string_view("\0name", 5));
    BOOST_TEST(name.to_string() == "@name");
    BOOST_TEST(name.path().size() == 5u);
    BOOST_TEST(crocus::address::local("").path() == "");
    BOOST_TEST((crocus::address(file.data(), file.size()) == file));
    BOOST_TEST(!(name == file));
    BOOST_CHECK_NO_THROW(crocus::address::local(std::string(107, 'x')));
    BOOST_CHECK_THROW(crocus::address::local(std::string(108, 'x')), crocus::usage_error);
}

BOOST_AUTO_TEST_CASE(addresses_are_equal_where_they_lead_to_the_same_place) {
    const auto a = crocus::address::parse("127.0.0.1", 80);
    BOOST_TEST((a == crocus::address::parse("127.0.0.1", 80)));
    BOOST_TEST(!(a == crocus::address::parse("127.0.0.1", 81)));
    BOOST_TEST(!(a == crocus::address::parse("127.0.0.2", 80)));
    BOOST_TEST(!(a == crocus::address::parse("::1", 80)));
    BOOST_TEST((crocus::address::parse("::1", 80) == crocus::address::parse("0:0::1", 80)));
}
