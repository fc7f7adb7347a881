#define BOOST_TEST_MODULE io_driver
#include <crocus/io_driver.hpp>

#include <fcntl.h>
#include <netinet/in.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <crocus/error.hpp>
#include <crocus/event_loop.hpp>
#include <crocus/run.hpp>
#include <crocus/task.hpp>
#include <crocus/testing/driver_decorator.hpp>
#include <crocus/wait.hpp>
#include <crocus/wait_queue.hpp>

#include "support/io_drivers.hpp"

using namespace std::chrono_literals;
using crocus::create_task;
using crocus::io_handle;
using crocus::test::all_drivers;
using crocus::test::kernel_drivers;
using crocus::test::on_each_driver;

namespace {

crocus::io_driver& driver() { return crocus::event_loop::current().driver(); }

/// For what works with descriptors of the test's own.
template <class F>
void run(F f) {
    on_each_driver(kernel_drivers, f);
}

struct descriptor_pair {
    int first;
    int second;
};

descriptor_pair socket_pair() {
    int ends[2];
    BOOST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    return {ends[0], ends[1]};
}

/// Two connected TCP sockets.
std::pair<io_handle, io_handle> tcp_pair() {
    auto& d = driver();
    const io_handle listener = d.open_socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    d.bind(listener, reinterpret_cast<sockaddr*>(&address), length);
    d.listen(listener, 1);
    d.local_address(listener, reinterpret_cast<sockaddr*>(&address), &length);
    auto accepting = create_task([&] { return d.accept(listener); });
    crocus::yield_now();
    const io_handle client = d.open_socket(AF_INET, SOCK_STREAM, 0);
    d.connect(client, reinterpret_cast<sockaddr*>(&address), length);
    const io_handle server = accepting.get();
    d.close(listener);
    return {client, server};
}

void write_all(int fd, const std::string& text) {
    BOOST_REQUIRE(::send(fd, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
}

std::string receive(io_handle from, std::size_t most = 64) {
    std::string text(most, '\0');
    text.resize(driver().recv(from, std::as_writable_bytes(std::span(text))));
    return text;
}

std::size_t send(io_handle to, std::string_view text) {
    const iovec piece{const_cast<char*>(text.data()), text.size()};
    return driver().send(to, std::span(&piece, 1));
}

/// Lets the loop ask the kernel once at least.
void poll_now() {
    crocus::event_loop::current().call_soon([] {});
    crocus::yield_now();
    driver().poll(crocus::time_point::min());
    crocus::yield_now();
}

}  // namespace

// ------------------------------------------------------------------------------------------------------------
// readiness

BOOST_AUTO_TEST_CASE(a_read_waits_until_something_comes) {
    run([] {
        const auto [a, b] = socket_pair();
        const io_handle in = driver().adopt(a);
        BOOST_TEST((::fcntl(a, F_GETFL) & O_NONBLOCK) != 0);
        BOOST_TEST(driver().native(in) == a);
        std::string log;
        auto reader = create_task([&] { log += receive(in); });
        crocus::yield_now();
        BOOST_TEST(log.empty());
        write_all(b, "hello");
        reader.get();
        BOOST_TEST(log == "hello");
        driver().close(in);
        ::close(b);
    });
}

BOOST_AUTO_TEST_CASE(what_comes_after_a_short_read_is_read) {
    run([] {
        const auto [a, b] = socket_pair();
        const io_handle in = driver().adopt(a);
        write_all(b, "one");
        BOOST_TEST(receive(in) == "one");  // short, before the descriptor is even registered
        write_all(b, "two");
        BOOST_TEST(receive(in) == "two");
        for (int i = 0; i != 100; ++i) {
            auto reader = create_task([&] { return receive(in); });
            if (i % 2 == 0) crocus::yield_now();  // sometimes it waits already
            if (i % 3 == 0) poll_now();
            write_all(b, std::to_string(i));
            if (i % 5 == 0) poll_now();
            BOOST_TEST(reader.get() == std::to_string(i));
        }
        driver().close(in);
        ::close(b);
    });
}

BOOST_AUTO_TEST_CASE(what_a_full_read_left_is_read_without_another_event) {
    run([] {
        const auto [a, b] = socket_pair();
        const io_handle in = driver().adopt(a);
        auto reader = create_task([&] { return receive(in, 2); });
        crocus::yield_now();
        write_all(b, "abcde");
        BOOST_TEST(reader.get() == "ab");
        BOOST_TEST(receive(in, 2) == "cd");
        BOOST_TEST(receive(in, 2) == "e");
        driver().close(in);
        ::close(b);
    });
}

BOOST_AUTO_TEST_CASE(the_end_is_seen_after_a_short_read_whenever_it_came) {
    run([] {
        for (const bool registered : {false, true})
            for (const bool together : {false, true})
                for (const bool seen_before_the_read : {false, true}) {
                    const auto [a, b] = socket_pair();
                    const io_handle in = driver().adopt(a);
                    if (registered) {
                        auto reader = create_task([&] { return receive(in); });
                        crocus::yield_now();
                        write_all(b, "first");
                        BOOST_TEST(reader.get() == "first");
                    }
                    write_all(b, "abc");
                    if (together) ::shutdown(b, SHUT_WR);
                    if (seen_before_the_read) poll_now();
                    BOOST_TEST(receive(in) == "abc");
                    if (!together) ::shutdown(b, SHUT_WR);
                    BOOST_TEST(receive(in).empty());
                    BOOST_TEST(receive(in).empty());
                    driver().close(in);
                    ::close(b);
                }
    });
}

BOOST_AUTO_TEST_CASE(the_end_wakes_a_reader_that_waits) {
    run([] {
        const auto [a, b] = socket_pair();
        const io_handle in = driver().adopt(a);
        auto reader = create_task([&] { return receive(in); });
        crocus::yield_now();
        ::close(b);
        BOOST_TEST(reader.get().empty());
        driver().close(in);
    });
}

BOOST_AUTO_TEST_CASE(an_urgent_byte_does_not_hide_what_follows_it) {
    run([] {
        const auto [client, server] = tcp_pair();
        std::string text;
        auto reader = create_task([&] {
            while (text != "abcdef") text += receive(server);
        });
        crocus::yield_now();
        const int fd = driver().native(client);
        write_all(fd, "abc");
        BOOST_REQUIRE(::send(fd, "!", 1, MSG_OOB | MSG_NOSIGNAL) == 1);
        write_all(fd, "def");
        reader.get();
        BOOST_TEST(text == "abcdef");
        driver().close(client);
        driver().close(server);
    });
}

BOOST_AUTO_TEST_CASE(a_descriptor_that_is_passed_along_does_not_hide_what_follows_it) {
    run([] {
        const auto [a, b] = socket_pair();
        const io_handle in = driver().adopt(a);
        std::string text;
        auto reader = create_task([&] {
            while (text != "abcdef") text += receive(in);
        });
        crocus::yield_now();
        iovec piece{const_cast<char*>("abc"), 3};
        alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
        msghdr message{};
        message.msg_iov = &piece;
        message.msg_iovlen = 1;
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        cmsghdr* const header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(header), &b, sizeof b);
        BOOST_REQUIRE(::sendmsg(b, &message, MSG_NOSIGNAL) == 3);
        write_all(b, "def");
        reader.get();  // a read stops where the descriptor was
        BOOST_TEST(text == "abcdef");
        driver().close(in);
        ::close(b);
    });
}

BOOST_AUTO_TEST_CASE(a_write_waits_until_the_peer_has_read) {
    on_each_driver(all_drivers, [] {
        const auto [out, in] = driver().open_pair(SOCK_STREAM);
        std::string sent(3 << 20, '\0');
        for (std::size_t i = 0; i != sent.size(); ++i) sent[i] = static_cast<char>(i % 251);
        auto writer = create_task([&, out = out] {
            for (std::string_view left = sent; !left.empty();) left.remove_prefix(send(out, left));
            driver().shutdown(out, SHUT_WR);
        });
        std::string received;
        for (std::string part; !(part = receive(in, 100'000)).empty();) received += part;
        BOOST_TEST((received == sent));
        writer.get();
        driver().close(out);
        driver().close(in);
    });
}

BOOST_AUTO_TEST_CASE(many_pieces_are_sent_in_order) {
    on_each_driver(all_drivers, [] {
        const auto [out, in] = driver().open_pair(SOCK_STREAM);
        std::vector<iovec> pieces(3000);
        std::string text;
        for (std::size_t i = 0; i != pieces.size(); ++i) text += static_cast<char>('a' + i % 26);
        for (std::size_t i = 0; i != pieces.size(); ++i) pieces[i] = {&text[i], 1};
        std::size_t sent = 0;
        while (sent != pieces.size()) sent += driver().send(out, std::span(pieces).subspan(sent));
        std::string received;
        while (received.size() != text.size()) received += receive(in, 10'000);
        BOOST_TEST((received == text));
        driver().close(out);
        driver().close(in);
    });
}

BOOST_AUTO_TEST_CASE(writing_to_a_peer_that_is_gone_is_an_error_and_no_signal) {
    run([] {
        const auto [a, b] = socket_pair();
        const io_handle out = driver().adopt(a);
        ::close(b);
        BOOST_CHECK_EXCEPTION(send(out, "x"), std::system_error, [](const auto& e) {
            return e.code() == std::errc::broken_pipe && std::string(e.what()).find("send") != std::string::npos;
        });
        driver().close(out);
    });
}

BOOST_AUTO_TEST_CASE(waiting_for_readiness_works_on_pipes_and_returns_at_once_where_it_is) {
    run([] {
        int ends[2];
        BOOST_REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
        const io_handle out = driver().adopt(ends[1]);
        const io_handle in = driver().adopt(ends[0]);
        driver().wait_writable(out);
        std::string log;
        auto waiting = create_task([&] {
            driver().wait_readable(in);
            log += "readable";
        });
        crocus::yield_now();
        poll_now();
        BOOST_TEST(log.empty());
        BOOST_REQUIRE(::write(ends[1], "x", 1) == 1);
        waiting.get();
        driver().wait_readable(in);  // the edge has gone, the byte has not
        std::string filler(1 << 20, 'f');
        while (::write(ends[1], filler.data(), filler.size()) > 0) {
        }
        auto writer = create_task([&] {
            driver().wait_writable(out);
            log += " writable";
        });
        crocus::yield_now();
        poll_now();
        BOOST_TEST(log == "readable");
        BOOST_REQUIRE(::read(ends[0], filler.data(), filler.size()) > 0);
        writer.get();
        BOOST_TEST(log == "readable writable");
        driver().close(in);
        driver().close(out);
    });
}

BOOST_AUTO_TEST_CASE(all_who_wait_for_one_descriptor_get_their_turn) {
    run([] {
        const auto [a, b] = socket_pair();
        const io_handle in = driver().adopt(a);
        std::string log;
        const auto reader = [&] { log += receive(in, 1); };
        auto one = create_task(reader);
        auto two = create_task(reader);
        auto three = create_task(reader);
        crocus::yield_now();
        write_all(b, "xy");
        one.get();
        two.get();
        BOOST_TEST(log == "xy");
        write_all(b, "z");
        three.get();
        BOOST_TEST(log == "xyz");
        driver().close(in);
        ::close(b);
    });
}

BOOST_AUTO_TEST_CASE(a_cancelled_read_takes_nothing) {
    run([] {
        const auto [a, b] = socket_pair();
        const io_handle in = driver().adopt(a);
        auto reader = create_task([&] { return receive(in); });
        crocus::yield_now();
        write_all(b, "kept");
        reader.cancel();
        BOOST_CHECK_THROW(reader.get(), crocus::cancelled_error);
        BOOST_TEST(receive(in) == "kept");
        driver().close(in);
        ::close(b);
    });
}

BOOST_AUTO_TEST_CASE(tasks_that_yield_for_ever_do_not_keep_descriptors_from_being_looked_at) {  // users' T17
    run([] {
        const auto [a, b] = socket_pair();
        const io_handle in = driver().adopt(a);
        bool received = false;
        auto reader = create_task([&] { received = receive(in) == "x"; });
        crocus::yield_now();
        write_all(b, "x");
        const auto spin = [&] {
            while (!received) crocus::yield_now();
        };
        crocus::gather(spin, spin);
        driver().close(in);
        ::close(b);
    });
}

BOOST_AUTO_TEST_CASE(a_watcher_is_told_once_for_each_time_that_it_asks) {  // L26, L27
    struct counting final : crocus::io_watcher {
        void ready(bool readable, bool writable) noexcept override { readable_ += readable, writable_ += writable; }
        int readable_ = 0;
        int writable_ = 0;
    };
    for (const std::string& name : kernel_drivers) BOOST_TEST_CONTEXT("driver: " << name) {
            counting watcher;
            const auto [a, b] = socket_pair();
            {
                const auto d = crocus::make_io_driver(name);
                const auto look = [&] {
                    for (int i = 0; i != 3; ++i) d->poll(crocus::time_point::min());
                };
                const io_handle h = d->watch(a, watcher);
                look();
                BOOST_TEST(watcher.readable_ + watcher.writable_ == 0);
                BOOST_TEST(d->arm(h, true, true));
                look();
                BOOST_TEST(watcher.writable_ == 1);
                BOOST_TEST(watcher.readable_ == 0);
                write_all(b, "x");
                look();
                BOOST_TEST(watcher.readable_ == 0);  // it has been told, and has not asked again
                for (int times = 1; times != 4; ++times) {
                    BOOST_TEST(d->arm(h, true, false));
                    look();
                    BOOST_TEST(watcher.readable_ == times);
                }
                BOOST_TEST(watcher.writable_ == 1);
                d->release(h);
                d->release(h);
                BOOST_TEST(!d->arm(h, true, true));
                BOOST_TEST(d->arm(d->watch(a, watcher), true, false));
                BOOST_TEST(!d->arm(h, true, true));  // another generation
            }
            BOOST_TEST(::fcntl(a, F_GETFD) >= 0);  // the driver has closed what was its own
            ::close(a);
            ::close(b);
        }
}

// ---------------------------------------------------------------------------------------------------------------
// closing

BOOST_AUTO_TEST_CASE(close_wakes_all_who_wait) {
    run([] {
        const auto [a, b] = socket_pair();
        const io_handle h = driver().adopt(a);
        while (::send(a, "xxxx", 4, MSG_DONTWAIT | MSG_NOSIGNAL) > 0) {
        }
        auto reader = create_task([&] { receive(h); });
        auto second_reader = create_task([&] { driver().wait_readable(h); });
        auto writer = create_task([&] { send(h, "y"); });
        crocus::yield_now();
        driver().close(h);
        BOOST_CHECK_THROW(reader.get(), crocus::closed_error);
        BOOST_CHECK_THROW(second_reader.get(), crocus::closed_error);
        BOOST_CHECK_THROW(writer.get(), crocus::closed_error);
        BOOST_CHECK_THROW(receive(h), crocus::closed_error);
        BOOST_TEST(driver().native(h) == -1);
        driver().close(h);
        BOOST_CHECK_THROW(receive(io_handle{}), crocus::closed_error);
        ::close(b);
    });
}

BOOST_AUTO_TEST_CASE(a_number_that_is_used_again_never_wakes_who_waited_on_the_old_one) {
    run([] {
        const auto [a, b] = socket_pair();
        const auto [c, d] = socket_pair();
        const io_handle old = driver().adopt(a);
        auto old_reader = create_task([&] { return receive(old); });
        crocus::yield_now();
        driver().close(old);
        BOOST_REQUIRE(::dup2(c, a) == a);  // the same number
        ::close(c);
        const io_handle fresh = driver().adopt(a);
        BOOST_TEST(fresh.slot == old.slot);
        BOOST_TEST(!(fresh == old));
        write_all(d, "for the new one");
        auto new_reader = create_task([&] { return receive(fresh); });
        BOOST_CHECK_THROW(old_reader.get(), crocus::closed_error);
        BOOST_TEST(new_reader.get() == "for the new one");
        write_all(d, "more");
        BOOST_CHECK_THROW(receive(old), crocus::closed_error);
        BOOST_TEST(receive(fresh) == "more");
        driver().close(old);  // does nothing to the new one
        BOOST_TEST(driver().native(fresh) == a);
        BOOST_TEST(driver().native(old) == -1);
        driver().close(fresh);
        ::close(b);
        ::close(d);
    });
}

BOOST_AUTO_TEST_CASE(who_was_woken_before_the_close_does_not_read_from_the_new_one_either) {
    run([] {
        const auto [a, b] = socket_pair();
        const auto [c, d] = socket_pair();
        const io_handle old = driver().adopt(a);
        auto old_reader = create_task([&] { return receive(old); });
        crocus::yield_now();
        write_all(b, "for the old one");
        driver().poll(crocus::time_point::min());  // it is ready now, and has not run yet
        driver().close(old);
        BOOST_REQUIRE(::dup2(c, a) == a);
        ::close(c);
        const io_handle fresh = driver().adopt(a);
        write_all(d, "for the new one");
        BOOST_CHECK_THROW(old_reader.get(), crocus::closed_error);
        BOOST_TEST(receive(fresh) == "for the new one");
        driver().close(fresh);
        ::close(b);
        ::close(d);
    });
}

BOOST_AUTO_TEST_CASE(events_of_a_closed_descriptor_whose_file_lives_on_are_ignored) {
    run([] {
        const auto [a, b] = socket_pair();
        const auto [c, d] = socket_pair();
        const int copy = ::dup(a);  // keeps the kernel's registration alive
        const io_handle old = driver().adopt(a);
        auto old_reader = create_task([&] { return receive(old); });
        crocus::yield_now();
        poll_now();
        driver().close(old);
        BOOST_CHECK_THROW(old_reader.get(), crocus::closed_error);
        const io_handle fresh = driver().adopt(c);
        auto waiting = create_task([&] { driver().wait_readable(fresh); });
        crocus::yield_now();
        write_all(b, "for nobody");
        poll_now();
        BOOST_TEST(!waiting.done());
        write_all(d, "x");
        waiting.get();
        driver().close(fresh);
        for (const int fd : {b, d, copy}) ::close(fd);
    });
}

// ------------------------------------------------------------------------------------------------------- connecting

BOOST_AUTO_TEST_CASE(sockets_connect_and_are_accepted) {
    on_each_driver(all_drivers, [] {
        const auto [client, server] = tcp_pair();
        send(client, "ping");
        BOOST_TEST(receive(server) == "ping");
        send(server, "pong");
        BOOST_TEST(receive(client) == "pong");
        sockaddr_in local{};
        sockaddr_in remote{};
        socklen_t length = sizeof local;
        driver().local_address(client, reinterpret_cast<sockaddr*>(&local), &length);
        driver().remote_address(server, reinterpret_cast<sockaddr*>(&remote), &length);
        BOOST_TEST(local.sin_port == remote.sin_port);
        driver().close(client);
        BOOST_TEST(receive(server).empty());
        driver().close(server);
    });
}

BOOST_AUTO_TEST_CASE(a_refused_connection_is_an_error_that_names_the_operation) {
    on_each_driver(all_drivers, [] {
        const io_handle bound = driver().open_socket(AF_INET, SOCK_STREAM, 0);  // its port is taken, nobody listens
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof address;
        driver().bind(bound, reinterpret_cast<sockaddr*>(&address), length);
        driver().local_address(bound, reinterpret_cast<sockaddr*>(&address), &length);
        const io_handle client = driver().open_socket(AF_INET, SOCK_STREAM, 0);
        BOOST_CHECK_EXCEPTION(driver().connect(client, reinterpret_cast<sockaddr*>(&address), length),
                              std::system_error, [](const auto& e) {
                                  return e.code() == std::errc::connection_refused &&
                                         std::string(e.what()).find("connect") != std::string::npos;
                              });
        driver().close(client);
        driver().close(bound);
    });
}

BOOST_AUTO_TEST_CASE(an_accept_that_is_cancelled_loses_no_connection) {
    on_each_driver(all_drivers, [] {
        auto& d = driver();
        const io_handle listener = d.open_socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof address;
        d.bind(listener, reinterpret_cast<sockaddr*>(&address), length);
        d.listen(listener, 1);
        d.local_address(listener, reinterpret_cast<sockaddr*>(&address), &length);
        auto accepting = create_task([&] { return d.accept(listener); });
        crocus::yield_now();
        const io_handle client = d.open_socket(AF_INET, SOCK_STREAM, 0);
        d.connect(client, reinterpret_cast<sockaddr*>(&address), length);
        accepting.cancel();
        io_handle server;
        try {
            server = accepting.get();
        } catch (const crocus::cancelled_error&) {
            server = d.accept(listener);
        }
        send(client, "hello");
        BOOST_TEST(receive(server) == "hello");
        for (const io_handle h : {client, server, listener}) d.close(h);
    });
}

// ----------------------------------------------------------------------------------------------------------------
// polling

BOOST_AUTO_TEST_CASE(wake_ends_a_poll_of_another_thread_and_one_that_has_not_begun) {  // L14
    for (const std::string& name : kernel_drivers) {
        const auto d = crocus::make_io_driver(name);
        BOOST_TEST(d->name() == name);
        for (int i = 0; i != 100; ++i) {
            std::thread waker([&] { d->wake(); });
            d->poll(crocus::time_point::max());
            waker.join();
        }
        d->wake();
        d->wake();
        d->poll(crocus::time_point::max());
    }
}

BOOST_AUTO_TEST_CASE(a_descriptor_has_one_owner) {
    on_each_driver(kernel_drivers, [] {
        const auto [a, b] = socket_pair();
        const io_handle owned = driver().adopt(a);
        BOOST_CHECK_THROW(driver().adopt(a), crocus::usage_error);
        BOOST_TEST(driver().native(owned) == a);
        driver().close(owned);
        ::close(b);
    });
}

BOOST_AUTO_TEST_CASE(a_poll_ends_when_its_time_has_come) {
    for (const std::string& name : all_drivers) {
        const auto d = crocus::make_io_driver(name);
        const auto until = d->now() + std::chrono::milliseconds(1);
        while (d->now() < until) d->poll(until);
        d->poll(until);
        d->poll(crocus::time_point::min());
        BOOST_TEST((d->now() >= until));
    }
}

// ---------------------------------------------------------------------------------------------------- which one, and
// decorated

namespace {

/// The environment with another CROCUS_DRIVER, or none, for a while.
class chosen_driver {
public:
    explicit chosen_driver(const char* name) {
        if (const char* const before = std::getenv(variable)) before_ = before;
        set(name);
    }
    chosen_driver(const chosen_driver&) = delete;
    chosen_driver& operator=(const chosen_driver&) = delete;
    ~chosen_driver() { set(before_ ? before_->c_str() : nullptr); }

private:
    static void set(const char* name) {
        if (name != nullptr)
            ::setenv(variable, name, 1);
        else
            ::unsetenv(variable);
    }
    static constexpr const char* variable = "CROCUS_DRIVER";
    std::optional<std::string> before_;
};

std::string default_driver() {
    return crocus::run([] { return std::string(driver().name()); }, {.handle_interrupt = false});
}

/// Counts what is asked of it.
class counting final : public crocus::testing::driver_decorator {
public:
    counting(std::unique_ptr<crocus::io_driver> over, std::map<std::string, int>& calls)
        : driver_decorator(std::move(over)), calls_(calls) {}

    void poll(crocus::time_point until) override { count("poll"), driver_decorator::poll(until); }
    io_handle adopt(int fd) override { return count("adopt"), driver_decorator::adopt(fd); }
    void close(io_handle h) noexcept override { count("close"), driver_decorator::close(h); }
    void abort(io_handle h) noexcept override { count("abort"), driver_decorator::abort(h); }
    io_handle open_socket(int family, int type, int protocol) override {
        return count("open_socket"), driver_decorator::open_socket(family, type, protocol);
    }
    std::pair<io_handle, io_handle> open_pair(int type) override {
        return count("open_pair"), driver_decorator::open_pair(type);
    }
    void connect(io_handle h, const sockaddr* a, socklen_t n) override {
        count("connect"), driver_decorator::connect(h, a, n);
    }
    io_handle accept(io_handle h) override { return count("accept"), driver_decorator::accept(h); }
    std::size_t recv(io_handle h, std::span<std::byte> into) override {
        return count("recv"), driver_decorator::recv(h, into);
    }
    std::size_t send(io_handle h, std::span<const iovec> pieces) override {
        return count("send"), driver_decorator::send(h, pieces);
    }

private:
    void count(const char* what) { ++calls_[what]; }

    std::map<std::string, int>& calls_;
};

}  // namespace

BOOST_AUTO_TEST_CASE(the_environment_chooses_the_driver) {
    for (const std::string& name : all_drivers) {
        const chosen_driver here(name.c_str());
        BOOST_TEST(crocus::make_io_driver()->name() == name);
        BOOST_TEST(default_driver() == name);
    }
    for (const char* nothing : {"", static_cast<const char*>(nullptr)}) {
        const chosen_driver here(nothing);
        BOOST_TEST(default_driver() == "epoll");
    }
}

BOOST_AUTO_TEST_CASE(an_unknown_driver_is_an_error_that_names_the_known_ones) {
    const chosen_driver here("kqueue");
    const auto says_which = [](const auto& e) {
        const std::string text = e.what();
        bool all = text.find("kqueue") != std::string::npos && text.find("CROCUS_DRIVER") != std::string::npos;
        for (const std::string& name : all_drivers) all = all && text.find(name) != std::string::npos;
        return all;
    };
    BOOST_CHECK_EXCEPTION(crocus::make_io_driver(), crocus::usage_error, says_which);
    BOOST_CHECK_EXCEPTION(default_driver(), crocus::usage_error, says_which);
    BOOST_CHECK_EXCEPTION(crocus::make_io_driver("kqueue"), crocus::usage_error, says_which);
    BOOST_CHECK_THROW(crocus::make_io_driver(""), crocus::usage_error);
    BOOST_TEST(crocus::make_io_driver("poll")->name() == "poll");  // the environment is not asked
}

BOOST_AUTO_TEST_CASE(a_decorated_driver_sees_each_call_and_passes_it_on) {
    for (const std::string& name : all_drivers) BOOST_TEST_CONTEXT("driver: " << name) {
            std::map<std::string, int> calls;
            crocus::run(
                [&] {
                    BOOST_TEST(driver().name() == name);
                    const auto [client, server] = tcp_pair();
                    send(client, "ping");
                    BOOST_TEST(receive(server) == "ping");
                    driver().close(client);
                    driver().abort(server);
                    const auto [a, b] = driver().open_pair(SOCK_STREAM);
                    driver().close(a);
                    driver().close(b);
                },
                {.driver = std::make_unique<counting>(crocus::make_io_driver(name), calls), .handle_interrupt = false});
            BOOST_TEST(calls["poll"] >= 1);
            calls.erase("poll");
            const std::map<std::string, int> expected{{"abort", 1},   {"accept", 1},    {"close", 4},
                                                      {"connect", 1}, {"open_pair", 1}, {"open_socket", 2},
                                                      {"recv", 1},    {"send", 1}};
            BOOST_TEST((calls == expected));
        }
}

BOOST_AUTO_TEST_CASE(a_driver_of_small_pieces_moves_all_of_a_stream) {
    crocus::test::on_driver("small pieces", [] {
        BOOST_TEST(driver().name() == "small pieces");
        const auto [out, in] = driver().open_pair(SOCK_STREAM);
        const std::string text = "a sentence that does not fit into one piece";
        std::string got;
        for (std::string_view left = text; !left.empty();) {
            const std::size_t n = send(out, left);
            BOOST_TEST((n >= 1 && n <= 7));
            left.remove_prefix(n);
        }
        while (got.size() != text.size()) {
            const std::string part = receive(in);
            BOOST_TEST((!part.empty() && part.size() <= 7));
            got += part;
        }
        BOOST_TEST(got == text);
        driver().close(out);
        driver().close(in);
    });
}

// -------------------------------------------------------------------------------------------- what all drivers have in
// common

BOOST_AUTO_TEST_CASE(what_tries_waits_for_nothing) {
    on_each_driver(all_drivers, [] {
        const auto [a, b] = driver().open_pair(SOCK_STREAM);
        std::string text(8, '\0');
        const auto room = std::as_writable_bytes(std::span(text));
        const iovec piece{const_cast<char*>("abc"), 3};
        BOOST_TEST(!driver().try_recv(a, room).has_value());
        BOOST_TEST(driver().try_send(b, {&piece, 1}).value() == 3u);
        driver().wait_readable(a);
        BOOST_TEST(driver().try_recv(a, room).value() == 3u);
        BOOST_TEST(!driver().try_recv(a, room).has_value());
        driver().close(b);
        driver().wait_readable(a);
        BOOST_TEST(driver().try_recv(a, room).value() == 0u);
        driver().close(a);
        BOOST_CHECK_THROW(driver().try_recv(a, room), crocus::closed_error);
        BOOST_CHECK_THROW(driver().try_send(a, {&piece, 1}), crocus::closed_error);
    });
}

BOOST_AUTO_TEST_CASE(a_pair_of_datagram_sockets_keeps_their_bounds) {
    on_each_driver(all_drivers, [] {
        const auto [a, b] = driver().open_pair(SOCK_DGRAM);
        send(b, "one");
        send(b, "");
        send(b, "three");
        for (const char* expected : {"one", "", "three"}) BOOST_TEST(receive(a) == expected);
        driver().close(a);
        driver().close(b);
    });
}

BOOST_AUTO_TEST_CASE(each_operation_on_a_closed_handle_says_so) {
    on_each_driver(all_drivers, [] {
        auto& d = driver();
        const io_handle closed = d.open_socket(AF_INET, SOCK_STREAM, 0);
        const io_handle other = d.open_socket(AF_INET, SOCK_STREAM, 0);
        d.close(closed);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        auto* const a = reinterpret_cast<sockaddr*>(&address);
        socklen_t length = sizeof address;
        const iovec piece{const_cast<char*>("abc"), 3};
        std::string text(8, '\0');
        const auto room = std::as_writable_bytes(std::span(text));
        for (const io_handle h : {closed, io_handle{}}) {
            BOOST_CHECK_THROW(d.bind(h, a, length), crocus::closed_error);
            BOOST_CHECK_THROW(d.listen(h, 1), crocus::closed_error);
            BOOST_CHECK_THROW(d.shutdown(h, SHUT_WR), crocus::closed_error);
            BOOST_CHECK_THROW(d.local_address(h, a, &length), crocus::closed_error);
            BOOST_CHECK_THROW(d.remote_address(h, a, &length), crocus::closed_error);
            BOOST_CHECK_THROW(d.connect(h, a, length), crocus::closed_error);
            BOOST_CHECK_THROW(d.accept(h), crocus::closed_error);
            BOOST_CHECK_THROW(d.recv(h, room), crocus::closed_error);
            BOOST_CHECK_THROW(d.send(h, {&piece, 1}), crocus::closed_error);
            BOOST_CHECK_THROW(d.recv_from(h, room, a, &length), crocus::closed_error);
            BOOST_CHECK_THROW(d.try_recv_from(h, room, a, &length), crocus::closed_error);
            BOOST_CHECK_THROW(d.send_to(h, {&piece, 1}, a, length), crocus::closed_error);
            BOOST_CHECK_THROW(d.try_send_to(h, {&piece, 1}, a, length), crocus::closed_error);
            BOOST_CHECK_THROW(d.wait_readable(h), crocus::closed_error);
            BOOST_CHECK_THROW(d.wait_writable(h), crocus::closed_error);
            BOOST_TEST(d.native(h) == -1);
            d.close(h);
            d.abort(h);
        }
        d.close(other);
    });
}

BOOST_AUTO_TEST_CASE(closing_wakes_those_who_wait_for_whatever) {
    on_each_driver(all_drivers, [] {
        auto& d = driver();
        const auto [a, b] = d.open_pair(SOCK_STREAM);
        const std::string filler(1 << 16, 'f');
        const iovec piece{const_cast<char*>(filler.data()), filler.size()};
        while (d.try_send(a, {&piece, 1})) {
        }
        const io_handle h = a;
        std::vector<crocus::task<void>> waiting;
        waiting.push_back(create_task([&] { receive(h); }));
        waiting.push_back(create_task([&] { send(h, "x"); }));
        waiting.push_back(create_task([&] { d.wait_readable(h); }));
        waiting.push_back(create_task([&] { d.wait_writable(h); }));
        crocus::yield_now();
        d.abort(h);
        for (auto& w : waiting) BOOST_CHECK_THROW(w.get(), crocus::closed_error);
        d.close(b);
    });
}

BOOST_AUTO_TEST_CASE(who_only_tries_is_told_of_what_comes_later) {
    for (const bool waited_before : {false, true})
        on_each_driver(all_drivers, [&] {
            auto& d = driver();
            const auto [a, b] = tcp_pair();
            std::byte room[16];
            if (waited_before) {
                auto reading = create_task([&] { return receive(b); });
                poll_now();
                send(a, "waited for");
                BOOST_TEST(reading.get() == "waited for");
            }
            for (const std::string_view text : {"one", "two", "three"}) {  // each of which is read to its end
                send(a, text);
                std::optional<std::size_t> n;
                for (int tries = 0; !n && tries != 1000; ++tries) {
                    n = d.try_recv(b, room);
                    if (!n) poll_now();
                }
                BOOST_TEST(n.value_or(0) == text.size());
            }
        });
}

BOOST_AUTO_TEST_CASE(a_message_of_more_pieces_than_the_kernel_takes_is_not_sent_in_part) {
    on_each_driver(kernel_drivers, [] {
        auto& d = driver();
        char letter = 'x';
        const std::vector<iovec> pieces(IOV_MAX + 1, iovec{&letter, 1});
        const auto [messages, receiver] = d.open_pair(SOCK_DGRAM);
        BOOST_CHECK_THROW(d.send(messages, pieces), std::system_error);
        BOOST_TEST(!d.try_recv(receiver, std::as_writable_bytes(std::span(&letter, 1))).has_value());
        const auto [stream, other] = d.open_pair(SOCK_STREAM);
        BOOST_TEST(d.send(stream, pieces) == std::size_t{IOV_MAX});
    });
}
