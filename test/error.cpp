#define BOOST_TEST_MODULE error
#include <crocus/error.hpp>

#include <boost/test/unit_test.hpp>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>

namespace {

template <class Error, class Base>
constexpr bool is_a = std::is_base_of_v<Base, Error>;

struct not_an_exception {};

const auto broken = std::make_exception_ptr(std::runtime_error("broken"));

}  // namespace

// G36, C25
BOOST_AUTO_TEST_CASE(what_asks_a_flow_to_go_away_is_no_std_exception) {
    static_assert(!is_a<crocus::generator_exit, std::exception>);
    static_assert(!is_a<crocus::cancelled_error, std::exception>);
    for (int i = 0; i != 2; ++i) {
        try {
            try {
                if (i == 0) throw crocus::generator_exit();
                throw crocus::cancelled_error("enough");
            } catch (const std::exception&) {
                BOOST_ERROR("caught as an error");
            }
        } catch (const crocus::generator_exit&) {
            BOOST_TEST(i == 0);
        } catch (const crocus::cancelled_error& e) {
            BOOST_TEST(e.message() == "enough");
        }
    }
}

BOOST_AUTO_TEST_CASE(every_breach_of_the_generator_protocol_has_a_common_base) {
    static_assert(is_a<crocus::generator_error, std::logic_error>);
    static_assert(is_a<crocus::generator_already_executing, crocus::generator_error>);
    static_assert(is_a<crocus::generator_not_started, crocus::generator_error>);
    static_assert(is_a<crocus::generator_ignored_exit, crocus::generator_error>);
    static_assert(is_a<crocus::generator_raised_stop_iteration, crocus::generator_error>);
    static_assert(is_a<crocus::nothing_sent, crocus::generator_error>);
    static_assert(is_a<crocus::bad_step_access, crocus::generator_error>);
    static_assert(is_a<crocus::wrong_fiber, crocus::generator_error>);
    static_assert(!is_a<crocus::stop_iteration_error, crocus::generator_error>);
    BOOST_TEST(std::string(crocus::generator_not_started().what()).find("next()") != std::string::npos);
}

// G8
BOOST_AUTO_TEST_CASE(a_stop_iteration_carries_the_returned_value_and_is_caught_by_its_base) {
    try {
        throw crocus::stop_iteration<std::string>("the end");
    } catch (crocus::stop_iteration<std::string>& stop) {
        BOOST_TEST(stop.value() == "the end");
        stop.value() = "changed";
        BOOST_TEST(std::as_const(stop).value() == "changed");
        BOOST_TEST(std::move(stop).value() == "changed");
    }
    BOOST_CHECK_THROW(throw crocus::stop_iteration<int>(3), crocus::stop_iteration_error);
    BOOST_CHECK_THROW(throw crocus::stop_iteration<>(), crocus::stop_iteration_error);
}

BOOST_AUTO_TEST_CASE(a_stop_iteration_carries_what_can_only_be_moved_or_referred_to) {
    try {
        throw crocus::stop_iteration<std::unique_ptr<int>>(std::make_unique<int>(4));
    } catch (crocus::stop_iteration<std::unique_ptr<int>>& stop) {
        const std::unique_ptr<int> taken = std::move(stop).value();
        BOOST_TEST(*taken == 4);
    }
    int place = 5;
    crocus::stop_iteration<int&> stop(place);
    BOOST_TEST(&stop.value() == &place);
    BOOST_TEST(&std::as_const(stop).value() == &place);
    BOOST_TEST(&std::move(stop).value() == &place);
}

BOOST_AUTO_TEST_CASE(errors_that_carry_data_say_it_in_their_message) {
    const crocus::incomplete_read_error bytes("abc", 10);
    BOOST_TEST(bytes.partial() == "abc");
    BOOST_TEST(bytes.expected() == 10u);
    BOOST_TEST(bytes.what() == "the stream ended after 3 bytes of 10");
    BOOST_TEST(crocus::incomplete_read_error("abc", 0).what() ==
               "the stream ended after 3 bytes, before the separator");
    BOOST_TEST(crocus::limit_overrun_error("no separator", 7).consumed() == 7u);
    const crocus::remote_error remote("std::runtime_error", "over there");
    BOOST_TEST(remote.type_name() == "std::runtime_error");
    BOOST_TEST(remote.what() == "over there");
    BOOST_TEST(std::string(crocus::workers_not_hosted().what()).find("crocus::host_workers(argc, argv)") !=
               std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_group_of_exceptions_lists_them) {  // T33
    const crocus::exception_group group("two things", {broken, std::make_exception_ptr(not_an_exception())});
    static_assert(is_a<crocus::exception_group, std::exception>);
    BOOST_TEST(group.what() == std::string("two things (2 failures): std::runtime_error: broken; "
                                           "an exception that is not a std::exception"));
    BOOST_TEST(group.message() == "two things");
    BOOST_REQUIRE(group.exceptions().size() == 2u);
    BOOST_TEST((group.exceptions()[0] == broken));
    BOOST_TEST(!group.empty());
    BOOST_TEST(crocus::exception_group("none", {}).what() == std::string("none (0 failures)"));
    BOOST_TEST(crocus::exception_group("one", {broken}).what() ==
               std::string("one (1 failure): std::runtime_error: broken"));
}

BOOST_AUTO_TEST_CASE(a_group_of_exceptions_is_split_by_type_and_keeps_its_shape) {  // T37
    const auto logic = std::make_exception_ptr(std::invalid_argument("logic"));
    const auto inner = std::make_exception_ptr(crocus::exception_group("inner", {logic, broken}));
    const auto innocent = std::make_exception_ptr(crocus::exception_group("innocent", {broken}));
    const crocus::exception_group group("outer", {broken, inner, innocent, logic});

    const auto [mine, others] = group.split<std::logic_error>();
    BOOST_TEST(mine.what() == std::string("outer (2 failures): crocus::exception_group: inner (1 failure): "
                                          "std::invalid_argument: logic; std::invalid_argument: logic"));
    BOOST_REQUIRE(others.exceptions().size() == 3u);
    BOOST_TEST((others.exceptions()[0] == broken));
    BOOST_TEST(crocus::describe(others.exceptions()[1]) ==
               "crocus::exception_group: inner (1 failure): std::runtime_error: broken");
    BOOST_TEST((others.exceptions()[2] == innocent));

    const auto [all, none] = group.split<std::exception>();  // the groups within are some themselves
    BOOST_TEST(none.empty());
    BOOST_TEST(all.exceptions().size() == 4u);
    BOOST_TEST(group.subgroup<crocus::exception_group>().exceptions().size() == 2u);
    BOOST_TEST(group.subgroup<crocus::cancelled_error>().empty());
    const auto [wanted, unwanted] = group.split_if([&](const std::exception_ptr& e) { return e == logic; });
    BOOST_TEST(wanted.exceptions().size() == 2u);
    BOOST_TEST(unwanted.exceptions().size() == 3u);
}

BOOST_AUTO_TEST_CASE(describe_gives_type_and_message) {
    BOOST_TEST(crocus::describe(broken) == "std::runtime_error: broken");
    BOOST_TEST(crocus::describe(std::make_exception_ptr(crocus::loop_closed())) ==
               "crocus::loop_closed: the event loop is closed");
    BOOST_TEST(crocus::describe(std::make_exception_ptr(crocus::cancelled_error())) == "crocus::cancelled_error");
    BOOST_TEST(crocus::describe(std::make_exception_ptr(crocus::cancelled_error("late"))) ==
               "crocus::cancelled_error: late");
    BOOST_TEST(crocus::describe(std::make_exception_ptr(crocus::generator_exit())) == "crocus::generator_exit");
    BOOST_TEST(crocus::describe(std::make_exception_ptr(not_an_exception())) ==
               "an exception that is not a std::exception");
    BOOST_TEST(crocus::describe(nullptr) == "no exception");
}
