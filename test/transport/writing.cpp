#define BOOST_TEST_MODULE transport_writing
#include <boost/test/unit_test.hpp>

#include <string>
#include <string_view>
#include <vector>

#include <sys/socket.h>

#include <crocus/error.hpp>
#include <crocus/task.hpp>
#include <crocus/transport.hpp>

#include "support/io_drivers.hpp"
#include "support/loop_tests.hpp"
#include "support/protocols.hpp"

using crocus::test::all_stream_drivers;
using crocus::test::connected;
using crocus::test::let_run;
using crocus::test::much;
using crocus::test::on_each_driver;
using crocus::test::recorder;

BOOST_AUTO_TEST_CASE(what_the_kernel_takes_is_sent_at_once_and_the_rest_in_the_background_in_order) {  // R6
    on_each_driver({"epoll", "poll"}, [] {
        connected c;
        c.own.write("at once");
        BOOST_TEST(c.own.get_write_buffer_size() == 0u);
        char got[7];
        BOOST_TEST(c.peer.try_recv(std::as_writable_bytes(std::span(got))).value() == 7u);
        BOOST_TEST(std::string_view(got, 7) == "at once");
        c.own.close();
    });
    on_each_driver(all_stream_drivers, [] {
        connected c;
        c.own.write("");
        c.own.write(much);
        const std::size_t left = c.own.get_write_buffer_size();
        BOOST_TEST(left > 0u);
        BOOST_TEST(left < much.size());
        c.own.write("then this");
        BOOST_TEST(c.own.get_write_buffer_size() == left + 9);  // it does not overtake
        BOOST_TEST(c.receive(much.size() + 9) == much + "then this");
        let_run();
        BOOST_TEST(c.own.get_write_buffer_size() == 0u);
        c.own.close();
    });
}

BOOST_AUTO_TEST_CASE(pieces_are_sent_one_after_the_other_whatever_the_kernel_takes_at_a_time) {  // R7
    on_each_driver(all_stream_drivers, [] {
        connected c;
        c.own.writelines({"a", "", "bc", "def"});
        BOOST_TEST(c.receive(6) == "abcdef");
        std::vector<std::string> parts;
        std::string all;
        for (int i = 0; i < 3000; ++i) all += parts.emplace_back(std::to_string(i) + std::string(100, '.'));
        const std::vector<std::string_view> pieces(parts.begin(), parts.end());
        c.own.writelines(pieces);
        BOOST_TEST(c.own.get_write_buffer_size() > 0u);
        BOOST_TEST(c.protocol->calls == "MP");
        BOOST_TEST(c.receive(all.size()) == all);
        c.own.writelines({});
        c.own.close();
    });
}

BOOST_AUTO_TEST_CASE(writes_after_the_loss_are_dropped_and_reported_from_the_fifth_on) {  // R6, R7
    on_each_driver(all_stream_drivers, [] {
        const auto reports = crocus::test::collect_reports();
        connected c;
        c.own.close();
        for (int i = 0; i < 2; ++i) c.own.write("x");
        c.protocol->lost.wait();
        c.own.writelines({"x", "y"});
        c.own.write("x");
        c.own.write("");
        BOOST_TEST(reports->size() == 0u);
        c.own.write("x");
        BOOST_TEST(reports->size() == 1u);
        c.own.writelines({"x"});
        BOOST_TEST(reports->size() == 2u);
        BOOST_TEST(c.own.get_write_buffer_size() == 0u);
        BOOST_TEST(c.rest() == "");
    });
}

BOOST_AUTO_TEST_CASE(a_write_error_is_the_reason_of_the_loss) {  // R6
    on_each_driver(all_stream_drivers, [] {
        connected c;
        c.own.pause_reading();
        let_run();
        c.peer.close();
        c.own.write("x");
        BOOST_TEST(c.own.is_closing());
        BOOST_TEST(c.protocol->calls == "M");
        c.protocol->lost.wait();
        BOOST_TEST(c.protocol->calls == "ML");
        BOOST_TEST(c.protocol->reason().find("Broken pipe") != std::string::npos);

        connected d;  // the same in the background
        d.own.pause_reading();
        d.own.write(much);
        d.peer.close();
        d.protocol->lost.wait();
        BOOST_TEST(d.protocol->calls == "MPL");
        BOOST_TEST(d.protocol->reason() != "none");
    });
}

BOOST_AUTO_TEST_CASE(write_eof_tells_the_peer_after_what_is_in_the_buffer) {  // R8
    on_each_driver(all_stream_drivers, [] {
        connected c;
        BOOST_TEST(c.own.can_write_eof());
        c.own.write(much);
        c.own.write_eof();
        c.own.write_eof();
        BOOST_CHECK_THROW(c.own.write("x"), crocus::usage_error);
        BOOST_CHECK_THROW(c.own.writelines({"x"}), crocus::usage_error);
        BOOST_TEST(c.rest() == much);
        BOOST_TEST(!c.own.is_closing());
        c.send("still heard");
        c.protocol->until([&] { return c.protocol->received == "still heard"; });
        c.peer.close();
        c.protocol->lost.wait();
        BOOST_TEST(c.protocol->calls == "MPRDEL");

        connected d;
        d.own.write_eof();
        BOOST_TEST(d.rest() == "");
        d.own.close();
        d.own.write_eof();  // does nothing any more
        d.protocol->lost.wait();
        BOOST_TEST(d.protocol->reason() == "none");
    });
}

BOOST_AUTO_TEST_CASE(the_limits_of_the_buffer_follow_from_one_another) {  // R9
    on_each_driver(all_stream_drivers, [] {
        connected c;
        const auto are = [&](std::size_t low, std::size_t high) {
            const auto limits = c.own.get_write_buffer_limits();
            return limits.low == low && limits.high == high;
        };
        BOOST_TEST(are(16384, 65536));
        c.own.set_write_buffer_limits(1024, 128);
        BOOST_TEST(are(128, 1024));
        c.own.set_write_buffer_limits(1024);
        BOOST_TEST(are(256, 1024));
        c.own.set_write_buffer_limits({}, 128);
        BOOST_TEST(are(128, 512));
        BOOST_CHECK_THROW(c.own.set_write_buffer_limits(128, 1024), crocus::usage_error);
        BOOST_TEST(are(128, 512));
        c.own.set_write_buffer_limits({}, std::size_t(-1));
        BOOST_TEST(are(std::size_t(-1), std::size_t(-1)));
        c.own.set_write_buffer_limits(0);
        BOOST_TEST(are(0, 0));
        c.own.set_write_buffer_limits();
        BOOST_TEST(are(16384, 65536));
        c.own.close();
    });
}

BOOST_AUTO_TEST_CASE(a_protocol_is_paused_above_the_high_mark_and_goes_on_at_the_low_one) {  // R9, P1
    on_each_driver(all_stream_drivers, [] {
        connected c;
        c.own.set_write_buffer_limits(much.size() + 100, 100);
        c.own.write(much);
        const std::size_t left = c.own.get_write_buffer_size();
        c.own.set_write_buffer_limits(left, 100);  // as much as the mark is not above it
        BOOST_TEST(c.protocol->calls == "M");
        c.own.write("x");
        BOOST_TEST(c.protocol->calls == "MP");
        c.own.write("y");
        BOOST_TEST(c.protocol->calls == "MP");
        std::size_t at_resumption = std::size_t(-1);
        c.protocol->on_call = [&](char call) {
            if (call == 'R') at_resumption = c.own.get_write_buffer_size();
        };
        BOOST_TEST(c.receive(much.size() + 2) == much + "xy");
        let_run();
        BOOST_TEST(c.protocol->calls == "MPR");
        BOOST_TEST(at_resumption <= 100u);
        c.own.write(much);
        c.own.set_write_buffer_limits(0);  // nothing new: it was paused, or is now
        BOOST_TEST(c.protocol->calls == "MPRP");
        c.own.abort();
        c.protocol->lost.wait();
        BOOST_TEST(c.protocol->calls == "MPRPL");
    });
}

BOOST_AUTO_TEST_CASE(without_any_room_a_protocol_goes_on_when_all_is_sent) {  // R9
    on_each_driver(all_stream_drivers, [] {
        connected c;
        c.own.set_write_buffer_limits(0);
        c.own.write(much);
        BOOST_TEST(c.protocol->calls == "MP");
        BOOST_TEST(c.receive(much.size()) == much);
        c.protocol->until([&] { return c.protocol->calls == "MPR"; });
        c.own.close();
    });
}

BOOST_AUTO_TEST_CASE(lower_limits_pause_a_protocol_at_once) {  // R9
    on_each_driver(all_stream_drivers, [] {
        connected c;
        c.own.set_write_buffer_limits(much.size());
        c.own.write(much);
        BOOST_TEST(c.protocol->calls == "M");
        c.own.set_write_buffer_limits(1);
        BOOST_TEST(c.protocol->calls == "MP");
        c.own.abort();
    });
}

BOOST_AUTO_TEST_CASE(what_is_written_inside_resume_writing_is_sent_and_pauses_again) {  // R9, P1
    on_each_driver(all_stream_drivers, [] {
        connected c;
        int times = 0;
        c.protocol->on_call = [&](char call) {
            if (call == 'R' && ++times < 3) c.own.write(much);
            if (call == 'R' && times == 3) c.own.close();
        };
        c.own.write(much);
        BOOST_TEST(c.rest().size() == 3 * much.size());
        c.protocol->lost.wait();
        BOOST_TEST(c.protocol->calls == "MPRPRPRL");
    });
}

BOOST_AUTO_TEST_CASE(a_transport_can_be_used_in_callbacks_of_the_loop) {
    on_each_driver(all_stream_drivers, [] {
        connected c;
        crocus::event_loop::current().call_soon([&] {
            c.own.write(much);
            c.own.pause_reading();
            c.own.resume_reading();
            c.own.close();
        });
        BOOST_TEST(c.rest() == much);
        c.protocol->lost.wait();
    });
}
