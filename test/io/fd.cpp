#define BOOST_TEST_MODULE io_fd
#include <crocus/io/fd.hpp>

#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include <crocus/error.hpp>
#include <crocus/event_loop.hpp>
#include <crocus/run.hpp>
#include <crocus/task.hpp>

#include "support/io_drivers.hpp"

using crocus::create_task;
using crocus::fd;
using crocus::test::kernel_drivers;
using crocus::test::on_each_driver;

namespace {

struct ends {
    int near;
    int far;
};

ends socket_pair() {
    int both[2];
    BOOST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, both) == 0);
    return {both[0], both[1]};
}

bool is_open(int number) { return ::fcntl(number, F_GETFD) >= 0; }

std::string receive(const fd& from) {
    std::string text(64, '\0');
    text.resize(from.driver().recv(from.handle(), std::as_writable_bytes(std::span(text))));
    return text;
}

void write(int to, const std::string& text) {
    BOOST_REQUIRE(::send(to, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_descriptor_is_closed_with_its_owner) {
    on_each_driver(kernel_drivers, [] {
        const auto [near, far] = socket_pair();
        {
            fd owned(near);
            BOOST_TEST(owned.is_open());
            BOOST_TEST(owned.native() == near);
            BOOST_TEST((::fcntl(near, F_GETFL) & O_NONBLOCK) != 0);
            fd taken = std::move(owned);
            BOOST_TEST(!owned.is_open());
            BOOST_TEST(owned.native() == -1);
            BOOST_TEST(taken.native() == near);
            BOOST_TEST(is_open(near));
        }
        BOOST_TEST(!is_open(near));
        ::close(far);
    });
}

BOOST_AUTO_TEST_CASE(what_is_assigned_over_is_closed) {
    on_each_driver(kernel_drivers, [] {
        const auto [a, b] = socket_pair();
        fd first(a);
        first = fd(b);
        BOOST_TEST(!is_open(a));
        BOOST_TEST(first.native() == b);
        first = fd();
        BOOST_TEST(!is_open(b));
        first.close();
        first.abort();
        BOOST_CHECK_THROW(first.wait_readable(), crocus::closed_error);
    });
}

BOOST_AUTO_TEST_CASE(what_is_not_open_cannot_be_owned) {
    on_each_driver(kernel_drivers, [] {
        BOOST_CHECK_THROW(fd(-1), std::system_error);
        const auto [a, b] = socket_pair();
        ::close(a);
        ::close(b);
        BOOST_CHECK_THROW(fd{a}, std::system_error);
    });
}

BOOST_AUTO_TEST_CASE(one_that_outlives_its_loop_was_closed_with_it) {
    const auto [near, far] = socket_pair();
    for (const std::string& driver : kernel_drivers) {
        const int copy = ::dup(near);
        fd kept;
        crocus::test::on_driver(driver, [&] { kept = fd(copy); });
        BOOST_TEST(!is_open(copy));
        BOOST_TEST(!kept.is_open());
        BOOST_TEST(kept.native() == -1);
        crocus::test::on_driver(driver, [&] { BOOST_CHECK_THROW(kept.wait_readable(), crocus::closed_error); });
    }
    ::close(near);
    ::close(far);
}

BOOST_AUTO_TEST_CASE(another_thread_cannot_use_it) {
    on_each_driver(kernel_drivers, [] {
        const auto [near, far] = socket_pair();
        fd owned(near);
        std::string error;
        std::thread([&] {
            try {
                owned.wait_writable();
            } catch (const crocus::closed_error& e) {
                error = e.what();
            }
        }).join();
        BOOST_TEST(error.find("another thread's loop") != std::string::npos);
        ::close(far);
    });
}

BOOST_AUTO_TEST_CASE(the_same_file_under_the_same_number_again_is_waited_for_anew) {  // users' T21
    on_each_driver(kernel_drivers, [] {
        const auto [near, far] = socket_pair();
        const int copy = ::dup(near);  // the kernel keeps what it was told of the old one
        fd old(near);
        auto old_reader = create_task([&] { receive(old); });
        crocus::yield_now();
        old.close();
        BOOST_REQUIRE(::dup2(copy, near) == near);
        const fd fresh(near);
        BOOST_CHECK_THROW(old_reader.get(), crocus::closed_error);
        auto reader = create_task([&] { return receive(fresh); });
        crocus::yield_now();
        write(far, "again");
        BOOST_TEST(reader.get() == "again");
        ::close(copy);
        ::close(far);
    });
}
