// The end of a stream: close, abort, a graceful end; peers that reset; errors that stay.
#define BOOST_TEST_MODULE stream_closing
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <string>

#include <crocus/error.hpp>
#include <crocus/stream.hpp>
#include <crocus/task.hpp>
#include <crocus/wait.hpp>

#include "support/streams.hpp"

using crocus::create_task;
using crocus::stream;
using crocus::test::error_of;
using crocus::test::settle;
using crocus::test::stream_pair;
using crocus::test::with_quick_clock;
using crocus::test::with_streams;
using crocus::test::with_tcp_streams;
using namespace std::chrono_literals;

namespace {

const std::string much(700'000, 'x');

/// Fails as it is told to, once.
struct failing final : crocus::testing::driver_decorator {
    using driver_decorator::driver_decorator;
    std::size_t recv(crocus::io_handle handle, std::span<std::byte> into) override {
        if (const int error = std::exchange(recv_error, 0)) fail(error);
        return driver_decorator::recv(handle, into);
    }
    std::size_t send(crocus::io_handle handle, std::span<const iovec> pieces) override {
        if (const int error = std::exchange(send_error, 0)) fail(error);
        return driver_decorator::send(handle, pieces);
    }
    [[noreturn]] static void fail(int error) { throw std::system_error(error, std::generic_category(), "planted"); }

    int recv_error = 0;
    int send_error = 0;
};

template <class F>
void with_failing_streams(F f) {
    auto driver = std::make_unique<failing>(crocus::make_io_driver("epoll"));
    failing& faults = *driver;
    crocus::run(
        [&] {
            auto [near, far] = stream_pair();
            f(faults, near, far);
        },
        {.driver = std::move(driver)});
}

}  // namespace

// -------------------------------------------------------------------------------------------------------------- close

BOOST_AUTO_TEST_CASE(closing_wakes_the_reader_and_all_writers) {  // S13
    with_streams([](stream& near, stream&) {
        auto reading = create_task([&] { return near.read_line(); });
        auto writing = create_task([&] { near.write(much); });
        auto waiting = create_task([&] { near.write("its turn"); });
        auto ending = create_task([&] { near.write_eof(); });
        settle();
        near.close();
        near.close();
        BOOST_TEST(near.is_closed());
        BOOST_CHECK_THROW(reading.get(), crocus::closed_error);
        BOOST_CHECK_THROW(writing.get(), crocus::closed_error);
        BOOST_CHECK_THROW(waiting.get(), crocus::closed_error);
        BOOST_CHECK_THROW(ending.get(), crocus::closed_error);
        BOOST_CHECK_THROW(near.write("x"), crocus::closed_error);
        BOOST_CHECK_THROW(near.write(""), crocus::closed_error);
        BOOST_CHECK_THROW(near.read(1), crocus::closed_error);
        BOOST_CHECK_THROW(static_cast<void>(near.local_address()), crocus::closed_error);
    });
}

BOOST_AUTO_TEST_CASE(what_had_come_can_be_read_after_the_close) {  // S13
    with_streams([](stream& near, stream& far) {
        far.write("a\nbc");
        far.close();
        BOOST_CHECK_THROW(near.read_until("never"), crocus::incomplete_read_error);
        auto [other, peer] = stream_pair();
        peer.write("a\nbc");
        BOOST_CHECK_THROW(other.read_until("-", 2), crocus::limit_overrun_error);
        other.close();
        BOOST_TEST(other.read_line() == "a\n");
    });
}

BOOST_AUTO_TEST_CASE(a_stream_that_is_aborted_resets_its_peer) {  // S12
    with_tcp_streams([](stream& near, stream& far) {
        auto reading = create_task([&] { return error_of([&] { near.read(); }); });
        auto own = create_task([&] { far.read(); });
        settle();
        far.abort();
        far.abort();
        BOOST_TEST(reading.get() == ECONNRESET);
        BOOST_CHECK_THROW(own.get(), crocus::closed_error);
        BOOST_TEST(far.is_closed());
    });
}

// ------------------------------------------------------------------------------------------------------------- errors

BOOST_AUTO_TEST_CASE(a_read_error_stays) {  // S8, S12
    with_tcp_streams([](stream& near, stream& far) {
        far.abort();
        for (int i = 0; i != 3; ++i) BOOST_TEST(error_of([&] { near.read_line(); }) == ECONNRESET);
        BOOST_TEST(error_of([&] { near.write("x"); }) == ECONNRESET);
        BOOST_TEST(error_of([&] { near.read_exactly(3); }) == ECONNRESET);
        BOOST_TEST(!near.at_eof());
    });
}

BOOST_AUTO_TEST_CASE(a_reset_that_a_writer_met_is_not_an_end_for_the_reader) {  // S12
    with_tcp_streams([](stream& near, stream& far) {
        far.abort();
        const int met = error_of([&] { near.write("x"); });
        BOOST_TEST((met == ECONNRESET || met == EPIPE));
        BOOST_TEST(error_of([&] { near.read(); }) == ECONNRESET);
    });
}

BOOST_AUTO_TEST_CASE(an_error_comes_after_all_that_had_come_before_it) {  // S8
    with_failing_streams([](failing& faults, stream& near, stream& far) {
        far.write("a\nbc");
        BOOST_TEST(near.read_line() == "a\n");
        faults.recv_error = ETIMEDOUT;
        BOOST_TEST(error_of([&] { near.read_line(); }) == ETIMEDOUT);
        far.write("never read");
        BOOST_TEST(error_of([&] { near.read(); }) == ETIMEDOUT);
        BOOST_TEST(near.read(10) == "bc");
        BOOST_TEST(error_of([&] { near.read(10); }) == ETIMEDOUT);
    });
}

BOOST_AUTO_TEST_CASE(an_error_takes_nothing_out_of_the_callers_buffer) {
    with_failing_streams([](failing& faults, stream& near, stream& far) {
        std::string into(4, '\0');
        auto reading = create_task([&] { return error_of([&] { near.read_exactly(std::span(into)); }); });
        far.write("abc");
        settle();
        faults.recv_error = ETIMEDOUT;
        far.write("d");
        BOOST_TEST(reading.get() == 0);  // the recv that waits has begun before
        far.write("abc");
        auto again = create_task([&] { return error_of([&] { near.read_exactly(std::span(into)); }); });
        BOOST_TEST(again.get() == ETIMEDOUT);
        BOOST_TEST(near.read(0) == "");
    });
}

BOOST_AUTO_TEST_CASE(an_error_that_passes_is_not_kept) {
    with_failing_streams([](failing& faults, stream& near, stream& far) {
        faults.send_error = ENOBUFS;
        BOOST_TEST(error_of([&] { far.write("lost"); }) == ENOBUFS);
        far.write("sent");
        BOOST_TEST(near.read_exactly(4) == "sent");
        faults.send_error = ETIMEDOUT;
        BOOST_TEST(error_of([&] { far.write("x"); }) == ETIMEDOUT);
        BOOST_TEST(error_of([&] { far.write("x"); }) == ETIMEDOUT);
        near.write("before it");
        near.close();
        BOOST_TEST(far.read_exactly(9) == "before it");
        BOOST_TEST(error_of([&] { far.read(); }) == ETIMEDOUT);
    });
}

BOOST_AUTO_TEST_CASE(writing_to_a_peer_that_is_gone_is_an_error_not_a_signal) {  // S12
    with_streams([](stream& near, stream& far) {
        far.close();
        BOOST_CHECK_THROW(near.write("x"), std::system_error);
        BOOST_CHECK_THROW(near.write("x"), std::system_error);
    });
}

// ------------------------------------------------------------------------------------------------------- graceful ends

BOOST_AUTO_TEST_CASE(a_graceful_close_reads_what_still_comes_so_that_nothing_is_reset) {  // S13
    with_tcp_streams([](stream& near, stream& far) {
        far.write("unread");
        near.write("the answer");
        auto closing = create_task([&] { return near.close_gracefully(); });
        far.write("more");
        BOOST_TEST(far.read() == "the answer");
        BOOST_TEST(!closing.done());
        far.close();
        BOOST_TEST(closing.get());
        BOOST_TEST(near.is_closed());
        BOOST_TEST(!near.close_gracefully() == !near.at_eof());
    });
}

BOOST_AUTO_TEST_CASE(a_graceful_close_waits_for_writers_but_no_longer_than_its_limit) {  // S13
    with_quick_clock([] {
        auto [near, far] = stream_pair();
        auto writing = create_task([&] { near.write(much); });
        settle();
        BOOST_TEST(!near.close_gracefully(3s));
        BOOST_CHECK_THROW(writing.get(), crocus::closed_error);

        auto [other, peer] = stream_pair();
        auto written = create_task([&] { other.write(much); });
        settle();
        auto closing = create_task([&] { return other.close_gracefully(3s); });
        BOOST_TEST((peer.read() == much));
        peer.close();
        BOOST_TEST(closing.get());
        written.get();
    });
}

BOOST_AUTO_TEST_CASE(a_peer_that_does_not_end_is_broken_off_when_the_time_is_up) {  // S13
    with_quick_clock([] {
        auto [near, far] = crocus::test::tcp_pair();
        BOOST_TEST(!near.close_gracefully(5s));
        BOOST_TEST(near.is_closed());
        BOOST_TEST(error_of([&] { far.read(); }) == 0);  // the end, which came first
        BOOST_TEST(error_of([&] { far.write("x"); }) != 0);
    });
}

BOOST_AUTO_TEST_CASE(a_peer_that_goes_on_sending_is_broken_off) {  // S13
    with_streams([](stream& near, stream& far) {
        auto flooding = create_task([&] {
            for (;;) far.write(much);
        });
        BOOST_TEST(!near.close_gracefully(1h, 100'000));
        BOOST_TEST(near.is_closed());
        BOOST_CHECK_THROW(flooding.get(), std::system_error);
    });
}

BOOST_AUTO_TEST_CASE(a_graceful_close_of_a_broken_connection_or_one_that_is_cancelled_closes_it) {  // S13
    with_tcp_streams([](stream& near, stream& far) {
        far.abort();
        BOOST_TEST(!near.close_gracefully());
        BOOST_TEST(near.is_closed());

        auto [other, peer] = crocus::test::tcp_pair();
        auto closing = create_task([&] { other.close_gracefully(1h); });
        settle();
        closing.cancel();
        BOOST_CHECK_THROW(closing.get(), crocus::cancelled_error);
        BOOST_TEST(other.is_closed());
    });
}
