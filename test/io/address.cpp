#define BOOST_TEST_MODULE io_address
#include <boost/test/unit_test.hpp>

#include <cstring>
#include <latch>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <netdb.h>
#include <unistd.h>

#include <crocus/error.hpp>
#include <crocus/event_loop.hpp>
#include <crocus/io/address.hpp>
#include <crocus/run.hpp>
#include <crocus/task.hpp>
#include <crocus/testing/driver_decorator.hpp>
#include <crocus/thread_pool.hpp>
#include <crocus/timeout.hpp>

#include "support/child.hpp"

using namespace std::chrono_literals;

extern "C" __attribute__((weak)) void __tsan_acquire(void*);  // NOLINT: the name is ThreadSanitizer's

namespace {

/// A resolver that answers nobody before answer(). What its look-ups use lives as long as they do.
class held_resolver {
public:
    [[nodiscard]] crocus::resolve_options options() const {
        return {.resolver = [s = state_](const std::string& host, const std::string& service) {
            s->ask(host);
            const auto port = static_cast<std::uint16_t>(std::atoi(service.c_str()));
            return std::vector{crocus::address::parse("127.0.0.1", port), crocus::address::parse("::1", port)};
        }};
    }
    [[nodiscard]] std::function<crocus::host_name(const crocus::address&)> reverse() const {
        return [s = state_](const crocus::address& a) {
            s->ask(a.to_string());
            return crocus::host_name{"some.name", "some-service"};
        };
    }

    void answer() { state_->answered.count_down(); }
    /// Blocks until somebody has asked.
    void await_question() {
        while (questions().empty()) crocus::sleep(1us);
    }
    [[nodiscard]] std::string questions() const {
        const std::scoped_lock lock(state_->mutex);
        return state_->questions;
    }

private:
    struct state {
        void ask(const std::string& host) {
            {
                const std::scoped_lock lock(mutex);
                questions += (questions.empty() ? "" : " ") + host;
            }
            answered.wait();
        }
        std::mutex mutex;
        std::string questions;
        std::latch answered{1};
    };
    std::shared_ptr<state> state_ = std::make_shared<state>();
};

std::vector<crocus::address> answer_at_once(const std::string&, const std::string&) {
    return {crocus::address::parse("127.0.0.1", 80)};
}

std::string texts(const std::vector<crocus::address>& addresses) {
    std::string text;
    for (const auto& a : addresses) text += (text.empty() ? "" : " ") + a.to_string();
    return text;
}

}  // namespace

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
        const auto thread = std::this_thread::get_id();
        held_resolver names;
        auto options = names.options();
        std::thread::id asked_on;
        options.resolver = [&asked_on, ask = options.resolver](const std::string& host, const std::string& service) {
            asked_on = std::this_thread::get_id();
            return ask(host, service);
        };
        auto other = crocus::create_task([&] { names.answer(); });  // which the look-up waits for
        BOOST_TEST(texts(crocus::resolve("some.name", 7, options)) == "127.0.0.1:7 [::1]:7");
        other.get();
        BOOST_TEST((asked_on != thread));
    });
}

BOOST_AUTO_TEST_CASE(a_resolver_that_never_answers_delays_no_timer_and_no_end_of_the_loop) {  // users' T15, L31
    held_resolver names;
    crocus::run([&] {
        auto asking = crocus::create_task([&] { return crocus::resolve("some.name", 7, names.options()); });
        names.await_question();
        crocus::sleep(1ms);
        BOOST_TEST(!asking.done());
        BOOST_CHECK_THROW(crocus::with_timeout(1ms, [&] { crocus::resolve("other.name", 7, names.options()); }),
                          crocus::timeout_error);
        asking.cancel();
        BOOST_CHECK_THROW(asking.get(), crocus::cancelled_error);
    });
    names.answer();  // for nobody
}

BOOST_AUTO_TEST_CASE(a_reverse_look_up_that_never_answers_can_be_left_too) {  // L31
    held_resolver names;
    crocus::run([&] {
        const auto a = crocus::address::parse("127.0.0.1", 80);
        const auto of = [&] { return crocus::name_of(a, {.resolver = names.reverse()}); };
        BOOST_CHECK_THROW(crocus::with_timeout(1ms, of), crocus::timeout_error);
        auto asking = crocus::create_task(of);
        crocus::yield_now();
        names.answer();
        const auto name = asking.get();
        BOOST_TEST(name.host == "some.name");
        BOOST_TEST(name.service == "some-service");
    });
}

BOOST_AUTO_TEST_CASE(a_look_up_that_was_given_up_before_its_turn_is_never_made) {  // L31
    crocus::run([] {
        crocus::thread_pool_executor one({.max_workers = 1});
        held_resolver names;
        auto options = names.options();
        options.where = &one;
        auto first = crocus::create_task([&] { return crocus::resolve("first", 7, options); });
        crocus::yield_now();
        names.await_question();
        auto second = crocus::create_task([&] { return crocus::resolve("second", 7, options); });
        crocus::yield_now();
        second.cancel();
        BOOST_CHECK_THROW(second.get(), crocus::cancelled_error);
        names.answer();
        first.get();
        one.shutdown();
        BOOST_TEST(names.questions() == "first");
    });
}

BOOST_AUTO_TEST_CASE(a_cancelled_task_asks_nobody) {  // L31
    crocus::run([] {
        held_resolver names;
        names.answer();
        auto asking = crocus::create_task([&] {
            crocus::current_task().cancel();
            crocus::resolve("some.name", 7, names.options());
        });
        BOOST_CHECK_THROW(asking.get(), crocus::cancelled_error);
        BOOST_TEST(names.questions() == "");
    });
}

BOOST_AUTO_TEST_CASE(the_resolvers_errors_reach_who_has_asked) {  // L31
    crocus::run([] {
        const crocus::resolve_options failing{.resolver = [](auto& host, auto&) -> std::vector<crocus::address> {
            throw crocus::resolve_error("nobody knows " + host);
        }};
        BOOST_CHECK_EXCEPTION(crocus::resolve("some.name", 7, failing), crocus::resolve_error,
                              [](const auto& e) { return std::string(e.what()) == "nobody knows some.name"; });
        const crocus::resolve_options empty{.resolver = [](auto&, auto&) { return std::vector<crocus::address>(); }};
        BOOST_CHECK_THROW(crocus::resolve("some.name", 7, empty), crocus::resolve_error);
    });
}

BOOST_AUTO_TEST_CASE(an_address_that_the_resolver_gives_twice_comes_once) {
    crocus::run([] {
        const crocus::resolve_options twice{.resolver = [](auto&, auto&) {
            const auto a = crocus::address::parse("127.0.0.1", 1);
            const auto b = crocus::address::parse("127.0.0.2", 1);
            return std::vector{a, b, a, a, b};
        }};
        BOOST_TEST(texts(crocus::resolve("some.name", 1, twice)) == "127.0.0.1:1 127.0.0.2:1");
        // Without a type the system's resolver has an address for each.
        BOOST_TEST(texts(crocus::resolve("", 1, {.family = AF_INET, .type = 0})) == "0.0.0.0:1");
    });
}

BOOST_AUTO_TEST_CASE(a_host_that_the_driver_knows_is_looked_up_nowhere_else) {  // L31
    struct knowing final : crocus::testing::driver_decorator {
        using driver_decorator::driver_decorator;
        std::optional<std::vector<sockaddr_storage>> look_up(std::string_view host) const override {
            if (host != "known") return std::nullopt;
            std::vector<sockaddr_storage> found(2);
            const auto a = crocus::address::parse("10.0.0.1", 0);
            const auto b = crocus::address::parse("fd00::1", 0);
            std::memcpy(&found[0], a.data(), a.size());
            std::memcpy(&found[1], b.data(), b.size());
            return found;
        }
    };
    crocus::run(
        [] {
            const crocus::resolve_options refusing{.resolver = [](auto&, auto&) -> std::vector<crocus::address> {
                throw crocus::resolve_error("asked");
            }};
            BOOST_TEST(texts(crocus::resolve("known", 7, refusing)) == "10.0.0.1:7 [fd00::1]:7");
            auto six = refusing;
            six.family = AF_INET6;
            BOOST_TEST(texts(crocus::resolve("known", 7, six)) == "[fd00::1]:7");
            BOOST_TEST(texts(crocus::resolve("127.0.0.1", 7, refusing)) == "127.0.0.1:7");
            BOOST_CHECK_THROW(crocus::resolve("unknown", 7, refusing), crocus::resolve_error);
        },
        {.driver = std::make_unique<knowing>(crocus::make_io_driver())});
}

BOOST_AUTO_TEST_CASE(a_numeric_host_asks_nobody_unless_its_service_has_a_name) {  // L31
    crocus::run([] {
        held_resolver names;
        names.answer();
        BOOST_TEST(texts(crocus::resolve("127.0.0.1", 7, names.options())) == "127.0.0.1:7");
        BOOST_TEST(texts(crocus::resolve("127.0.0.1", "7", names.options())) == "127.0.0.1:7");
        BOOST_TEST(texts(crocus::resolve("::1", "", names.options())) == "[::1]:0");
        BOOST_TEST(crocus::resolve("", 7, names.options()).size() >= 1u);
        BOOST_TEST(names.questions() == "");
        crocus::resolve("127.0.0.1", "http", names.options());
        BOOST_TEST(names.questions() == "127.0.0.1");
    });
}

BOOST_AUTO_TEST_CASE(the_service_is_a_name_or_a_number) {  // L31
    crocus::run([] {
        try {
            BOOST_TEST(texts(crocus::resolve("127.0.0.1", "http")) == "127.0.0.1:80");
        } catch (const crocus::resolve_error& e) {  // a machine without /etc/services
            BOOST_TEST(std::string(e.what()).find("http") != std::string::npos);
        }
        BOOST_TEST(texts(crocus::resolve("127.0.0.1", "65535")) == "127.0.0.1:65535");
        BOOST_CHECK_THROW(crocus::resolve("127.0.0.1", "65536"), crocus::resolve_error);
        BOOST_CHECK_THROW(crocus::resolve("127.0.0.1", "no such service"), crocus::resolve_error);
    });
}

BOOST_AUTO_TEST_CASE(an_address_is_of_the_family_that_is_wanted_or_mapped_to_it) {  // L31
    crocus::run([] {
        BOOST_TEST(texts(crocus::resolve("", 7, {.family = AF_INET})) == "0.0.0.0:7");
        BOOST_TEST(texts(crocus::resolve("", 7, {.family = AF_INET6})) == "[::]:7");
        BOOST_CHECK_THROW(crocus::resolve("127.0.0.1", 7, {.family = AF_INET6}), crocus::resolve_error);
        BOOST_TEST(texts(crocus::resolve("127.0.0.1", 7, {.family = AF_INET6, .flags = AI_V4MAPPED})) ==
                   "[::ffff:127.0.0.1]:7");
    });
}

BOOST_AUTO_TEST_CASE(the_systems_resolver_knows_this_machine) {  // L31
    crocus::run([] {
        try {
            for (const auto& a : crocus::resolve("localhost", 7))
                BOOST_TEST((a.host() == "127.0.0.1" || a.host() == "::1"));
        } catch (const crocus::resolve_error& e) {  // a machine without /etc/hosts
            BOOST_TEST(std::string(e.what()).find("'localhost") != std::string::npos);
        }
    });
}

BOOST_AUTO_TEST_CASE(an_address_has_names_and_numbers) {  // L31
    crocus::run([] {
        const auto a = crocus::address::parse("127.0.0.1", 80);
        const auto numeric = crocus::name_of(a, {.numeric_host = true, .numeric_service = true});
        BOOST_TEST(numeric.host == "127.0.0.1");
        BOOST_TEST(numeric.service == "80");
        const auto half = crocus::name_of(a, {.numeric_host = true});
        BOOST_TEST(half.host == "127.0.0.1");
        BOOST_TEST((half.service == "http" || half.service == "80"));
        BOOST_TEST(!crocus::name_of(a, {.numeric_service = true}).host.empty());
        BOOST_CHECK_THROW(crocus::name_of(crocus::address::local("/a/path")), crocus::usage_error);
    });
}

BOOST_AUTO_TEST_CASE(a_forked_child_looks_names_up_on_threads_of_its_own) {  // L30, L31
    crocus::run([] {
        const auto parents = [] { return crocus::resolve("some.name", 80, {.resolver = answer_at_once}); };
        parents();  // has threads
        if (&__tsan_acquire != nullptr) return;  // ThreadSanitizer starts no threads after a fork
        const auto end = crocus::test::in_child([&] {
            if (texts(parents()) != "127.0.0.1:80") ::_exit(1);
        });
        BOOST_TEST(end.exited_with(0), end.output);
        BOOST_TEST(texts(parents()) == "127.0.0.1:80");
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
