#define BOOST_TEST_MODULE process_pool
#define BOOST_TEST_NO_MAIN
#define BOOST_TEST_ALTERNATIVE_INIT_API
#include <boost/test/unit_test.hpp>

#include <crocus/process_pool.hpp>

#include <array>
#include <map>
#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "support/temporary_file.hpp"

using crocus::process_pool_executor;

// ----------------------------------------------------------------------------------- what the workers are asked to run

namespace {

long square_of(long n) {
    if (n < 0) throw std::domain_error("negative");
    return n * n;
}
void nothing() {}
int process_id() { return ::getpid(); }
void throw_a_number() { throw 5; }

int pass_gate(const std::string& path, int n) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    ::flock(fd, LOCK_SH);
    ::close(fd);
    return n;
}

std::string repeat(const std::string& text, std::size_t count) {
    std::string result;
    for (std::size_t i = 0; i < count; ++i) result += text;
    return result;
}

struct flag {
    std::string country;
    std::vector<unsigned char> image;

    template <class Archive>
    void serialize(Archive& archive, unsigned) {
        archive& country& image;
    }
};

std::map<std::string, std::pair<int, flag>> count_bytes(const std::vector<flag>& flags) {
    std::map<std::string, std::pair<int, flag>> result;
    for (const auto& f : flags) result[f.country] = {std::accumulate(f.image.begin(), f.image.end(), 0), f};
    return result;
}

int overloaded(int n) { return n; }
int overloaded(const std::string& text) { return static_cast<int>(text.size()); }

/// Cannot be packed or unpacked where it is told so.
struct fragile {
    enum : int { sound, breaks_when_saved, breaks_when_loaded };
    int what = sound;

    template <class Archive>
    void serialize(Archive& archive, unsigned) {
        if (Archive::is_saving::value && what == breaks_when_saved) throw std::runtime_error("cannot be saved");
        archive& what;
        if (Archive::is_loading::value && what == breaks_when_loaded) throw std::runtime_error("cannot be loaded");
    }
};

fragile make_fragile(int what) { return {what}; }
int take_fragile(const fragile& f) { return f.what; }

// ------------------------------------------------------------------------------------------------------------- helpers

class subject_on_processes {
public:
    static constexpr bool has_a_limit = true;

    explicit subject_on_processes(std::size_t workers) : pool({.max_workers = workers}) {
        ::flock(gate_.fd(), LOCK_EX);
    }
    ~subject_on_processes() { open(); }

    auto square(long n) { return pool.submit<&square_of>(n); }
    auto nothing() { return pool.submit<&::nothing>(); }
    auto wait_at_gate(int n) { return pool.submit<&pass_gate>(gate_.path(), n); }
    void open() { ::flock(gate_.fd(), LOCK_UN); }
    auto map_squares(const std::vector<long>& numbers) { return pool.map<&square_of>(numbers); }

private:
    crocus::test::temporary_file gate_;

public:
    process_pool_executor pool;
};

using subjects = std::tuple<subject_on_processes>;

bool refused_before_hosting = false;

bool a_pool_refuses_to_start_workers() {
    process_pool_executor pool;
    try {
        static_cast<void>(pool.submit<&nothing>());
    } catch (const crocus::workers_not_hosted&) {
        return true;
    }
    return false;
}

}  // namespace

#include "support/executor_suite.hpp"

int main(int argc, char** argv) {
    refused_before_hosting = a_pool_refuses_to_start_workers();
    crocus::host_workers(argc, argv);
    return boost::unit_test::unit_test_main([] { return true; }, argc, argv);
}

// ---------------------------------------------------------------------------------------------- calls and what crosses

BOOST_AUTO_TEST_CASE(without_hosting_nothing_is_submitted) { BOOST_TEST(refused_before_hosting); }

BOOST_AUTO_TEST_CASE(run_hosts_workers_and_returns_what_the_function_returns) {
    std::string name = "program";
    std::array<char*, 2> arguments{name.data(), nullptr};
    const auto work = [] {
        process_pool_executor pool({.max_workers = 1});
        return static_cast<int>(pool.submit<&square_of>(4).get());
    };
    BOOST_TEST(crocus::run(1, arguments.data(), work) == 16);
    BOOST_TEST(crocus::run(1, arguments.data(), [] {}) == 0);
}

BOOST_AUTO_TEST_CASE(the_default_number_of_workers_is_that_of_the_processors) {  // E29
    BOOST_TEST(crocus::process_pool_options{}.max_workers == crocus::usable_processors());
}

BOOST_AUTO_TEST_CASE(containers_and_own_types_cross) {
    process_pool_executor pool({.max_workers = 1});
    const std::vector<flag> flags{{"it", {1, 2, 3}}, {"fr", {}}};
    const auto counted = pool.submit<&count_bytes>(flags).get();
    BOOST_TEST(counted.size() == 2);
    BOOST_TEST(counted.at("it").first == 6);
    BOOST_TEST(counted.at("it").second.country == "it");
    BOOST_TEST((counted.at("it").second.image == flags[0].image));
}

BOOST_AUTO_TEST_CASE(arguments_are_converted_to_the_parameters_types) {
    process_pool_executor pool({.max_workers = 1});
    BOOST_TEST(pool.submit<&square_of>(short{5}).get() == 25);
    BOOST_TEST(pool.submit<&repeat>("ab", 2).get() == "abab");
}

BOOST_AUTO_TEST_CASE(overloads_are_told_apart) {
    process_pool_executor pool({.max_workers = 1});
    BOOST_TEST((pool.submit<static_cast<int (*)(int)>(&overloaded)>(7).get() == 7));
    BOOST_TEST((pool.submit<static_cast<int (*)(const std::string&)>(&overloaded)>("abc").get() == 3));
}

BOOST_AUTO_TEST_CASE(large_arguments_and_results_cross_both_ways_at_once) {  // E38
    process_pool_executor pool({.max_workers = 2});
    const std::string megabyte(std::size_t{1} << 20, 'x');
    std::vector<crocus::concurrent_future<std::string>> calls;
    for (int i = 0; i < 8; ++i) calls.push_back(pool.submit<&repeat>(megabyte, 2));
    for (const auto& call : calls) BOOST_TEST((call.get() == megabyte + megabyte));
}

BOOST_AUTO_TEST_CASE(an_exception_crosses_as_its_type_and_message) {  // E32
    process_pool_executor pool({.max_workers = 1});
    BOOST_CHECK_EXCEPTION(pool.submit<&square_of>(-1).get(), crocus::remote_error, [](const auto& e) {
        return e.type_name() == "std::domain_error" && std::string(e.what()) == "negative";
    });
    BOOST_CHECK_EXCEPTION(pool.submit<&throw_a_number>().get(), crocus::remote_error,
                          [](const auto& e) { return e.type_name() == "int"; });
}

BOOST_AUTO_TEST_CASE(what_cannot_be_packed_or_unpacked_fails_its_own_call_alone) {  // E31
    process_pool_executor pool({.max_workers = 1});
    const int worker = pool.submit<&process_id>().get();
    const auto not_packed = pool.submit<&take_fragile>(fragile{fragile::breaks_when_saved});
    BOOST_TEST(not_packed.done());
    BOOST_TEST(crocus::test::what(not_packed.exception()) == "cannot be saved");
    BOOST_CHECK_EXCEPTION(pool.submit<&take_fragile>(fragile{fragile::breaks_when_loaded}).get(), crocus::remote_error,
                          [](const auto& e) { return std::string(e.what()) == "cannot be loaded"; });
    BOOST_CHECK_EXCEPTION(pool.submit<&make_fragile>(+fragile::breaks_when_saved).get(), crocus::remote_error,
                          [](const auto& e) { return std::string(e.what()) == "cannot be saved"; });
    const auto not_unpacked = pool.submit<&make_fragile>(+fragile::breaks_when_loaded);
    not_unpacked.wait();
    BOOST_TEST(crocus::test::what(not_unpacked.exception()) == "cannot be loaded");
    BOOST_TEST(pool.submit<&process_id>().get() == worker);
}

BOOST_AUTO_TEST_CASE(two_functions_of_one_name_are_an_error_with_that_name) {
    const char* const name = "two_of_a_kind";
    const int one = 1;
    const int other = 2;
    const auto invoke = [](std::string bytes) { return bytes; };
    const auto& first = crocus::detail::register_function(name, invoke, &one);
    crocus::detail::require_unambiguous(first);
    crocus::detail::register_function(name, invoke, &one);  // once more from another file: the same
    crocus::detail::require_unambiguous(first);
    crocus::detail::register_function(name, invoke, &other);
    BOOST_CHECK_EXCEPTION(crocus::detail::require_unambiguous(first), crocus::usage_error,
                          [&](const auto& e) { return std::string(e.what()).find(name) != std::string::npos; });
}

BOOST_AUTO_TEST_CASE(a_function_that_the_workers_do_not_know_is_a_named_error) {
    static int identity = 0;
    const auto& late = crocus::detail::register_function("registered_after_the_start", nullptr, &identity);
    process_pool_executor pool({.max_workers = 1, .initializer = crocus::remote_call{&late, {}}});
    BOOST_CHECK_EXCEPTION(pool.submit<&nothing>().get(), crocus::broken_process_pool, [](const auto& e) {
        return std::string(e.what()).find("registered_after_the_start") != std::string::npos;
    });
}
