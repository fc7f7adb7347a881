#include <crocus/no_suspend.hpp>

#include <string>

#include <crocus/error.hpp>
#include <crocus/event_loop.hpp>

#include "detail/frame_name.hpp"

namespace crocus {

namespace {
// Those of a thread end in the reverse order: while there is one its flow is not left but for one that ends its own
// first.
constinit thread_local no_suspend* innermost = nullptr;
}  // namespace

no_suspend::no_suspend(std::source_location site) noexcept : site_(site), outer_(innermost) {
    innermost = this;
    if (!event_loop::in_task()) return;
    hold_for(agent::current());
    no_yield_.emplace();
}

no_suspend::~no_suspend() {
    innermost = outer_;
    if (who_ != nullptr) who_->forbid_suspension(was_held_);
}

void no_suspend::hold_for(agent& who) noexcept {
    who_ = &who;
    was_held_ = !who.may_suspend();
    who.forbid_suspension(true);
}

void no_suspend::begin_loop(agent& main) noexcept {
    for (no_suspend* scope = innermost; scope != nullptr; scope = scope->outer_) {
        if (scope->who_ != nullptr) continue;
        scope->hold_for(main);
        scope->was_held_ = scope->outer_ != nullptr;  // the outermost one is the last to end
    }
}

void no_suspend::refuse(const agent& who) {
    const no_suspend* scope = innermost;
    while (scope != nullptr && scope->who_ != &who) scope = scope->outer_;
    std::string text = "this would suspend, and a no_suspend forbids it";
    if (scope != nullptr)
        text += " (made at " + std::string(scope->site_.file_name()) + ":" + std::to_string(scope->site_.line()) + ")";
    throw usage_error(text + ". Called: " + detail::names_of_callers());
}

}  // namespace crocus
