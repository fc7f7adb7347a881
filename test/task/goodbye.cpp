// A destructor that says goodbye over a pipe, which is full, while its task is cancelled or its time is up: at every
// point where the task may wait. What it writes arrives whole, and nothing is left.
#define BOOST_TEST_MODULE task_goodbye
#include <array>
#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <functional>
#include <string>

#include <fcntl.h>
#include <unistd.h>

#include <crocus/error.hpp>
#include <crocus/future.hpp>
#include <crocus/generator.hpp>
#include <crocus/io/fd.hpp>
#include <crocus/run.hpp>
#include <crocus/sync/semaphore.hpp>
#include <crocus/task.hpp>
#include <crocus/task_group.hpp>
#include <crocus/timeout.hpp>
#include <crocus/wait.hpp>
#include <crocus/wait_queue.hpp>

#include "../support/loop_tests.hpp"

using crocus::create_task;
using crocus::event_loop;
using namespace std::chrono_literals;

namespace {

struct pipe_ends {
    crocus::fd reader, writer;

    pipe_ends() {
        int ends[2];
        BOOST_REQUIRE(::pipe2(ends, O_NONBLOCK | O_CLOEXEC) == 0);
        ::fcntl(ends[1], F_SETPIPE_SZ, 4096);
        reader = crocus::fd(ends[0]);
        writer = crocus::fd(ends[1]);
    }
};

void write_all(const crocus::fd& to, std::string_view text) {
    while (!text.empty()) {
        const ssize_t n = ::write(to.native(), text.data(), text.size());
        if (n > 0)
            text.remove_prefix(static_cast<std::size_t>(n));
        else
            to.wait_writable();
    }
}

std::string read_some(const crocus::fd& from) {
    std::array<char, 1024> buffer;
    for (;;) {
        const ssize_t n = ::read(from.native(), buffer.data(), buffer.size());
        if (n >= 0) return {buffer.data(), static_cast<std::size_t>(n)};
        from.wait_readable();
    }
}

const std::string goodbye(16 * 1024, 'g');  // four times what the pipe holds

/// Says goodbye when its scope is left by an exception: there cancellation is held by itself. A destructor that waits
/// when its scope ends as usual must say so, by defer_cancellation.
struct polite {
    const crocus::fd& to;
    ~polite() { write_all(to, goodbye); }
};

/// What may wait, each in another way. Before its wait number `chosen`, `f` is called.
class stations {
public:
    stations(int chosen, std::function<void()> f) : chosen_(chosen), f_(std::move(f)) {}

    static constexpr int count = 11;

    void visit_all(const pipe_ends& pipe) {
        const polite says_goodbye{pipe.writer};
        at([] { crocus::yield_now(); });
        at([] { crocus::sleep(0s); });
        at([] { crocus::sleep(1us); });
        at([] { create_task([] { crocus::yield_now(); }).get(); });
        at([] {
            crocus::future<int> f;
            event_loop::current().call_soon([=]() mutable {
                if (!f.done()) f.set_result(1);
            });
            f.get();
        });
        at([] {
            crocus::semaphore s(0);
            event_loop::current().call_soon([] {});
            static_cast<void>(s.try_acquire_for(1us));
        });
        at([&] { write_all(pipe.writer, goodbye); });
        at([] { crocus::gather([] { crocus::yield_now(); }, [] { crocus::sleep(1us); }); });
        at([] {
            crocus::with_task_group(
                [](crocus::task_group& group) { static_cast<void>(group.create_task([] { crocus::sleep(1us); })); });
        });
        at([] { crocus::move_on_after(1h, [] { crocus::yield_now(); }); });
        at([] {
            crocus::generator<int> waits = [](auto& yield) {
                crocus::yield_now();
                yield(1);
            };
            for (const int n : waits) static_cast<void>(n);
        });
        crocus::future<void>().get();  // a request that came late meets this
    }

private:
    template <class F>
    void at(F station) {
        if (number_++ == chosen_) f_();
        station();
    }

    int number_ = 0;
    const int chosen_;
    const std::function<void()> f_;
};

/// Reads until everything that was written has come. Returns how much.
std::size_t read_to_the_end(pipe_ends& pipe, const crocus::task<void>& writer) {
    std::size_t got = 0;
    auto closes = create_task([&, writer]() mutable {
        crocus::wait(std::array{writer});
        pipe.writer.close();
    });
    for (;;) {
        const std::string part = read_some(pipe.reader);
        if (part.empty()) break;
        BOOST_REQUIRE(part == std::string(part.size(), 'g'));
        got += part.size();
        crocus::yield_now();
    }
    closes.get();
    return got;
}

bool is_whole(std::size_t got) { return got == goodbye.size() || (got > goodbye.size() && got <= 2 * goodbye.size()); }

}  // namespace

BOOST_AUTO_TEST_CASE(a_goodbye_is_said_in_full_wherever_its_task_is_cancelled) {  // T7, T8, users' T13
    crocus::run([] {
        for (int chosen = 0; chosen != stations::count; ++chosen) {
            for (int later = 0; later != 6; ++later) {  // the request comes that many turns after the wait began
                BOOST_TEST_CONTEXT("at " << chosen << ", after " << later) {
                    pipe_ends pipe;
                    auto task = create_task([&] {
                        auto self = crocus::current_task();
                        stations s(chosen, [=] {
                            static_cast<void>(create_task([=]() mutable {
                                for (int i = 0; i != later; ++i) crocus::yield_now();
                                self.cancel("go");
                                crocus::yield_now();
                                self.cancel("go, I said");  // it is saying goodbye
                            }));
                        });
                        s.visit_all(pipe);
                    });
                    BOOST_TEST(is_whole(read_to_the_end(pipe, task)));
                    BOOST_TEST(task.done());
                    BOOST_TEST(crocus::test::cancellation_of([&] { task.result(); }).starts_with("go"));
                }
            }
        }
        crocus::yield_now();
        BOOST_TEST(crocus::all_tasks().empty());
    });
}

BOOST_AUTO_TEST_CASE(a_goodbye_is_said_in_full_wherever_its_time_is_up) {  // T41, T42, users' T13
    crocus::run([] {
        for (int chosen = 0; chosen != stations::count; ++chosen) {
            BOOST_TEST_CONTEXT("at " << chosen) {
                pipe_ends pipe;
                bool timed_out = false;
                auto task = create_task([&] {
                    try {
                        crocus::with_timeout(crocus::no_limit, [&](crocus::timeout_scope& scope) {
                            stations s(chosen, [&] { scope.reschedule(event_loop::current().now() - 1s); });
                            s.visit_all(pipe);
                        });
                    } catch (const crocus::timeout_error&) {
                        timed_out = true;
                    }
                    BOOST_TEST(crocus::current_task().cancelling() == 0);
                });
                BOOST_TEST(is_whole(read_to_the_end(pipe, task)));
                task.result();
                BOOST_TEST(timed_out);
            }
        }
        crocus::yield_now();
        BOOST_TEST(crocus::all_tasks().empty());
    });
}

BOOST_AUTO_TEST_CASE(a_goodbye_is_said_in_full_when_the_time_is_up_and_the_task_is_cancelled_as_well) {  // T42
    crocus::run([] {
        for (int chosen = 0; chosen != stations::count; ++chosen) {
            BOOST_TEST_CONTEXT("at " << chosen) {
                pipe_ends pipe;
                auto task = create_task([&] {
                    auto self = crocus::current_task();
                    crocus::with_timeout(crocus::no_limit, [&](crocus::timeout_scope& scope) {
                        stations s(chosen, [&scope, self] {
                            scope.reschedule(event_loop::current().now() - 1s);
                            event_loop::current().call_soon([self]() mutable { self.cancel("go"); });
                        });
                        s.visit_all(pipe);
                    });
                });
                BOOST_TEST(is_whole(read_to_the_end(pipe, task)));
                BOOST_TEST(crocus::test::cancellation_of([&] { task.result(); }) == "go");
            }
        }
    });
}

BOOST_AUTO_TEST_CASE(a_goodbye_that_nobody_reads_can_have_a_time_limit_of_its_own) {  // users' T13
    crocus::run([] {
        pipe_ends pipe;
        auto task = create_task([&] {
            struct hurried {
                const crocus::fd& to;
                ~hurried() {
                    crocus::move_on_after(1ms, [&] { write_all(to, goodbye); });
                }
            } const says_goodbye{pipe.writer};
            crocus::sleep(1h);
        });
        crocus::yield_now();
        task.cancel("go");
        BOOST_TEST(crocus::test::cancellation_of([&] { task.get(); }) == "go");
    });
}

BOOST_AUTO_TEST_CASE(a_goodbye_at_the_usual_end_of_a_scope_holds_cancellation) {  // users' T13
    crocus::run([] {
        pipe_ends pipe;
        auto task = create_task([&] {
            struct careful {
                const crocus::fd& to;
                ~careful() {
                    crocus::defer_cancellation([&] { write_all(to, goodbye); });
                }
            };
            { const careful says_goodbye{pipe.writer}; }
            crocus::yield_now();
        });
        crocus::yield_now();  // it waits in the destructor
        task.cancel("go");
        BOOST_TEST(read_to_the_end(pipe, task) == goodbye.size());
        BOOST_TEST(crocus::test::cancellation_of([&] { task.result(); }) == "go");
    });
}
