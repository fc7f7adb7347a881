// A small model checker for protocols between threads: runs a program of a few of them in every order of their accesses
// to what they share, and with every value that a load may see.
//
// What it covers: all interleavings; stores that are not sequentially consistent wait in a buffer of their thread's,
// first in, first out, until they are seen by others, as on x86 (TSO); loads that are not sequentially consistent may
// give any older value that the thread does not know to be outdated; plain memory and whatever an acquire reads from a
// release are ordered by happens-before, and an access to plain memory that is not is a data race; weak exchanges may
// fail once for no reason. What it does not cover: stores that overtake read-modify-writes or other stores, and loads
// of values from the future, as on processors that are weaker than x86.
//
// States that have been seen before, in whatever way they were reached, are not gone on from.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "flow.hpp"

namespace crocus::test::model {

/// What a thread knows: of each variable the oldest value that is not outdated for it, and of each thread how far that
/// has come.
class knowledge {
public:
    std::uint8_t& operator[](std::size_t i) { return of_[i]; }
    std::uint8_t operator[](std::size_t i) const { return of_[i]; }
    void join(const knowledge& other) {
        for (std::size_t i = 0; i != of_.size(); ++i) of_[i] = std::max(of_[i], other.of_[i]);
    }
    [[nodiscard]] knowledge beyond(const knowledge& known) const {
        knowledge rest;
        for (std::size_t i = 0; i != of_.size(); ++i)
            rest.of_[i] = static_cast<std::uint8_t>(std::max(of_[i], known.of_[i]) - known.of_[i]);
        return rest;
    }
    static constexpr std::size_t most_variables = 10, most_threads = 6;

private:
    std::array<std::uint8_t, most_variables + most_threads> of_{};
};

class digest {
public:
    template <class T>
    void add(const T& value) {
        std::uint64_t words[(sizeof(T) + 7) / 8] = {};
        std::memcpy(words, &value, sizeof(T));
        for (const std::uint64_t w : words) state_ = (state_ ^ w) * 0x9e3779b97f4a7c15U, state_ ^= state_ >> 29U;
    }
    [[nodiscard]] std::uint64_t value() const { return state_; }

private:
    std::uint64_t state_ = 0x2545f4914f6cdd1dU;
};

using value = std::uint64_t;

/// The threads and what they share, for one run after the other.
class world {
public:
    static world& current() { return *current_; }

    struct findings {
        std::optional<std::string> failure;
        std::size_t runs = 0;
        std::size_t states = 0;
    };

    /// Runs what Program(world) sets up in every way; it is made anew for each, at the same address. After a run in
    /// which no thread can go on any more, wrong_at_end(all_ended) is asked. Programs that are too large for all runs
    /// are given those in which so many times at most somebody is interrupted who could have gone on.
    template <class Program>
    static findings explore(std::size_t most_interruptions = ~std::size_t{0}) {
        world w;
        w.most_interruptions_ = most_interruptions;
        current_ = &w;
        findings found;
        do {
            alignas(Program) static std::byte place[sizeof(Program)];
            w.begin_run();
            auto* const program = new (place) Program(w);
            if (w.run()) {
                const bool all_ended =
                    std::all_of(w.threads_.begin(), w.threads_.end(), [](const auto& t) { return t->body.ended(); });
                if (const auto wrong = program->wrong_at_end(all_ended)) w.fail(*wrong);
            }
            w.run_out();
            program->~Program();
            ++found.runs;
        } while (!w.failure_ && (w.start_again() || w.next_path()));
        found.failure = w.failure_;
        found.states = w.seen_.size();
        current_ = nullptr;
        return found;
    }

    // --------------------------------------------------------------------------------------------------- for programs

    void add_thread(std::function<void()> f) {
        const std::size_t id = threads_.size();
        threads_.push_back(std::make_unique<thread>([f = std::move(f)](flow&) { f(); }));
        running_ = id;
        begin_epoch();
        threads_[id]->body.enter();  // up to its first access
    }
    /// The run has been given up: a thread need only come to its end.
    [[nodiscard]] bool over() const { return over_; }
    void fail(const std::string& why) {
        if (!over_ && !failure_) failure_ = why;
    }

    // ------------------------------------------------------------------------------------------------ for what is
    // shared

    std::size_t add_variable(value initial) {
        variables_.push_back({{{initial, {}}}, 0});
        return variables_.size() - 1;
    }
    std::size_t add_plain() {
        plains_.push_back({});
        return plains_.size() - 1;
    }

    /// Lets others run first, and goes on once `ready()`.
    void step(std::function<bool()> ready = {}) {
        if (over_) return;
        thread& t = me();
        t.ready = std::move(ready);
        t.body.leave();
        note(0);
    }

    value load(std::size_t v, std::memory_order order) {
        step();
        if (!over_ && loaded_.insert(v).second) start_again_ = true;
        thread& t = me();
        for (auto b = t.buffer.rbegin(); b != t.buffer.rend(); ++b)
            if (b->variable == v) return note(b->what.is);
        variable& of = variables_[v];
        const std::size_t newest = of.history.size() - 1;
        std::size_t oldest = t.knows[v];
        if (order == std::memory_order_seq_cst) oldest = std::max(oldest, of.last_in_order);
        const std::size_t index = newest - choose(newest - oldest + 1);
        const message& m = of.history[index];
        t.knows[v] = static_cast<std::uint8_t>(index);
        if (acquires(order)) t.knows.join(m.knows);
        return note(m.is);
    }

    void store(std::size_t v, value to, std::memory_order order) {
        step();
        thread& t = me();
        t.buffer.push_back({v, {to, releases(order) ? t.knows : knowledge()}});
        if (releases(order)) begin_epoch();
        if (order != std::memory_order_seq_cst) return;
        while (!t.buffer.empty()) flush(running_);
        variables_[v].last_in_order = variables_[v].history.size() - 1;
    }

    /// `change(old)` is what to store, if anything.
    template <class F>
    value exchange(std::size_t v, std::memory_order order, F change) {
        step();
        thread& t = me();
        while (!t.buffer.empty()) flush(running_);
        variable& of = variables_[v];
        const message before = of.history.back();
        t.knows[v] = static_cast<std::uint8_t>(of.history.size() - 1);
        if (acquires(order)) t.knows.join(before.knows);
        const std::optional<value> to = change(before.is);
        if (to) {
            message after{*to, before.knows};  // who reads it synchronizes with earlier releases too
            if (releases(order)) after.knows.join(t.knows);
            if (releases(order)) begin_epoch();
            append(v, std::move(after), running_);
            if (order == std::memory_order_seq_cst) of.last_in_order = of.history.size() - 1;
        }
        return note(before.is);
    }

    void read_plain(std::size_t p) {
        if (over_) return;
        plain_state& of = plains_[p];
        if (!knows_of(of.written_by, of.written_at)) fail("a data race: read, while it may be written");
        of.read_at[running_] = me().knows[knowledge::most_variables + running_];
    }
    void write_plain(std::size_t p) {
        if (over_) return;
        plain_state& of = plains_[p];
        bool ordered = knows_of(of.written_by, of.written_at);
        for (std::size_t t = 0; t != of.read_at.size(); ++t) ordered = ordered && knows_of(t, of.read_at[t]);
        if (!ordered) fail("a data race: written, while it may be read or written");
        of.written_by = running_;
        of.written_at = me().knows[knowledge::most_variables + running_];
    }

    /// What somebody leaves who releases a lock, say, for who takes it.
    void give_knowledge(knowledge& to) {
        if (over_) return;
        to.join(me().knows);
        begin_epoch();
    }
    void take_knowledge(const knowledge& from) {
        if (!over_) me().knows.join(from);
    }
    void flush_own() {
        while (!over_ && !me().buffer.empty()) flush(running_);
    }

    /// One of so many, in some run each.
    std::size_t choose(std::size_t count) {
        if (count <= 1 || over_) return 0;
        if (depth_ == path_.size()) path_.push_back({0, count});
        return path_[depth_++].taken;
    }

    /// A weak exchange fails for no reason.
    bool fails_weakly() {
        if (over_ || me().failed_weakly || choose(2) == 0) return false;
        note(~value{0});
        return me().failed_weakly = true;
    }

    /// Where this thread stands follows from these alone, and from what is added to the state.
    template <class... Values>
    void forget_all_but(const Values&... values) {
        if (over_) return;
        me().history = {};
        (me().history.add(values), ...);
    }

    /// State that is neither in a variable nor follows from what threads have read.
    void add_state(std::function<void(digest&, const knowledge& outdated)> of) { others_.push_back(std::move(of)); }

private:
    struct message {
        value is;
        knowledge knows;  // what who acquires it knows then
    };
    struct variable {
        std::vector<message> history;
        std::size_t last_in_order;  // the newest that a sequentially consistent store made
    };
    struct buffered {
        std::size_t variable;
        message what;
    };
    struct plain_state {
        std::size_t written_by = 0;
        std::uint8_t written_at = 0;
        std::array<std::uint8_t, knowledge::most_threads> read_at{};
    };
    struct thread {
        explicit thread(std::function<void(flow&)> f) : body(std::move(f)) {}
        flow body;
        std::function<bool()> ready;
        knowledge knows;
        std::deque<buffered> buffer;
        digest history;  // of its steps and what they read: where it stands follows from them
        bool failed_weakly = false;
    };
    struct choice {
        std::size_t taken, count;
    };

    static bool acquires(std::memory_order o) {
        return o == std::memory_order_acquire || o == std::memory_order_acq_rel || o == std::memory_order_seq_cst;
    }
    static bool releases(std::memory_order o) {
        return o == std::memory_order_release || o == std::memory_order_acq_rel || o == std::memory_order_seq_cst;
    }

    thread& me() { return *threads_[running_]; }
    value note(value read) {
        if (!over_) me().history.add(read);
        return read;
    }
    /// What this thread does to plain memory from here on is not what others know of already.
    void begin_epoch() { ++me().knows[knowledge::most_variables + running_]; }
    bool knows_of(std::size_t other, std::uint8_t at) {
        return other == running_ || me().knows[knowledge::most_variables + other] >= at;
    }
    void append(std::size_t v, message m, std::size_t by) {
        auto& history = variables_[v].history;
        m.knows[v] = static_cast<std::uint8_t>(history.size());
        threads_[by]->knows[v] = m.knows[v];
        history.push_back(std::move(m));
    }
    void flush(std::size_t id) {
        auto& buffer = threads_[id]->buffer;
        append(buffer.front().variable, std::move(buffer.front().what), id);
        buffer.pop_front();
    }

    // ---------------------------------------------------------------------------------------------------- the search

    void begin_run() {
        depth_ = 0;
        over_ = false;
        threads_.clear();
        variables_.clear();
        plains_.clear();
        others_.clear();
    }

    /// True if it went on until no thread could; false if it came to what was seen before, or has failed.
    bool run() {
        std::vector<std::size_t> steps;  // 2t: thread t goes on; 2t + 1: what it stored first is seen
        interruptions_ = 0;
        for (std::size_t last = 0; !failure_; last = running_) {
            steps.clear();
            const auto can_go_on = [](const thread& t) { return !t.body.ended() && (!t.ready || t.ready()); };
            const bool to_its_end = interruptions_ == most_interruptions_ && can_go_on(*threads_[last]);
            for (std::size_t t = 0; t != threads_.size(); ++t) {
                thread& of = *threads_[t];
                if (can_go_on(of) && (!to_its_end || t == last)) steps.push_back(2 * t);
                if (!of.buffer.empty()) steps.push_back(2 * t + 1);
            }
            if (steps.empty()) return true;
            if (depth_ >= path_.size() && !seen_.insert(state()).second) return false;
            const std::size_t taken = steps[choose(steps.size())];
            if (taken % 2 != 0) {
                flush(taken / 2);
                running_ = last;
            } else {
                if (taken / 2 != last && can_go_on(*threads_[last])) ++interruptions_;
                running_ = taken / 2;
                me().body.enter();
            }
        }
        return false;
    }

    /// Brings all threads to their ends.
    void run_out() {
        over_ = true;
        for (running_ = 0; running_ != threads_.size(); ++running_)
            while (!me().body.ended()) me().body.enter();
    }

    /// States were told apart as if nobody loaded a variable that somebody does load.
    bool start_again() {
        if (!start_again_) return false;
        start_again_ = false;
        path_.clear();
        seen_.clear();
        return true;
    }

    bool next_path() {
        path_.resize(std::min(depth_, path_.size()));
        while (!path_.empty() && path_.back().taken + 1 == path_.back().count) path_.pop_back();
        if (path_.empty()) return false;
        ++path_.back().taken;
        return true;
    }

    [[nodiscard]] std::uint64_t state() const {
        knowledge outdated;  // for everybody: what nobody can read any more makes no difference
        for (std::size_t v = 0; v != variables_.size(); ++v) {
            std::size_t oldest = variables_[v].history.size() - 1;
            for (const auto& t : threads_)
                if (!t->body.ended() && loaded_.contains(v)) oldest = std::min<std::size_t>(oldest, t->knows[v]);
            outdated[v] = static_cast<std::uint8_t>(oldest);
        }
        digest all;
        if (most_interruptions_ != ~std::size_t{0}) {
            all.add(interruptions_);
            all.add(running_);
        }
        for (const auto& t : threads_) {
            all.add(t->body.ended());
            if (!t->body.ended()) {
                all.add(t->history.value());
                all.add(t->failed_weakly);
                all.add(t->knows.beyond(outdated));
            }
            for (const buffered& b : t->buffer) {
                all.add(b.variable);
                all.add(b.what.is);
                all.add(b.what.knows.beyond(outdated));
            }
        }
        for (std::size_t v = 0; v != variables_.size(); ++v) {
            const auto& history = variables_[v].history;
            all.add(std::max<std::size_t>(variables_[v].last_in_order, outdated[v]) - outdated[v]);
            for (std::size_t i = outdated[v]; i != history.size(); ++i) {
                all.add(history[i].is);
                all.add(history[i].knows.beyond(outdated));
            }
        }
        for (const plain_state& p : plains_) {
            all.add(p.written_by);
            all.add(p.written_at);
            all.add(p.read_at);
        }
        for (const auto& f : others_) f(all, outdated);
        return all.value();
    }

    static inline world* current_ = nullptr;

    std::vector<choice> path_;
    std::size_t depth_ = 0;
    std::unordered_set<std::uint64_t> seen_;
    std::set<std::size_t> loaded_;  // variables, other than by read-modify-writes
    bool start_again_ = false;
    std::optional<std::string> failure_;
    bool over_ = false;
    std::size_t most_interruptions_ = 0;
    std::size_t interruptions_ = 0;
    std::size_t running_ = 0;
    std::vector<std::unique_ptr<thread>> threads_;
    std::vector<variable> variables_;
    std::vector<plain_state> plains_;
    std::vector<std::function<void(digest&, const knowledge& outdated)>> others_;
};

// ------------------------------------------------------------------------------------------------------ what is shared

/// Memory that is not atomic.
template <class T>
class plain {
public:
    plain(T initial = {}) : is_(initial) {}
    plain& operator=(T to) {
        world::current().write_plain(id_);
        is_ = to;
        return *this;
    }
    operator T() const {
        world::current().read_plain(id_);
        return is_;
    }

private:
    std::size_t id_ = world::current().add_plain();
    T is_;
};

template <class T>
class atomic {
public:
    atomic(T initial) : id_(world::current().add_variable(encoded(initial))) {}

    T load(std::memory_order order) const { return decoded(world::current().load(id_, order)); }
    void store(T to, std::memory_order order) { world::current().store(id_, encoded(to), order); }
    T exchange(T to, std::memory_order order) {
        return decoded(world::current().exchange(id_, order, [&](value) { return std::optional(encoded(to)); }));
    }
    template <class Expected>
    bool compare_exchange_weak(Expected& expected, T to, std::memory_order success, std::memory_order) {
        const T wanted = expected;
        bool done = false;
        const T old = decoded(world::current().exchange(id_, success, [&](value is) -> std::optional<value> {
            done = decoded(is) == wanted && !world::current().fails_weakly();
            if (!done) return std::nullopt;
            return encoded(to);
        }));
        if (!done) expected = old;
        return done;
    }

private:
    static value encoded(T t) {
        value v = 0;
        std::memcpy(&v, &t, sizeof t);
        return v;
    }
    static T decoded(value v) {
        T t;
        std::memcpy(&t, &v, sizeof t);
        return t;
    }

    std::size_t id_;
};

class mutex {
public:
    mutex() {
        world::current().add_state([this](digest& d, const knowledge& outdated) {
            d.add(held_);
            d.add(knows_.beyond(outdated));
        });
    }
    void lock() {
        world& w = world::current();
        w.step([this] { return !held_; });
        w.flush_own();
        held_ = true;
        w.take_knowledge(knows_);
    }
    void unlock() {
        world& w = world::current();
        w.step();
        w.flush_own();
        w.give_knowledge(knows_);
        held_ = false;
    }

private:
    bool held_ = false;
    knowledge knows_;
};

}  // namespace crocus::test::model
