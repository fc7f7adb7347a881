#define BOOST_TEST_MODULE transport_pipes
#include <boost/test/unit_test.hpp>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include <fcntl.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include <crocus/error.hpp>
#include <crocus/transport.hpp>

#include "support/io_drivers.hpp"
#include "support/loop_tests.hpp"
#include "support/protocols.hpp"

using crocus::test::kernel_drivers;
using crocus::test::let_run;
using crocus::test::much;
using crocus::test::on_each_driver;
using crocus::test::recorder;

namespace {

struct pipe_ends {
    pipe_ends() {
        std::array<int, 2> ends{};
        BOOST_REQUIRE_EQUAL(::pipe2(ends.data(), O_CLOEXEC), 0);
        reading = crocus::fd(ends[0]);
        writing = crocus::fd(ends[1]);
    }
    crocus::fd reading;
    crocus::fd writing;
};

std::shared_ptr<recorder> make() { return std::make_shared<recorder>(); }

/// The two sides of a terminal that hands everything through.
std::pair<crocus::fd, crocus::fd> terminal() {
    const int master = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    BOOST_REQUIRE(master >= 0);
    BOOST_REQUIRE_EQUAL(::grantpt(master), 0);
    BOOST_REQUIRE_EQUAL(::unlockpt(master), 0);
    std::array<char, 64> name{};
    BOOST_REQUIRE_EQUAL(::ptsname_r(master, name.data(), name.size()), 0);
    const int slave = ::open(name.data(), O_RDWR | O_NOCTTY | O_CLOEXEC);
    BOOST_REQUIRE(slave >= 0);
    termios raw{};
    ::tcgetattr(slave, &raw);
    ::cfmakeraw(&raw);
    ::tcsetattr(slave, TCSANOW, &raw);
    return {crocus::fd(master), crocus::fd(slave)};
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_pipe_is_read_up_to_its_end_which_closes_it_whatever_the_protocol_says) {  // L44, R19
    on_each_driver(kernel_drivers, [] {
        pipe_ends ends;
        const auto [transport, p] = crocus::connect_read_pipe(make, std::move(ends.reading));
        p->keep_open = true;
        BOOST_TEST(!transport.can_write_eof());
        BOOST_TEST(!transport.local_address().has_value());
        BOOST_CHECK_THROW(transport.write("x"), crocus::usage_error);
        BOOST_CHECK_THROW(transport.write_eof(), crocus::usage_error);
        BOOST_TEST(::write(ends.writing.native(), "hello", 5) == 5);
        p->until([&] { return p->received == "hello"; });
        ends.writing.close();
        p->lost.wait();
        BOOST_TEST(p->calls == "MDEL");
        BOOST_TEST(p->reason() == "none");
        transport.pause_reading();  // after the end too
        transport.resume_reading();
        BOOST_TEST(!transport.is_reading());
    });
}

BOOST_AUTO_TEST_CASE(a_pipe_that_is_written_sends_what_it_has_when_it_is_closed) {  // L44, R20
    on_each_driver(kernel_drivers, [] {
        for (const bool by_eof : {false, true}) {
            pipe_ends ends;
            const auto [out, q] = crocus::connect_write_pipe(make, std::move(ends.writing));
            const auto [in, p] = crocus::connect_read_pipe(make, std::move(ends.reading));
            BOOST_TEST(out.can_write_eof());
            out.write(much);
            BOOST_TEST(out.get_write_buffer_size() > 0u);
            by_eof ? out.write_eof() : out.close();
            BOOST_TEST(out.is_closing());
            q->lost.wait();
            p->lost.wait();
            BOOST_TEST(p->received == much);
            BOOST_TEST(q->calls == "MPRL");
            BOOST_TEST(q->reason() == "none");
        }
    });
}

BOOST_AUTO_TEST_CASE(a_pipe_whose_reader_goes_away_is_lost_at_once_with_an_error_if_something_was_left) {  // R20
    on_each_driver(kernel_drivers, [] {
        for (const bool something_left : {false, true}) {
            pipe_ends ends;
            const auto [out, q] = crocus::connect_write_pipe(make, std::move(ends.writing));
            let_run();
            if (something_left) out.write(much);
            let_run();
            ends.reading.close();
            q->lost.wait();
            BOOST_TEST((q->reason().find("Broken pipe") != std::string::npos) == something_left);
            BOOST_TEST((q->reason() == "none") != something_left);
        }
    });
}

BOOST_AUTO_TEST_CASE(a_socket_that_is_written_only_is_lost_with_its_peer_and_drops_what_that_sends) {  // R20
    on_each_driver(kernel_drivers, [] {
        auto [near, far] = crocus::socket::pair();
        const auto [out, q] =
            crocus::connect_write_pipe([] { return std::make_shared<crocus::test::noted<crocus::stream_protocol>>(); },
                                       std::move(near).descriptor());
        far.send_all(std::as_bytes(std::span("ignored", 7)));
        let_run();
        BOOST_TEST(!out.is_closing());
        far.close();
        q->lost.wait();
        BOOST_TEST(q->calls == "ML");
    });
}

BOOST_AUTO_TEST_CASE(both_directions_of_a_terminal_are_pipes_and_its_end_is_silent) {  // L44, R19
    on_each_driver(kernel_drivers, [] {
        const auto reports = crocus::test::collect_reports();
        auto [master, slave] = terminal();
        crocus::fd again(::dup(slave.native()));
        const auto [in, p] = crocus::connect_read_pipe(make, std::move(slave));
        const auto [out, q] = crocus::connect_write_pipe(make, std::move(again));
        BOOST_TEST(::write(master.native(), "typed", 5) == 5);
        p->until([&] { return p->received == "typed"; });
        out.write("shown");
        char shown[5];
        master.wait_readable();
        BOOST_TEST(::read(master.native(), shown, 5) == 5);
        BOOST_TEST(std::string(shown, 5) == "shown");
        const auto [terminal_out, r] = crocus::connect_read_pipe(make, std::move(master));
        in.close();
        out.close();
        r->lost.wait();  // EIO
        BOOST_TEST(r->calls == "ML");
        BOOST_TEST(r->reason().find("Input/output error") != std::string::npos);
        BOOST_TEST(reports->empty());
    });
}

BOOST_AUTO_TEST_CASE(a_file_is_no_pipe) {  // L44
    on_each_driver(kernel_drivers, [] {
        for (int i = 0; i < 2; ++i) {
            std::FILE* const file = std::tmpfile();
            crocus::fd owned(::dup(::fileno(file)));
            std::fclose(file);
            if (i == 0) BOOST_CHECK_THROW(crocus::connect_read_pipe(make, std::move(owned)), crocus::usage_error);
            if (i == 1) BOOST_CHECK_THROW(crocus::connect_write_pipe(make, std::move(owned)), crocus::usage_error);
        }
        BOOST_CHECK_THROW(crocus::connect_read_pipe(make, crocus::fd()), crocus::closed_error);
    });
}
