// Programs made of generators: pipelines, backtracking, many at once, on many threads.
#define BOOST_TEST_MODULE generator_pipelines
#include <algorithm>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <numeric>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <crocus/generator.hpp>

namespace {

using crocus::generator;

// ThreadSanitizer knows 8,128 threads and fibers at once, and dies of one more.
extern "C" __attribute__((weak)) void __tsan_switch_to_fiber(void*, unsigned);
const int many = &__tsan_switch_to_fiber != nullptr ? 5'000 : 10'000;

generator<int> from(int first) {
    return [first](auto& yield) {
        for (int i = first;; ++i) yield(i);
    };
}

generator<int> without_multiples(generator<int> source, int prime) {
    return [source = std::move(source), prime](auto& yield) mutable {
        for (int i : source)
            if (i % prime != 0) yield(i);
    };
}

using choices = std::vector<std::function<generator<int>()>>;

/// Every combination of what the generators give, where a later one may look at what the earlier ones gave
/// (conjoin of test_generators.py).
generator<const std::vector<int>&> conjoin(choices all) {
    using yielder = generator<const std::vector<int>&>::yielder;
    struct search {
        void at(std::size_t place) {
            if (place == all.size()) {
                yield(chosen);
                return;
            }
            for (int i : all[place]()) {
                chosen[place] = i;
                at(place + 1);
            }
        }
        const choices& all;
        yielder& yield;
        std::vector<int> chosen;
    };
    return [all = std::move(all)](auto& yield) { search{all, yield, std::vector<int>(all.size())}.at(0); };
}

/// How many ways there are to place n queens: a generator for each row gives the columns that are free.
int queens(std::size_t n) {
    std::vector<bool> columns(n), rising(2 * n), falling(2 * n);
    choices rows;
    for (std::size_t row = 0; row != n; ++row)
        rows.emplace_back([&, row]() -> generator<int> {
            return [&, row](auto& yield) {
                for (std::size_t column = 0; column != n; ++column) {
                    const auto up = row + column, down = row + n - column;
                    if (columns[column] || rising[up] || falling[down]) continue;
                    columns[column] = rising[up] = falling[down] = true;
                    yield(static_cast<int>(column));
                    columns[column] = rising[up] = falling[down] = false;
                }
            };
        });
    int solutions = 0;
    for (const auto& solution : conjoin(rows)) {
        BOOST_REQUIRE(solution.size() == n);
        ++solutions;
    }
    return solutions;
}

}  // namespace

// G87
BOOST_AUTO_TEST_CASE(a_sieve_is_a_pipeline_that_grows) {
    std::vector<int> primes;
    auto numbers = from(2);
    while (primes.size() != 25) {
        primes.push_back(*numbers.next());
        numbers = without_multiples(std::move(numbers), primes.back());
    }
    BOOST_TEST(primes.back() == 97);
}

// G87
BOOST_AUTO_TEST_CASE(conjoin_gives_every_combination) {
    const auto digits = []() -> generator<int> { return [](auto& yield) { yield.from(std::array{0, 1, 2}); }; };
    std::vector<int> numbers;
    for (const auto& d : conjoin({digits, digits, digits})) numbers.push_back(d[0] * 9 + d[1] * 3 + d[2]);
    std::vector<int> expected(27);
    std::iota(expected.begin(), expected.end(), 0);
    BOOST_TEST(numbers == expected, boost::test_tools::per_element());
}

// G87
BOOST_AUTO_TEST_CASE(queens_are_placed_by_backtracking_generators) {
    BOOST_TEST(queens(5) == 10);
    BOOST_TEST(queens(6) == 4);
    BOOST_TEST(queens(8) == 92);
}

BOOST_AUTO_TEST_CASE(a_chain_of_a_hundred_generators_passes_every_value) {
    auto chain = from(0);
    for (int i = 0; i != 100; ++i)
        chain = [source = std::move(chain)](auto& yield) mutable {
            for (int value : source) yield(value + 1);
        };
    for (int i = 100; i != 150; ++i) BOOST_TEST(*chain.next() == i);
}

// users_ask T2, T3
BOOST_AUTO_TEST_CASE(ten_thousand_generators_may_be_suspended_at_once) {
    std::vector<generator<int>> all;
    for (int i = 0; i != many; ++i) all.push_back(from(i));
    for (int round = 0; round != 3; ++round)
        for (int i = 0; i != many; ++i)
            if (*all[static_cast<std::size_t>(i)].next() != i + round) BOOST_FAIL("generator " << i);
}

BOOST_AUTO_TEST_CASE(a_stack_is_reused_when_generators_come_and_go) {
    const void* first = nullptr;
    for (int i = 0; i != 1000; ++i) {
        const void* frame = nullptr;
        generator<int> g = [&](auto& yield) {
            frame = __builtin_frame_address(0);
            yield(1);
        };
        g.next();
        if (i == 0) first = frame;
        BOOST_REQUIRE(frame == first);
    }
}

BOOST_AUTO_TEST_CASE(a_body_may_use_the_stack_that_it_asked_for) {
    struct deep {
        static int down(int depth) {
            volatile char frame[1024];
            frame[0] = static_cast<char>(depth);
            return depth == 0 ? frame[0] : down(depth - 1) + frame[0] - frame[0];
        }
    };
    generator<int> g([](auto& yield) { yield(deep::down(1500)); }, std::size_t{8} << 20);
    BOOST_TEST(*g.next() == 0);
}

// G17
BOOST_AUTO_TEST_CASE(a_generator_may_be_resumed_on_any_thread_one_at_a_time) {
    auto g = from(0);
    int expected = 0;
    for (int round = 0; round != 5; ++round) {
        BOOST_TEST(*g.next() == expected++);
        std::thread([&] {
            for (int i : g) {
                BOOST_TEST(i == expected++);
                if (expected % 4 == 0) break;
            }
        }).join();
    }
    std::thread([moved = std::move(g)]() mutable { moved.close(); }).join();
}

// G17
BOOST_AUTO_TEST_CASE(generators_started_on_one_thread_end_on_others) {
    std::vector<generator<int, int>> all;
    std::vector<int> sums(200);
    std::thread([&] {
        for (std::size_t i = 0; i != sums.size(); ++i) {
            all.emplace_back([&sum = sums[i]](auto& yield) {
                while (auto got = yield(sum)) sum += *got;
            });
            all.back().next();
        }
    }).join();
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t != 4; ++t)
        threads.emplace_back([&, t] {
            for (std::size_t i = t; i < all.size(); i += 4) {
                for (int n = 1; n != 5; ++n) all[i].send(n);
                if (i % 8 < 4) all[i].next();
            }
        });
    for (auto& t : threads) t.join();
    all.clear();
    BOOST_TEST(std::all_of(sums.begin(), sums.end(), [](int sum) { return sum == 10; }));
}
