// How a loop and those who post to it find each other, in a model: every order of what they do. The protocol is the
// real one (crocus/detail/inbox.hpp); each of its orders and steps is also taken away, and each time that is found.
#define BOOST_TEST_MODULE detail_inbox
#include <boost/test/unit_test.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <string>

#include <crocus/detail/inbox.hpp>

#include "../support/model.hpp"
#include "../support/seeds.hpp"

namespace model = crocus::test::model;
using model::world;

namespace {

/// A callback on its way.
struct entry {
    model::plain<entry*> next;
    model::plain<int> content;
    std::size_t poster = 0;
    int number = 0;
    int taken = 0;
    int discarded = 0;
    bool refused = false;
};

/// The eventfd.
class driver {
public:
    driver() {
        world::current().add_state([this](model::digest& d, const model::knowledge& outdated) {
            d.add(count_);
            d.add(knows_.beyond(outdated));
            d.add(gone_);
            d.add(announced - wakes);
        });
    }
    void wake() {
        world& w = world::current();
        w.step();
        if (gone_) w.fail("a driver was woken that is gone");
        ++wakes;
        if (wakes > announced) w.fail("one sleep was ended twice");
        w.give_knowledge(knows_);
        count_ = 1;
    }
    void poll(bool blocks) {
        world& w = world::current();
        w.step([this, blocks] { return !blocks || count_ != 0; });
        w.take_knowledge(knows_);
        count_ = 0;
    }
    void destroy() { gone_ = true; }

    int announced = 0;  // how often the loop has said that it sleeps
    int wakes = 0;

private:
    int count_ = 0;
    model::knowledge knows_;
    bool gone_ = false;
};

struct types : crocus::detail::inbox_orders {
    template <class T>
    using atomic = model::atomic<T>;
    using mutex = model::mutex;
    using entry = ::entry;
    using driver = ::driver;
    static void discard(entry* e) {
        while (e != nullptr) {
            entry* const next = e->next;
            static_cast<void>(int{e->content});
            ++e->discarded;
            e = next;
        }
    }
};
using protocol = crocus::detail::inbox_protocol<types>;

/// So many threads post so often each.
template <class Protocol, std::size_t Posters, int Posts>
class posting {
protected:
    static constexpr int total = static_cast<int>(Posters) * Posts;

    void add_posters(world& w) {
        for (std::size_t p = 0; p != Posters; ++p) {
            for (int i = 0; i != Posts; ++i) {
                entries[p][static_cast<std::size_t>(i)].poster = p;
                entries[p][static_cast<std::size_t>(i)].number = i;
            }
            w.add_thread([this, p] {
                for (entry& e : entries[p]) {
                    world::current().forget_all_but(e.number);
                    e.content = 1;
                    e.refused = !inbox.post(e);
                }
            });
        }
    }
    /// What the loop does with all that has come.
    void take(world& w) {
        for (entry* e = inbox.take(); e != nullptr;) {
            entry* const next = e->next;
            static_cast<void>(int{e->content});
            ++e->taken;
            ++taken;
            if (e->number != last[e->poster]++) w.fail("what one thread posted came in another order");
            e = next;
        }
    }
    /// The end of an iteration.
    void look_outside(world& w) {
        w.forget_all_but(taken, last);
        ++the_driver.announced;
        the_driver.poll(inbox.fall_asleep());
        inbox.wake_up();
        take(w);
    }

    driver the_driver;
    Protocol inbox{the_driver};
    std::array<std::array<entry, Posts>, Posters> entries;
    std::array<int, Posters> last{};
    int taken = 0;
};

/// A loop that sleeps whenever there is nothing to do, until it has got all.
template <class Protocol, std::size_t Posters, int Posts>
struct sleeping : posting<Protocol, Posters, Posts> {
    explicit sleeping(world& w) {
        w.add_thread([this, &w] {
            this->take(w);
            while (this->taken < this->total && !w.over()) this->look_outside(w);
        });
        this->add_posters(w);
    }
    std::optional<std::string> wrong_at_end(bool all_ended) {
        if (!all_ended) return "the loop sleeps, and something is posted";
        for (auto& of_one : this->entries)
            for (entry& e : of_one)
                if (e.taken != 1 || e.refused) return "something was not taken once";
        return std::nullopt;
    }
};

/// A loop that is closed while others post.
template <class Protocol, std::size_t Posters, int Posts>
struct closing : posting<Protocol, Posters, Posts> {
    explicit closing(world& w) {
        w.add_thread([this, &w] {
            ++this->the_driver.announced;
            static_cast<void>(this->inbox.fall_asleep());
            this->the_driver.poll(false);  // a timer, say, was due
            this->inbox.wake_up();
            this->take(w);
            this->inbox.close();
            this->the_driver.destroy();
        });
        this->add_posters(w);
    }
    std::optional<std::string> wrong_at_end(bool all_ended) {
        if (!all_ended) return "somebody hangs";
        for (auto& of_one : this->entries)
            for (entry& e : of_one)
                if (e.taken + e.discarded + (e.refused ? 1 : 0) != 1)
                    return "something was lost in the close, or twice";
        return std::nullopt;
    }
};

template <class Program>
std::string outcome(std::size_t most_interruptions = ~std::size_t{0}) {
    const auto found = world::explore<Program>(most_interruptions);
    BOOST_TEST_MESSAGE(found.states << " states, " << found.runs << " runs: " << found.failure.value_or("in order"));
    return found.failure.value_or("in order");
}

// -------------------------------------------------------------------------------------------------- planted faults

// One order or one step taken away from the protocol, each.

struct relaxed_push : types {
    static constexpr auto push = std::memory_order_relaxed;
};
struct relaxed_take : types {
    static constexpr auto take = std::memory_order_relaxed;
};
struct relaxed_announce : types {
    static constexpr auto announce = std::memory_order_relaxed;
};
struct releasing_announce : types {
    static constexpr auto announce = std::memory_order_release;
};
struct acquiring_look : types {
    static constexpr auto look = std::memory_order_acquire;
};
struct releasing_push : types {
    static constexpr auto push = std::memory_order_release;
};
struct acquiring_take : types {
    static constexpr auto take = std::memory_order_acquire;
};

struct without_a_second_look : protocol {
    using protocol::protocol;
    bool fall_asleep() {
        asleep_.store(true, types::announce);
        return true;
    }
};
struct looks_before_it_says_so : protocol {
    using protocol::protocol;
    bool fall_asleep() {
        if (newest_.load(types::look) != nullptr) return false;
        asleep_.store(true, types::announce);
        return true;
    }
};
struct sees_before_it_pushes : protocol {
    using protocol::protocol;
    bool post(entry& e) {
        const bool asleep = asleep_.exchange(false, types::see);
        e.next = newest_.load(std::memory_order_relaxed);
        while (!newest_.compare_exchange_weak(e.next, &e, types::push, std::memory_order_relaxed)) {
        }
        if (asleep) wake();
        return true;
    }
};
struct wakes_in_two_steps : protocol {
    using protocol::protocol;
    bool post(entry& e) {
        e.next = newest_.load(std::memory_order_relaxed);
        while (!newest_.compare_exchange_weak(e.next, &e, types::push, std::memory_order_relaxed)) {
        }
        if (asleep_.load(types::see)) {
            asleep_.store(false, types::announce);
            wake();
        }
        return true;
    }
};
struct takes_the_newest_first : protocol {
    using protocol::protocol;
    entry* take() { return newest_.exchange(nullptr, types::take); }
};
/// What comes after the last take stays where it is.
struct posts_and_goes : protocol {
    using protocol::protocol;
    bool post(entry& e) {
        if (closed_.load(std::memory_order_acquire)) return false;
        e.next = newest_.load(std::memory_order_relaxed);
        while (!newest_.compare_exchange_weak(e.next, &e, types::push, std::memory_order_relaxed)) {
        }
        if (asleep_.exchange(false, types::see)) wake();
        return true;
    }
};
struct closes_without_a_lock : protocol {
    using protocol::protocol;
    void close() {
        closed_.store(true, std::memory_order_release);
        types::discard(take());
    }
};

template <class Types>
using weakened = crocus::detail::inbox_protocol<Types>;

const std::string in_order = "in order";
const std::string lost_wake_up = "the loop sleeps, and something is posted";
const std::string twice = "one sleep was ended twice";
const std::string race = "a data race: read, while it may be written";
const std::string wrong_order = "what one thread posted came in another order";
const std::string lost_in_close = "something was lost in the close, or twice";
const std::string driver_gone = "a driver was woken that is gone";

}  // namespace

// Under a sanitizer, where making a fiber takes long, only what takes a second.
BOOST_AUTO_TEST_CASE(no_post_is_left_while_the_loop_sleeps_and_each_sleep_is_ended_once) {
    BOOST_TEST((outcome<sleeping<protocol, 1, 2>>()) == in_order);
    BOOST_TEST((outcome<sleeping<protocol, 2, 1>>(2)) == in_order);
    if (crocus::test::sanitized) return;
    BOOST_TEST((outcome<sleeping<protocol, 1, 3>>()) == in_order);
    BOOST_TEST((outcome<sleeping<protocol, 2, 1>>()) == in_order);
    BOOST_TEST((outcome<sleeping<protocol, 2, 2>>(2)) == in_order);
    BOOST_TEST((outcome<sleeping<protocol, 3, 1>>(2)) == in_order);
}

BOOST_AUTO_TEST_CASE(a_close_loses_no_post_in_silence_and_its_driver_is_left_alone) {
    BOOST_TEST((outcome<closing<protocol, 1, 2>>()) == in_order);
    BOOST_TEST((outcome<closing<protocol, 2, 1>>(2)) == in_order);
    if (crocus::test::sanitized) return;
    BOOST_TEST((outcome<closing<protocol, 2, 1>>()) == in_order);
    BOOST_TEST((outcome<closing<protocol, 2, 2>>(2)) == in_order);
}

BOOST_AUTO_TEST_CASE(each_order_that_is_weakened_is_found) {
    BOOST_TEST((outcome<sleeping<weakened<relaxed_take>, 1, 1>>()) == race);
    BOOST_TEST((outcome<sleeping<weakened<releasing_push>, 1, 1>>()) == lost_wake_up);
    BOOST_TEST((outcome<sleeping<weakened<relaxed_announce>, 1, 1>>()) == lost_wake_up);
    BOOST_TEST((outcome<sleeping<weakened<releasing_announce>, 1, 1>>()) == lost_wake_up);
    BOOST_TEST((outcome<sleeping<weakened<acquiring_look>, 1, 1>>()) == lost_wake_up);
    BOOST_TEST((outcome<closing<weakened<releasing_push>, 1, 1>>()) == lost_in_close);
    BOOST_TEST((outcome<closing<weakened<acquiring_take>, 1, 1>>()) == lost_in_close);
    BOOST_TEST((outcome<closing<weakened<relaxed_push>, 1, 1>>()) == lost_in_close);
}

BOOST_AUTO_TEST_CASE(each_step_that_is_left_out_or_moved_is_found) {
    BOOST_TEST((outcome<sleeping<without_a_second_look, 1, 1>>()) == lost_wake_up);
    BOOST_TEST((outcome<sleeping<looks_before_it_says_so, 1, 1>>()) == lost_wake_up);
    BOOST_TEST((outcome<sleeping<sees_before_it_pushes, 1, 1>>()) == lost_wake_up);
    BOOST_TEST((outcome<sleeping<wakes_in_two_steps, 2, 1>>()) == twice);
    BOOST_TEST((outcome<sleeping<takes_the_newest_first, 1, 2>>()) == wrong_order);
    BOOST_TEST((outcome<closing<posts_and_goes, 1, 1>>()) == lost_in_close);
    BOOST_TEST((outcome<closing<closes_without_a_lock, 1, 1>>()) == driver_gone);
}
