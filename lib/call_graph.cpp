#include <crocus/call_graph.hpp>

#include <algorithm>
#include <cstdlib>
#include <set>
#include <span>
#include <utility>

#include <crocus/detail/coroutine_state.hpp>
#include <crocus/detail/generator_state.hpp>
#include <crocus/error.hpp>

#include "detail/frame_name.hpp"

namespace crocus {

namespace detail {

namespace {

constexpr std::size_t most_frames = 1U << 16U;  // of one stack: it may be damaged
constexpr std::size_t most_waits = 100;  // from the first one to the last: each takes a part of the caller's stack

/// Collects the graph of those who await somebody.
class graph_maker {
public:
    explicit graph_maker(call_graph_options options) noexcept : limit_(options.limit) {}

    call_graph of(const future_state& state) {
        if (const auto* const task = dynamic_cast<const task_agent*>(&state)) return of(*task, state);
        return make(&state, state.to_string(), no_stack, &state);
    }

    call_graph of(const agent& who) {
        if (const auto* const task = dynamic_cast<const task_agent*>(&who))
            return of(*task, const_cast<task_agent*>(task)->outcome());
        if (const auto* const coroutine = dynamic_cast<const coroutine_state*>(&who))
            return make(&who, coroutine->describe(), no_stack, nullptr);
        const auto* const main = dynamic_cast<const green_agent*>(&who);
        if (main == nullptr) return make(&who, "?", no_stack, nullptr);
        return make(
            main, main->describe(), [main] { return stack_of(*main); }, nullptr);
    }

private:
    call_graph of(const task_agent& task, const future_state& outcome) {
        const auto stack = [&] { return outcome.done() ? addresses() : stack_of(task); };
        return make(&task, outcome.to_string(), stack, &outcome);
    }

    using addresses = std::vector<void*>;
    static addresses no_stack() { return {}; }

    template <class Stack>
    call_graph make(const void* identity, std::string who, Stack stack, const future_state* outcome) {
        call_graph made{.who = std::move(who), .call_stack = {}, .awaited_by = {}};
        made.shown_before = !shown_.insert(identity).second;
        if (made.shown_before) return made;
        const addresses whole = stack();
        for (void* const address : limited(whole)) made.call_stack.push_back({address, frame_name(address)});
        if (outcome == nullptr || depth_ == most_waits) return made;
        ++depth_;
        for (const agent* const waits : outcome->awaited_by()) made.awaited_by.push_back(of(*waits));
        --depth_;
        return made;
    }

    [[nodiscard]] std::span<void* const> limited(const addresses& stack) const noexcept {
        const std::span all(stack);
        const auto count = std::min(all.size(), static_cast<std::size_t>(std::abs(long{limit_})));
        return limit_ >= 0 ? all.first(count) : all.last(count);
    }

    static addresses stack_of(const green_agent& who) {
        addresses found;
        const fiber* on = who.flow;
        if (who.loop().running_or_driving() == &who) {
            append(found, [](std::span<void*> into) { return fiber::frames_of_caller(into); });
            on = append_behind(found, fiber::current());
        }
        while (on != nullptr) {
            append(found, [on](std::span<void*> into) { return on->frames(into); });
            on = append_behind(found, *on);
        }
        return found;
    }

    /// The frames of who delegates to the generator whose body is on `f`, if one is. Returns who resumed it.
    static const fiber* append_behind(addresses& found, const fiber& f) {
        struct {
            addresses& found;
            const fiber* last = nullptr;
        } walk{found};
        generator_state::visit_fibers_behind(
            f,
            [](const fiber& behind, void* argument) {
                auto& w = *static_cast<decltype(walk)*>(argument);
                if (w.last != nullptr) append(w.found, [&w](std::span<void*> into) { return w.last->frames(into); });
                w.last = &behind;
            },
            &walk);
        return walk.last;
    }

    template <class Frames>
    static void append(addresses& to, Frames frames) {
        addresses part(64);
        std::size_t found = frames(std::span(part));
        while (found == part.size() && found < most_frames) {
            part.resize(2 * part.size());
            found = frames(std::span(part));
        }
        to.insert(to.end(), part.data(), part.data() + found);
    }

    int limit_;
    std::set<const void*> shown_;
    std::size_t depth_ = 0;
};

void append_indented(std::string& text, const call_graph& graph, const std::string& indent) {
    text += indent + "* " + graph.who + '\n';
    if (graph.shown_before) {
        text += indent + "  (shown above)\n";
        return;
    }
    if (!graph.call_stack.empty()) text += indent + "  + Call stack:\n";
    for (const auto& frame : graph.call_stack) text += indent + "  |   " + frame.function + '\n';
    if (!graph.awaited_by.empty()) text += indent + "  + Awaited by:\n";
    for (const auto& waits : graph.awaited_by) append_indented(text, waits, indent + "    ");
}

}  // namespace

call_graph graph_of(future_state& of, call_graph_options options) { return graph_maker(options).of(of); }

}  // namespace detail

call_graph capture_call_graph(call_graph_options options) { return capture_call_graph(current_task(), options); }

call_graph capture_call_graph(const any_task& of, call_graph_options options) {
    return detail::graph_maker(options).of(of.agent());
}

std::string format_call_graph(const call_graph& graph) {
    std::string text;
    detail::append_indented(text, graph, "");
    return text;
}

std::string format_all_tasks(call_graph_options options) {
    event_loop& loop = event_loop::current();
    std::string text = format_call_graph(detail::graph_maker(options).of(loop.main_agent()));
    for (auto* task = loop.tasks().first(); task != nullptr; task = task->next_task)
        text += format_call_graph(detail::graph_maker(options).of(*task));
    return text;
}

}  // namespace crocus
