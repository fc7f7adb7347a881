#include <crocus/testing/sequencer.hpp>

#include <string>

#include <crocus/error.hpp>

namespace crocus::testing {

sequencer::step sequencer::operator()(std::size_t number) {
    const auto require_whole = [&] {
        if (broken_)
            throw usage_error("step " + std::to_string(number) + " of a sequencer cannot come: step " +
                              std::to_string(given_up_) + " was given up, since its task was cancelled");
    };
    detail::check_can_suspend();
    if (!taken_.insert(number).second)
        throw usage_error("step " + std::to_string(number) + " of a sequencer is there twice");
    require_whole();
    while (next_ != number) {
        try {
            changed_.wait();
        } catch (...) {
            if (!broken_) given_up_ = number;
            broken_ = true;
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
