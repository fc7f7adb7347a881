#include "base_state.hpp"

#include <limits>
#include <system_error>

#include <crocus/context_var.hpp>
#include <crocus/task.hpp>

#include "../detail/at_end.hpp"

namespace crocus {

namespace {

constexpr std::size_t usual_high_water = std::size_t{64} << 10;
constexpr std::size_t writes_dropped_in_silence = 4;

template <class F>
std::optional<address> unless_it_has_none(F f) {
    try {
        return f();
    } catch (const std::exception&) {
        return std::nullopt;  // a pipe; a peer that is gone already
    }
}

}  // namespace

base_transport::state::state(socket over, std::shared_ptr<base_protocol> p)
    : socket_(std::move(over)),
      protocol_(std::move(p)),
      local_(unless_it_has_none([&] { return socket_.local_address(); })),
      remote_(unless_it_has_none([&] { return socket_.remote_address(); })),
      limits_{usual_high_water / 4, usual_high_water} {}

base_transport::state::~state() = default;

void base_transport::state::report(const char* message) noexcept {
    event_loop::current().call_exception_handler({message, std::current_exception()});
}

// ------------------------------------------------------------------------------------------------------------ its life

void base_transport::state::start(const transport_options& options) {
    auto end = detail::at_end([self = shared_from_this()] {
        if (!self->begun_) self->never_began();
    });
    static_cast<void>(create_task([self = shared_from_this(), end = std::move(end)] { self->run(); },
                                  {.name = "transport", .stack_size = options.stack_size}));
    try {
        while (!made_) changed_.wait();
    } catch (...) {
        close();
        throw;
    }
    if (!begun_) throw cancelled_error("a transport's task was cancelled before it began");
}

/// There was no connection_made, so there is no connection_lost.
void base_transport::state::never_began() noexcept {
    lose(nullptr, true);
    made_ = ended_ = true;
    protocol_ = nullptr;
}

void base_transport::state::run() noexcept {
    begun_ = true;
    try {
        live();
    } catch (const cancelled_error&) {
        event_loop& loop = event_loop::current();
        if (!closing_ && loop.get_debug()) loop.call_exception_handler({"a transport was not closed"});
        lose(std::current_exception(), true);
    } catch (...) {
        fail("a transport failed");
    }
    end();
}

void base_transport::state::live() {
    call("exception in a protocol's connection_made", [&] { connection_made(); });
    made_ = true;
    changed_.notify_all();
    while (!lost_) {
        if (!wants_input()) {
            changed_.wait();
            continue;
        }
        try {
            read_once();
        } catch (const closed_error&) {
            if (!lost_) throw;
        }
    }
}

void base_transport::state::end() noexcept {
    made_ = true;
    try {
        const auto last = protocol_;
        call("exception in a protocol's connection_lost", [&] { last->connection_lost(why_); });
    } catch (const cancelled_error&) {
        // the loop's end: this is the task's, too
    }
    ended_ = true;
    protocol_ = nullptr;
    changed_.notify_all();
}

void base_transport::state::close() noexcept {
    if (closing_) return;
    closing_ = true;
    settle();
}

/// Nothing is sent any more: what was put off until then is done.
void base_transport::state::settle() noexcept {
    changed_.notify_all();
    if (lost_ || !is_idle()) return;
    if (closing_)
        lose(nullptr, false);
    else
        drained();
}

void base_transport::state::lose(std::exception_ptr why, bool reset) noexcept {
    if (lost_) return;
    lost_ = closing_ = true;
    why_ = std::move(why);
    drop_output();
    if (reset)
        socket_.abort();
    else
        socket_.close();
    changed_.notify_all();
}

void base_transport::state::fail(const char* message) noexcept {
    if (lost_) return;
    const std::exception_ptr why = std::current_exception();
    bool expected = false;  // the protocol is told; nobody else need be (R11)
    try {
        throw;
    } catch (const std::system_error&) {
        expected = !event_loop::current().get_debug();
    } catch (...) {
    }
    if (!expected) report(message);
    lose(why, true);
}

// -------------------------------------------------------------------------------------------------------------- output

void base_transport::state::added_output() {
    start_writer();
    pause_if_full();
}

void base_transport::state::start_writer() {
    if (writer_ != writer::none) return;
    const auto launch = [&] {
        auto end = detail::at_end([self = shared_from_this()] {
            if (self->writer_ == writer::starting)
                self->lose(std::make_exception_ptr(cancelled_error("nobody sends what was written")), true);
        });
        static_cast<void>(create_task([self = shared_from_this(), end = std::move(end)] { self->write_out(); },
                                      {.name = "transport's writer"}));
    };
    writer_ = writer::starting;
    // resume_writing is to see what the transport was made with, not what some writer has set.
    if (detail::context_slot::in_use.load(std::memory_order_relaxed))
        context::copy_of(context_).run(launch);
    else
        launch();
}

void base_transport::state::write_out() noexcept {
    writer_ = writer::running;
    try {
        while (!lost_ && has_output()) {
            send_some();
            resume_if_low();
        }
    } catch (const cancelled_error&) {
        lose(std::current_exception(), true);
    } catch (...) {
        fail("a transport's writing failed");  // also closed_error, which comes when all is over
    }
    writer_ = writer::none;
    settle();
}

void base_transport::state::count_dropped() noexcept {
    if (++dropped_ > writes_dropped_in_silence)
        event_loop::current().call_exception_handler({"a transport is written to whose connection is lost"});
}

// -------------------------------------------------------------------------------------------------------- flow control

void base_transport::state::set_limits(std::optional<std::size_t> high, std::optional<std::size_t> low) {
    constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
    if (!high) high = !low ? usual_high_water : *low > most / 4 ? most : 4 * *low;
    if (!low) low = *high / 4;
    if (*low > *high)
        throw usage_error("a write buffer's low-water mark, " + std::to_string(*low) + ", is above its high one, " +
                          std::to_string(*high));
    limits_ = {*low, *high};
    pause_if_full();
}

void base_transport::state::pause_if_full() {
    if (paused_ || lost_ || buffered() <= limits_.high) return;
    paused_ = true;
    call("exception in a protocol's pause_writing", [p = protocol_] { p->pause_writing(); });
}

void base_transport::state::resume_if_low() {
    if (!paused_ || lost_ || buffered() > limits_.low) return;
    paused_ = false;
    call("exception in a protocol's resume_writing", [p = protocol_] { p->resume_writing(); });
}

}  // namespace crocus
