// through_c: C functions that call back, with and without user data.
#define BOOST_TEST_MODULE callback
#include <crocus/callback.hpp>

#include <algorithm>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <cstdlib>
#include <exception>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include <dirent.h>

#include "support/child.hpp"
#include "support/file_tree.hpp"

namespace {

using crocus::through_c;
using crocus::user_data;
using crocus::test::file_tree;
using crocus::test::open_descriptors;
using crocus::test::visitor;
using crocus::test::walk;

using compares = int(const void*, const void*);

struct oops {
    int number;
};

int as_int(const void* p) { return *static_cast<const int*>(p); }

extern "C" {
// The user data comes first, and nothing is expected back.
void count_to(int last, void (*call)(void* data, int i), void* data) {
    for (int i = 1; i <= last; ++i) call(data, i);
}
// Two functions of one type.
int alternate(int times, int (*even)(int), int (*odd)(int)) {
    int sum = 0;
    for (int i = 0; i != times; ++i) sum += (i % 2 == 0 ? even : odd)(i);
    return sum;
}
}

}  // namespace

BOOST_AUTO_TEST_CASE(qsort_and_bsearch_get_by_without_user_data) {
    std::array numbers{5, 3, 9, 1};
    int calls = 0;
    const auto by_number = [&calls](const void* a, const void* b) {
        ++calls;
        return as_int(a) - as_int(b);
    };
    through_c<compares>([&](auto* compare) { ::qsort(numbers.data(), numbers.size(), sizeof(int), compare); },
                        by_number, 0);
    BOOST_TEST(numbers == (std::array{1, 3, 5, 9}), boost::test_tools::per_element());
    BOOST_TEST(calls > 0);
    const int key = 5;
    const void* const found = through_c<compares>(
        [&](auto* compare) { return ::bsearch(&key, numbers.data(), numbers.size(), sizeof(int), compare); }, by_number,
        0);
    BOOST_TEST(found == &numbers[2]);
}

BOOST_AUTO_TEST_CASE(user_data_may_stand_anywhere_in_the_signature) {
    std::array numbers{5, 3, 9, 1};
    through_c<int(const void*, const void*, user_data)>(
        [&](auto* compare, void* data) { ::qsort_r(numbers.data(), numbers.size(), sizeof(int), compare, data); },
        [sign = -1](const void* a, const void* b) { return sign * (as_int(a) - as_int(b)); }, 0);
    BOOST_TEST(numbers == (std::array{9, 5, 3, 1}), boost::test_tools::per_element());
    int sum = 0;
    through_c<void(user_data, int)>([](auto* call, void* data) { count_to(4, call, data); }, [&](int i) { sum += i; });
    BOOST_TEST(sum == 10);
}

BOOST_AUTO_TEST_CASE(nftw_visits_a_tree) {
    const file_tree tree({"a", "b/c", "b/d/e"});
    std::set<std::string> seen;
    const int result = walk(tree.root(), [&](const char* file, const struct stat*, int, FTW*) {
        seen.insert(tree.relative(file));
        return 0;
    });
    BOOST_TEST(result == 0);
    BOOST_TEST(seen == (std::set<std::string>{".", "a", "b", "b/c", "b/d", "b/d/e"}), boost::test_tools::per_element());
    // What the callback returns is given to the C function, which gives it back here.
    BOOST_TEST(walk(tree.root(), [](auto...) { return 7; }) == 7);
    BOOST_TEST(walk(tree.root() + "/none", [](auto...) { return 0; }) == -1);
    BOOST_TEST(errno == ENOENT);
}

// ---------------------------------------------------------------------------------------------------------- exceptions

BOOST_AUTO_TEST_CASE(an_exception_stops_the_c_function_and_goes_on_once_that_has_returned) {
    const file_tree tree({"a/b/c/d", "a/b/e", "f"});
    const auto before = open_descriptors();
    const auto thrown = std::make_exception_ptr(oops{7});
    int calls = 0;
    bool returned = false;
    try {
        through_c<visitor>(
            [&](auto* visit) {
                BOOST_TEST(::nftw(tree.root().c_str(), visit, 16, FTW_PHYS) == 1);
                returned = true;
            },
            [&](const char* file, auto...) {
                ++calls;
                if (tree.relative(file) == "a/b/c") std::rethrow_exception(thrown);
                return 0;
            },
            1);
        BOOST_ERROR("nothing was thrown");
    } catch (const oops&) {
        BOOST_TEST((std::current_exception() == thrown));
    }
    BOOST_TEST(returned);
    BOOST_TEST(calls < 8);
    BOOST_TEST(open_descriptors() == before);  // nftw had some open, and has closed them
    BOOST_TEST(std::uncaught_exceptions() == 0);
}

BOOST_AUTO_TEST_CASE(after_an_exception_the_callback_is_not_called_again) {
    std::array<int, 100> numbers{};
    int calls = 0;
    BOOST_CHECK_THROW(
        through_c<compares>([&](auto* compare) { ::qsort(numbers.data(), numbers.size(), sizeof(int), compare); },
                            [&](const void*, const void*) -> int {
                                ++calls;
                                throw oops{1};
                            },
                            0),
        oops);
    BOOST_TEST(calls == 1);
    calls = 0;
    BOOST_CHECK_THROW(through_c<void(user_data, int)>([](auto* call, void* data) { count_to(9, call, data); },
                                                      [&](int i) {
                                                          ++calls;
                                                          if (i == 3) throw oops{i};
                                                      }),
                      oops);
    BOOST_TEST(calls == 3);
}

BOOST_AUTO_TEST_CASE(the_callbacks_exception_comes_before_one_that_follows_from_it) {
    const auto count = [](bool fail) {
        through_c<void(user_data, int)>(
            [](auto* call, void* data) {
                count_to(1, call, data);
                throw std::runtime_error("the C function failed");
            },
            [&](int i) {
                if (fail) throw oops{i};
            });
    };
    BOOST_CHECK_THROW(count(true), oops);
    BOOST_TEST(std::uncaught_exceptions() == 0);
    BOOST_CHECK_THROW(count(false), std::runtime_error);
}

BOOST_AUTO_TEST_CASE(while_the_c_function_returns_the_exception_counts_as_unwinding_its_frames) {
    int during = -1;
    BOOST_CHECK_THROW(through_c<void(user_data, int)>(
                          [&](auto* call, void* data) {
                              count_to(1, call, data);
                              during = std::uncaught_exceptions();
                          },
                          [](int) { throw oops{1}; }),
                      oops);
    BOOST_TEST(during == 1);
    BOOST_TEST(std::uncaught_exceptions() == 0);
}

// ---------------------------------------------------------------------------------------------- more than one at a
// time

BOOST_AUTO_TEST_CASE(a_callback_may_call_the_same_c_function_with_the_same_callback) {
    const file_tree tree({"a/b", "c"});
    std::vector<std::string> seen;
    const auto deeper = [&](int depth, const auto& again) -> void {
        walk(tree.root(), [&, depth](const char* file, auto...) {
            if (const auto name = tree.relative(file); name == "c") {
                if (depth < 3) again(depth + 1, again);
                seen.push_back(std::to_string(depth) + name);
            }
            return 0;
        });
    };
    deeper(1, deeper);
    BOOST_TEST(seen == (std::vector<std::string>{"3c", "2c", "1c"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_callback_may_call_another_c_function_and_its_exceptions) {
    std::array numbers{2, 1, 3};
    int inner = 0;
    const auto sort = [&](bool fail) {
        through_c<compares>(
            [&](auto* compare) { ::qsort(numbers.data(), numbers.size(), sizeof(int), compare); },
            [&](const void* a, const void* b) {
                try {
                    through_c<compares>(
                        [&](auto* compare) { ::bsearch(a, numbers.data(), numbers.size(), sizeof(int), compare); },
                        [&](const void*, const void*) -> int { throw oops{++inner}; }, 0);
                } catch (const oops&) {
                    if (fail) throw;
                }
                return as_int(a) - as_int(b);
            },
            0);
    };
    sort(false);
    BOOST_TEST(numbers == (std::array{1, 2, 3}), boost::test_tools::per_element());
    BOOST_TEST(inner > 1);
    inner = 0;
    BOOST_CHECK_THROW(sort(true), oops);
    BOOST_TEST(inner == 1);
}

BOOST_AUTO_TEST_CASE(a_c_function_may_have_several_callbacks) {
    using counts = int(int);
    const auto run = [](auto even, auto odd) {
        return through_c<counts>(
            [&](auto* first) {
                return through_c<counts>([&](auto* second) { return alternate(6, first, second); }, odd, 0);
            },
            even, 0);
    };
    BOOST_TEST(run([factor = 1](int i) { return factor * i; }, [factor = 100](int i) { return factor * i; }) == 906);
    BOOST_CHECK_THROW(run([](int) -> int { throw oops{1}; }, [](int) { return 0; }), oops);
    BOOST_CHECK_THROW(run([](int) { return 0; }, [](int) -> int { throw oops{1}; }), oops);
    BOOST_CHECK_EXCEPTION(run([](int) -> int { throw oops{1}; }, [](int) -> int { throw oops{2}; }), oops,
                          [](const oops& first) { return first.number == 1; });
    BOOST_TEST(std::uncaught_exceptions() == 0);
}

BOOST_AUTO_TEST_CASE(scandir_is_given_a_filter_and_an_order) {
    const file_tree tree({"b", "a", "hidden", "c"});
    dirent** entries = nullptr;
    const int count = through_c<int(const dirent*)>(
        [&](auto* filter) {
            return through_c<int(const dirent**, const dirent**)>(
                [&](auto* order) { return ::scandir(tree.root().c_str(), &entries, filter, order); },
                [](const dirent** a, const dirent** b) { return (*b)->d_name[0] - (*a)->d_name[0]; }, 0);
        },
        [](const dirent* entry) { return std::string(entry->d_name).size() == 1 && entry->d_name[0] != '.'; }, 0);
    std::string names;
    for (int i = 0; i < count; ++i) {
        names += entries[i]->d_name;
        std::free(entries[i]);
    }
    std::free(entries);
    BOOST_TEST(names == "cba");
}

// -------------------------------------------------------------------------------------------------------- other stacks

BOOST_AUTO_TEST_CASE(the_c_function_may_run_on_a_larger_stack_of_the_same_flow) {
    const file_tree tree({"a/b", "c"});
    const auto count = [&](bool fail) {
        int files = 0;
        through_c<visitor>(
            [&](auto* visit) {
                crocus::with_big_stack(1024 * 1024, [&] {
                    ::nftw(tree.root().c_str(), visit, 16, FTW_PHYS);
                    BOOST_TEST(std::uncaught_exceptions() == fail);
                });
            },
            [&](auto...) {
                if (fail) throw oops{1};
                ++files;
                return 0;
            },
            1);
        return files;
    };
    BOOST_TEST(count(false) == 4);
    BOOST_CHECK_THROW(count(true), oops);
    BOOST_TEST(std::uncaught_exceptions() == 0);
}

BOOST_AUTO_TEST_CASE(with_user_data_the_call_back_may_come_on_another_stack) {
    BOOST_CHECK_THROW(through_c<void(user_data, int)>(
                          [&](auto* call, void* data) {
                              crocus::generator<int> elsewhere = [=](auto& yield) {
                                  count_to(2, call, data);
                                  yield(std::uncaught_exceptions());
                              };
                              BOOST_TEST(*elsewhere.next() == 0);  // that flow goes on as it likes
                          },
                          [](int) { throw oops{1}; }),
                      oops);
    BOOST_TEST(std::uncaught_exceptions() == 0);
}

BOOST_AUTO_TEST_CASE(without_user_data_a_call_back_that_belongs_to_no_call_ends_the_process_with_a_message) {
    int (*kept)(const void*, const void*) = nullptr;
    through_c<compares>([&](auto* compare) { kept = compare; }, [](const void*, const void*) { return 0; }, 0);
    const auto end = crocus::test::in_child([&] { kept(nullptr, nullptr); });
    BOOST_TEST(end.killed_by(SIGABRT));
    BOOST_TEST(end.output.find("crocus: through_c: the C function called back on another stack") != std::string::npos);
}
