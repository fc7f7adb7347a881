#define BOOST_TEST_MODULE compare_options
#include "options.hpp"

#include <boost/test/unit_test.hpp>
#include <initializer_list>

#include "failure.hpp"

namespace {

compare::options parse(std::initializer_list<const char*> arguments) {
    return compare::parse_options({arguments.begin(), arguments.size()});
}

std::string complaint(std::initializer_list<const char*> arguments) {
    try {
        parse(arguments);
    } catch (const compare::failure& error) {
        return error.what();
    }
    return "none";
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

BOOST_AUTO_TEST_CASE(without_options_all_models_download_1000_urls_100_at_a_time) {
    const compare::options all = parse({});
    BOOST_TEST(all.urls == 1000U);
    BOOST_TEST(all.concurrency == 100U);
    BOOST_TEST(all.latency.least.count() == 50);
    BOOST_TEST(all.latency.most.count() == 400);
    BOOST_TEST(all.models.size() == 7U);
    BOOST_TEST(!all.base_url);
    BOOST_TEST(all.output.string() == "bin/compare");
}

BOOST_AUTO_TEST_CASE(a_value_may_follow_its_option_or_an_equals_sign) {
    const compare::options some = parse({"--urls", "10000", "--concurrency=7", "--latency", "0-0",
                                         "--seed=18446744073709551615", "--output", "some where", "--nums=5,4"});
    BOOST_TEST(some.urls == 10000U);
    BOOST_TEST(some.concurrency == 7U);
    BOOST_TEST(some.latency.most.count() == 0);
    BOOST_TEST(some.seed == 18446744073709551615U);
    BOOST_TEST(some.output.string() == "some where");
    BOOST_TEST(compare::join(some.nums) == "5,4");
}

BOOST_AUTO_TEST_CASE(models_are_chosen_by_name_or_number_and_run_in_their_own_order) {
    const compare::options some = parse({"--models", "green,1,process-pool"});
    BOOST_TEST_REQUIRE(some.models.size() == 3U);
    BOOST_TEST(some.runs(compare::model_id::green));
    BOOST_TEST(!some.runs(compare::model_id::keep_alive));
    BOOST_TEST((some.models.front() == compare::model_id::sequential));
}

BOOST_AUTO_TEST_CASE(what_is_wrong_is_said_with_what_to_do) {
    BOOST_TEST(contains(complaint({"--bogus"}), "unknown option '--bogus': --help"));
    BOOST_TEST(contains(complaint({"stray"}), "unknown option 'stray'"));
    BOOST_TEST(contains(complaint({"--urls"}), "--urls needs a value"));
    BOOST_TEST(contains(complaint({"--urls="}), "--urls needs a value"));
    BOOST_TEST(contains(complaint({"--urls", "1", "--urls=1"}), "--urls is given twice"));
    for (const char* bad : {"0", "-1", "1e3", "12x", " 5", "100001"})
        BOOST_TEST(contains(complaint({"--urls", bad}), "a whole number from 1 to 100000"), bad);
    for (const char* bad : {"50", "50-", "-400", "400-50", "a-b", "1-60001"})
        BOOST_TEST(contains(complaint({"--latency", bad}), "MIN-MAX in milliseconds"), bad);
    BOOST_TEST(contains(complaint({"--models", "grene"}), "no model 'grene': choose from sequential, thread-each"));
    BOOST_TEST(contains(complaint({"--models", "8"}), "no model '8'"));
    BOOST_TEST(contains(complaint({"--models", "1,"}), "no model ''"));
    BOOST_TEST(contains(complaint({"--models", "1,sequential"}), "twice"));
    BOOST_TEST(contains(complaint({"--seed", "-1"}), "--seed -1: give a whole number"));
    BOOST_TEST(contains(complaint({"--nums", "63,1"}), "from 2 to 200"));
}

BOOST_AUTO_TEST_CASE(latency_and_seed_are_for_the_own_server) {
    BOOST_TEST(contains(complaint({"--base-url", "http://localhost:8000", "--seed", "2"}), "leave it out"));
    BOOST_TEST(contains(complaint({"--latency", "1-2", "--base-url", "http://localhost:8000"}), "leave it out"));
}

BOOST_AUTO_TEST_CASE(a_base_url_has_a_host_and_maybe_a_port_and_a_path) {
    const auto url = [](const char* text) { return *parse({"--base-url", text}).base_url; };
    BOOST_TEST(url("http://localhost").to_string() == "http://localhost:80");
    BOOST_TEST(url("http://localhost:8000/").to_string() == "http://localhost:8000");
    BOOST_TEST(url("http://127.0.0.1:8000/a/b/").path == "/a/b");
    BOOST_TEST(url("http://[::1]:8000/flags").host == "::1");
    BOOST_TEST(url("http://[::1]:8000/flags").to_string() == "http://[::1]:8000/flags");
    for (const char* bad : {"https://localhost", "localhost:8000", "http://", "http://:80", "http://a:0",
                            "http://a:65536", "http://a:b", "http://a:80x", "http://[::1", "http://[::1]80",
                            "http://a b/", "http://u@a/", "http://a/?q", "http://a/\r\nX: y"})
        BOOST_TEST(contains(complaint({"--base-url", bad}), "give http://host[:port][/path]"), bad);
}

BOOST_AUTO_TEST_CASE(the_help_names_every_option_and_model) {
    const std::string help = compare::help_text();
    for (const char* option :
         {"--urls", "--concurrency", "--latency", "--seed", "--models", "--base-url", "--output", "--nums", "--help"})
        BOOST_TEST(contains(help, option), option);
    BOOST_TEST(contains(help, compare::model_names()));
    BOOST_TEST(parse({"--help"}).help);
}
