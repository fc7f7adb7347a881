#define BOOST_TEST_MODULE transport
#include <boost/test/unit_test.hpp>

#include <array>
#include <stdexcept>
#include <string>
#include <vector>

#include <sys/socket.h>
#include <unistd.h>

#include <crocus/context_var.hpp>
#include <crocus/error.hpp>
#include <crocus/run.hpp>
#include <crocus/task.hpp>
#include <crocus/timeout.hpp>
#include <crocus/transport.hpp>

#include "support/io_drivers.hpp"
#include "support/loop_tests.hpp"
#include "support/protocols.hpp"

using crocus::test::all_stream_drivers;
using crocus::test::buffered_recorder;
using crocus::test::connected;
using crocus::test::let_run;
using crocus::test::much;
using crocus::test::on_each_driver;
using crocus::test::recorder;

// ------------------------------------------------------------------------------------------------------ the order of
// calls

BOOST_AUTO_TEST_CASE(
    a_protocol_is_told_of_its_connection_of_data_of_the_end_and_of_the_loss_once_each) {  // P1, P2, R16
    on_each_driver(all_stream_drivers, [] {
        connected c;
        BOOST_TEST(c.protocol->calls == "M");
        c.send("some ");
        c.send("data");
        c.peer.close();
        c.protocol->lost.wait();
        let_run();
        BOOST_TEST(c.protocol->calls == "MDEL");
        BOOST_TEST(c.protocol->received == "some data");
        BOOST_TEST(c.protocol->reason() == "none");
        BOOST_TEST((c.own.get_protocol() == nullptr));
    });
}

BOOST_AUTO_TEST_CASE(connection_made_comes_before_anything_is_read_and_before_create_connection_returns) {  // R4, L32
    on_each_driver(all_stream_drivers, [] {
        auto [near, far] = crocus::socket::pair();
        far.send_all(std::as_bytes(std::span("early", 5)));
        const auto p = std::make_shared<recorder>();
        p->on_call = [&](char call) {
            if (call != 'M') return;
            let_run();
            BOOST_TEST(p->received == "");
            p->own.pause_reading();
        };
        const auto [transport, same] = crocus::create_connection([&] { return p; }, std::move(near));
        BOOST_TEST(same == p);
        BOOST_TEST((transport == p->own));
        let_run();
        BOOST_TEST(p->calls == "M");  // pausing in connection_made holds
        transport.resume_reading();
        p->until([&] { return p->received == "early"; });
        transport.close();
    });
}

BOOST_AUTO_TEST_CASE(a_protocol_and_its_transport_do_not_keep_each_other_alive_after_the_end) {  // R16
    on_each_driver(all_stream_drivers, [] {
        std::weak_ptr<recorder> watched;
        {
            connected c;
            watched = c.protocol;
            c.own.close();
            c.protocol->lost.wait();
        }
        let_run();
        BOOST_TEST(watched.expired());
    });
}

BOOST_AUTO_TEST_CASE(a_method_may_suspend_and_nothing_is_read_meanwhile) {  // P7
    on_each_driver(all_stream_drivers, [] {
        connected c;
        crocus::event go_on;
        bool inside = false;
        c.protocol->on_call = [&](char call) {
            if (call != 'D') return;
            BOOST_TEST(!inside);
            inside = true;
            go_on.wait();
            inside = false;
        };
        c.send("a");
        c.protocol->until([&] { return inside; });
        c.send("bc");
        let_run();
        BOOST_TEST(c.protocol->received == "a");
        go_on.set();
        c.protocol->until([&] { return c.protocol->received == "abc"; });
        c.own.close();
    });
}

BOOST_AUTO_TEST_CASE(methods_see_the_context_that_the_transport_was_made_in) {  // P7
    on_each_driver(all_stream_drivers, [] {
        static crocus::context_var<std::string> name("name", "nobody");
        const crocus::context_scope maker(name.set("maker"));
        connected c;
        std::string seen;
        c.protocol->on_call = [&](char call) { seen += call == 'P' ? "" : call + name.get() + " "; };
        crocus::create_task([&] {
            const crocus::context_scope other(name.set("writer"));
            c.own.write(much);
        }).get();
        const auto got = crocus::create_task([&] { return c.receive(much.size()); }).get();
        BOOST_TEST(got.size() == much.size());
        let_run();
        c.send("x");
        c.protocol->until([&] { return c.protocol->received == "x"; });
        c.own.close();
        c.protocol->lost.wait();
        BOOST_TEST(seen == "Rmaker Dmaker Lmaker ");
    });
}

// --------------------------------------------------------------------------------------------------------------
// closing

BOOST_AUTO_TEST_CASE(close_is_followed_by_connection_lost_later_and_does_nothing_more_than_once) {  // R1
    on_each_driver(all_stream_drivers, [] {
        connected c;
        BOOST_TEST(!c.own.is_closing());
        c.own.close();
        c.own.close();
        BOOST_TEST(c.own.is_closing());
        BOOST_TEST(c.protocol->calls == "M");  // never inline
        c.protocol->lost.wait();
        c.own.close();
        let_run();
        BOOST_TEST(c.protocol->calls == "ML");
        BOOST_TEST(c.protocol->reason() == "none");
    });
}

BOOST_AUTO_TEST_CASE(close_sends_what_is_in_the_buffer_and_reads_no_more) {  // R1
    on_each_driver(all_stream_drivers, [] {
        connected c;
        c.own.write(much);
        BOOST_TEST(c.own.get_write_buffer_size() > 0u);
        c.own.close();
        c.send("nobody hears this");
        let_run();
        BOOST_TEST(c.protocol->calls == "MP");
        BOOST_TEST(c.receive(much.size()) == much);
        c.protocol->lost.wait();
        BOOST_TEST(c.protocol->received == "");
        BOOST_TEST(c.protocol->reason() == "none");
    });
}

BOOST_AUTO_TEST_CASE(abort_drops_the_buffer_and_the_peer_sees_that_the_connection_was_broken) {  // R3
    on_each_driver(all_stream_drivers, [] {
        connected c;
        c.own.write(much);
        c.own.close();
        c.own.abort();
        c.own.abort();
        BOOST_TEST(c.own.get_write_buffer_size() == 0u);
        BOOST_TEST(c.protocol->calls == "MP");
        c.protocol->lost.wait();
        BOOST_TEST(c.protocol->calls == "MPL");
        BOOST_TEST(c.protocol->reason() == "none");
        std::string got;
        try {
            got = c.rest();
        } catch (const std::system_error&) {
            // the reset of a TCP connection
        }
        BOOST_TEST(got.size() < much.size());
    });
}

BOOST_AUTO_TEST_CASE(addresses_are_known_after_the_end_and_the_socket_is_closed_in_connection_lost) {  // R2
    on_each_driver(all_stream_drivers, [] {
        crocus::socket listening(AF_INET);
        listening.bind(crocus::address::parse("127.0.0.1", 0));
        listening.listen(1);
        const auto at = listening.local_address();
        const auto [transport, p] =
            crocus::create_connection([] { return std::make_shared<recorder>(); }, "127.0.0.1", at.port());
        const auto accepted = listening.accept();
        BOOST_TEST(transport.get_socket().is_open());
        bool open_at_the_end = true;
        p->on_call = [&, own = p.get()](char call) {
            if (call == 'L') open_at_the_end = own->own.get_socket().is_open();
        };
        transport.close();
        p->lost.wait();
        BOOST_TEST(!open_at_the_end);
        BOOST_TEST((transport.remote_address() == at));
        BOOST_TEST((transport.local_address() == accepted.remote_address()));
    });
}

BOOST_AUTO_TEST_CASE(
    a_transport_that_is_open_at_the_end_of_its_loop_loses_its_connection_and_in_debug_mode_is_reported) {
    // R15
    for (const bool debug : {false, true}) {
        std::array<int, 2> ends{};
        BOOST_REQUIRE_EQUAL(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
        auto p = std::make_shared<recorder>();
        std::shared_ptr<std::vector<std::string>> reports;
        crocus::run([&] {
            reports = crocus::test::collect_reports();
            crocus::event_loop::current().set_debug(debug);
            static_cast<void>(crocus::create_connection([&] { return p; }, crocus::socket(crocus::fd(ends[0]))));
        });
        BOOST_TEST(p->calls == "ML");
        BOOST_CHECK_THROW(std::rethrow_exception(p->why), crocus::cancelled_error);
        BOOST_TEST(reports->size() == (debug ? 1u : 0u));
        char end;
        BOOST_TEST(::read(ends[1], &end, 1) == 0);
        ::close(ends[1]);
        p->own.abort();  // a handle that is left does no harm
        const std::weak_ptr<recorder> watched = p;
        p.reset();
        BOOST_TEST(watched.expired());
    }
}

// --------------------------------------------------------------------------------------------------------------
// reading

BOOST_AUTO_TEST_CASE(reading_is_paused_and_resumed_as_often_as_one_likes) {  // R5
    on_each_driver(all_stream_drivers, [] {
        connected c;
        BOOST_TEST(c.own.is_reading());
        c.own.pause_reading();
        c.own.pause_reading();
        BOOST_TEST(!c.own.is_reading());
        c.send("abc");
        let_run();
        BOOST_TEST(c.protocol->received == "");
        c.own.resume_reading();
        c.own.resume_reading();
        BOOST_TEST(c.own.is_reading());
        c.protocol->until([&] { return c.protocol->received == "abc"; });
        c.own.close();
        BOOST_TEST(!c.own.is_reading());
        c.own.pause_reading();
        c.own.resume_reading();
        BOOST_TEST(!c.own.is_reading());
        c.protocol->lost.wait();
        c.own.pause_reading();
        c.own.resume_reading();
    });
}

BOOST_AUTO_TEST_CASE(pausing_in_data_received_stops_it_at_once) {  // R5
    on_each_driver(all_stream_drivers, [] {
        connected c;
        c.protocol->on_call = [&](char call) {
            if (call == 'D') c.own.pause_reading();
        };
        c.send(std::string(1000, 'a'));
        c.protocol->until([&] { return !c.protocol->received.empty(); });
        const std::size_t first = c.protocol->received.size();
        c.send("b");
        let_run();
        BOOST_TEST(c.protocol->received.size() == first);
        c.protocol->on_call = [](char) {};
        c.own.resume_reading();
        c.protocol->until([&] { return c.protocol->received == std::string(1000, 'a') + "b"; });
        c.own.close();
    });
}

BOOST_AUTO_TEST_CASE(closing_in_data_received_is_the_last_that_is_heard_but_for_connection_lost) {  // R1, P2
    on_each_driver(all_stream_drivers, [] {
        connected c;
        c.protocol->on_call = [&](char call) {
            if (call == 'D') c.own.close();
        };
        c.send(std::string(200, 'a'));
        c.protocol->lost.wait();
        let_run();
        BOOST_TEST(c.protocol->calls == "MDL");
        BOOST_TEST(c.protocol->received.size() <= std::size_t{256} << 10);
    });
}

BOOST_AUTO_TEST_CASE(at_the_end_a_protocol_may_keep_the_transport_for_writing) {  // R13
    on_each_driver(all_stream_drivers, [] {
        connected c;
        c.protocol->keep_open = true;
        c.peer.shutdown_send();
        c.protocol->until([&] { return c.protocol->calls == "ME"; });
        let_run();
        BOOST_TEST(!c.own.is_closing());
        c.own.write("still here");
        BOOST_TEST(c.receive(10) == "still here");
        c.own.close();
        BOOST_TEST(c.rest() == "");
        c.protocol->lost.wait();
        BOOST_TEST(c.protocol->calls == "MEL");
    });
}

BOOST_AUTO_TEST_CASE(at_the_end_a_transport_that_nobody_keeps_sends_what_it_has_and_closes) {  // R13
    on_each_driver(all_stream_drivers, [] {
        connected c;
        c.own.write(much);
        c.peer.shutdown_send();
        c.protocol->until([&] { return c.own.is_closing(); });
        BOOST_TEST(c.rest() == much);
        c.protocol->lost.wait();
        BOOST_TEST(c.protocol->reason() == "none");
    });
}

BOOST_AUTO_TEST_CASE(a_read_error_is_the_reason_of_the_loss_and_is_reported_in_debug_mode_alone) {  // R11
    on_each_driver(all_stream_drivers, [] {
        for (const bool debug : {false, true}) {
            const auto reports = crocus::test::collect_reports();
            crocus::event_loop::current().set_debug(debug);
            crocus::socket listening(AF_INET);
            listening.bind(crocus::address::parse("127.0.0.1", 0));
            listening.listen(1);
            const auto [transport, p] = crocus::create_connection([] { return std::make_shared<recorder>(); },
                                                                  "127.0.0.1", listening.local_address().port());
            listening.accept().abort();
            p->lost.wait();
            BOOST_TEST(p->calls == "ML");
            BOOST_TEST(p->reason().find("reset") != std::string::npos);
            BOOST_TEST(reports->size() == (debug ? 1u : 0u));
        }
        crocus::event_loop::current().set_debug(false);
    });
}

// ------------------------------------------------------------------------------------------------- what protocols
// throw

namespace {

/// What becomes of a connection whose protocol throws in this call: its calls, reason and reports.
template <class Protocol>
void throws_in(char call, const std::string& calls, const std::string& method) {
    on_each_driver(all_stream_drivers, [&] {
        const auto reports = crocus::test::collect_reports();
        connected<Protocol> c;
        c.protocol->on_call = [&](char now) {
            if (now == call) throw std::runtime_error("refused");
        };
        c.send("x");
        if (call == 'E') c.peer.shutdown_send();
        c.protocol->lost.wait();
        let_run();
        BOOST_TEST(c.protocol->calls == calls);
        BOOST_TEST(c.protocol->reason().find("refused") != std::string::npos);
        BOOST_REQUIRE_EQUAL(reports->size(), 1u);
        BOOST_TEST(reports->front().find(method) != std::string::npos);
        BOOST_TEST(reports->front().find("refused") != std::string::npos);
    });
}

}  // namespace

BOOST_AUTO_TEST_CASE(what_receiving_methods_throw_is_reported_and_breaks_the_connection) {  // R12
    throws_in<recorder>('D', "MDL", "data_received");
    throws_in<recorder>('E', "MDEL", "eof_received");
    throws_in<buffered_recorder>('B', "MBL", "get_buffer");
    throws_in<buffered_recorder>('D', "MBDL", "buffer_updated");
}

BOOST_AUTO_TEST_CASE(what_the_other_methods_throw_is_reported_and_the_transport_goes_on) {  // R10
    on_each_driver(all_stream_drivers, [] {
        const auto reports = crocus::test::collect_reports();
        const auto p = std::make_shared<recorder>();
        p->on_call = [&](char call) {
            if (call != 'D') throw std::runtime_error(std::string("in ") + call);
        };
        connected c(p);
        c.own.write(much);
        BOOST_TEST(c.receive(much.size()) == much);
        c.send("x");
        p->until([&] { return p->received == "x"; });
        c.own.close();
        p->lost.wait();
        let_run();
        BOOST_TEST(p->calls == "MPRDL");
        BOOST_REQUIRE_EQUAL(reports->size(), 4u);
        const std::vector<std::string> methods{"connection_made", "pause_writing", "resume_writing", "connection_lost"};
        for (std::size_t i = 0; i < methods.size(); ++i)
            BOOST_TEST((*reports)[i].find(methods[i]) != std::string::npos);
    });
}

// ----------------------------------------------------------------------------------------------------- kinds of
// protocols

BOOST_AUTO_TEST_CASE(a_buffered_protocol_receives_into_its_own_buffer) {  // P3
    on_each_driver(all_stream_drivers, [] {
        connected<buffered_recorder> c;
        std::string sent;
        for (int i = 0; i < 100; ++i) sent += std::to_string(i);
        c.send(sent);
        c.peer.close();
        c.protocol->lost.wait();
        BOOST_TEST(c.protocol->received == sent);
        BOOST_TEST(c.protocol->calls.substr(c.protocol->calls.size() - 2) == "EL");
    });
}

BOOST_AUTO_TEST_CASE(an_empty_buffer_of_a_protocol_breaks_the_connection) {  // P3
    on_each_driver(all_stream_drivers, [] {
        const auto reports = crocus::test::collect_reports();
        connected<buffered_recorder> c;
        c.protocol->room.clear();
        c.send("x");
        c.protocol->lost.wait();
        BOOST_TEST(c.protocol->reason().find("empty buffer") != std::string::npos);
        BOOST_TEST(reports->size() == 1u);
    });
}

BOOST_AUTO_TEST_CASE(a_protocol_of_another_kind_takes_over_and_back) {  // P3, R1
    on_each_driver(all_stream_drivers, [] {
        connected c;
        const auto second = std::make_shared<buffered_recorder>();
        c.send("first");
        c.protocol->until([&] { return c.protocol->received == "first"; });
        c.own.set_protocol(second);
        BOOST_TEST((c.own.get_protocol() == second));
        c.send("second");
        second->until([&] { return second->received == "second"; });
        c.own.set_protocol(c.protocol);
        c.send("third");
        c.protocol->until([&] { return c.protocol->received == "firstthird"; });
        BOOST_CHECK_THROW(c.own.set_protocol(nullptr), crocus::usage_error);
        BOOST_CHECK_THROW(c.own.set_protocol(std::make_shared<crocus::stream_protocol>()), crocus::usage_error);
        c.own.close();
        c.protocol->lost.wait();
        BOOST_TEST(!second->lost.is_set());
        let_run();
        c.own.set_protocol(second);  // nobody keeps it
        BOOST_TEST((c.own.get_protocol() == nullptr));
    });
}

BOOST_AUTO_TEST_CASE(a_transport_that_is_none_and_a_factory_that_makes_nothing_are_refused) {
    on_each_driver(all_stream_drivers, [] {
        const crocus::transport none;
        BOOST_TEST(!none);
        BOOST_CHECK_THROW(none.close(), crocus::usage_error);
        auto [near, far] = crocus::socket::pair();
        BOOST_CHECK_THROW(crocus::create_connection([] { return std::shared_ptr<recorder>(); }, std::move(near)),
                          crocus::usage_error);
        char end;
        BOOST_TEST(far.recv(std::as_writable_bytes(std::span(&end, 1))) == 0u);  // closed with it
    });
}

// ------------------------------------------------------------------------------------------------------------
// connecting

BOOST_AUTO_TEST_CASE(a_connection_is_made_over_a_host_a_path_or_a_socket) {  // L32, L41, L42
    on_each_driver(crocus::test::all_stream_drivers, [] {
        const auto factory = [] { return std::make_unique<recorder>(); };
        for (const auto& at :
             {crocus::address::parse("127.0.0.1", 0), crocus::address::local(std::string("\0crocus transport", 17))}) {
            crocus::socket listening(at.family());
            listening.bind(at);
            listening.listen(1);
            const auto [near, p] =
                at.is_local() ? crocus::create_unix_connection(factory, at.path())
                              : crocus::create_connection(factory, "127.0.0.1", listening.local_address().port());
            const auto [far, q] = crocus::connect_accepted_socket(factory, listening.accept());
            near.write("there");
            far.write("back");
            q->until([&] { return q->received == "there"; });
            p->until([&] { return p->received == "back"; });
            near.close();
            q->lost.wait();
            p->lost.wait();
        }
    });
    on_each_driver(crocus::test::kernel_drivers, [] {  // a simulated socket does not say its type
        BOOST_CHECK_THROW(
            crocus::create_connection([] { return std::make_unique<recorder>(); }, crocus::socket(AF_INET, SOCK_DGRAM)),
            crocus::usage_error);
    });
}

BOOST_AUTO_TEST_CASE(who_is_cancelled_in_create_connection_leaves_a_transport_that_is_closed) {  // L32
    on_each_driver(all_stream_drivers, [] {
        auto ends = crocus::socket::pair();
        const auto p = std::make_shared<recorder>();
        crocus::event made;
        p->on_call = [&](char call) {
            if (call == 'M') made.wait();
        };
        auto connecting = crocus::create_task(
            [&] { static_cast<void>(crocus::create_connection([&] { return p; }, std::move(ends.first))); });
        p->until([&] { return p->calls == "M"; });
        connecting.cancel();
        BOOST_CHECK_THROW(connecting.get(), crocus::cancelled_error);
        made.set();
        p->lost.wait();
        BOOST_TEST(p->calls == "ML");
    });
}
