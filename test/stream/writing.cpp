// Writers: turns, back-pressure, pieces, files.
#define BOOST_TEST_MODULE stream_writing
#include <array>
#include <boost/test/unit_test.hpp>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include <crocus/error.hpp>
#include <crocus/stream.hpp>
#include <crocus/task.hpp>
#include <crocus/wait.hpp>

#include "support/streams.hpp"
#include "support/temporary_file.hpp"

using crocus::create_task;
using crocus::stream;
using crocus::test::settle;
using crocus::test::with_streams;

namespace {

const std::string much(700'000, 'x');

/// With a driver that sends no files.
template <class F>
void with_and_without_sendfile(F f) {
    struct without final : crocus::testing::driver_decorator {
        using driver_decorator::driver_decorator;
        std::optional<std::size_t> send_file(crocus::io_handle, int, std::uint64_t, std::size_t) override {
            return std::nullopt;
        }
    };
    const auto with_pair = [&] {
        auto [near, far] = crocus::test::stream_pair();
        f(near, far);
    };
    crocus::test::on_each_driver(crocus::test::all_stream_drivers, with_pair);
    BOOST_TEST_CONTEXT("read by a thread") {
        crocus::run(with_pair, {.driver = std::make_unique<without>(crocus::make_io_driver("epoll"))});
    }
}

struct file_of : crocus::test::temporary_file {
    explicit file_of(std::string_view text) {
        BOOST_REQUIRE(::pwrite(fd(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
    }
};

}  // namespace

// -------------------------------------------------------------------------------------------------------------- turns

BOOST_AUTO_TEST_CASE(a_writer_waits_for_a_reader_that_takes_nothing_and_loses_nothing) {  // S12
    with_streams([](stream& near, stream& far) {
        auto writing = create_task([&] {
            far.write(much);
            far.close();
        });
        settle();
        BOOST_TEST(!writing.done());
        BOOST_TEST((near.read() == much));
        writing.get();
    });
}

BOOST_AUTO_TEST_CASE(writers_take_turns) {  // S12
    with_streams([](stream& near, stream& far) {
        const std::string a(300'000, 'a');
        const std::string b(300'000, 'b');
        const std::string c(300'000, 'c');
        auto writing = create_task([&] {
            crocus::gather([&] { far.write(a); }, [&] { far.write({b, ""}); }, [&] { far.write(c); });
            far.close();
        });
        BOOST_TEST((near.read() == a + b + c));
        writing.get();
    });
}

BOOST_AUTO_TEST_CASE(a_turn_belongs_to_who_has_waited_for_it_and_to_nobody_who_comes_between) {
    with_streams([](stream& near, stream& far) {
        auto first = create_task([&] {
            far.write(much);
            far.write("third");  // second was woken, and has not run yet
        });
        auto second = create_task([&] { far.write("second"); });
        auto reading = create_task([&] { return near.read(); });
        crocus::gather(first, second);
        far.close();
        BOOST_TEST((reading.get() == much + "secondthird"));
    });
}

BOOST_AUTO_TEST_CASE(a_writer_that_is_cancelled_while_it_waits_for_its_turn_has_sent_nothing) {
    with_streams([](stream& near, stream& far) {
        auto first = create_task([&] { far.write(much); });
        auto second = create_task([&] { far.write("second"); });
        auto third = create_task([&] {
            far.write("third");
            far.write_eof();
        });
        settle();
        second.cancel();
        BOOST_CHECK_THROW(second.get(), crocus::cancelled_error);
        BOOST_TEST((near.read() == much + "third"));
        crocus::gather(first, third);
    });
}

BOOST_AUTO_TEST_CASE(a_writer_that_is_cancelled_passes_its_turn_on) {
    with_streams([](stream& near, stream& far) {
        auto first = create_task([&] { far.write(much); });
        auto second = create_task([&] { far.write("second"); });
        settle();
        first.cancel();
        BOOST_CHECK_THROW(first.get(), crocus::cancelled_error);
        auto reading = create_task([&] { return near.read(); });
        second.get();
        far.close();
        const std::string all = reading.get();
        BOOST_TEST((all.ends_with("xsecond") && all.size() < much.size()));
    });
}

BOOST_AUTO_TEST_CASE(the_end_is_sent_after_what_others_write) {  // S11
    with_streams([](stream& near, stream& far) {
        auto writing = create_task([&] { far.write(much); });
        settle();
        auto ending = create_task([&] { far.write_eof(); });
        BOOST_TEST((near.read() == much));
        crocus::gather(writing, ending);
    });
}

BOOST_AUTO_TEST_CASE(after_write_eof_the_other_direction_goes_on) {  // S11, S17
    with_streams([](stream& near, stream& far) {
        far.write("question");
        far.write_eof();
        far.write_eof();
        BOOST_CHECK_THROW(far.write("more"), crocus::usage_error);
        BOOST_TEST(near.read() == "question");
        near.write("answer");
        near.close();
        BOOST_TEST(far.read() == "answer");
    });
}

// ------------------------------------------------------------------------------------------------------------- pieces

BOOST_AUTO_TEST_CASE(the_pieces_of_one_write_arrive_in_order) {  // S11
    with_streams([](stream& near, stream& far) {
        far.write({"head: ", "", "value", "\n"});
        far.write("");
        far.write({});
        std::vector<std::string_view> many(100, "ab");
        far.write(many);
        far.write(std::array<std::string_view, 2>{"", "c"});
        far.close();
        std::string expected = "head: value\n";
        for (int i = 0; i != 100; ++i) expected += "ab";
        BOOST_TEST(near.read() == expected + "c");
    });
}

BOOST_AUTO_TEST_CASE(the_pieces_of_one_write_are_one_call) {
    struct counting final : crocus::testing::driver_decorator {
        using driver_decorator::driver_decorator;
        std::size_t send(crocus::io_handle handle, std::span<const iovec> pieces) override {
            ++calls;
            return driver_decorator::send(handle, pieces);
        }
        int calls = 0;
    };
    auto driver = std::make_unique<counting>(crocus::make_io_driver("epoll"));
    const counting& counted = *driver;
    crocus::run(
        [&] {
            auto [near, far] = crocus::test::stream_pair();
            far.write({"one", "two", "", "three"});
            BOOST_TEST(counted.calls == 1);
            far.write(std::vector<std::string_view>(50, "piece"));
            BOOST_TEST(counted.calls == 2);
            far.write({"", ""});
            BOOST_TEST(counted.calls == 2);
        },
        {.driver = std::move(driver)});
}

// -------------------------------------------------------------------------------------------------------------- files

BOOST_AUTO_TEST_CASE(a_file_is_sent_or_a_part_of_it) {  // L48, L49
    const file_of file("0123456789");
    with_and_without_sendfile([&](stream& near, stream& far) {
        far.write("[");
        BOOST_TEST(far.send_file(file.fd()) == 10u);
        BOOST_TEST(far.send_file(file.fd(), 4, 3) == 3u);
        BOOST_TEST(far.send_file(file.fd(), 8, 100) == 2u);  // it ends earlier
        BOOST_TEST(far.send_file(file.fd(), 100) == 0u);
        far.write("]");
        far.close();
        BOOST_TEST(near.read() == "[012345678945689]");
        BOOST_TEST(::lseek(file.fd(), 0, SEEK_CUR) == 0);
    });
}

BOOST_AUTO_TEST_CASE(writers_wait_until_the_file_is_sent) {  // L49
    const file_of file(much);
    with_and_without_sendfile([&](stream& near, stream& far) {
        auto sending = create_task([&] { return far.send_file(file.fd()); });
        settle();
        auto writing = create_task([&] {
            far.write("behind it");
            far.close();
        });
        BOOST_TEST((near.read() == much + "behind it"));
        BOOST_TEST(sending.get() == much.size());
        writing.get();
    });
}

BOOST_AUTO_TEST_CASE(what_cannot_be_sent_as_a_file_is_refused) {  // L48
    const file_of file("text");
    with_and_without_sendfile([&](stream& near, stream& far) {
        BOOST_CHECK_THROW(far.send_file(file.fd(), 0, 0), crocus::usage_error);
        BOOST_TEST(crocus::test::error_of([&] { far.send_file(-1); }) == EBADF);
        const int directory = ::open("/", O_RDONLY | O_CLOEXEC);
        BOOST_TEST(crocus::test::error_of([&] { far.send_file(directory); }) == EISDIR);
        ::close(directory);
        far.write("nothing is broken");
        BOOST_TEST(near.read_exactly(17) == "nothing is broken");
        far.close();
        BOOST_CHECK_THROW(far.send_file(file.fd()), crocus::closed_error);  // L49
    });
}

BOOST_AUTO_TEST_CASE(a_peer_that_goes_while_a_file_is_sent_is_an_error_at_the_call) {  // L49
    const file_of file(much);
    with_and_without_sendfile([&](stream& near, stream& far) {
        auto sending = create_task([&] { return crocus::test::error_of([&] { far.send_file(file.fd()); }); });
        settle();
        near.read_exactly(1000);
        near.close();
        const int error = sending.get();
        BOOST_TEST((error == EPIPE || error == ECONNRESET));
    });
}

BOOST_AUTO_TEST_CASE(sending_a_file_can_be_cancelled) {  // L48
    const file_of file(much);
    with_and_without_sendfile([&](stream& near, stream& far) {
        auto sending = create_task([&] { far.send_file(file.fd()); });
        settle();
        sending.cancel();
        BOOST_CHECK_THROW(sending.get(), crocus::cancelled_error);
        auto reading = create_task([&] { return near.read(); });
        far.write("the turn is free");
        far.close();
        const std::string all = reading.get();
        BOOST_TEST((all.ends_with("the turn is free") && all.size() < much.size()));
    });
}
