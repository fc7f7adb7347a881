#include <crocus/staggered_race.hpp>

#include <string>

#include <crocus/error.hpp>
#include <crocus/task_group.hpp>
#include <crocus/timeout.hpp>
#include <crocus/wait_queue.hpp>

namespace crocus::detail {

namespace {

/// One of those that race, as the next one sees it.
class racer {
public:
    void fail() noexcept {
        failed_ = true;
        failure_.notify_all();
    }

    /// Until it fails, or for this long.
    void await_failure(std::optional<duration> limit) {
        if (!failed_) move_on_after(limit, [this] { failure_.wait(); });
    }

private:
    static constexpr wait_subject subject_{"a failure, or the delay, after which the next one begins", {}};
    wait_queue failure_{subject_};
    bool failed_ = false;
};

std::string name_of(std::size_t place, std::size_t count) {
    return "attempt " + std::to_string(place + 1) + " of " + std::to_string(count);
}

}  // namespace

void race::run(void (*attempt)(void*, std::size_t), void* argument) {
    exceptions_.reserve(count_);
    std::vector<racer> racers(count_);
    with_task_group([&](task_group& group) {
        for (std::size_t place = 0; place != count_ && !winner_; ++place) {
            exceptions_.emplace_back();
            group.create_task(
                [&, place] {
                    try {
                        attempt(argument, place);
                    } catch (...) {
                        exceptions_[place] = std::current_exception();
                        return racers[place].fail();
                    }
                    if (winner_) return;
                    winner_ = place;
                    group.cancel();
                },
                {.name = name_of(place, count_)});
            if (place + 1 != count_ && !winner_) racers[place].await_failure(delay_);
        }
    });
}

}  // namespace crocus::detail
