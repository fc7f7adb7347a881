#define BOOST_TEST_MODULE wait_queue_interleavings
#include <boost/test/unit_test.hpp>
#include <mutex>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include <crocus/error.hpp>
#include <crocus/sync/barrier.hpp>
#include <crocus/sync/condition_variable.hpp>
#include <crocus/sync/event.hpp>
#include <crocus/sync/mutex.hpp>
#include <crocus/sync/once_flag.hpp>
#include <crocus/sync/semaphore.hpp>
#include <crocus/task.hpp>
#include <crocus/timeout.hpp>

#include "support/seeds.hpp"
#include "support/virtual_time.hpp"

using crocus::create_task;
using crocus::test::run_virtual;
using namespace std::chrono_literals;

namespace {

/// One more of `count` as long as it lives.
class counted_scope {
public:
    explicit counted_scope(int& count) : count_(count) { ++count_; }
    counted_scope(const counted_scope&) = delete;
    counted_scope& operator=(const counted_scope&) = delete;
    ~counted_scope() { --count_; }

private:
    int& count_;
};

/// Tasks that do at random what can be done with every primitive, in random time limits, and are cancelled at random.
class world {
public:
    explicit world(unsigned seed) : random_(seed) {}

    void run() {
        for (int i = 0; i != 6; ++i) actors_.push_back(create_task([this] { act(); }));
        for (int i = 0; i != 12; ++i) {
            disturb();
            settle((1 + below(3)) * 1ms);
        }
        // From here on everybody can end.
        happened_.set();
        barrier_.abort();
        for (bool over = false; !over;) {
            supply();
            settle(1ms);
            over = true;
            for (const auto& actor : actors_) over = over && actor.done();
        }
        for (auto& actor : actors_) end(actor);
        require(!mutex_.locked(), "the mutex is left locked");
        require(semaphore_.available() == permits, "a permit is missing");
        require(supplied_ == consumed_ + tokens_, "a token is missing");
        require(barrier_.waiting() == 0, "somebody is left at the barrier");
        require(calls_ <= 1, "once was twice");
    }

private:
    static constexpr int permits = 2;

    unsigned below(unsigned n) { return static_cast<unsigned>(random_()) % n; }

    static void require(bool holds, const char* otherwise) {
        if (!holds) throw std::logic_error(otherwise);
    }

    /// Lets time pass. Actors sleep whole milliseconds, from where they were woken: nobody's time is up now, and whoever
    /// could run has run.
    void settle(crocus::duration d) {
        crocus::sleep(d + 1us);
        examine();
    }

    /// What must hold whenever nobody can run.
    void examine() {
        const auto waits = [](const auto& of) { return of.to_string().find("waiters:") != std::string::npos; };
        require(mutex_.locked() || !waits(mutex_), "somebody waits for a free mutex");
        require(in_mutex_ == (mutex_.locked() ? 1 : 0), "the mutex is locked by nobody");
        require(semaphore_.locked() || !waits(semaphore_), "somebody waits for a free permit");
        require(static_cast<int>(semaphore_.available()) + with_permit_ == permits, "a permit is missing");
        require(!happened_.is_set() || !waits(happened_), "somebody waits for what has happened");
        require(tokens_ == 0 || waiting_for_token_ == 0 || mutex_.locked(), "somebody waits for a token that is there");
        require(static_cast<int>(barrier_.waiting()) == at_barrier_, "the barrier counts wrong");
        require(at_barrier_ < 3, "a complete party waits");
    }

    void disturb() {
        if (below(2) == 0) actors_[below(6)].cancel();
        if (below(3) == 0) supply();
        if (below(4) == 0) happened_.set();
        if (below(4) == 0) happened_.clear();
        if (below(8) == 0) barrier_.reset();
        for (auto& actor : actors_) {
            if (!actor.done() || below(2) == 0) continue;
            end(actor);
            actor = create_task([this] { act(); });
        }
    }

    void supply() {
        ++tokens_;
        ++supplied_;
        changed_.notify_one();
    }

    void end(crocus::task<void>& actor) {
        try {
            actor.get();
        } catch (const crocus::cancelled_error&) {
            // As often as not.
        }
    }

    void act() {
        for (unsigned left = below(6); left != 0; --left) {
            const auto once = [this] { do_something(); };
            try {
                if (below(3) == 0)
                    crocus::move_on_after(below(3) * 1ms, once);
                else
                    once();
            } catch (const crocus::broken_barrier&) {
                crocus::yield_now();
            } catch (const crocus::cancelled_error&) {
                if (below(2) == 0) throw;  // others go on
            }
        }
    }

    void pause() {
        switch (below(3)) {
            case 0:
                return;
            case 1:
                return crocus::yield_now();
            default:
                return crocus::sleep(below(3) * 1ms);
        }
    }

    void hold_mutex() {
        const counted_scope inside(in_mutex_);
        require(in_mutex_ == 1, "two have the mutex");
        pause();
    }

    void hold_permit() {
        const counted_scope inside(with_permit_);
        require(with_permit_ <= permits, "more have a permit than there are");
        pause();
    }

    void consume_token() {
        std::unique_lock lock(mutex_);
        const counted_scope waiting(waiting_for_token_);
        const auto there = [this] { return tokens_ != 0; };
        if (below(3) == 0) {
            if (!changed_.wait_for(lock, below(3) * 1ms, there)) return;
        } else {
            changed_.wait(lock, there);
        }
        require(lock.owns_lock() && mutex_.locked(), "a condition ended without the lock");
        require(tokens_ > 0, "a condition ended without its predicate");
        --tokens_;
        ++consumed_;
    }

    void meet() {
        const counted_scope there(at_barrier_);
        barrier_.arrive_and_wait();
    }

    void do_something() {
        switch (below(9)) {
            case 0: {
                const std::lock_guard lock(mutex_);
                return hold_mutex();
            }
            case 1: {
                const std::unique_lock lock(mutex_, below(3) * 1ms);
                return lock.owns_lock() ? hold_mutex() : void();
            }
            case 2: {
                const crocus::semaphore::permit held(semaphore_);
                return hold_permit();
            }
            case 3: {
                if (!semaphore_.try_acquire_for(below(3) * 1ms)) return;
                struct back {
                    crocus::semaphore& of;
                    ~back() { of.release(); }
                } const at_end{semaphore_};
                return hold_permit();
            }
            case 4:
                return happened_.wait();
            case 5:
                return static_cast<void>(happened_.wait_for(below(3) * 1ms));
            case 6:
                return consume_token();
            case 7:
                return meet();
            default:
                return call_once(once_, [this] {
                    pause();
                    ++calls_;
                });
        }
    }

    std::minstd_rand random_;
    crocus::mutex mutex_;
    crocus::semaphore semaphore_{permits};
    crocus::condition_variable changed_;
    crocus::event happened_;
    crocus::barrier barrier_{3};
    crocus::once_flag once_;
    std::vector<crocus::task<void>> actors_;
    int in_mutex_ = 0;
    int with_permit_ = 0;
    int waiting_for_token_ = 0;
    int at_barrier_ = 0;
    int calls_ = 0;
    int tokens_ = 0;
    int supplied_ = 0;
    int consumed_ = 0;
};

}  // namespace

BOOST_AUTO_TEST_CASE(nothing_is_lost_and_nobody_waits_in_vain_whatever_meets) {  // Q1 to Q9, T11 of the users
    const crocus::test::seed_range seeds(4'000);
    for (unsigned seed = seeds.first; seed != seeds.end; ++seed) {
        BOOST_TEST_CONTEXT("seed " << seed) { run_virtual([&] { world(seed).run(); }); }
    }
}
