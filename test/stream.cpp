#define BOOST_TEST_MODULE stream
#include <crocus/stream.hpp>

#include <array>
#include <boost/test/unit_test.hpp>
#include <optional>
#include <ranges>
#include <string>
#include <vector>

#include <crocus/error.hpp>
#include <crocus/run.hpp>
#include <crocus/server.hpp>
#include <crocus/task.hpp>

#include "support/streams.hpp"

using crocus::stream;
using crocus::test::settle;
using crocus::test::stream_pair;
using crocus::test::with_streams;

// -------------------------------------------------------------------------------------------------------------- bytes

BOOST_AUTO_TEST_CASE(read_gives_everything_up_to_the_end_of_the_stream) {  // S4
    with_streams([](stream& near, stream& far) {
        far.write("one ");
        far.write("two");
        far.close();
        BOOST_TEST(near.read() == "one two");
        BOOST_TEST(near.at_eof());
        BOOST_TEST(near.read() == "");
    });
}

BOOST_AUTO_TEST_CASE(a_bounded_read_gives_what_is_there_and_nothing_only_at_the_end) {  // S4
    with_streams([](stream& near, stream& far) {
        far.write("abcdef");
        BOOST_TEST(near.read(0) == "");
        std::string all;
        while (all.size() != 6) {
            const std::string some = near.read(4);
            BOOST_TEST((!some.empty() && some.size() <= 4));
            all += some;
        }
        BOOST_TEST(all == "abcdef");
        far.close();
        BOOST_TEST(near.read(4) == "");
    });
}

BOOST_AUTO_TEST_CASE(a_bounded_read_is_not_bounded_by_the_limit) {  // S4
    with_streams(
        [](stream& near, stream& far) {
            far.write("abcdefgh");
            far.close();
            BOOST_TEST(near.read_exactly(6) == "abcdef");
            BOOST_TEST(near.read() == "gh");
        },
        {.limit = 3});
}

BOOST_AUTO_TEST_CASE(read_some_fills_a_buffer_of_the_caller) {
    with_streams([](stream& near, stream& far) {
        far.write("line\nrest");
        BOOST_TEST(near.read_line() == "line\n");
        std::string all;
        std::array<char, 3> into{};
        BOOST_TEST(near.read_some({}) == 0u);
        while (all.size() != 4) all.append(into.data(), near.read_some(into));
        BOOST_TEST(all == "rest");
        far.close();
        BOOST_TEST(near.read_some(into) == 0u);
        BOOST_TEST(near.at_eof());
    });
}

BOOST_AUTO_TEST_CASE(read_exactly_waits_for_all_of_it) {  // S7
    with_streams([](stream& near, stream& far) {
        auto writing = crocus::create_task([&] {
            far.write("ab");
            settle();
            far.write("cdefghij");
        });
        BOOST_TEST(near.read_exactly(0) == "");
        BOOST_TEST(near.read_exactly(5) == "abcde");
        std::array<char, 4> into{};
        near.read_exactly(into);
        BOOST_TEST(std::string_view(into.data(), into.size()) == "fghi");
        BOOST_TEST(near.read_exactly(1) == "j");
        writing.get();
    });
}

BOOST_AUTO_TEST_CASE(read_exactly_reports_a_stream_that_ends_too_early_with_what_came) {  // S7
    with_streams([](stream& near, stream& far) {
        far.write("abc");
        far.close();
        BOOST_CHECK_EXCEPTION(near.read_exactly(5), crocus::incomplete_read_error,
                              [](const auto& e) { return e.partial() == "abc" && e.expected() == 5; });
        BOOST_TEST(near.at_eof());
        std::array<char, 4> into{};
        BOOST_CHECK_EXCEPTION(near.read_exactly(into), crocus::incomplete_read_error,
                              [](const auto& e) { return e.partial().empty() && e.expected() == 4; });
    });
}

BOOST_AUTO_TEST_CASE(at_eof_is_true_when_the_end_was_met_and_all_before_it_is_read) {  // S8
    with_streams([](stream& near, stream& far) {
        far.write("a\nb");
        far.write_eof();
        BOOST_TEST(!near.at_eof());
        BOOST_TEST(near.read_line() == "a\n");
        BOOST_CHECK_THROW(near.read_until("x", 1), crocus::incomplete_read_error);
        BOOST_TEST(near.at_eof());
    });
}

// -------------------------------------------------------------------------------------------------------------- lines

BOOST_AUTO_TEST_CASE(read_line_gives_the_last_line_without_its_end) {  // S5
    with_streams([](stream& near, stream& far) {
        far.write("first\nlast");
        far.close();
        BOOST_TEST(near.read_line() == "first\n");
        BOOST_TEST(near.read_line() == "last");
        BOOST_TEST(near.read_line() == "");
    });
}

BOOST_AUTO_TEST_CASE(read_line_goes_on_after_a_line_that_was_too_long) {  // S5
    crocus::test::on_each_driver(crocus::test::all_drivers, [] {
        auto [near, far] = stream_pair({.limit = 4});
        far.write("much too long\nok\n");  // all there: the line is complete, and goes alone
        BOOST_CHECK_THROW(near.read_line(), crocus::limit_overrun_error);
        BOOST_TEST(near.read_line() == "ok\n");
        far.write("without an end");  // all that is there goes
        BOOST_CHECK_THROW(near.read_line(), crocus::limit_overrun_error);
        far.write("\nok\n");
        BOOST_TEST(near.read_line() == "\n");
        BOOST_TEST(near.read_line() == "ok\n");
    });
}

BOOST_AUTO_TEST_CASE(the_lines_of_a_stream_are_a_range) {  // S10
    static_assert(std::ranges::input_range<stream::line_range>);
    with_streams([](stream& near, stream& far) {
        far.write("one\n\nthree\nlast");
        far.close();
        std::vector<std::string> all;
        for (std::string& line : near.lines()) all.push_back(std::move(line));
        BOOST_TEST((all == std::vector<std::string>{"one\n", "\n", "three\n", "last"}));
        for (const std::string& line : near.lines()) BOOST_FAIL("after the end: " << line);
    });
}

BOOST_AUTO_TEST_CASE(lines_have_the_limit_that_they_are_given) {
    with_streams([](stream& near, stream& far) {
        far.write("12\n12345678\n");
        std::size_t lines = 0;
        BOOST_CHECK_THROW(
            for ([[maybe_unused]] const std::string& line : near.lines(2)) ++lines, crocus::limit_overrun_error);
        BOOST_TEST(lines == 1u);
    });
}

// ---------------------------------------------------------------------------------------------------- one of two tasks

BOOST_AUTO_TEST_CASE(a_second_reader_is_an_error_and_the_first_goes_on) {  // S9
    with_streams([](stream& near, stream& far) {
        auto first = crocus::create_task([&] { return near.read_line(); });
        crocus::yield_now();
        BOOST_CHECK_THROW(near.read_line(), crocus::usage_error);
        BOOST_CHECK_THROW(near.close_gracefully(), crocus::usage_error);
        BOOST_TEST(!near.is_closed());
        far.write("for the first\n");
        BOOST_TEST(first.get() == "for the first\n");
    });
}

BOOST_AUTO_TEST_CASE(a_cancelled_read_loses_no_byte) {
    with_streams([](stream& near, stream& far) {
        auto reading = crocus::create_task([&] { return near.read_exactly(6); });
        far.write("abc");
        settle();  // it has taken the three, and waits for more
        reading.cancel();
        BOOST_CHECK_THROW(reading.get(), crocus::cancelled_error);

        std::array<char, 6> into{};
        auto into_a_buffer = crocus::create_task([&] { near.read_exactly(into); });
        settle();
        into_a_buffer.cancel();
        BOOST_CHECK_THROW(into_a_buffer.get(), crocus::cancelled_error);

        far.write("def");
        BOOST_TEST(near.read_exactly(6) == "abcdef");
    });
}

// ----------------------------------------------------------------------------------------------------------- its life

BOOST_AUTO_TEST_CASE(a_limit_of_zero_is_refused) {  // S3
    with_streams([](stream& near, stream&) {
        BOOST_CHECK_THROW(stream_pair({.limit = 0}), crocus::usage_error);
        BOOST_CHECK_THROW(near.read_until("\n", 0), crocus::usage_error);
        BOOST_CHECK_THROW(near.read_line(0), crocus::usage_error);
    });
}

BOOST_AUTO_TEST_CASE(a_stream_that_is_moved_takes_along_what_had_come) {
    with_streams([](stream& near, stream& far) {
        far.write("a\nbc");
        far.close();
        BOOST_TEST(near.read_line() == "a\n");
        stream moved(std::move(near));
        BOOST_TEST(near.is_closed());
        BOOST_CHECK_THROW(near.read(), crocus::closed_error);
        near = std::move(moved);
        BOOST_TEST(near.read() == "bc");
    });
}

BOOST_AUTO_TEST_CASE(a_stream_that_is_destroyed_closes_its_connection) {  // S15
    with_streams([](stream& near, stream& far) {
        { const stream gone = std::move(far); }
        BOOST_TEST(near.read() == "");
    });
}

BOOST_AUTO_TEST_CASE(a_stream_may_outlive_its_loop) {  // S15
    std::optional<stream> kept;
    crocus::run([&] { kept.emplace(std::move(stream_pair().first)); });
    BOOST_TEST(kept->is_closed());
    crocus::run([&] { BOOST_CHECK_THROW(kept->read(), crocus::closed_error); });
}

BOOST_AUTO_TEST_CASE(a_refused_connection_names_the_address) {  // S1
    crocus::test::on_each_driver(crocus::test::all_drivers, [] {
        std::uint16_t port = 0;
        {
            auto gone = crocus::start_server([](stream&) {}, "127.0.0.1", 0);
            port = gone.port();
        }
        BOOST_CHECK_EXCEPTION(crocus::open_connection("127.0.0.1", port), std::system_error, [&](const auto& e) {
            return std::string(e.what()).find("127.0.0.1:" + std::to_string(port)) != std::string::npos;
        });
    });
}
