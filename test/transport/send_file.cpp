#define BOOST_TEST_MODULE transport_send_file
#include <boost/test/unit_test.hpp>

#include <cstdio>
#include <memory>
#include <string>

#include <fcntl.h>
#include <unistd.h>

#include <crocus/error.hpp>
#include <crocus/task.hpp>
#include <crocus/testing/driver_decorator.hpp>
#include <crocus/transport.hpp>

#include "support/io_drivers.hpp"
#include "support/protocols.hpp"

using crocus::test::connected;
using crocus::test::let_run;
using crocus::test::much;

namespace {

/// One that cannot send files.
class no_files final : public crocus::testing::driver_decorator {
public:
    using driver_decorator::driver_decorator;
    [[nodiscard]] std::string_view name() const noexcept override { return "no files"; }
    std::optional<std::size_t> send_file(crocus::io_handle, int, std::uint64_t, std::size_t) override {
        return std::nullopt;
    }
};

template <class F>
void with_and_without_kernel(F f) {
    crocus::test::on_each_driver(crocus::test::kernel_drivers, f);
    crocus::run(f, {.driver = std::make_unique<no_files>(crocus::make_io_driver("epoll")), .handle_interrupt = false});
}

/// A file that is gone when this is.
struct file {
    explicit file(const std::string& content) : stream(std::tmpfile()), fd(::fileno(stream.get())) {
        BOOST_REQUIRE_EQUAL(::write(fd, content.data(), content.size()), static_cast<ssize_t>(content.size()));
    }
    struct closer {
        void operator()(std::FILE* f) const noexcept { std::fclose(f); }
    };
    std::unique_ptr<std::FILE, closer> stream;
    int fd;
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_file_is_sent_between_what_is_written_before_and_after) {  // L49
    with_and_without_kernel([] {
        const file f("0123456789" + much);
        connected c;
        auto sending = crocus::create_task([&] {
            c.own.write(much + "before ");
            BOOST_TEST(c.own.send_file(f.fd) == much.size() + 10);
            BOOST_TEST(c.own.send_file(f.fd, 2, 3) == 3u);
            BOOST_TEST(c.own.send_file(f.fd, much.size() + 10) == 0u);
            c.own.write(" after");
            c.own.close();
        });
        BOOST_TEST(c.rest() == much + "before 0123456789" + much + "234 after");
        sending.get();
        c.protocol->lost.wait();
    });
}

BOOST_AUTO_TEST_CASE(nothing_else_is_written_while_a_file_is_sent_and_close_waits_for_its_end) {  // L49
    with_and_without_kernel([] {
        const file f(much);
        connected c;
        auto sending = crocus::create_task([&] { return c.own.send_file(f.fd); });
        let_run();
        BOOST_CHECK_THROW(c.own.write("x"), crocus::usage_error);
        BOOST_CHECK_THROW(c.own.writelines({"x"}), crocus::usage_error);
        BOOST_CHECK_THROW(c.own.write_eof(), crocus::usage_error);
        BOOST_CHECK_THROW(c.own.send_file(f.fd), crocus::usage_error);
        c.own.close();
        BOOST_CHECK_THROW(c.own.send_file(f.fd), crocus::usage_error);
        BOOST_TEST(c.rest() == much);
        BOOST_TEST(sending.get() == much.size());
        c.protocol->lost.wait();
        BOOST_TEST(c.protocol->reason() == "none");
    });
}

BOOST_AUTO_TEST_CASE(a_file_is_refused_by_a_transport_that_closes_by_a_pipe_that_is_read_and_if_nothing_is_to_be_sent) {  // L49, R26
    with_and_without_kernel([] {
        const file f("x");
        connected c;
        c.own.close();
        BOOST_CHECK_THROW(c.own.send_file(f.fd), crocus::usage_error);
        connected d;
        BOOST_CHECK_THROW(d.own.send_file(f.fd, 0, 0), crocus::usage_error);
        d.own.close();
        auto [near, far] = crocus::socket::pair();
        const auto [pipe, p] = crocus::connect_read_pipe([] { return std::make_shared<crocus::test::recorder>(); },
                                                         std::move(near).descriptor());
        BOOST_CHECK_THROW(pipe.send_file(f.fd), crocus::usage_error);
        pipe.close();
    });
}

BOOST_AUTO_TEST_CASE(a_peer_that_goes_while_a_file_is_sent_is_an_error_of_the_call) {  // L49
    with_and_without_kernel([] {
        const file f(much);
        connected c;
        auto sending = crocus::create_task([&] { return c.own.send_file(f.fd); });
        let_run();
        c.peer.close();
        BOOST_CHECK_THROW(sending.get(), std::system_error);
        c.protocol->lost.wait();

        connected d;
        auto waiting = crocus::create_task([&] {
            d.own.write(much);
            return d.own.send_file(f.fd);
        });
        let_run();
        d.own.abort();
        BOOST_CHECK_THROW(waiting.get(), crocus::closed_error);
        d.protocol->lost.wait();
        BOOST_TEST(d.protocol->reason() == "none");
    });
}

BOOST_AUTO_TEST_CASE(who_is_cancelled_while_a_file_is_sent_leaves_a_transport_that_goes_on) {  // L49
    with_and_without_kernel([] {
        const file f(much);
        connected c;
        auto sending = crocus::create_task([&] { return c.own.send_file(f.fd); });
        let_run();
        sending.cancel();
        BOOST_CHECK_THROW(sending.get(), crocus::cancelled_error);
        c.own.write("the end");
        c.own.close();
        const std::string all = c.rest();
        BOOST_TEST(all.substr(all.size() - 7) == "the end");
        BOOST_TEST(all.size() < much.size());
        c.protocol->lost.wait();
    });
}
