#define BOOST_TEST_MODULE unraisable
#include <crocus/unraisable.hpp>

#include <boost/test/unit_test.hpp>
#include <exception>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "support/child.hpp"
#include "support/reports.hpp"

namespace {

struct not_an_exception {};

const auto broken = std::make_exception_ptr(std::runtime_error("broken"));

using crocus::test::reports;

}  // namespace

BOOST_AUTO_TEST_CASE(the_hook_gets_what_is_reported_and_the_old_one_is_given_back) {
    {
        reports outer;
        {
            reports inner;
            crocus::report_unraisable("in a test", broken);
            BOOST_TEST(inner.texts == std::vector<std::string>{"in a test: std::runtime_error: broken"},
                       boost::test_tools::per_element());
        }
        BOOST_TEST(outer.texts.empty());
        std::thread([] { crocus::report_unraisable("on a thread", broken); }).join();
        BOOST_TEST(outer.texts.size() == 1u);
    }
}

BOOST_AUTO_TEST_CASE(a_hook_may_install_another_one_and_report_itself) {
    const reports restored;
    std::vector<std::string> places;
    crocus::set_unraisable_hook([&](const std::string& first, std::exception_ptr error) {
        places.push_back("1 " + first);
        crocus::set_unraisable_hook(
            [&](const std::string& second, std::exception_ptr) { places.push_back("2 " + second); });
        crocus::report_unraisable("again", error);
    });
    crocus::report_unraisable("once", broken);
    const std::vector<std::string> expected{"1 once", "2 again"};
    BOOST_TEST(places == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(without_a_hook_one_line_goes_to_stderr) {
    const auto child = crocus::test::in_child([] {
        crocus::set_unraisable_hook([](const std::string&, std::exception_ptr) {});
        crocus::set_unraisable_hook(nullptr);
        crocus::report_unraisable("in a child", broken);
    });
    BOOST_TEST(child.exited_with(0));
    BOOST_TEST(child.output == "crocus: exception ignored in a child: std::runtime_error: broken\n");
}

BOOST_AUTO_TEST_CASE(a_hook_that_throws_is_told_on_stderr) {
    const auto child = crocus::test::in_child([] {
        crocus::set_unraisable_hook([](const std::string&, std::exception_ptr) { throw not_an_exception(); });
        crocus::report_unraisable("in a child", broken);
    });
    BOOST_TEST(child.exited_with(0));
    BOOST_TEST(child.output == "crocus: the unraisable hook itself threw\n");
}
