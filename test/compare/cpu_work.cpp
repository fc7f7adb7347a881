// The constants are Python's: cpu_bound_func(num) as the header quotes it, then bit_length(), % (2**61 - 1) and the
// number of decimal digits.
#define BOOST_TEST_MODULE compare_cpu_work
#include "cpu_work.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>

namespace {

using boost::multiprecision::cpp_int;

struct known {
    unsigned num;
    std::uint64_t bits, residue;
    unsigned digits;
};

constexpr known from_python[] = {
    {2, 1, 1, 1},
    {3, 13, 4096, 4},
    {5, 221, 864320795848706779, 67},
    {10, 4488, 294181489143171240, 1352},
    {32, 324809, 2066576593143767730, 97778},
    {50, 1502289, 77314638810765621, 452234},
    {63, 3275295, 1258287765498528445, 985962},
};

// Comparing with powers of ten: writing out a million digits takes a minute.
bool has_digits(const cpp_int& number, unsigned digits) {
    return number < pow(cpp_int(10), digits) && number >= pow(cpp_int(10), digits - 1);
}

}  // namespace

BOOST_AUTO_TEST_CASE(small_results_are_pythons_digit_by_digit) {
    BOOST_TEST(compare::cpu_bound_func(1) == 1);
    BOOST_TEST(compare::cpu_bound_func(3) == 4096);
    BOOST_TEST(compare::cpu_bound_func(4) == cpp_int("1023490369077469249536"));
}

BOOST_AUTO_TEST_CASE(the_documents_results_are_the_same_numbers_as_pythons) {
    for (const known& python : from_python) {
        if (python.num > 32) continue;  // the loop itself; compare checks the long ones in each of its runs
        const cpp_int total = compare::cpu_bound_func(python.num);
        BOOST_TEST((compare::fingerprint_of(total) == compare::fingerprint{python.bits, python.residue}), python.num);
        BOOST_TEST(has_digits(total, python.digits), python.num);
    }
}

BOOST_AUTO_TEST_CASE(the_closed_form_gives_pythons_numbers_too) {
    for (const known& python : from_python) {
        const compare::fingerprint expected = compare::expected_fingerprint(python.num);
        BOOST_TEST(expected.bits == python.bits, python.num);
        BOOST_TEST(expected.residue == python.residue, python.num);

        cpp_int factorial = 1;
        for (unsigned i = 2; i < python.num; ++i) factorial *= i;
        const cpp_int total = pow(factorial, 3 * (python.num - 1) * (python.num - 1));
        BOOST_TEST((compare::fingerprint_of(total) == expected), python.num);
        BOOST_TEST(has_digits(total, python.digits), python.num);
    }
}

BOOST_AUTO_TEST_CASE(another_number_has_another_fingerprint) {
    const cpp_int total = compare::cpu_bound_func(10);
    BOOST_TEST(!(compare::fingerprint_of(total + 1) == compare::expected_fingerprint(10)));
    BOOST_TEST(!(compare::fingerprint_of(total * 2) == compare::expected_fingerprint(10)));
}

BOOST_AUTO_TEST_CASE(the_longest_job_bounds_what_more_cores_can_do) {
    const unsigned even[] = {20, 20, 20};
    BOOST_TEST(compare::most_cpu_speedup(even) == 3.0);
    const unsigned uneven[] = {40, 3};
    BOOST_TEST(compare::most_cpu_speedup(uneven) < 1.01);
}
