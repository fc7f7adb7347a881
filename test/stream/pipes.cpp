// Streams over what is no TCP socket: pipes, Unix sockets.
#define BOOST_TEST_MODULE stream_pipes
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <string>

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <crocus/error.hpp>
#include <crocus/io/fd.hpp>
#include <crocus/server.hpp>
#include <crocus/stream.hpp>
#include <crocus/task.hpp>
#include <crocus/wait.hpp>

#include "support/streams.hpp"
#include "support/temporary_file.hpp"

using crocus::create_task;
using crocus::stream;
using crocus::test::kernel_stream_drivers;
using crocus::test::on_each_driver;

BOOST_AUTO_TEST_CASE(the_ends_of_a_pipe_are_streams) {  // S18
    on_each_driver(kernel_stream_drivers, [] {
        auto [read_end, write_end] = crocus::make_pipe();
        stream reader(std::move(read_end));
        stream writer(std::move(write_end));
        const std::string much(300'000, 'x');
        auto writing = create_task([&] {
            writer.write({"line\n", much});
            writer.write_eof();
        });
        BOOST_TEST(reader.read_line() == "line\n");
        BOOST_TEST((reader.read() == much));
        writing.get();
        BOOST_TEST(writer.is_closed());
        writer.write_eof();
        BOOST_CHECK_THROW(writer.write("x"), crocus::closed_error);
    });
}

BOOST_AUTO_TEST_CASE(two_pipes_are_one_stream) {  // S18
    on_each_driver(kernel_stream_drivers, [] {
        auto [in_a, out_a] = crocus::make_pipe();
        auto [in_b, out_b] = crocus::make_pipe();
        stream near(std::move(in_a), std::move(out_b));
        stream far(std::move(in_b), std::move(out_a));
        near.write("question");
        near.write_eof();
        BOOST_TEST(!near.is_closed());
        BOOST_CHECK_THROW(near.write("x"), crocus::usage_error);
        BOOST_TEST(far.read() == "question");
        stream moved(std::move(far));
        moved.write("answer");
        moved.close();
        BOOST_TEST(near.read() == "answer");
        BOOST_TEST(near.close_gracefully());
    });
}

BOOST_AUTO_TEST_CASE(what_is_no_socket_has_no_address_and_says_so) {
    on_each_driver(kernel_stream_drivers, [] {
        stream reader(crocus::make_pipe().first);
        BOOST_CHECK_THROW(static_cast<void>(reader.local_address()), crocus::usage_error);
        BOOST_CHECK_THROW(static_cast<void>(reader.remote_address()), crocus::usage_error);
    });
}

BOOST_AUTO_TEST_CASE(a_pipe_that_nobody_reads_is_an_error_not_a_signal) {
    on_each_driver(kernel_stream_drivers, [] {
        auto [read_end, write_end] = crocus::make_pipe();
        stream writer(std::move(write_end));
        read_end.close();
        BOOST_TEST(crocus::test::error_of([&] { writer.write("x"); }) == EPIPE);
    });
}

BOOST_AUTO_TEST_CASE(files_and_pipes_go_into_each_other) {  // L48
    const crocus::test::temporary_file file;
    BOOST_REQUIRE(::pwrite(file.fd(), "text", 4, 0) == 4);
    on_each_driver(kernel_stream_drivers, [&] {
        auto [read_end, write_end] = crocus::make_pipe();
        stream reader(std::move(read_end));
        stream writer(std::move(write_end));
        BOOST_TEST(writer.send_file(file.fd()) == 4u);
        writer.close();
        BOOST_TEST(reader.read() == "text");
    });
}

BOOST_AUTO_TEST_CASE(a_descriptor_that_is_a_socket_is_one) {
    on_each_driver(kernel_stream_drivers, [] {
        auto [a, b] = crocus::socket::pair();
        stream near(std::move(a).descriptor());
        stream far(std::move(b).descriptor());
        near.write("question");
        near.write_eof();
        BOOST_TEST(far.read() == "question");
        far.write("answer");
        far.write_eof();
        BOOST_TEST(near.read() == "answer");
        BOOST_TEST(!near.is_closed());
        BOOST_TEST(near.local_address().is_local());
    });
}

BOOST_AUTO_TEST_CASE(a_terminal_is_a_stream) {
    on_each_driver(kernel_stream_drivers, [] {
        const int master = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
        BOOST_REQUIRE((master >= 0 && ::grantpt(master) == 0 && ::unlockpt(master) == 0));
        const int slave = ::open(::ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
        BOOST_REQUIRE(slave >= 0);
        stream keyboard{crocus::fd(master)};
        stream program{crocus::fd(slave)};
        keyboard.write("typed\n");
        BOOST_TEST(program.read_line() == "typed\n");
        program.write("answer\n");
        BOOST_TEST(keyboard.read_until("answer\r\n") == "typed\r\nanswer\r\n");  // with its echo
        program.close();
        BOOST_TEST(crocus::test::error_of([&] { keyboard.read(); }) == EIO);
        BOOST_TEST(crocus::test::error_of([&] { keyboard.read(); }) == EIO);
    });
}

BOOST_AUTO_TEST_CASE(nobody_at_a_path_is_an_error_that_names_it) {  // S1
    on_each_driver(kernel_stream_drivers, [] {
        const std::string nowhere = "/tmp/crocus-test-nobody-is-here";
        BOOST_CHECK_EXCEPTION(crocus::open_unix_connection(nowhere), std::system_error, [&](const auto& e) {
            return std::string(e.what()).find(nowhere) != std::string::npos;
        });
        BOOST_CHECK_THROW(crocus::open_unix_connection(std::string(200, 'x')), crocus::usage_error);
    });
}
