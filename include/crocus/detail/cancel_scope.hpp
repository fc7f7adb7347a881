// What time limits and groups of tasks are made of.
#pragma once

#include <crocus/config.hpp>
#include <crocus/detail/agent.hpp>
#include <crocus/fiber.hpp>

namespace crocus::detail {

class future_state;

/// A part of an agent's flow that may be asked to end, by a request to cancel of its own: it is taken back at the end,
/// delivered or not, so that nobody outside meets it.
///
/// Opened where requests are held (in defer_cancellation, or while an exception unwinds), its own request ends what
/// waits there all the same, unless that is inside a further hold.
///
/// A request that is delivered by ending a wait needs no book-keeping. The loop notes the others, and the scopes in
/// holds: they are few.
///
/// Thread: the loop's in which it was opened.
class CROCUS_EXPORT cancel_scope {
public:
    explicit cancel_scope(agent& who) : who_(who), delivered_before_(who.cancelling_ - who.undelivered()) {
        if (who.holds_cancellation()) [[unlikely]]
            note_hold();
    }
    cancel_scope(const cancel_scope&) = delete;
    cancel_scope& operator=(const cancel_scope&) = delete;
    ~cancel_scope() {
        if (requested_ || in_hold_) [[unlikely]]
            leave();
    }

    [[nodiscard]] agent& who() const noexcept { return who_; }

    /// Once. Callable by anybody on the loop's thread. Without `end_wait` the agent meets it at its next wait.
    void request(bool end_wait = true) noexcept;
    /// True if the agent waits for that future.
    [[nodiscard]] bool awaits(const future_state& f) const noexcept;
    [[nodiscard]] bool requested() const noexcept { return requested_; }

    /// Takes the request back. It stays requested().
    void withdraw() noexcept;

    /// True if nobody else's request has been delivered since the beginning. The scope's own has been withdrawn.
    [[nodiscard]] bool undisturbed() const noexcept {
        return who_.cancelling_ - who_.undelivered() <= delivered_before_;
    }

    /// Where a cancelled_error has left what it is the scope of. True if that was the scope's own doing, and nobody else
    /// wants the agent to stop; throws the other's cancellation if it came on top of it. (T42)
    [[nodiscard]] bool ended_body();

    /// Somebody else's request, which was delivered in here, was not passed on: it comes again, at the next wait,
    /// unless it is taken back before.
    void deliver_again(std::string message) noexcept;

private:
    friend class crocus::agent;
    friend class crocus::wait_queue;

    // Over the scopes of one agent that its loop has noted.
    static void mark_all_delivered(const agent& who) noexcept;
    [[nodiscard]] static bool any_due_in_hold(const agent& who) noexcept;
    [[nodiscard]] static int deliver_in_hold(const agent& who) noexcept;
    static void begin_held_wait(const agent& who) noexcept;

    void note_hold();
    void note(cancel_scope*& first) noexcept;
    void forget() noexcept;
    void leave() noexcept;
    [[nodiscard]] bool in_same_hold() const noexcept;

    agent& who_;
    const int delivered_before_;
    bool requested_ = false;
    bool withdrawn_ = false;
    bool undelivered_ = false;
    bool in_hold_ = false;
    bool ends_held_wait_ = false;  // the one that the agent is in

    // The hold that it was opened in.
    int holds_ = 0;
    int uncaught_ = 0;
    const fiber* flow_ = nullptr;  // null: no exception unwinds it

    cancel_scope* next_ = nullptr;
    cancel_scope** link_ = nullptr;  // null: not noted
};

}  // namespace crocus::detail
