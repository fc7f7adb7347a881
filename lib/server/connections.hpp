// The connections of a server, each with a task of its own.
#pragma once

#include <cstddef>
#include <list>
#include <optional>
#include <utility>

#include <crocus/task.hpp>

#include "../detail/at_end.hpp"
#include "accepting.hpp"

namespace crocus::detail {

/// `Connection`: what the server knows of one. It is there from begin() until its task has ended.
template <class Connection>
class connections {
public:
    explicit connections(accepting& of) noexcept : accepting_(of) {}

    /// Calls `run(connection)` in a new task.
    template <class Run>
    void begin(Connection c, task_options options, Run run) {
        const auto self = all_.emplace(all_.end(), std::move(c));
        const at_end made([this, self] {
            self->being_made = false;
            if (self->ended) ended(self);
        });
        at_end end([this, self] { ended(self); });
        self->runs = create_task([self, run = std::move(run), end = std::move(end)]() mutable { run(self->value); },
                                 std::move(options));
    }

    [[nodiscard]] std::size_t size() const noexcept { return all_.size(); }

    template <class F>
    void for_each(F f) noexcept {
        for (entry& e : all_) f(e.value);
    }

    void cancel() noexcept {
        for (entry& e : all_)
            if (e.runs) e.runs->cancel("the server has ended");
    }

private:
    struct entry {
        explicit entry(Connection c) : value(std::move(c)) {}

        Connection value;
        std::optional<task<void>> runs;
        bool being_made = true;  // its task is: one that starts eagerly may have ended before its maker knows it
        bool ended = false;
    };

    void ended(typename std::list<entry>::iterator e) noexcept {
        e->ended = true;
        if (e->being_made) return;
        all_.erase(e);
        accepting_.connection_ended();
    }

    accepting& accepting_;
    std::list<entry> all_;
};

}  // namespace crocus::detail
