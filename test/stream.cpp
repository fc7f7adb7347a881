#define BOOST_TEST_MODULE stream
#include <boost/test/unit_test.hpp>

#include <string>
#include <utility>

#include <sys/socket.h>

#include <crocus/error.hpp>
#include <crocus/run.hpp>
#include <crocus/server.hpp>
#include <crocus/stream.hpp>
#include <crocus/task.hpp>
#include <crocus/wait.hpp>

namespace {

/// Two connected streams.
std::pair<crocus::stream, crocus::stream> stream_pair(crocus::stream_options options = {}) {
    int ends[2];
    BOOST_REQUIRE_EQUAL(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    return {crocus::stream(crocus::socket(crocus::fd(ends[0])), options),
            crocus::stream(crocus::socket(crocus::fd(ends[1])), options)};
}

/// Calls `f(near, far)` in a loop, with the two ends of a connection.
template <class F>
void with_streams(F f, crocus::stream_options options = {}) {
    crocus::run([&] {
        auto [near, far] = stream_pair(options);
        f(near, far);
    });
}

}  // namespace

BOOST_AUTO_TEST_CASE(read_gives_everything_up_to_the_end_of_the_stream) {  // S4
    with_streams([](crocus::stream& near, crocus::stream& far) {
        far.write("one ");
        far.write("two");
        far.close();
        BOOST_TEST(near.read() == "one two");
        BOOST_TEST(near.at_eof());
        BOOST_TEST(near.read() == "");
    });
}

BOOST_AUTO_TEST_CASE(a_bounded_read_gives_what_is_there_and_nothing_only_at_the_end) {  // S4
    with_streams([](crocus::stream& near, crocus::stream& far) {
        far.write("abcdef");
        BOOST_TEST(near.read(0) == "");
        BOOST_TEST(near.read(4) == "abcd");
        BOOST_TEST(near.read(4) == "ef");
        far.close();
        BOOST_TEST(near.read(4) == "");
    });
}

BOOST_AUTO_TEST_CASE(read_some_fills_a_buffer_of_the_caller) {
    with_streams([](crocus::stream& near, crocus::stream& far) {
        far.write("line\nrest");
        BOOST_TEST(near.read_line() == "line\n");
        std::string into(3, '\0');
        BOOST_TEST(near.read_some(into) == 3u);
        BOOST_TEST(into == "res");
        BOOST_TEST(near.read_some(into) == 1u);
        far.close();
        BOOST_TEST(near.read_some(into) == 0u);
        BOOST_TEST(near.at_eof());
    });
}

BOOST_AUTO_TEST_CASE(read_exactly_waits_for_all_of_it) {  // S7
    with_streams([](crocus::stream& near, crocus::stream& far) {
        auto writing = crocus::create_task([&] {
            far.write("ab");
            crocus::yield_now();
            far.write("cdef");
        });
        BOOST_TEST(near.read_exactly(0) == "");
        BOOST_TEST(near.read_exactly(5) == "abcde");
        writing.get();
    });
}

BOOST_AUTO_TEST_CASE(read_exactly_reports_a_stream_that_ends_too_early_with_what_came) {  // S7
    with_streams([](crocus::stream& near, crocus::stream& far) {
        far.write("abc");
        far.close();
        try {
            near.read_exactly(5);
            BOOST_FAIL("no exception");
        } catch (const crocus::incomplete_read_error& e) {
            BOOST_TEST(e.partial() == "abc");
            BOOST_TEST(e.expected() == 5u);
        }
        BOOST_TEST(near.at_eof());
    });
}

BOOST_AUTO_TEST_CASE(read_until_includes_the_separator_and_finds_it_across_receipts) {  // S6
    with_streams([](crocus::stream& near, crocus::stream& far) {
        auto writing = crocus::create_task([&] {
            far.write("head\r");
            crocus::yield_now();
            far.write("\n\r");
            crocus::yield_now();
            far.write("\nbody");
        });
        BOOST_TEST(near.read_until("\r\n\r\n") == "head\r\n\r\n");
        BOOST_TEST(near.read_exactly(4) == "body");
        writing.get();
    });
}

BOOST_AUTO_TEST_CASE(read_until_reports_the_end_of_the_stream_with_what_came) {  // S6
    with_streams([](crocus::stream& near, crocus::stream& far) {
        far.write("no separator");
        far.close();
        BOOST_CHECK_EXCEPTION(near.read_until("\n"), crocus::incomplete_read_error, [](const auto& e) {
            return e.partial() == "no separator" && e.expected() == 0;
        });
        BOOST_TEST(near.read() == "");
    });
}

BOOST_AUTO_TEST_CASE(read_until_keeps_the_bytes_when_the_limit_is_overrun) {  // S6
    with_streams(
        [](crocus::stream& near, crocus::stream& far) {
            far.write("12345678\n");
            BOOST_CHECK_THROW(near.read_until("\n"), crocus::limit_overrun_error);
            BOOST_TEST(near.read_exactly(9) == "12345678\n");
            far.write("1234\n");  // the limit is for what stands before the separator
            BOOST_TEST(near.read_until("\n") == "1234\n");
        },
        {.limit = 4});
}

BOOST_AUTO_TEST_CASE(an_empty_separator_and_a_zero_limit_are_refused) {  // S3, S6
    with_streams([](crocus::stream& near, crocus::stream&) {
        BOOST_CHECK_THROW(near.read_until(""), crocus::usage_error);
        BOOST_CHECK_THROW(stream_pair({.limit = 0}), crocus::usage_error);
    });
}

BOOST_AUTO_TEST_CASE(read_line_gives_the_last_line_without_its_end) {  // S5
    with_streams([](crocus::stream& near, crocus::stream& far) {
        far.write("first\nlast");
        far.close();
        BOOST_TEST(near.read_line() == "first\n");
        BOOST_TEST(near.read_line() == "last");
        BOOST_TEST(near.read_line() == "");
    });
}

BOOST_AUTO_TEST_CASE(read_line_goes_on_after_a_line_that_was_too_long) {  // S5
    with_streams(
        [](crocus::stream& near, crocus::stream& far) {
            far.write("much too long\nok\n");
            BOOST_CHECK_THROW(near.read_line(), crocus::limit_overrun_error);
            BOOST_TEST(near.read_line() == "ok\n");
        },
        {.limit = 4});
}

BOOST_AUTO_TEST_CASE(a_second_reader_is_an_error_and_the_first_goes_on) {  // S9
    with_streams([](crocus::stream& near, crocus::stream& far) {
        auto first = crocus::create_task([&] { return near.read_line(); });
        crocus::yield_now();
        BOOST_CHECK_THROW(near.read_line(), crocus::usage_error);
        far.write("for the first\n");
        BOOST_TEST(first.get() == "for the first\n");
    });
}

BOOST_AUTO_TEST_CASE(a_cancelled_read_loses_no_byte) {
    with_streams([](crocus::stream& near, crocus::stream& far) {
        auto reading = crocus::create_task([&] { return near.read_exactly(6); });
        far.write("abc");
        crocus::yield_now();  // it has taken the three, and waits for more
        crocus::yield_now();
        reading.cancel();
        BOOST_CHECK_THROW(reading.get(), crocus::cancelled_error);
        far.write("def");
        BOOST_TEST(near.read_exactly(6) == "abcdef");
    });
}

BOOST_AUTO_TEST_CASE(a_writer_waits_for_a_reader_that_takes_nothing_and_loses_nothing) {
    with_streams([](crocus::stream& near, crocus::stream& far) {
        const std::string much(4'000'000, 'x');
        auto writing = crocus::create_task([&] {
            far.write(much);
            far.close();
        });
        crocus::yield_now();
        BOOST_TEST(!writing.done());
        BOOST_TEST((near.read() == much));
        writing.get();
    });
}

BOOST_AUTO_TEST_CASE(writers_take_turns) {
    with_streams([](crocus::stream& near, crocus::stream& far) {
        const std::string a(1'000'000, 'a');
        const std::string b(1'000'000, 'b');
        auto writing = crocus::create_task([&] {
            crocus::gather([&] { far.write(a); }, [&] { far.write(b); });
            far.close();
        });
        BOOST_TEST((near.read() == a + b));
        writing.get();
    });
}

BOOST_AUTO_TEST_CASE(the_pieces_of_one_write_arrive_in_order) {
    with_streams([](crocus::stream& near, crocus::stream& far) {
        far.write({"head: ", "", "value", "\n"});
        far.write("");
        far.close();
        BOOST_TEST(near.read() == "head: value\n");
    });
}

BOOST_AUTO_TEST_CASE(after_write_eof_the_other_direction_goes_on) {
    with_streams([](crocus::stream& near, crocus::stream& far) {
        far.write("question");
        far.write_eof();
        BOOST_TEST(near.read() == "question");
        near.write("answer");
        near.close();
        BOOST_TEST(far.read() == "answer");
    });
}

BOOST_AUTO_TEST_CASE(closing_wakes_the_reader) {
    with_streams([](crocus::stream& near, crocus::stream&) {
        auto reading = crocus::create_task([&] { return near.read_line(); });
        crocus::yield_now();
        near.close();
        near.close();
        BOOST_TEST(near.is_closed());
        BOOST_CHECK_THROW(reading.get(), crocus::closed_error);
        BOOST_CHECK_THROW(near.write("x"), crocus::closed_error);
    });
}

BOOST_AUTO_TEST_CASE(writing_to_a_peer_that_is_gone_is_an_error_not_a_signal) {
    with_streams([](crocus::stream& near, crocus::stream& far) {
        far.close();
        BOOST_CHECK_THROW(near.write("x"), std::system_error);
    });
}

BOOST_AUTO_TEST_CASE(a_refused_connection_names_the_address) {  // S1
    crocus::run([] {
        std::uint16_t port = 0;
        {
            auto gone = crocus::start_server([](crocus::stream&) {}, "127.0.0.1", 0);
            port = gone.port();
        }
        BOOST_CHECK_EXCEPTION(crocus::open_connection("127.0.0.1", port), std::system_error, [&](const auto& e) {
            return std::string(e.what()).find("127.0.0.1:" + std::to_string(port)) != std::string::npos;
        });
    });
}

BOOST_AUTO_TEST_CASE(a_stream_may_outlive_its_loop) {
    std::optional<crocus::stream> kept;
    crocus::run([&] { kept.emplace(std::move(stream_pair().first)); });
    BOOST_TEST(kept->is_closed());
}
