#define BOOST_TEST_MODULE compare_work_order
#include "work_order.hpp"

#include <bit>
#include <boost/test/unit_test.hpp>

#include "failure.hpp"
#include "flag_set.hpp"
#include "process_status.hpp"

using compare::model_id;
using compare::outcome;
using compare::tally;
using compare::work_order;
using compare::workload;

namespace {

work_order some_order(model_id model) {
    work_order order;
    order.model = model;
    order.address = "::1";
    order.port = 65535;
    order.host = "[::1]:65535";
    order.path = "/a=b/c";
    order.own_server = false;
    order.verify = false;
    order.urls = 1000;
    order.concurrency = 77;
    order.seed = 18446744073709551615U;
    order.latency = {std::chrono::milliseconds(3), std::chrono::milliseconds(9)};
    order.sample_time = std::chrono::milliseconds(60);
    order.nums = {5, 4};
    return order;
}

}  // namespace

BOOST_AUTO_TEST_CASE(an_order_survives_its_way_through_a_command_line) {
    for (const compare::model& m : compare::all_models()) {
        const work_order sent = some_order(m.id);
        const work_order received = work_order::parse(sent.to_string());
        BOOST_TEST(received.to_string() == sent.to_string());
        BOOST_TEST((received.model == m.id));
        BOOST_TEST(received.path == "/a=b/c");
        BOOST_TEST(received.seed == sent.seed);
        BOOST_TEST(!received.own_server);
        BOOST_TEST((received.nums == sent.nums));
    }
}

BOOST_AUTO_TEST_CASE(what_is_no_order_is_refused) {
    for (const char* bad : {"model", "model=x", "urls=many", "what=1", "work=downloads  "})
        BOOST_CHECK_THROW(work_order::parse(bad), compare::failure);
}

BOOST_AUTO_TEST_CASE(models_that_do_one_at_a_time_get_a_sample) {
    const auto all = some_order(model_id::green).items();
    const auto some = some_order(model_id::sequential).items();
    BOOST_TEST(all.size() == 1000U);
    BOOST_TEST(all.back() == 999U);
    BOOST_TEST((some.size() >= 9 && some.size() <= 11));  // 60 ms of 6 ms each
    BOOST_TEST((some == some_order(model_id::boost_fibers).items()));
    work_order computing = some_order(model_id::sequential);
    computing.work = workload::cpu;
    BOOST_TEST(computing.items().size() == 2U);
    BOOST_TEST(computing.expected().count(outcome::right) == 2U);
}

BOOST_AUTO_TEST_CASE(the_plan_tells_what_must_come_back) {
    const work_order order = some_order(model_id::green);
    const tally expected = order.expected();
    BOOST_TEST(expected.total() == 1000U);
    std::size_t not_found = 0;
    for (std::size_t i = 0; i < 1000; ++i) not_found += order.plan().status(i) == 404;
    BOOST_TEST(expected.count("404") == not_found);
    BOOST_TEST(expected.count("200") + expected.count("404") + expected.count("503") == 1000U);
}

BOOST_AUTO_TEST_CASE(only_a_status_counts_as_not_broken) {
    tally answers;
    for (const char* kind : {"200", "404", "503", outcome::unverified, outcome::right}) answers.add({kind, 10});
    BOOST_TEST(answers.broken() == 0U);
    BOOST_TEST(answers.bytes() == 50U);
    for (const char* kind :
         {outcome::corrupt, outcome::truncated, outcome::timed_out, outcome::wrong, "reset", "refused"})
        answers.add({kind});
    BOOST_TEST(answers.broken() == 6U);
    BOOST_TEST(tally().to_string() == "nothing");
}

BOOST_AUTO_TEST_CASE(errors_have_names) {
    const auto kind = [](std::errc error) { return outcome::of(std::make_error_code(error)).kind; };
    BOOST_TEST(kind(std::errc::connection_refused) == "refused");
    BOOST_TEST(kind(std::errc::connection_reset) == "reset");
    BOOST_TEST(kind(std::errc::broken_pipe) == "reset");
    BOOST_TEST(kind(std::errc::timed_out) == "timed-out");
    BOOST_TEST(kind(std::errc::too_many_files_open) == "no-descriptors");
    BOOST_TEST(outcome::of({EAGAIN, std::system_category()}).kind == "timed-out");  // SO_RCVTIMEO
}

BOOST_AUTO_TEST_CASE(the_flags_are_debians_and_are_told_apart_by_their_bytes) {
    const compare::flag_set flags;
    BOOST_TEST(flags.size() > 200U);
    BOOST_TEST(flags.name(0) == flags.name(flags.size()));
    BOOST_TEST(flags.content(0).starts_with("\x89PNG"));
    BOOST_TEST(flags.matches(1, flags.content(1)));
    std::string changed = flags.content(1);
    changed.back() ^= 1;
    BOOST_TEST(!flags.matches(1, changed));
    BOOST_TEST(!flags.matches(1, flags.content(2)));
    BOOST_CHECK_THROW(compare::flag_set("/proc/self/fd"), compare::failure);
}

BOOST_AUTO_TEST_CASE(a_process_can_be_looked_at) {
    const auto self = compare::read_process_status("self");
    BOOST_TEST_REQUIRE(self.has_value());
    BOOST_TEST(self->threads >= 1U);
    BOOST_TEST(self->peak_resident_bytes >= self->resident_bytes);
    BOOST_TEST(!compare::read_process_status("0"));
    const auto stack = compare::kernel_stack_bytes_per_thread();
    if (stack) BOOST_TEST(std::has_single_bit(*stack));
}
