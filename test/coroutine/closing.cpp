// How it ends otherwise: closed, destroyed, with its loop; and misuse that must harm nobody.
#define BOOST_TEST_MODULE coroutine_closing
#include <boost/test/unit_test.hpp>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include <crocus/coroutine.hpp>
#include <crocus/error.hpp>
#include <crocus/sync/semaphore.hpp>
#include <crocus/task.hpp>
#include <crocus/wait.hpp>

#include "support/child.hpp"
#include "support/loop_tests.hpp"
#include "support/reports.hpp"
#include "support/virtual_time.hpp"

using crocus::coroutine;
using crocus::create_task;
using crocus::future;
using crocus::yield_now;
using crocus::test::contains;
using crocus::test::reports;
using crocus::test::run_virtual;
using status = crocus::coroutine_status;
using namespace std::chrono_literals;

namespace {

/// Says when it goes.
struct leaving {
    std::string& log;
    std::string text;
    ~leaving() { log += text; }
};

/// Waits when it goes.
struct waiting_to_leave {
    future<void>& f;
    ~waiting_to_leave() { f.get(); }
};

/// A body that takes no notice of being asked to leave, `times` times.
auto ignoring(int times) {
    return [times] {
        for (int i = 0; i <= times; ++i) {
            try {
                yield_now();
                return;
            } catch (const crocus::generator_exit&) {
            }
        }
    };
}

}  // namespace

// -------------------------------------------------------------------------------------------------------------- close

// C1, G37
BOOST_AUTO_TEST_CASE(closing_one_that_has_not_begun_destroys_it_unrun) {
    auto held = std::make_shared<int>(1);
    const std::weak_ptr<int> watched = held;
    bool ran = false;
    coroutine<> c = [h = std::move(held), &ran] { ran = true; };
    c.close();
    BOOST_TEST((c.status() == status::closed));
    BOOST_TEST(watched.expired());
    BOOST_TEST(!ran);
    c.close();  // G40
}

// G38, G45
BOOST_AUTO_TEST_CASE(closing_one_that_waits_unwinds_it) {
    run_virtual([] {
        std::string log;
        coroutine<> c = [&] {
            const leaving l{log, "unwound"};
            crocus::sleep(1h);
        };
        c.send();
        c.close();
        BOOST_TEST(log == "unwound");
        BOOST_TEST((c.status() == status::closed));
        BOOST_CHECK_THROW(c.send(), crocus::coroutine_already_awaited);
    });
}

// G39
BOOST_AUTO_TEST_CASE(closing_gives_what_it_returns_if_it_catches_the_exit) {
    coroutine<int> c = [] {
        try {
            yield_now();
        } catch (const crocus::generator_exit&) {
            return 5;
        }
        return 1;
    };
    c.send();
    BOOST_TEST(c.close().value() == 5);
    BOOST_TEST(!c.close());
}

// G41
BOOST_AUTO_TEST_CASE(one_that_waits_instead_of_leaving_ignored_the_exit_and_stays_there) {
    coroutine<> c = ignoring(1);
    c.send();
    BOOST_CHECK_EXCEPTION(c.close(), crocus::coroutine_ignored_exit,
                          [](const auto& e) { return contains(e.what(), "coroutine ignored generator_exit"); });
    BOOST_TEST((c.status() == status::suspended));
    BOOST_TEST(c.send().finished());
}

// G42
BOOST_AUTO_TEST_CASE(what_it_throws_instead_of_leaving_comes_out_of_close) {
    coroutine<> c = [] {
        try {
            yield_now();
        } catch (...) {
            throw std::runtime_error("instead");
        }
    };
    c.send();
    BOOST_CHECK_THROW(c.close(), std::runtime_error);
    BOOST_TEST((c.status() == status::closed));
}

// A destructor that an exception leaves ends the process: so none is raised in one that waits.
BOOST_AUTO_TEST_CASE(nothing_is_raised_where_it_waits_while_an_exception_unwinds_it) {
    run_virtual([] {
        future<void> f;
        std::string log;
        coroutine<> c = [&] {
            const leaving l{log, "unwound"};
            const waiting_to_leave w{f};
            throw std::runtime_error("unwinds");
        };
        c.send();
        BOOST_CHECK_THROW(c.close(), crocus::coroutine_ignored_exit);
        BOOST_TEST(c.throw_(std::logic_error("x"))->is(f));
        BOOST_TEST(log.empty());
        f.set_result();
        BOOST_CHECK_THROW(c.send(), std::runtime_error);
        BOOST_TEST(log == "unwound");
    });
}

BOOST_AUTO_TEST_CASE(what_is_thrown_into_defer_cancellation_is_raised_behind_it) {
    run_virtual([] {
        future<void> f;
        std::string log;
        coroutine<> c = [&] {
            crocus::defer_cancellation([&] { f.get(); });
            log += "deferred ";
            try {
                crocus::sleep(1h);
            } catch (const std::runtime_error&) {
                log += "raised";
            }
        };
        c.send();
        BOOST_TEST(c.throw_(std::runtime_error("x"))->is(f));
        f.set_result();
        BOOST_TEST(c.send().finished());
        BOOST_TEST(log == "deferred raised");
    });
}

// --------------------------------------------------------------------------------------------------------- destruction

// G46
BOOST_AUTO_TEST_CASE(destroying_one_that_waits_closes_it) {
    const reports reported;
    std::string log;
    {
        coroutine<> c = [&] {
            const leaving l{log, "unwound"};
            yield_now();
        };
        c.send();
        coroutine<> other = std::move(c);  // moved while it waits
        BOOST_CHECK_THROW(c.send(), crocus::coroutine_already_awaited);
        BOOST_TEST(other.send().finished());
        other = [&] {
            const leaving l{log, " assigned over"};
            yield_now();
        };
        other.send();
        other = coroutine<>([] {});
        BOOST_TEST(log == "unwound assigned over");
        other.close();
    }
    BOOST_TEST(reported.texts.empty());
}

// G47
BOOST_AUTO_TEST_CASE(what_a_destroyed_one_throws_or_ignores_is_reported) {
    const reports reported;
    {
        coroutine<> c = [] {
            try {
                yield_now();
            } catch (...) {
                throw std::runtime_error("instead");
            }
        };
        c.send();
    }
    BOOST_REQUIRE(reported.texts.size() == 1);
    BOOST_TEST(contains(reported.texts[0], "while a coroutine was destroyed: std::runtime_error: instead"));
    {
        coroutine<> c = ignoring(3);
        c.send();
    }
    BOOST_REQUIRE(reported.texts.size() == 2);
    BOOST_TEST(contains(reported.texts[1], "coroutine_ignored_exit"));
    {
        coroutine<> c = ignoring(1'000'000);  // given up
        c.send();
    }
    BOOST_TEST(reported.texts.size() == 3);
}

BOOST_AUTO_TEST_CASE(destroying_one_waits_for_a_clean_up_that_nothing_may_interrupt) {
    const reports reported;
    run_virtual([] {
        int used_by_both = 0;
        {
            coroutine<> c = [&] {
                crocus::gather(
                    [&] {
                        try {
                            crocus::sleep(1h);
                        } catch (const crocus::cancelled_error&) {
                            crocus::sleep(1s);  // says goodbye
                            used_by_both = 1;
                        }
                    },
                    [] { crocus::sleep(1h); });
            };
            c.send();
            yield_now();
        }
        BOOST_TEST(used_by_both == 1);
    });
    BOOST_TEST(reported.texts.empty());
}

BOOST_AUTO_TEST_CASE(a_clean_up_may_wait_as_often_as_it_likes) {
    run_virtual([] {
        const reports seen;
        int said = 0;
        {
            coroutine<> c = [&] {
                struct goodbye {
                    int& said;
                    ~goodbye() {
                        for (int i = 0; i != 50; ++i, ++said) crocus::sleep(1ms);
                    }
                } const at_the_end{said};
                crocus::sleep(1h);
            };
            c.send();
        }
        BOOST_TEST(said == 50);
        BOOST_TEST(seen.texts.empty());
    });
}

BOOST_AUTO_TEST_CASE(a_permit_that_it_has_been_given_is_used_when_it_is_destroyed) {
    run_virtual([] {
        crocus::semaphore s(0);
        std::string log;
        {
            coroutine<> c = [&] {
                s.acquire();
                const leaving l{log, "unwound"};
                struct giving_back {
                    crocus::semaphore& of;
                    ~giving_back() { of.release(); }
                } const g{s};
                crocus::sleep(1h);
            };
            c.send();
            s.release();
        }
        BOOST_TEST(log == "unwound");
        BOOST_TEST(s.try_acquire());
    });
}

BOOST_AUTO_TEST_CASE(one_that_is_destroyed_while_it_runs_is_closed_when_it_waits) {
    const reports reported;
    std::string log;
    std::optional<coroutine<int>> c;
    c.emplace([&] {
        c.reset();
        const leaving l{log, "unwound"};
        log += "ran ";
        yield_now();
        return 1;
    });
    c->send();
    BOOST_TEST(log == "ran unwound");

    c.emplace([&] {
        c.reset();
        return 2;
    });
    BOOST_TEST(c->send().result() == 2);
    c.emplace([&] {
        c.reset();
        return 3;
    });
    BOOST_TEST(crocus::await(*c) == 3);
    BOOST_TEST(reported.texts.empty());
}

// G5, G44
BOOST_AUTO_TEST_CASE(one_that_runs_cannot_be_driven_by_itself) {
    coroutine<>* self = nullptr;
    coroutine<> c = [&] {
        BOOST_TEST((self->status() == status::running));
        BOOST_CHECK_EXCEPTION(self->send(), crocus::coroutine_already_executing,
                              [](const auto& e) { return contains(e.what(), "coroutine already executing"); });
        BOOST_CHECK_THROW(self->throw_(std::runtime_error("x")), crocus::coroutine_already_executing);
        BOOST_CHECK_THROW(self->close(), crocus::coroutine_already_executing);
        BOOST_CHECK_THROW(crocus::await(*self), crocus::coroutine_being_awaited);
        yield_now();
    };
    self = &c;
    c.send();
    BOOST_TEST(c.send().finished());
}

// ------------------------------------------------------------------------------------------------------ loops, threads

BOOST_AUTO_TEST_CASE(a_loop_that_ends_closes_what_waits_in_it) {
    const reports reported;
    std::string log;
    coroutine<> sleeping = [&] {
        const leaving l{log, "unwound "};
        crocus::sleep(1h);
    };
    coroutine<> yielding = [&] {
        yield_now();
        log += "went on";
    };
    run_virtual([&] {
        sleeping.send();
        yielding.send();
    });
    BOOST_TEST(log == "unwound ");
    BOOST_TEST((sleeping.status() == status::closed));
    BOOST_TEST(yielding.send().finished());  // it refers to no loop
    BOOST_TEST(log == "unwound went on");
    BOOST_TEST(reported.texts.empty());
}

BOOST_AUTO_TEST_CASE(one_that_does_not_leave_when_its_loop_ends_is_given_up_and_harms_nobody) {
    const reports reported;
    {
        coroutine<> c = [] {
            for (;;) try {
                    crocus::sleep(1h);
                } catch (...) {
                }
        };
        run_virtual([&] { c.send(); });
        BOOST_TEST((c.status() == status::suspended));
        BOOST_CHECK_THROW(c.send(), crocus::wrong_loop);
    }
    BOOST_REQUIRE(!reported.texts.empty());
    BOOST_TEST(contains(reported.texts.front(), "coroutine_ignored_exit"));
}

BOOST_AUTO_TEST_CASE(a_loop_that_one_still_waits_in_is_kept_since_its_frames_refer_to_it) {
    struct noting_driver : crocus::test::virtual_time_driver {
        explicit noting_driver(bool& g) : gone(g) {}
        ~noting_driver() override { gone = true; }
        bool& gone;
    };
    const reports reported;
    static bool gone = false;
    crocus::run(
        [] {
            coroutine<> c = [] {
                for (;;) try {
                        crocus::sleep(1h);
                    } catch (...) {
                    }
            };
            c.send();
        },
        {.driver = std::make_unique<noting_driver>(gone), .handle_interrupt = false});
    BOOST_TEST(!gone);
    BOOST_TEST(reported.texts.size() == 1);
}

BOOST_AUTO_TEST_CASE(one_that_waits_can_be_driven_in_its_own_loop_only) {
    std::string log;
    run_virtual([&] {
        future<int> f;
        coroutine<int> c = [&] { return f.get(); };
        const auto s = c.send();
        std::thread([&] {
            BOOST_CHECK_THROW(c.send(), crocus::wrong_loop);
            BOOST_CHECK_THROW(c.throw_(std::runtime_error("x")), crocus::wrong_loop);
            BOOST_CHECK_THROW(c.close(), crocus::wrong_loop);
            BOOST_CHECK_THROW(crocus::await(*s), crocus::wrong_loop);
        }).join();
        f.set_result(1);
        BOOST_TEST(c.send().result() == 1);
    });
}

BOOST_AUTO_TEST_CASE(one_that_waits_and_is_destroyed_on_another_thread_is_closed_by_its_loop) {
    crocus::run([] {
        std::string log;
        std::thread::id closed_on;
        future<void> f;
        std::optional<coroutine<>> c([&] {
            struct noting {
                std::thread::id& where;
                ~noting() { where = std::this_thread::get_id(); }
            } const n{closed_on};
            f.get();
        });
        c->send();
        std::thread([&] { c.reset(); }).join();
        BOOST_TEST((closed_on == std::thread::id()));
        while (closed_on == std::thread::id()) crocus::sleep(1ms);
        BOOST_TEST((closed_on == std::this_thread::get_id()));
    });
}

BOOST_AUTO_TEST_CASE(one_that_is_destroyed_on_another_thread_as_its_loop_ends_is_closed_all_the_same) {
    std::string log;
    run_virtual([&] {
        std::optional<coroutine<>> c([&] {
            const leaving l{log, "unwound"};
            crocus::sleep(1h);
        });
        c->send();
        std::thread([&] { c.reset(); }).join();
    });
    BOOST_TEST(log == "unwound");
}

BOOST_AUTO_TEST_CASE(one_that_waits_for_nothing_goes_on_on_any_thread) {
    coroutine<int> c = [] {
        yield_now();
        yield_now();
        return 1;
    };
    c.send();
    std::thread([&] { BOOST_TEST(c.send().yielded()); }).join();
    BOOST_TEST(c.send().result() == 1);
}

BOOST_AUTO_TEST_CASE(one_that_waits_when_its_thread_ends_is_closed_by_that) {
    std::string log;
    std::optional<coroutine<>> c;
    std::thread([&] {
        c.emplace([&] {
            const leaving l{log, "unwound"};
            crocus::sleep(1h);
        });
        c->send();
    }).join();
    BOOST_TEST(log == "unwound");
    BOOST_TEST((c->status() == status::closed));
}
