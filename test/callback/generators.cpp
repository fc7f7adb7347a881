// from_callback: functions that call back, as generators.
#define BOOST_TEST_MODULE callback_generators
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <functional>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <crocus/callback.hpp>

#include "support/file_tree.hpp"

namespace {

using crocus::from_callback;
using crocus::generator;
using crocus::test::file_tree;
using crocus::test::open_descriptors;
using crocus::test::walk;

struct oops {};

struct node {
    int value;
    std::unique_ptr<node> left, right;

    template <class Visitor>
    void visit(Visitor& visitor) const {
        if (left) left->visit(visitor);
        visitor(*this);
        if (right) right->visit(visitor);
    }
};

generator<std::string> files(const file_tree& tree) {
    return from_callback<std::string>([&](auto& callback) {
        walk(tree.root(), [&](const char* file, auto...) {
            callback(tree.relative(file));
            return 0;
        });
    });
}

}  // namespace

BOOST_AUTO_TEST_CASE(what_a_function_calls_back_with_is_what_the_generator_yields) {
    const std::vector<int> from{1, 2, 3};
    bool began = false;
    generator<int> g = from_callback<int>([&](auto& callback) {
        began = true;
        std::for_each(from.begin(), from.end(), callback);  // copies it
        return "dropped";
    });
    BOOST_TEST(!began);
    std::vector<int> got;
    for (int i : g) got.push_back(i);
    BOOST_TEST(got == from, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_reference_is_to_what_the_function_has) {
    const node tree{2, std::make_unique<node>(node{1, {}, {}}), std::make_unique<node>(node{3, {}, {}})};
    auto nodes = from_callback<const node&>([&](auto& callback) { tree.visit(callback); });
    static_assert(std::is_same_v<decltype(nodes), generator<const node&>>);
    std::vector<const node*> got;
    for (const node& n : nodes) got.push_back(&n);
    BOOST_TEST(got == (std::vector<const node*>{tree.left.get(), &tree, tree.right.get()}),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(several_arguments_come_as_a_tuple) {
    auto pairs = from_callback<std::string, int&>([](const std::function<void(std::string, int&)>& callback) {
        int number = 1;
        callback("one", number);
        callback(std::to_string(number), number);
    });
    static_assert(std::is_same_v<decltype(pairs), generator<std::tuple<std::string, int&>>>);
    std::string log;
    for (auto& [name, number] : pairs) {
        log += name + std::to_string(number) + ' ';
        number += 10;
    }
    BOOST_TEST(log == "one1 1111 ");
}

BOOST_AUTO_TEST_CASE(values_are_moved) {
    auto owned = from_callback<std::unique_ptr<int>>([](auto& callback) { callback(std::make_unique<int>(5)); });
    BOOST_TEST(**owned.next() == 5);
    auto in_tuples = from_callback<std::unique_ptr<int>, int>([](auto& callback) { callback(nullptr, 6); });
    BOOST_TEST(std::get<1>(*in_tuples.next()) == 6);
}

BOOST_AUTO_TEST_CASE(what_the_function_throws_comes_out) {
    auto g = from_callback<int>([](auto& callback) {
        callback(1);
        throw oops();
    });
    BOOST_TEST(*g.next() == 1);
    BOOST_CHECK_THROW(g.next(), oops);
    BOOST_TEST(g.next().finished());
}

BOOST_AUTO_TEST_CASE(a_walk_that_is_left_in_the_middle_is_ended) {
    const file_tree tree({"a/b/c/d", "e"});
    const auto before = open_descriptors();
    {
        auto walking = files(tree);
        std::string last;
        for (const std::string& file : walking)
            if ((last = file) == "a/b/c") break;
        BOOST_TEST(last == "a/b/c");
        BOOST_TEST(open_descriptors() > before);  // in nftw
    }
    BOOST_TEST(open_descriptors() == before);
}

BOOST_AUTO_TEST_CASE(an_exception_that_is_thrown_in_ends_the_walk_and_comes_back) {
    const file_tree tree({"a/b"});
    const auto before = open_descriptors();
    auto walking = files(tree);
    walking.next();
    BOOST_CHECK_THROW(walking.throw_(oops()), oops);
    BOOST_TEST(open_descriptors() == before);
    BOOST_TEST(walking.next().finished());
}

BOOST_AUTO_TEST_CASE(two_walks_go_side_by_side) {
    const file_tree one({"a", "b/c"});
    const file_tree other({"d", "e/f", "g"});
    auto first = files(one);
    auto second = files(other);
    std::multiset<std::string> seen;
    for (bool more = true; more;) {
        more = false;
        for (auto* const walking : {&first, &second})
            if (auto s = walking->next(); s.yielded()) {
                seen.insert(*s);
                more = true;
            }
    }
    BOOST_TEST(seen == (std::multiset<std::string>{".", ".", "a", "b", "b/c", "d", "e", "e/f", "g"}),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_call_back_on_another_stack_is_an_error) {
    auto g = from_callback<int>([](auto& callback) {
        generator<int> inner = [&](auto&) { callback(1); };
        inner.next();
    });
    BOOST_CHECK_THROW(g.next(), crocus::wrong_fiber);
}
