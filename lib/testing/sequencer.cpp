#include <crocus/testing/sequencer.hpp>

#include <algorithm>
#include <string>

#include <crocus/error.hpp>
#include <crocus/no_suspend.hpp>

namespace crocus::testing {

sequencer::step sequencer::operator()(std::size_t number) {
    const auto require_whole = [&] {
        if (given_up_ && *given_up_ < number)
            throw usage_error("step " + std::to_string(number) + " of a sequencer cannot come: step " +
                              std::to_string(*given_up_) + " was given up, since its task was cancelled");
    };
    detail::check_can_suspend();
    if (next_ != number)  // who may not wait gives no step up
        if (const agent& who = agent::current(); !who.may_suspend()) no_suspend::refuse(who);
    if (!taken_.insert(number).second)
        throw usage_error("step " + std::to_string(number) + " of a sequencer is there twice");
    require_whole();
    while (next_ != number) {
        try {
            changed_.wait();
        } catch (...) {
            given_up_ = std::min(given_up_.value_or(number), number);
            changed_.notify_all();
            throw;
        }
        require_whole();
    }
    return step(*this);
}

void sequencer::end_step() noexcept {
    ++next_;
    changed_.notify_all();
}

}  // namespace crocus::testing
