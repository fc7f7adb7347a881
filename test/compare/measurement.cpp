#define BOOST_TEST_MODULE compare_measurement
#include "measurement.hpp"

#include <boost/test/unit_test.hpp>

#include "findings.hpp"
#include "measured.hpp"

using compare::comparison;
using compare::measurement;
using compare::model_id;
using compare::workload;

namespace {

bool says(const std::vector<std::string>& sentences, std::string_view part) {
    for (const std::string& sentence : sentences)
        if (sentence.find(part) != std::string::npos) return true;
    return false;
}

comparison downloads(std::vector<measurement> rows) { return comparison(workload::downloads, rows); }
comparison cpu(std::vector<measurement> rows) { return comparison(workload::cpu, rows); }

}  // namespace

BOOST_AUTO_TEST_CASE(a_sample_is_scaled_to_all_urls) {
    const measurement row = measured(model_id::sequential, 40, 10);
    BOOST_TEST(row.sampled());
    BOOST_TEST(row.seconds_per_item() == 0.25);
    BOOST_TEST(row.seconds_for_all() == 250);
    BOOST_TEST(!measured(model_id::green, 1000, 2.5).sampled());
}

BOOST_AUTO_TEST_CASE(a_speedup_compares_times_per_url_with_the_sequential_model) {
    const comparison work = downloads({measured(model_id::sequential, 40, 10), measured(model_id::green, 1000, 2.5)});
    BOOST_TEST(work.speedup(*work.find(model_id::green)).value() == 100);
    BOOST_TEST(work.speedup(*work.find(model_id::sequential)).value() == 1);
}

BOOST_AUTO_TEST_CASE(without_the_sequential_model_there_is_no_speedup) {
    BOOST_TEST(!downloads({measured(model_id::green, 1000, 2.5)}).speedup(measured(model_id::green, 1000, 2.5)));
    measurement failed = measured(model_id::sequential, 0, 0);
    failed.failed = "it broke";
    const comparison work = downloads({failed, measured(model_id::green, 1000, 2.5)});
    BOOST_TEST(work.find(model_id::sequential) == nullptr);
    BOOST_TEST(!work.speedup(*work.find(model_id::green)));
    BOOST_TEST(!compare::judge_green(work));
    BOOST_TEST(work.rows().size() == 2U);
}

BOOST_AUTO_TEST_CASE(workloads_are_kept_apart) {
    const std::vector<measurement> all{measured(model_id::sequential, 40, 10), computed(model_id::sequential, 9)};
    BOOST_TEST(comparison(workload::cpu, all).rows().size() == 1U);
    BOOST_TEST(comparison(workload::cpu, all).find(model_id::sequential)->wall_seconds == 9);
}

BOOST_AUTO_TEST_CASE(green_threads_must_reach_eight_tenths_of_the_concurrency_on_one_thread) {
    const measurement base = measured(model_id::sequential, 40, 10);
    BOOST_TEST(compare::judge_green(downloads({base, measured(model_id::green, 1000, 3.125)}))->reached());
    BOOST_TEST(!compare::judge_green(downloads({base, measured(model_id::green, 1000, 3.2)}))->reached());
    measurement two_threads = measured(model_id::green, 1000, 2.5);
    two_threads.threads = 2;
    BOOST_TEST(!compare::judge_green(downloads({base, two_threads}))->reached());
}

BOOST_AUTO_TEST_CASE(the_sentences_say_whether_the_target_is_reached) {
    const measurement base = measured(model_id::sequential, 40, 10);
    BOOST_TEST(
        says(compare::download_findings(downloads({base, measured(model_id::green, 1000, 2.5)})),
             "100 times faster on 1 thread (the delays allow 100); to be reached: 0.8 x 100 = 80.0 on one thread: "
             "reached."));
    BOOST_TEST(says(compare::download_findings(downloads({base, measured(model_id::green, 1000, 5)})), "NOT REACHED."));

    measurement few = measured(model_id::green, 100, 1);
    few.order.urls = 100;
    few.order.latency = {std::chrono::milliseconds(50), std::chrono::milliseconds(400)};
    BOOST_TEST(says(compare::download_findings(downloads({base, few})), "out of reach with so few URLs."));
}

BOOST_AUTO_TEST_CASE(the_memory_of_a_thread_each_is_stated_as_a_ratio) {
    measurement native = measured(model_id::thread_each, 1000, 2.5);
    native.resident_bytes = 24 << 20;
    native.kernel_stack_bytes = 16 << 20;
    native.threads = 1001;
    measurement green = measured(model_id::green, 1000, 2.5);
    green.resident_bytes = 10 << 20;
    green.kernel_stack_bytes = 0;
    BOOST_TEST(
        says(compare::download_findings(downloads({native, green})), "40.0 MiB / 10.0 MiB = 4.00 times as much."));
}

BOOST_AUTO_TEST_CASE(boost_fibers_are_only_blamed_for_blocking_when_they_did_not_overlap) {
    const measurement base = measured(model_id::sequential, 40, 10);
    const std::string blame = "blocks all the others";
    BOOST_TEST(says(compare::download_findings(downloads({base, measured(model_id::boost_fibers, 40, 10)})), blame));
    BOOST_TEST(!says(compare::download_findings(downloads({base, measured(model_id::boost_fibers, 40, 1)})), blame));
}

BOOST_AUTO_TEST_CASE(threads_are_said_to_scale_only_where_they_did) {
    const measurement base = computed(model_id::sequential, 9);
    BOOST_TEST(says(compare::cpu_findings(cpu({base, computed(model_id::thread_pool, 4.6)}), 2),
                    "C++ has no GIL, so threads do scale here"));
    BOOST_TEST(says(compare::cpu_findings(cpu({base, computed(model_id::thread_pool, 8.2)}), 2),
                    "threads can scale, but of the cores this run got 1.1"));
    BOOST_TEST(says(compare::cpu_findings(cpu({base, computed(model_id::green, 9)}), 2), "do not help CPU-bound work"));
    BOOST_TEST(!says(compare::cpu_findings(cpu({base, computed(model_id::green, 5)}), 2), "do not help"));
}

BOOST_AUTO_TEST_CASE(a_busy_machine_is_told) {
    BOOST_TEST(says(compare::cpu_findings(cpu({computed(model_id::sequential, 13)}), 2), "The machine was busy"));
    BOOST_TEST(!says(compare::cpu_findings(cpu({computed(model_id::sequential, 9.1)}), 2), "busy"));
}

BOOST_AUTO_TEST_CASE(a_model_without_figures_has_no_sentence) {
    measurement failed = measured(model_id::thread_each, 0, 0);
    failed.failed = "the system refused thread 5";
    BOOST_TEST(compare::download_findings(downloads({failed})).empty());
}
