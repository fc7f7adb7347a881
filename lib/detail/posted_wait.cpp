#include <crocus/detail/posted_wait.hpp>

#include <crocus/detail/block_pool.hpp>

namespace crocus::detail {

namespace {

class waiting_room final : public callback {
public:
    waiting_room(posted_wait& owner, const wait_subject& subject) noexcept
        : callback(std::source_location::current()), queue(subject), owner_(&owner) {}

    static void* operator new(std::size_t) { return allocate_block<sizeof(waiting_room)>(); }
    static void operator delete(void* block) noexcept { free_block<sizeof(waiting_room)>(block); }

    void call() override {
        owner_ = nullptr;
        queue.notify_all();
    }
    /// It was called, or never will be.
    void release() noexcept override {
        if (owner_ != nullptr) std::exchange(owner_, nullptr)->loop_ended();
    }
    void disown() noexcept { owner_ = nullptr; }

    wait_queue queue;

private:
    posted_wait* owner_;  // while it waits
};

waiting_room& room(const counted<callback>& c) noexcept { return static_cast<waiting_room&>(*c); }

}  // namespace

void posted_wake::post() noexcept {
    if (room_) loop_->post(std::move(room_));
}

bool posted_wake::ends(const posted_wait& w) const noexcept { return room_.get() == w.room_.get(); }

posted_wait::posted_wait(event_loop& loop, const wait_subject& subject)
    : loop_(loop), room_(new waiting_room(*this, subject)) {}

posted_wait::~posted_wait() { room(room_).disown(); }

void posted_wait::wait(wait_queue::parked& as, const time_point* deadline) {
    struct time_limit {
        handle timer;
        ~time_limit() { timer.cancel(); }
    } set;
    if (deadline != nullptr) set.timer = loop_.call_at(*deadline, [r = room_] { room(r).queue.notify_all(); });
    room(room_).queue.wait(as);
}

}  // namespace crocus::detail
