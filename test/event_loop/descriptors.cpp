#define BOOST_TEST_MODULE event_loop_descriptors
#include <crocus/event_loop.hpp>

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <crocus/context_var.hpp>
#include <crocus/error.hpp>
#include <crocus/future.hpp>
#include <crocus/io/fd.hpp>
#include <crocus/run.hpp>
#include <crocus/stream.hpp>
#include <crocus/task.hpp>
#include <crocus/wait_queue.hpp>

#include "support/loop_tests.hpp"
#include "support/temporary_file.hpp"

using crocus::create_task;
using crocus::event_loop;
using crocus::test::collect_reports;
using crocus::test::contains;
using namespace std::chrono_literals;

namespace {

event_loop& loop() { return event_loop::current(); }

template <class F>
void run(F f) {
    crocus::run(f, {.handle_interrupt = false});
}

/// A pipe that the test owns.
struct pipe_ends {
    int in = -1;
    int out = -1;

    pipe_ends() {
        int ends[2];
        BOOST_REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
        in = ends[0];
        out = ends[1];
    }
    ~pipe_ends() {
        close_in();
        close_out();
    }
    pipe_ends(const pipe_ends&) = delete;
    pipe_ends& operator=(const pipe_ends&) = delete;

    void close_in() { ::close(std::exchange(in, -1)); }
    void close_out() { ::close(std::exchange(out, -1)); }
    void write(const std::string& text) const {
        BOOST_REQUIRE(::write(out, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    }
    [[nodiscard]] std::string read(std::size_t most) const {
        std::string text(most, '\0');
        const ssize_t n = ::read(in, text.data(), most);
        text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
        return text;
    }
    void fill() const {
        const int flags = ::fcntl(out, F_GETFL);
        ::fcntl(out, F_SETFL, flags | O_NONBLOCK);
        const std::string filler(1 << 16, 'f');
        while (::write(out, filler.data(), filler.size()) > 0) {
        }
        ::fcntl(out, F_SETFL, flags);
    }
};

/// Lets the loop ask the kernel, and run what comes of it.
void poll_now() {
    for (int i = 0; i != 3; ++i) crocus::sleep(1us);
}

}  // namespace

// ------------------------------------------------------------------------------------------------------------
// callbacks

BOOST_AUTO_TEST_CASE(a_reader_is_called_each_time_its_descriptor_can_be_read) {  // L26
    run([] {
        const pipe_ends p;
        std::string log;
        crocus::future<void> enough;
        loop().add_reader(p.in, [&] {
            log += p.read(64) + ";";
            if (log.size() >= 8) enough.set_result();
        });
        poll_now();
        BOOST_TEST(log.empty());
        p.write("one");
        poll_now();
        BOOST_TEST(log == "one;");
        std::thread([&] { p.write("two"); }).join();
        enough.get();  // wakes a loop that has nothing else to do
        BOOST_TEST(log == "one;two;");
        BOOST_TEST(loop().remove_reader(p.in));
        BOOST_TEST(!loop().remove_reader(p.in));
        p.write("three");
        poll_now();
        BOOST_TEST(log == "one;two;");
    });
}

BOOST_AUTO_TEST_CASE(what_a_reader_leaves_is_found_ready_again) {  // L26
    run([] {
        const pipe_ends p;
        std::string log;
        crocus::future<void> enough;
        loop().add_reader(p.in, [&] {
            log += p.read(1);
            if (log.size() == 5) enough.set_result();
        });
        p.write("abcde");
        enough.get();
        BOOST_TEST(log == "abcde");
        loop().remove_reader(p.in);
    });
}

BOOST_AUTO_TEST_CASE(others_have_their_turn_between_two_calls_of_a_reader) {  // L26
    run([] {
        const pipe_ends p;
        int reads = 0;
        int ticks = 0;
        loop().add_reader(p.in, [&] { ++reads; });  // takes nothing: it is ready for ever
        p.write("x");
        while (ticks != 100) {
            crocus::yield_now();
            ++ticks;
        }
        crocus::sleep(1ms);
        BOOST_TEST(reads > 1);
        loop().remove_reader(p.in);
    });
}

BOOST_AUTO_TEST_CASE(the_end_of_a_pipe_is_something_to_read) {  // L26
    run([] {
        pipe_ends p;
        crocus::future<std::string> end;
        loop().add_reader(p.in, [&] {
            end.set_result("[" + p.read(1) + "]");
            loop().remove_reader(p.in);  // inside the callback, which goes on
        });
        p.close_out();
        BOOST_TEST(end.get() == "[]");
    });
}

BOOST_AUTO_TEST_CASE(a_writer_is_called_when_its_descriptor_can_be_written) {  // L26
    run([] {
        const pipe_ends p;
        p.fill();
        int calls = 0;
        crocus::future<void> writable;
        loop().add_writer(p.out, [&] {
            ++calls;
            loop().remove_writer(p.out);
            writable.set_result();
        });
        poll_now();
        BOOST_TEST(calls == 0);
        while (!writable.done()) {
            BOOST_REQUIRE(!p.read(1 << 16).empty());
            poll_now();
        }
        BOOST_TEST(calls == 1);
        BOOST_TEST(!loop().remove_writer(p.out));
    });
}

BOOST_AUTO_TEST_CASE(a_descriptor_has_a_reader_and_a_writer_which_go_one_by_one) {  // L26
    run([] {
        int ends[2];
        BOOST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
        int reads = 0;
        int writes = 0;
        loop().add_reader(ends[0], [&] { ++reads; });
        loop().add_writer(ends[0], [&] { ++writes; });
        poll_now();
        BOOST_TEST(reads == 0);
        BOOST_TEST(writes > 0);
        BOOST_REQUIRE(::send(ends[1], "x", 1, 0) == 1);
        poll_now();
        BOOST_TEST(reads > 0);
        BOOST_TEST(loop().remove_writer(ends[0]));
        const int writes_before = std::exchange(writes, 0);
        reads = 0;
        poll_now();
        BOOST_TEST(reads > 0);
        BOOST_TEST(writes == 0);
        BOOST_TEST(writes_before > 1);
        loop().add_writer(ends[0], [&] { ++writes; });
        BOOST_TEST(loop().remove_reader(ends[0]));
        reads = 0;
        poll_now();
        BOOST_TEST(reads == 0);
        BOOST_TEST(writes > 0);
        BOOST_TEST(loop().remove_writer(ends[0]));
        ::close(ends[0]);
        ::close(ends[1]);
    });
}

BOOST_AUTO_TEST_CASE(a_second_reader_takes_the_place_of_the_first) {  // L26
    run([] {
        const pipe_ends p;
        const auto held = std::make_shared<int>(0);
        std::string log;
        loop().add_reader(p.in, [held] { ++*held; });
        p.write("x");
        loop().add_reader(p.in, [&] { log += p.read(1); });
        BOOST_TEST(held.use_count() == 1);
        poll_now();
        BOOST_TEST(*held == 0);
        BOOST_TEST(log == "x");
        loop().remove_reader(p.in);
    });
}

BOOST_AUTO_TEST_CASE(a_reader_may_put_another_in_its_own_place) {  // L26
    run([] {
        const pipe_ends p;
        std::string log;
        crocus::future<void> end;
        loop().add_reader(p.in, [&, mark = std::string(100, 'a')] {
            log += p.read(1);
            loop().add_reader(p.in, [&] {
                log += p.read(1) + "b";
                loop().remove_reader(p.in);
                end.set_result();
            });
            log += mark.substr(0, 1);  // what it captured is there until it returns
        });
        p.write("12");
        end.get();
        BOOST_TEST(log == "1a2b");
    });
}

BOOST_AUTO_TEST_CASE(a_reader_sees_the_context_that_it_was_added_in_and_what_it_set_itself) {  // L26, L13
    run([] {
        static crocus::context_var<int> number("number", 0);
        const pipe_ends p;
        std::vector<int> seen;
        crocus::future<void> enough;
        {
            const crocus::context_scope scope(number.set(5));
            loop().add_reader(p.in, [&] {
                static_cast<void>(p.read(1));
                seen.push_back(number.get());
                static_cast<void>(number.set(number.get() + 1));
                if (seen.size() == 3) enough.set_result();
            });
        }
        p.write("xyz");
        enough.get();
        loop().remove_reader(p.in);
        BOOST_TEST((seen == std::vector{5, 6, 7}));
        BOOST_TEST(number.get() == 0);
    });
}

BOOST_AUTO_TEST_CASE(a_reader_that_throws_is_reported_and_stays) {  // L18, L26
    run([] {
        const auto reports = collect_reports();
        const pipe_ends p;
        loop().add_reader(p.in, [&] { throw std::runtime_error("read " + p.read(1)); });
        p.write("xy");
        poll_now();
        poll_now();
        BOOST_REQUIRE(reports->size() == 2U);
        BOOST_TEST((*reports)[1] == "Exception in callback: std::runtime_error: read y");
        loop().remove_reader(p.in);
    });
}

BOOST_AUTO_TEST_CASE(a_reader_must_not_suspend) {  // L26
    run([] {
        const auto reports = collect_reports();
        const pipe_ends p;
        p.write("x");
        loop().add_reader(p.in, [&] {
            loop().remove_reader(p.in);
            crocus::sleep(1ms);
        });
        poll_now();
        BOOST_REQUIRE(reports->size() == 1U);
        BOOST_TEST(contains(reports->front(), "create_task"));
    });
}

// ------------------------------------------------------------------------------------------------------------- the
// order

BOOST_AUTO_TEST_CASE(what_the_kernel_has_comes_before_the_timers_that_are_due) {  // I2
    run([] {
        const pipe_ends p;
        std::string log;
        loop().add_reader(p.in, [&] { log += p.read(1); });
        poll_now();
        loop().call_soon([&] {
            p.write("r");
            loop().call_at(loop().now(), [&] { log += 't'; });
            loop().call_soon([&] { log += 's'; });  // ready already
        });
        crocus::sleep(1ms);
        BOOST_TEST(log == "srt");
        loop().remove_reader(p.in);
    });
}

BOOST_AUTO_TEST_CASE(a_reader_removed_between_its_descriptors_event_and_its_call_is_not_called) {  // L27
    run([] {
        const pipe_ends first;
        const pipe_ends second;
        std::string log;
        // Both are ready in one look of the loop: whichever comes first removes the other.
        loop().add_reader(first.in, [&] {
            log += 'x';
            loop().remove_reader(first.in);
            loop().remove_reader(second.in);
        });
        loop().add_reader(second.in, [&] {
            log += 'x';
            loop().remove_reader(first.in);
            loop().remove_reader(second.in);
        });
        first.write("1");
        second.write("2");
        poll_now();
        BOOST_TEST(log == "x");
        loop().add_reader(second.in, [&] { log += second.read(1), loop().remove_reader(second.in); });
        poll_now();
        BOOST_TEST(log == "x2");  // the byte was not lost with the event
    });
}

BOOST_AUTO_TEST_CASE(a_writer_removed_between_its_descriptors_event_and_its_call_is_not_called) {  // L27
    run([] {
        int ends[2];
        BOOST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
        std::string log;
        loop().add_reader(ends[0], [&] {
            log += 'r';
            loop().remove_reader(ends[0]);
            loop().remove_writer(ends[0]);
        });
        loop().add_writer(ends[0], [&] { log += 'w'; });  // comes after the reader
        BOOST_REQUIRE(::send(ends[1], "x", 1, 0) == 1);
        poll_now();
        BOOST_TEST(log == "r");
        ::close(ends[0]);
        ::close(ends[1]);
    });
}

// ------------------------------------------------------------------------------------------------------------
// descriptors

BOOST_AUTO_TEST_CASE(a_descriptor_of_a_stream_or_an_fd_is_refused) {  // L26
    run([] {
        int ends[2];
        BOOST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
        crocus::fd owned(ends[0]);
        const auto names_it = [&](const std::exception& e) {
            return contains(e.what(), "descriptor " + std::to_string(ends[0]) + " belongs to");
        };
        BOOST_CHECK_EXCEPTION(loop().add_reader(ends[0], [] {}), crocus::usage_error, names_it);
        BOOST_CHECK_EXCEPTION(loop().add_writer(ends[0], [] {}), crocus::usage_error, names_it);
        BOOST_TEST(!loop().remove_reader(ends[0]));
        auto reading = create_task([&] { owned.wait_readable(); });
        poll_now();
        BOOST_CHECK_EXCEPTION(loop().add_reader(ends[0], [] {}), crocus::usage_error, names_it);
        BOOST_REQUIRE(::send(ends[1], "x", 1, 0) == 1);
        reading.get();  // unharmed
        owned.close();
        ::close(ends[1]);
    });
}

BOOST_AUTO_TEST_CASE(a_descriptor_that_is_watched_cannot_be_taken_over) {  // L26
    run([] {
        const pipe_ends p;
        std::string log;
        loop().add_reader(p.in, [&] { log += p.read(1); });
        BOOST_CHECK_EXCEPTION(static_cast<void>(crocus::fd(p.in)), crocus::usage_error, [&](const auto& e) {
            return contains(e.what(), "descriptor " + std::to_string(p.in) + " is watched");
        });
        BOOST_TEST((::fcntl(p.in, F_GETFL) & O_NONBLOCK) == 0);
        p.write("x");
        poll_now();
        BOOST_TEST(log == "x");  // unharmed
        loop().remove_reader(p.in);
        const crocus::fd taken(::dup(p.in));
        BOOST_TEST(taken.is_open());
    });
}

BOOST_AUTO_TEST_CASE(what_cannot_be_watched_is_an_error_that_names_it) {  // L26
    run([] {
        const crocus::test::temporary_file file;
        const int opened = ::open(file.path().c_str(), O_RDONLY | O_CLOEXEC);
        BOOST_REQUIRE(opened >= 0);
        const auto says = [](int fd, std::errc code, const std::string& more) {
            return [=](const std::system_error& e) {
                return e.code() == code &&
                       contains(e.what(), "descriptor " + std::to_string(fd) + " cannot be watched") &&
                       contains(e.what(), more);
            };
        };
        BOOST_CHECK_EXCEPTION(loop().add_reader(opened, [] {}), std::system_error,
                              says(opened, std::errc::operation_not_permitted, "it is a file"));
        ::close(opened);
        BOOST_CHECK_EXCEPTION(loop().add_reader(opened, [] {}), std::system_error,
                              says(opened, std::errc::bad_file_descriptor, ""));
        BOOST_CHECK_EXCEPTION(loop().add_writer(-1, [] {}), std::system_error,
                              says(-1, std::errc::bad_file_descriptor, ""));
        BOOST_TEST(!loop().remove_reader(-1));
    });
}

BOOST_AUTO_TEST_CASE(watching_changes_nothing_about_a_descriptor) {  // L26
    const pipe_ends p;
    run([&] {
        loop().add_reader(p.in, [] {});
        BOOST_TEST((::fcntl(p.in, F_GETFL) & O_NONBLOCK) == 0);
    });
    BOOST_TEST(::fcntl(p.in, F_GETFD) >= 0);  // not closed with the loop either
}

BOOST_AUTO_TEST_CASE(the_callbacks_go_with_the_loop) {  // L26
    const pipe_ends p;
    const auto held = std::make_shared<int>(0);
    run([&] {
        loop().add_reader(p.in, [held] { ++*held; });
        loop().add_writer(p.out, [held] {});
        p.write("x");
        poll_now();
        BOOST_TEST(held.use_count() == 3);
    });
    BOOST_TEST(held.use_count() == 1);
}

// ---------------------------------------------------------------------------------------------------- closed under way

BOOST_AUTO_TEST_CASE(
    a_closed_descriptors_callbacks_are_never_called_also_when_its_number_is_used_again) {  // L27, users' T21
    run([] {
        pipe_ends old;
        std::string log;
        loop().add_reader(old.in, [&] { log += "old"; });
        poll_now();
        const int number = old.in;
        old.close_in();
        const pipe_ends fresh;  // takes the number
        BOOST_REQUIRE(fresh.in == number);
        fresh.write("x");
        poll_now();
        BOOST_TEST(log.empty());
        loop().add_reader(number, [&] {
            log += "new" + fresh.read(1);
            loop().remove_reader(number);
        });
        poll_now();
        BOOST_TEST(log == "newx");
    });
}

BOOST_AUTO_TEST_CASE(a_descriptor_closed_between_its_event_and_the_call_is_not_called_for) {  // L27, users' T21
    run([] {
        pipe_ends one;
        pipe_ends two;
        int calls = 0;
        const auto close_both = [&] {
            ++calls;
            one.close_in();
            two.close_in();
        };
        loop().add_reader(one.in, close_both);
        loop().add_reader(two.in, close_both);
        const int first = one.in;
        const int second = two.in;
        one.write("1");
        two.write("2");
        poll_now();
        BOOST_TEST(calls == 1);
        BOOST_TEST(loop().remove_reader(first));
        BOOST_TEST(loop().remove_reader(second));
    });
}

BOOST_AUTO_TEST_CASE(a_descriptor_closed_while_a_copy_is_open_does_not_keep_the_loop_busy) {  // users' T21
    run([] {
        pipe_ends p;
        int calls = 0;
        loop().add_reader(p.in, [&] { ++calls; });
        const int number = p.in;
        const int copy = ::dup(p.in);
        p.close_in();
        p.write("x");  // the kernel still tells of it
        poll_now();
        BOOST_TEST(calls == 0);
        int polls = 0;
        loop().set_wake_hook([&] { ++polls; });
        crocus::sleep(2ms);
        BOOST_TEST(loop().remove_reader(number));
        crocus::sleep(2ms);
        loop().set_wake_hook(nullptr);
        BOOST_TEST(calls == 0);
        BOOST_TEST(polls < 10);
        BOOST_REQUIRE(::dup2(copy, number) == number);  // the registration that could not be undone is this one's
        loop().add_reader(number, [&] { ++calls; });
        poll_now();
        BOOST_TEST(calls > 0);
        loop().remove_reader(number);
        ::close(copy);
        ::close(number);
    });
}

BOOST_AUTO_TEST_CASE(a_number_that_the_loop_itself_uses_again_is_not_harmed_by_the_old_callbacks) {  // L27, users' T21
    run([] {
        pipe_ends old;
        loop().add_reader(old.in, [] {});
        poll_now();
        const int number = old.in;
        old.close_in();
        int ends[2];
        BOOST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
        BOOST_REQUIRE(ends[0] == number);
        crocus::fd fresh(ends[0]);
        auto reading = create_task([&] { fresh.wait_readable(); });
        poll_now();
        static_cast<void>(loop().remove_reader(number));
        BOOST_REQUIRE(::send(ends[1], "x", 1, 0) == 1);
        reading.get();
        ::close(ends[1]);
    });
}

BOOST_AUTO_TEST_CASE(numbers_that_are_closed_and_opened_at_random_never_call_a_stranger) {  // users' T21
    run([] {
        unsigned random = 1;
        const auto next = [&](unsigned below) { return (random = random * 1664525 + 1013904223) / 65536 % below; };
        struct watched {
            pipe_ends ends;
            int number = ends.in;
            bool armed = false;
        };
        std::vector<std::unique_ptr<watched>> open;
        long calls = 0;
        for (int round = 0; round != 20'000; ++round) {
            if (open.size() < 8) open.push_back(std::make_unique<watched>());
            auto& w = open[next(static_cast<unsigned>(open.size()))];
            switch (next(5)) {
                case 0:
                    w->armed = true;
                    loop().add_reader(w->ends.in, [&calls, self = w.get()] {
                        BOOST_REQUIRE(self->armed);
                        BOOST_REQUIRE(self->ends.read(1) == std::to_string(self->number).substr(0, 1));
                        ++calls;
                    });
                    break;
                case 1:
                    BOOST_REQUIRE(loop().remove_reader(w->ends.in) || !w->armed);
                    w->armed = false;
                    break;
                case 2:
                    w->ends.write(std::to_string(w->number).substr(0, 1));
                    break;
                case 3:
                    w = std::make_unique<watched>();
                    break;  // closes without a word, after a new one was opened
                default:
                    crocus::sleep(1us);
            }
        }
        BOOST_TEST(calls > 100);
        for (auto& w : open) static_cast<void>(loop().remove_reader(w->ends.in));
    });
}

// -----------------------------------------------------------------------------------------------------------------
// waking

namespace {
std::atomic<int> interruptions{0};

/// The loop's own descriptor by which it is woken: the only eventfd of this process.
int wake_descriptor() {
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code ignored;
        if (contains(std::filesystem::read_symlink(entry.path(), ignored).string(), "eventfd"))
            return std::stoi(entry.path().filename());
    }
    return -1;
}
}  // namespace

BOOST_AUTO_TEST_CASE(a_wake_that_finds_no_room_is_no_error_and_wakes) {  // L28, users' T18
    run([] {
        const int wake = wake_descriptor();
        BOOST_REQUIRE(wake >= 0);
        const std::uint64_t most = ~std::uint64_t{0} - 1;
        BOOST_REQUIRE(::write(wake, &most, sizeof most) == sizeof most);
        loop().ref().wake();  // EAGAIN
        crocus::future<void> posted;
        std::thread([&, ref = loop().ref()] { ref.call_soon([&] { posted.set_result(); }); }).join();
        posted.get();
        std::uint64_t count = 0;
        BOOST_TEST(::read(wake, &count, sizeof count) < 0);  // the loop has taken it all
    });
}

BOOST_AUTO_TEST_CASE(a_signal_that_interrupts_the_wait_for_the_kernel_changes_nothing) {  // L28
    struct sigaction action {};
    action.sa_handler = [](int) { ++interruptions; };
    struct sigaction before {};
    BOOST_REQUIRE(::sigaction(SIGUSR2, &action, &before) == 0);
    run([] {
        crocus::future<void> posted;
        const pthread_t main = ::pthread_self();
        std::thread other([&, ref = loop().ref()] {
            for (int i = 0; i != 3; ++i) {
                ::pthread_kill(main, SIGUSR2);
                while (interruptions == i) std::this_thread::yield();
            }
            ref.call_soon([&] { posted.set_result(); });
        });
        posted.get();
        other.join();
    });
    BOOST_TEST(interruptions == 3);
    ::sigaction(SIGUSR2, &before, nullptr);
}

BOOST_AUTO_TEST_CASE(a_wake_after_the_end_of_the_loop_is_ignored) {  // L28
    std::vector<crocus::loop_ref> refs;
    run([&] { refs.push_back(loop().ref()); });
    const int number = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);  // may have the number of the loop's own
    refs.front().wake();
    BOOST_TEST(!refs.front().call_soon([] {}));
    std::uint64_t count = 0;
    BOOST_TEST(::read(number, &count, sizeof count) < 0);
    ::close(number);
}
