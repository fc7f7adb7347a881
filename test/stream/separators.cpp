// read_until: where it ends, and what is left.
#define BOOST_TEST_MODULE stream_separators
#include <array>
#include <boost/test/unit_test.hpp>
#include <string>
#include <string_view>

#include <crocus/error.hpp>
#include <crocus/stream.hpp>
#include <crocus/task.hpp>

#include "support/streams.hpp"

using crocus::stream;
using crocus::test::settle;
using crocus::test::with_streams;

BOOST_AUTO_TEST_CASE(read_until_includes_the_separator_and_finds_it_across_receipts) {  // S6
    with_streams([](stream& near, stream& far) {
        auto writing = crocus::create_task([&] {
            for (const char* part : {"head\r", "\n\r", "\nbody"}) {
                far.write(part);
                settle();
            }
        });
        BOOST_TEST(near.read_until("\r\n\r\n") == "head\r\n\r\n");
        BOOST_TEST(near.read_exactly(4) == "body");
        writing.get();
    });
}

BOOST_AUTO_TEST_CASE(read_until_reports_the_end_of_the_stream_with_what_came) {  // S6
    with_streams([](stream& near, stream& far) {
        far.write("no separator");
        far.close();
        BOOST_CHECK_EXCEPTION(near.read_until("\n"), crocus::incomplete_read_error,
                              [](const auto& e) { return e.partial() == "no separator" && e.expected() == 0; });
        BOOST_TEST(near.read() == "");
    });
}

BOOST_AUTO_TEST_CASE(read_until_keeps_the_bytes_when_the_limit_is_overrun) {  // S6
    with_streams(
        [](stream& near, stream& far) {
            far.write("12345678\n");
            BOOST_CHECK_THROW(near.read_until("\n"), crocus::limit_overrun_error);
            BOOST_TEST(near.read_exactly(9) == "12345678\n");
            far.write("1234\n");  // the limit is for what stands before the separator
            BOOST_TEST(near.read_until("\n") == "1234\n");
        },
        {.limit = 4});
}

BOOST_AUTO_TEST_CASE(an_overrun_says_how_much_was_looked_at) {  // S6
    crocus::test::on_each_driver(crocus::test::all_drivers, [] {
        auto [near, far] = crocus::test::stream_pair({.limit = 4});
        far.write("12345678\n");
        BOOST_CHECK_EXCEPTION(near.read_until("\n"), crocus::limit_overrun_error,
                              [](const auto& e) { return e.consumed() == 8; });  // where the separator begins
        near.read_exactly(9);
        far.write("12345678");
        BOOST_CHECK_EXCEPTION(near.read_until("--"), crocus::limit_overrun_error,
                              [](const auto& e) { return e.consumed() == 7; });  // a '-' may follow
    });
}

BOOST_AUTO_TEST_CASE(a_call_has_the_limit_that_it_is_given) {
    with_streams(
        [](stream& near, stream& far) {
            far.write("123456\n123456;12\n");
            BOOST_TEST(near.read_until("\n", 6) == "123456\n");
            BOOST_CHECK_THROW(near.read_until(";", 5), crocus::limit_overrun_error);
            BOOST_TEST(near.read_until({";", "\n"}, 100) == "123456;");
            BOOST_CHECK_THROW(near.read_line(1), crocus::limit_overrun_error);
        },
        {.limit = 4});
}

BOOST_AUTO_TEST_CASE(no_separator_and_an_empty_one_are_refused) {  // S6
    with_streams([](stream& near, stream&) {
        BOOST_CHECK_THROW(near.read_until(""), crocus::usage_error);
        BOOST_CHECK_THROW(near.read_until({"a", ""}), crocus::usage_error);
        BOOST_CHECK_THROW(near.read_until(std::span<const std::string_view>{}), crocus::usage_error);
    });
}

// Python's test_readuntil_multi_separator and its neighbours.

BOOST_AUTO_TEST_CASE(of_several_separators_the_first_to_end_counts) {  // S6
    with_streams([](stream& near, stream& far) {
        // The simple case
        far.write("some data\r\nmore\ndata;");
        BOOST_TEST(near.read_until({"\r", "\n"}) == "some data\r");
        BOOST_TEST(near.read_until({"\r\n", "\n"}) == "\n");
        BOOST_TEST(near.read_until({"\r\n", "\n"}) == "more\n");
        // One that begins later ends earlier
        far.write("xx");
        BOOST_TEST(near.read_until({"ta;xx", ";"}) == "data;");
        BOOST_TEST(near.read_until({"xxx", "x", "xx"}) == "x");
        // and whatever the order in which they are given
        far.write("ABCD");
        BOOST_TEST(near.read_until({"ABC", "B"}) == "xAB");
        BOOST_TEST(near.read_until({"D", "CD"}) == "CD");
    });
}

BOOST_AUTO_TEST_CASE(of_several_separators_that_end_together_the_shortest_counts) {  // S6
    // The limit shows which it was: it holds for what stands before the separator.
    with_streams([](stream& near, stream& far) {
        far.write("12\r\n");
        BOOST_CHECK_THROW(near.read_until({"\r\n", "\n"}, 2), crocus::limit_overrun_error);
        BOOST_TEST(near.read_until({"\r\n", "\n"}, 3) == "12\r\n");
        far.write("12\r\n");
        BOOST_TEST(near.read_until("\r\n", 2) == "12\r\n");
    });
}

BOOST_AUTO_TEST_CASE(several_separators_are_found_across_receipts) {  // S6
    with_streams([](stream& near, stream& far) {
        auto writing = crocus::create_task([&] {
            for (const char* part : {"some", " dat", "a!", "\r", "\nrest"}) {
                far.write(part);
                settle();
            }
        });
        BOOST_TEST(near.read_until({"\r\n\r\n", "\r\n", "??"}) == "some data!\r\n");
        BOOST_TEST(near.read_exactly(4) == "rest");
        writing.get();
    });
}

BOOST_AUTO_TEST_CASE(a_buffer_that_is_shorter_than_the_longest_separator_is_searched_from_its_beginning) {  // S6
    with_streams([](stream& near, stream& far) {  // the offset would be negative
        auto writing = crocus::create_task([&] {
            far.write("a");
            settle();
            far.write("b-");
        });
        BOOST_TEST(near.read_until({"-", "a long separator"}) == "ab-");
        writing.get();
        far.write("a");
        auto reading = crocus::create_task([&] { return near.read_until({"ab", "a long separator"}); });
        settle();
        far.write("b");
        BOOST_TEST(reading.get() == "ab");
    });
}

BOOST_AUTO_TEST_CASE(the_limit_holds_for_several_separators) {  // S6
    with_streams(
        [](stream& near, stream& far) {
            far.write("some dataA");
            BOOST_CHECK_THROW(near.read_until({"A", "ome dataA"}), crocus::limit_overrun_error);
            BOOST_TEST(near.read_exactly(10) == "some dataA");
        },
        {.limit = 3});
}
