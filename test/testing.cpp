#define BOOST_TEST_MODULE testing
#include <crocus/testing.hpp>

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>

#include <crocus/context_var.hpp>
#include <crocus/error.hpp>
#include <crocus/future.hpp>
#include <crocus/io/fd.hpp>
#include <crocus/task.hpp>
#include <crocus/wait.hpp>
#include <crocus/wait_queue.hpp>

using crocus::create_task;
using crocus::event_loop;
namespace testing = crocus::testing;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_CASE(a_day_passes_as_soon_as_everybody_waits_and_no_sooner) {  // C27, L16
    const auto real = crocus::clock::now();
    testing::run([] {
        const auto start = event_loop::current().now();
        std::string log;
        const auto after = [&](auto d, char mark) {
            return [&log, d, mark] {
                crocus::sleep(d);
                log += mark;
            };
        };
        for (int i = 0; i != 1000; ++i) crocus::yield_now();
        BOOST_TEST((event_loop::current().now() == start));
        crocus::gather(after(24h, 'c'), after(1s, 'a'), after(23h, 'b'));
        BOOST_TEST(log == "abc");
        BOOST_TEST((event_loop::current().now() - start == 24h));
    });
    BOOST_TEST((crocus::clock::now() - real < 1h));
}

BOOST_AUTO_TEST_CASE(waiting_for_what_cannot_come_is_an_error_there_and_the_rest_is_cleaned_up) {  // C27
    std::string log;
    testing::run([&] {
        static_cast<void>(create_task([&] {
            try {
                crocus::future<void>().get();
            } catch (const crocus::cancelled_error&) {
                crocus::sleep(1s);
                log += "cleaned";
                throw;
            }
        }));
        BOOST_CHECK_THROW(crocus::future<void>().get(), crocus::deadlock_error);
        crocus::sleep(1s);  // it may go on
        BOOST_TEST(log.empty());
    });
    BOOST_TEST(log == "cleaned");
}

BOOST_AUTO_TEST_CASE(setting_up_testing_and_clearing_up_have_one_loop_and_one_context) {  // C27
    static crocus::context_var<std::string> name("name", "none");
    class fixture {
    public:
        fixture() : loop_(event_loop::current().id()) {
            static_cast<void>(name.set("set up"));
            crocus::sleep(1s);
        }
        ~fixture() {
            crocus::sleep(1s);
            BOOST_TEST(event_loop::current().id() == loop_);
            BOOST_TEST(name.get() == "tested");
        }
        void test() const {
            BOOST_TEST(event_loop::current().id() == loop_);
            BOOST_TEST(name.get() == "set up");
            static_cast<void>(name.set("tested"));
        }

    private:
        std::uint64_t loop_;
    };
    const auto first = testing::run([] {
        const fixture f;
        f.test();
        return event_loop::current().id();
    });
    testing::run([&] {
        BOOST_TEST(event_loop::current().id() != first);
        BOOST_TEST(name.get() == "none");
    });
}

BOOST_AUTO_TEST_CASE(it_returns_and_throws_what_the_test_does) {  // C27
    BOOST_TEST(*testing::run([] { return std::make_unique<int>(5); }) == 5);
    BOOST_CHECK_THROW(testing::run([] { throw std::runtime_error("failed"); }), std::runtime_error);
    BOOST_TEST(event_loop::current_if_any() == nullptr);
}

BOOST_AUTO_TEST_CASE(time_can_be_let_pass_without_waiting) {  // C27
    testing::run([] {
        const auto start = event_loop::current().now();
        auto called_at = start;
        event_loop::current().call_later(1h, [&] { called_at = event_loop::current().now(); });
        testing::advance(2h);
        BOOST_TEST((event_loop::current().now() - start == 2h));
        BOOST_TEST((called_at == start));
        crocus::sleep(1ns);
        BOOST_TEST((called_at - start == 2h));  // late; time never goes back
        BOOST_TEST((event_loop::current().now() - start == 2h + 1ns));
    });
    BOOST_CHECK_THROW(testing::advance(1s), crocus::usage_error);
    crocus::run([] { BOOST_CHECK_THROW(testing::advance(1s), crocus::usage_error); });
}

BOOST_AUTO_TEST_CASE(descriptors_are_refused) {  // C27
    testing::run([] {
        BOOST_CHECK_THROW(static_cast<void>(crocus::fd(0)), crocus::usage_error);
        BOOST_CHECK_THROW(event_loop::current().add_reader(0, [] {}), crocus::usage_error);
    });
}
