#define BOOST_TEST_MODULE compare_latency_plan
#include "latency_plan.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <map>

using compare::latency_plan;
using compare::latency_range;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using namespace std::chrono_literals;

namespace {

const latency_plan usual(1, {50ms, 400ms});

}  // namespace

BOOST_AUTO_TEST_CASE(delay_and_status_depend_on_seed_and_index_alone) {
    const latency_plan again(1, {50ms, 400ms});
    const latency_plan other(2, {50ms, 400ms});
    std::size_t different = 0;
    for (std::size_t i = 1000; i-- > 0;) {
        BOOST_TEST((usual.delay(i) == again.delay(i)));
        BOOST_TEST(usual.status(i) == again.status(i));
        different += usual.delay(i) != other.delay(i);
    }
    BOOST_TEST(different > 990U);
}

BOOST_AUTO_TEST_CASE(delays_lie_within_the_range_and_are_spread_over_it) {
    std::map<std::size_t, std::size_t> tenths;
    for (std::size_t i = 0; i < 10'000; ++i) {
        BOOST_TEST_REQUIRE((usual.delay(i) >= 50ms && usual.delay(i) <= 400ms));
        ++tenths[static_cast<std::size_t>((usual.delay(i) - microseconds(50ms)) / 35001us)];
    }
    BOOST_TEST(tenths.size() == 10U);
    for (const auto& [tenth, count] : tenths) BOOST_TEST((count > 850 && count < 1150), tenth);
    BOOST_TEST((latency_plan(1, {7ms, 7ms}).delay(3) == 7ms));
    BOOST_TEST((latency_plan(1, {0ms, 0ms}).delay(3) == 0ms));
}

BOOST_AUTO_TEST_CASE(one_url_in_a_hundred_is_answered_404_and_another_one_503) {
    std::map<int, std::size_t> counts;
    for (std::size_t i = 0; i < 10'000; ++i) ++counts[usual.status(i)];
    BOOST_TEST(counts.size() == 3U);
    BOOST_TEST((counts[404] > 60 && counts[404] < 140));
    BOOST_TEST((counts[503] > 60 && counts[503] < 140));
    std::map<int, std::size_t> among_a_hundred;
    for (std::size_t i = 0; i < 100; ++i) ++among_a_hundred[usual.status(i)];
    BOOST_TEST(among_a_hundred.size() == 3U);
}

BOOST_AUTO_TEST_CASE(a_sample_has_the_mean_delay_of_all) {
    for (const std::size_t urls : {100U, 1000U, 10'000U}) {
        const std::vector<std::size_t> sample = usual.sample(urls, 10s);
        BOOST_TEST(sample.size() == static_cast<std::size_t>(10s / usual.mean_delay(urls)));
        BOOST_TEST(std::ranges::is_sorted(sample));
        BOOST_TEST((std::ranges::adjacent_find(sample) == sample.end()));
        microseconds sum{0};
        for (const std::size_t i : sample) sum += usual.delay(i);
        const double mean = static_cast<double>(sum.count()) / static_cast<double>(sample.size());
        BOOST_TEST(mean / static_cast<double>(usual.mean_delay(urls).count()) == 1.0,
                   boost::test_tools::tolerance(0.02));
    }
}

BOOST_AUTO_TEST_CASE(a_sample_is_never_empty_and_never_more_than_all) {
    BOOST_TEST(usual.sample(5, 0s).size() == 1U);
    BOOST_TEST(usual.sample(5, 1h).size() == 5U);
    BOOST_TEST(latency_plan(1, {0ms, 0ms}).sample(3, 10s).size() == 3U);
}

BOOST_AUTO_TEST_CASE(what_the_delays_allow_is_worked_out) {
    const latency_plan even(1, {10ms, 10ms});
    BOOST_TEST(even.most_speedup(100, 10) == 10.0);
    BOOST_TEST(even.most_speedup(15, 10) == 7.5);  // two rounds
    BOOST_TEST(even.most_speedup(5, 10) == 5.0);
    BOOST_TEST(usual.most_speedup(1000, 1) == 1.0);
    BOOST_TEST(usual.most_speedup(1000, 100) > 80.0);
    BOOST_TEST(usual.most_speedup(1000, 100) < 100.0);
}
