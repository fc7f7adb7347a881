// Everybody waits for ever: what is said then, and when nothing is said.
#define BOOST_TEST_MODULE event_loop_deadlock
#include <sys/socket.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include <crocus/call_graph.hpp>
#include <crocus/coroutine.hpp>
#include <crocus/error.hpp>
#include <crocus/event_loop.hpp>
#include <crocus/executor.hpp>
#include <crocus/future.hpp>
#include <crocus/io/fd.hpp>
#include <crocus/run.hpp>
#include <crocus/server.hpp>
#include <crocus/task.hpp>
#include <crocus/task_group.hpp>
#include <crocus/wait.hpp>
#include <crocus/wait_queue.hpp>

#include "support/child.hpp"
#include "support/virtual_time.hpp"

#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#endif

using crocus::create_task;
using crocus::event_loop;
using crocus::test::run_virtual;
using namespace std::chrono_literals;

namespace {

/// One that says who holds it.
class lock {
public:
    explicit lock(std::source_location made = std::source_location::current()) : subject_{"lock", made} {}

    void acquire() {
        if (subject_.holder != nullptr) waiters_.wait();
        subject_.holder = &crocus::agent::current();
    }
    void release() {
        subject_.holder = nullptr;
        waiters_.notify_one();
    }

private:
    crocus::detail::wait_subject subject_;
    crocus::wait_queue waiters_{subject_};
};

template <class F>
std::string deadlock_of(F f) {
    try {
        f();
    } catch (const crocus::deadlock_error& e) {
        return e.what();
    }
    return "it ended";
}

/// The text, with {} for each place in this file, and without its first line.
std::string shown(const std::string& text) {
    std::string found;
    for (std::size_t at = text.find('\n'); at < text.size();) {
        const std::size_t site = text.find(" (made at ", at);
        found += text.substr(at, site - at);
        if (site == std::string::npos) break;
        found += " {}";
        at = text.find(')', site) + 1;
    }
    return found;
}

/// A loop over the kernel is sure of a deadlock only in a process that has never had a second thread: a child, before
/// anything else, unless a sanitizer has made one.
[[nodiscard]] bool may_be_sure() {
#if __has_include(<sys/single_threaded.h>)
    return __libc_single_threaded;
#else
    return false;
#endif
}

struct only_if_sure {
    boost::test_tools::assertion_result operator()(boost::unit_test::test_unit_id) const { return may_be_sure(); }
};

/// Whether f, in a process of its own, is still there after some time: it was killed by the clock, and said nothing.
template <class F>
bool waits_for_ever(F f) {
    const auto end = crocus::test::in_child([&] {
        ::ualarm(30'000, 0);
        f();
    });
    BOOST_TEST_MESSAGE(end.output);
    return end.killed_by(SIGALRM);
}

}  // namespace

// --------------------------------------------------------------------------------------------------- what is said

BOOST_AUTO_TEST_CASE(who_waits_for_whom_is_said_with_names_and_places) {  // O62, users' T8
    run_virtual([] {
        crocus::future<void> never;
        auto a = create_task([&] { never.get(); }, {.name = "a"});
        auto b = create_task([&] { a.get(); }, {.name = "b"});
        const std::string text = deadlock_of([&] { b.get(); });
        BOOST_TEST(text.find("nothing is ready, no timer is set") == 0U);
        BOOST_TEST(text.find("event_loop/deadlock.cpp:") != std::string::npos);
        BOOST_TEST(shown(text) ==
                   "\n  the main flow waits for task 'b' {}"
                   "\n  task 'a' {} waits for a future {}"
                   "\n  task 'b' {} waits for task 'a' {}");
    });
}

BOOST_AUTO_TEST_CASE(locks_taken_crosswise_are_a_circle) {  // O62, users' T8
    lock first;
    lock second;
    run_virtual([&] {
        const auto take = [](lock& one, lock& other) {
            return [&] {
                one.acquire();
                crocus::yield_now();
                other.acquire();
            };
        };
        auto a = create_task(take(first, second), {.name = "a"});
        auto b = create_task(take(second, first), {.name = "b"});
        BOOST_TEST(shown(deadlock_of([&] { a.get(); })) ==
                   "\n  the main flow waits for task 'a' {}"
                   "\n  task 'a' {} waits for lock {}, held by task 'b'"
                   "\n  task 'b' {} waits for lock {}, held by task 'a'"
                   "\n  in a circle: task 'a' -> lock {}, held by task 'b' -> lock {}, held by task 'a'");
    });
}

BOOST_AUTO_TEST_CASE(tasks_that_await_each_other_are_a_circle) {  // O62, users' T8
    run_virtual([] {
        crocus::task<void>* other = nullptr;
        auto a = create_task([&] { other->get(); }, {.name = "a"});
        auto b = create_task([&] { a.get(); }, {.name = "b"});
        other = &b;
        BOOST_TEST(shown(deadlock_of([&] { crocus::future<void>().get(); })) ==
                   "\n  the main flow waits for a future {}"
                   "\n  task 'a' {} waits for task 'b' {}"
                   "\n  task 'b' {} waits for task 'a' {}"
                   "\n  in a circle: task 'a' -> task 'b' -> task 'a'");
        a.cancel();
        crocus::wait(std::vector{a, b});
    });
}

BOOST_AUTO_TEST_CASE(a_lock_that_its_holder_took_with_it_is_nobodys) {
    run_virtual([] {
        lock taken;
        create_task([&] { taken.acquire(); }).get();
        BOOST_TEST(shown(deadlock_of([&] { taken.acquire(); })) == "\n  the main flow waits for lock {}");
    });
}

BOOST_AUTO_TEST_CASE(who_waits_for_several_waits_for_each) {
    run_virtual([] {
        crocus::future<void> never;
        const auto wait = [&] { never.get(); };
        std::vector<crocus::task<void>> tasks;
        for (const char* const name : {"a", "b"}) tasks.push_back(create_task(wait, {.name = name}));
        const std::string rest = "\n  task 'a' {} waits for a future {}\n  task 'b' {} waits for a future {}";
        BOOST_TEST(shown(deadlock_of([&] { crocus::wait(tasks); })) ==
                   "\n  the main flow waits for task 'a', task 'b'" + rest);
        std::string in_group;
        crocus::future<void> go;
        auto others = create_task(
            [&] {
                crocus::with_task_group(
                    [&](crocus::task_group& group) { group.create_task([&] { go.get(); }, {.name = "child"}); });
            },
            {.name = "of a group"});
        in_group = deadlock_of([&] { never.get(); });
        BOOST_TEST(in_group.find("waits for task 'child'") != std::string::npos);
        go.set_result();
        others.get();
        never.set_result();
    });
}

BOOST_AUTO_TEST_CASE(coroutines_driven_by_hand_are_among_those_who_wait) {
    run_virtual([] {
        lock taken;
        taken.acquire();
        crocus::coroutine<void> c([&] { taken.acquire(); }, {.name = "c"});
        static_cast<void>(c.send());
        const std::string text = deadlock_of([&] { crocus::future<void>().get(); });
        BOOST_TEST(text.find("'c'") != std::string::npos);
        BOOST_TEST(text.find(", held by the main flow") != std::string::npos);
        c.close();
    });
}

BOOST_AUTO_TEST_CASE(of_very_many_some_are_shown) {
    run_virtual([] {
        crocus::future<void> never;
        std::vector<crocus::task<void>> tasks;
        for (int i = 0; i != 1000; ++i) tasks.push_back(create_task([&] { never.get(); }));
        const auto start = event_loop::current().now();
        const std::string text = deadlock_of([&] { never.get(); });
        BOOST_TEST(text.find("\n  and 901 more") != std::string::npos);
        BOOST_TEST((event_loop::current().now() - start < 1s));
        never.set_result();
    });
}

BOOST_AUTO_TEST_CASE(the_main_flow_may_go_on_and_end_it) {
    run_virtual([] {
        crocus::future<void> go;
        auto a = create_task([&] { go.get(); });
        for (int i = 0; i != 3; ++i) BOOST_TEST(deadlock_of([&] { a.get(); }) != "it ended");
        go.set_result();
        BOOST_TEST(deadlock_of([&] { a.get(); }) == "it ended");
    });
}

// --------------------------------------------------------------------------------------------- over the kernel

// C18, O62, users' T8
BOOST_AUTO_TEST_CASE(a_loop_over_the_kernel_says_so_at_once_too, *boost::unit_test::precondition(only_if_sure())) {
    const auto end = crocus::test::in_child([] {
        crocus::run([] {
            lock first;
            lock second;
            const auto take = [](lock& one, lock& other) {
                return [&] {
                    one.acquire();
                    crocus::sleep(1ms);
                    other.acquire();
                };
            };
            std::puts(deadlock_of([&] { crocus::gather(take(first, second), take(second, first)); }).c_str());
        });
        crocus::run([] { std::puts(deadlock_of([] { crocus::future<void>().get(); }).c_str()); });
        event_loop loop;
        auto waits = create_task([] { crocus::future<void>().get(); }, {.loop = &loop});
        std::puts(deadlock_of([&] { loop.run_forever(); }).c_str());
        std::puts(deadlock_of([&] { loop.run_until_complete(waits); }).c_str());
    });
    BOOST_TEST_MESSAGE(end.output);
    BOOST_TEST(end.exited_with(0));
    BOOST_TEST(end.output.find("in a circle: ") != std::string::npos);
    BOOST_TEST(end.output.find("the main flow waits for a future") != std::string::npos);
    BOOST_TEST(end.output.find("the main flow waits for the end of its run") != std::string::npos);
    BOOST_TEST(end.output.find("it ended") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_descriptor_that_is_gone_is_none, *boost::unit_test::precondition(only_if_sure())) {
    const auto end = crocus::test::in_child([] {
        crocus::run([] {
            int ends[2];
            if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return;
            event_loop::current().add_reader(ends[0], [] {});
            crocus::sleep(1ms);
            event_loop::current().remove_reader(ends[0]);
            crocus::fd one(ends[0]);
            crocus::fd other(ends[1]);
            auto reads = create_task([&] { one.wait_readable(); });
            crocus::sleep(1ms);
            one.close();
            other.close();
            try {
                reads.get();
            } catch (const crocus::closed_error&) {
            }
            event_loop::current().add_signal_handler(SIGUSR1, [] {});
            event_loop::current().remove_signal_handler(SIGUSR1);
            std::puts(deadlock_of([] { crocus::future<void>().get(); }).c_str());
        });
    });
    BOOST_TEST(end.output.find("the main flow waits for a future") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_may_still_be_woken_is_no_deadlock) {  // C18, users' T8
    using crocus::future;
    BOOST_TEST(waits_for_ever([] {  // a server
        crocus::run([] {
            auto server = crocus::start_server([](crocus::stream&) {}, "127.0.0.1", 0);
            server.serve_forever();
        });
    }));
    BOOST_TEST(waits_for_ever([] {  // nothing to do, as it was asked
        event_loop loop;
        loop.run_forever();
    }));
    BOOST_TEST(waits_for_ever([] {  // a signal
        crocus::run([] {
            event_loop::current().add_signal_handler(SIGUSR1, [] {});
            future<void>().get();
        });
    }));
    BOOST_TEST(waits_for_ever([] {  // a descriptor of somebody else's
        crocus::run([] {
            int ends[2];
            if (::pipe(ends) != 0) return;
            event_loop::current().add_reader(ends[0], [] {});
            future<void>().get();
        });
    }));
    BOOST_TEST(waits_for_ever([] {  // a timer, though of the end of time
        crocus::run([] { crocus::sleep(crocus::duration::max()); });
    }));
    BOOST_TEST(waits_for_ever([] {  // another thread, whatever it holds
        crocus::run([] {
            event_loop& loop = event_loop::current();
            std::thread([&loop] {
                for (;;) std::this_thread::sleep_for(1h);
                loop.call_soon_threadsafe([] {});
            }).detach();
            future<void>().get();
        });
    }));
    BOOST_TEST(waits_for_ever([] {  // an executor's
        crocus::run([] {
            crocus::to_thread([] {});
            future<void>().get();
        });
    }));
}

BOOST_AUTO_TEST_CASE(who_posts_and_lets_the_loop_go_while_it_looks_for_a_reason_to_wait_was_one) {
    // Another thread could do so just then. Here it is the driver, as it is asked.
    struct posting_driver final : crocus::test::virtual_time_driver {
        [[nodiscard]] bool may_be_woken() const noexcept override {
            if (poster) poster->call_soon([this] { reached->notify_all(); });
            poster.reset();
            return false;
        }
        mutable std::optional<crocus::loop_ref> poster;
        crocus::wait_queue* reached = nullptr;
    };
    auto made = std::make_unique<posting_driver>();
    posting_driver& driver = *made;
    crocus::run(
        [&] {
            crocus::wait_queue waiting;
            driver.reached = &waiting;
            driver.poster = event_loop::current().ref();
            waiting.wait();
        },
        {.driver = std::move(made), .handle_interrupt = false});
}
