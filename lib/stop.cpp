#include <crocus/stop.hpp>

#include <optional>

#include <crocus/event_loop.hpp>

namespace crocus::detail {

/// Outlives the scope where a request of another thread is on its way to the loop.
class stop_scope::relay : public std::enable_shared_from_this<relay> {
public:
    explicit relay(stop_scope& to) noexcept : to_(&to) {}

    /// Calls back at once if the stop has been requested already.
    void listen(const std::stop_token& stop) { callback_.emplace(stop, on_stop{this}); }

    /// Thread: the loop's.
    void leave() noexcept {
        callback_.reset();  // waits for one that is called just now
        to_ = nullptr;
    }

private:
    struct on_stop {
        relay* self;
        void operator()() const { self->stop_requested(); }
    };

    void stop_requested() {
        if (event_loop::current_if_any() == &loop_) return to_->scope_.request();
        ref_.call_soon([self = shared_from_this()] {
            if (self->to_ != nullptr) self->to_->scope_.request();
        });
    }

    stop_scope* to_;
    event_loop& loop_ = event_loop::current();
    const loop_ref ref_ = loop_.ref();
    std::optional<std::stop_callback<on_stop>> callback_;
};

stop_scope::stop_scope(const std::stop_token& stop) {
    if (!stop.stop_possible()) return;
    relay_ = std::make_shared<relay>(*this);
    relay_->listen(stop);
}

stop_scope::~stop_scope() {
    if (relay_) relay_->leave();
}

}  // namespace crocus::detail
