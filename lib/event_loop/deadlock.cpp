// What is said of a loop in which everybody waits for ever: who waits for what, and who waits for himself.
#include <crocus/event_loop.hpp>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include <crocus/detail/coroutine_state.hpp>
#include <crocus/detail/task_state.hpp>
#include <crocus/wait_queue.hpp>

#include "../detail/other_threads.hpp"
#include "signals.hpp"

namespace crocus {

namespace {

constexpr std::size_t most_shown = 100;

std::string at(const std::source_location& site) {
    if (site.line() == 0) return "";
    return " (made at " + std::string(site.file_name()) + ":" + std::to_string(site.line()) + ")";
}

std::string short_name(const agent& who) {
    if (const auto* const task = dynamic_cast<const detail::task_agent*>(&who)) return "task '" + task->name() + "'";
    if (const auto* const main = dynamic_cast<const detail::green_agent*>(&who)) return main->describe();
    if (const auto* const c = dynamic_cast<const detail::coroutine_state*>(&who)) return c->describe();
    return "?";
}

/// The agents of a loop, and whose end or doing each of them waits for.
class wait_graph {
public:
    wait_graph(const agent& main, const detail::green_agent* tasks, const detail::coroutine_state* coroutines) {
        add(main);
        for (auto* t = tasks; t != nullptr; t = t->next_task) add(*t);
        for (auto* c = coroutines; c != nullptr; c = c->next_waiting()) add(*c);
        for (auto& [who, n] : nodes_) look(*who, n);
        // Who waits for several tasks at once stands in the queue of each.
        for (auto* t = tasks; t != nullptr; t = t->next_task)
            if (const auto* const task = dynamic_cast<const detail::task_agent*>(t))
                for (const agent* const waits : const_cast<detail::task_agent*>(task)->outcome().awaited_by())
                    note(waits, *t);
    }

    [[nodiscard]] std::string text() {
        std::string all;
        for (std::size_t i = 0; i != std::min(order_.size(), most_shown); ++i)
            all += "\n  " + describe(*order_[i]) + " waits for " + what(nodes_.at(order_[i]));
        if (order_.size() > most_shown) all += "\n  and " + std::to_string(order_.size() - most_shown) + " more";
        for (const agent* const who : order_) {
            if (!find_cycle(*who)) continue;
            all += "\n  in a circle: " + short_name(*path_.front());
            for (std::size_t i = 0; i != path_.size(); ++i)
                all += " -> " + step(nodes_.at(path_[i]), *path_[(i + 1) % path_.size()]);
            break;
        }
        return all;
    }

private:
    struct node {
        std::string subject;             // what it waits for, by itself; empty: that has no name
        bool subject_is_future = false;  // which names a task itself
        std::vector<const agent*> on;    // whose doing would end the wait
        bool seen = false;
    };

    void add(const agent& who) {
        nodes_.try_emplace(&who);
        order_.push_back(&who);
    }

    void note(const agent* who, const agent& on) {
        const auto found = nodes_.find(who);
        if (found == nodes_.end() || std::ranges::find(found->second.on, &on) != found->second.on.end()) return;
        found->second.on.push_back(&on);
    }

    void look(const agent& who, node& of) {
        const detail::waiter* const as = who.waits_as();
        if (as == nullptr) return;
        if (const auto* const one = dynamic_cast<const detail::awaiting*>(as)) {
            of.subject = one->target().describe();
            of.subject_is_future = true;
        } else if (const auto* const subject = as->queue() != nullptr ? as->queue()->subject() : nullptr) {
            of.subject = subject->kind + at(subject->made);
            if (nodes_.contains(subject->holder)) of.on.push_back(subject->holder);  // else it has ended
        }
    }

    [[nodiscard]] static std::string describe(const agent& who) {
        const auto* const green = dynamic_cast<const detail::green_agent*>(&who);
        return green != nullptr ? short_name(who) + at(green->made_at()) : short_name(who);
    }

    [[nodiscard]] static std::string what(const node& of) {
        if (of.subject_is_future) return of.subject;
        std::string names;
        for (const agent* const on : of.on) names += (names.empty() ? "" : ", ") + short_name(*on);
        if (of.subject.empty()) return names.empty() ? "something that has no name" : names;
        return of.subject + (names.empty() ? "" : ", held by " + names);
    }

    [[nodiscard]] static std::string step(const node& of, const agent& next) {
        if (of.subject.empty() || of.subject_is_future) return short_name(next);
        return of.subject + ", held by " + short_name(next);
    }

    /// Leaves it in path_. Looks at nobody twice, over all calls.
    bool find_cycle(const agent& from) {
        path_.clear();
        struct frame {
            node* at;
            std::size_t next = 0;
        };
        std::vector<frame> frames;
        const auto enter = [&](const agent& who) {
            node& n = nodes_.at(&who);
            n.seen = true;
            path_.push_back(&who);
            frames.push_back({&n});
        };
        if (nodes_.at(&from).seen) return false;
        enter(from);
        while (!frames.empty()) {
            frame& top = frames.back();
            if (top.next == top.at->on.size()) {
                frames.pop_back();
                path_.pop_back();
                continue;
            }
            const agent* const on = top.at->on[top.next++];
            if (const auto again = std::ranges::find(path_, on); again != path_.end()) {
                path_.erase(path_.begin(), again);
                return true;
            }
            if (const auto found = nodes_.find(on); found != nodes_.end() && !found->second.seen) enter(*on);
        }
        return false;
    }

    std::map<const agent*, node> nodes_;
    std::vector<const agent*> order_;
    std::vector<const agent*> path_;
};

}  // namespace

bool event_loop::awaits_other_threads() const noexcept {
    return foreign_waits_ > foreign_works_ && detail::other_threads_possible();
}

bool event_loop::others_may_wake() const noexcept {
    return (signals_ && !signals_->empty()) || (inbox_.use_count() > 1 && detail::other_threads_possible());
}

/// Nothing is ready, and nothing will be.
bool event_loop::waits_in_vain() const noexcept {
    return timers_.empty() && !driver_->may_be_woken() && !others_may_wake() && !idles();
}

std::string event_loop::explain_deadlock() const {
    return "nothing is ready, no timer is set, and nothing from outside can come: everybody waits for ever" +
           wait_graph(*main_, tasks_.first(), waiting_coroutines_).text();
}

}  // namespace crocus
