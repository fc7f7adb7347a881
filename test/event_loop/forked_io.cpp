// What a child does with the sockets of its parent's loop, and with its own.
#define BOOST_TEST_MODULE event_loop_forked_io
#include <crocus/event_loop.hpp>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include <crocus/datagram.hpp>
#include <crocus/error.hpp>
#include <crocus/io/connect.hpp>
#include <crocus/io/socket.hpp>
#include <crocus/run.hpp>
#include <crocus/server.hpp>
#include <crocus/stream.hpp>
#include <crocus/task.hpp>
#include <crocus/wait.hpp>

#include "support/child.hpp"
#include "support/io_drivers.hpp"
#include "support/loop_tests.hpp"

extern "C" __attribute__((weak)) void __lsan_disable();  // NOLINT: the name is the sanitizer's

using namespace std::chrono_literals;
using crocus::address;
using crocus::create_task;
using crocus::test::child_end;
using crocus::test::contains;
using crocus::test::in_child;
using crocus::test::kernel_drivers;
using crocus::test::on_each_driver;

namespace {

/// What a child finds. It cannot use the test's macros: their log is the parent's.
void require(bool condition, const std::string& what) {
    if (condition) return;
    std::printf("in the child: not %s\n", what.c_str());
    std::fflush(stdout);
    ::_exit(1);
}

void check(const child_end& end) { BOOST_TEST(end.exited_with(0), end.output); }

/// Requires that `f` throws an error that names the reason.
template <class F>
void refused(const char* what, F f) {
    std::string error = "nothing";
    try {
        f();
    } catch (...) {
        error = crocus::describe(std::current_exception());
    }
    require(contains(error, "forked from"), std::string(what) + " refused: " + error);
}

std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

std::string receive(crocus::socket& s) {
    std::string text(64, '\0');
    text.resize(s.recv(std::as_writable_bytes(std::span(text))));
    return text;
}

void echo(crocus::stream& s) {
    for (std::string line; !(line = s.read_line()).empty();) s.write(line);
}

std::string ask(std::uint16_t port, const std::string& line) {
    auto s = crocus::open_connection("127.0.0.1", port);
    s.write(line);
    return s.read_line();
}

/// Servers, clients and datagrams.
void require_working_io() {
    auto server = crocus::start_server(echo, "127.0.0.1", 0);
    const auto [a, b] =
        crocus::gather([&] { return ask(server.port(), "one\n"); }, [&] { return ask(server.port(), "two\n"); });
    require(a == "one\n" && b == "two\n", "an echo server");
    auto receiver = crocus::open_datagram(address::parse("127.0.0.1", 0));
    auto waiting = create_task([&] { return receiver.receive().data; });
    crocus::yield_now();
    crocus::open_datagram(std::nullopt, receiver.local_address()).send("three");
    require(waiting.get() == "three", "datagrams");
}

/// How often the loop asks the kernel while nothing happens but a timer: once, unless somebody woke it.
int polls_of_a_sleep() {
    int polls = 0;
    crocus::event_loop::current().set_wake_hook([&] { ++polls; });
    crocus::sleep(1ms);
    crocus::event_loop::current().set_wake_hook(nullptr);
    return polls;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_child_has_sockets_of_its_own_in_loops_of_its_own) {  // L30, users' T20
    on_each_driver(kernel_drivers, [] {
        require_working_io();
        check(in_child([] {
            require_working_io();
            for (const std::string& driver : kernel_drivers)
                crocus::run(require_working_io, {.driver = crocus::make_io_driver(driver)});
            require_working_io();
        }));
        require_working_io();
    });
}

BOOST_AUTO_TEST_CASE(the_parents_sockets_are_refused_and_go_on_in_the_parent) {  // L30, users' T20
    on_each_driver(kernel_drivers, [] {
        auto [near, far] = crocus::socket::pair();
        crocus::socket listener(AF_INET);
        listener.bind(address::parse("127.0.0.1", 0));
        listener.listen(3);
        auto datagrams = crocus::open_datagram(address::parse("127.0.0.1", 0));
        auto reading = create_task([&, &s = near] { return receive(s); });
        auto accepting = create_task([&] { return listener.accept(); });
        auto receiving = create_task([&] { return datagrams.receive().data; });
        crocus::sleep(1us);
        const address where = listener.local_address();
        const address datagrams_at = datagrams.local_address();
        check(in_child([&, &n = near, &f = far] {
            require(!n.is_open(), "open");
            require(n.descriptor().native() == -1, "without a number");
            refused("recv", [&] { receive(n); });
            refused("send", [&] { n.send_all(bytes("x")); });
            refused("try_recv", [&] {
                std::string room(1, '\0');
                n.try_recv(std::as_writable_bytes(std::span(room)));
            });
            refused("shutdown", [&] { f.shutdown_send(); });
            refused("an option", [&] { n.set_option(SOL_SOCKET, SO_KEEPALIVE, 1); });
            refused("accept", [&] { listener.accept(); });
            refused("connect", [&] { f.connect(where); });
            refused("an address", [&] { static_cast<void>(listener.local_address()); });
            refused("wait_readable", [&] { n.descriptor().wait_readable(); });
            refused("receive", [&] { datagrams.receive(); });
            refused("sendto", [&] { datagrams.send("x", datagrams_at); });
            n.close();
            f.abort();
            listener.close();
            datagrams.close();
            require_working_io();
        }));
        BOOST_TEST(polls_of_a_sleep() == 1);  // nobody has woken it
        BOOST_TEST(!reading.done());
        far.send_all(bytes("goes on"));
        BOOST_TEST(reading.get() == "goes on");
        crocus::socket client(AF_INET);
        client.connect(where);
        auto accepted = accepting.get();
        BOOST_TEST((accepted.remote_address() == client.local_address()));
        crocus::open_datagram(std::nullopt, datagrams_at).send("too");
        BOOST_TEST(receiving.get() == "too");
    });
}

BOOST_AUTO_TEST_CASE(a_child_resets_and_ends_no_connection_of_its_parents) {  // L30, users' T20
    on_each_driver(kernel_drivers, [] {
        auto server = crocus::start_server(echo, "127.0.0.1", 0);
        auto client = crocus::open_connection("127.0.0.1", server.port());
        client.write("one\ntwo\n");
        BOOST_TEST(client.read_line() == "one\n");
        check(in_child([&] {
            refused("write", [&] { client.write("x"); });
            refused("write_eof", [&] { client.write_eof(); });
            refused("read", [&] { client.read(); });
            refused("an address", [&] { static_cast<void>(client.remote_address()); });
            client.close();
            require(client.is_closed(), "closed");
        }));
        BOOST_TEST(client.read_line() == "two\n");
        client.write("three\n");
        BOOST_TEST(client.read_line() == "three\n");
    });
}

BOOST_AUTO_TEST_CASE(a_server_goes_on_in_the_parent_alone) {  // L30, users' T20
    on_each_driver(kernel_drivers, [] {
        auto server = crocus::start_server(echo, "127.0.0.1", 0);
        auto client = crocus::open_connection("127.0.0.1", server.port());
        client.write("one\n");
        BOOST_TEST(client.read_line() == "one\n");
        check(in_child([&] {
            require(!server.is_serving(), "serving");
            refused("wait_closed", [&] { server.wait_closed(); });
            refused("serve_forever", [&] { server.serve_forever(); });
            server.close();
            {
                const auto moved = std::move(server);  // ends nothing
            }
            auto own = crocus::start_server(echo, "127.0.0.1", 0);
            require(ask(own.port(), "own\n") == "own\n", "a server of its own");
        }));
        BOOST_TEST(polls_of_a_sleep() == 1);
        BOOST_TEST(server.is_serving());
        BOOST_TEST(server.connections() == 1u);
        client.write("two\n");
        BOOST_TEST(client.read_line() == "two\n");
        BOOST_TEST(ask(server.port(), "three\n") == "three\n");
    });
}

BOOST_AUTO_TEST_CASE(a_child_that_returns_from_run_ends_no_server_and_no_stream_of_its_parents) {  // L30
    for (const std::string& driver : kernel_drivers) {
        const auto end = in_child([&] {
            if (&__lsan_disable != nullptr) __lsan_disable();  // what a child leaves to its parent is no leak
            bool is_child = false;
            crocus::run(
                [&] {
                    auto server = crocus::start_server(echo, "127.0.0.1", 0);
                    auto client = crocus::open_connection("127.0.0.1", server.port());
                    auto datagrams = crocus::open_datagram(address::parse("127.0.0.1", 0));
                    client.write("one\n");
                    require(client.read_line() == "one\n", "an answer");
                    std::fflush(nullptr);
                    const pid_t child = ::fork();
                    is_child = child == 0;
                    if (is_child) return;
                    int status = 0;
                    ::waitpid(child, &status, 0);
                    require(WIFEXITED(status) && WEXITSTATUS(status) == 0, "a child that has ended well");
                    client.write("two\n");
                    require(client.read_line() == "two\n", "an answer after that");
                    require(ask(server.port(), "three\n") == "three\n", "a new connection after that");
                },
                {.driver = crocus::make_io_driver(driver)});
            if (is_child) require_working_io();
        });
        check(end);
    }
}
