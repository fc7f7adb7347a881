// A queue without its items: who may put one, who may get one, and who waits for that.
#pragma once

#include <cstddef>
#include <source_location>
#include <string>

#include <crocus/clock.hpp>
#include <crocus/config.hpp>
#include <crocus/event_loop.hpp>
#include <crocus/wait_queue.hpp>

namespace crocus::detail {

/// Counts the items and the slots of a queue that nobody has been promised yet. Who puts claims a slot first, and who
/// gets an item: the longest waiting one is promised what comes, and takes it when it runs. So nobody can take it on
/// the way, and what it gets is decided when it takes it.
///
/// A shutdown takes promised slots back, and one that drops the items promised items too.
class CROCUS_EXPORT queue_gate {
public:
    queue_gate(const char* kind, std::size_t capacity, std::source_location made) noexcept;

    // -------------------------------------------------------------------------------------------------------- who puts

    /// Throws: queue_shut_down
    [[nodiscard]] bool try_claim_slot() {
        if (shut_down_) [[unlikely]]
            throw_takes_no_more();
        if (slots_ == 0) return false;
        --slots_;
        return true;
    }
    [[gnu::always_inline]] void claim_slot() {
        check_can_suspend();
        if (try_claim_slot()) return;
        putters_.wait();
        if (shut_down_) [[unlikely]]
            throw_takes_no_more();
    }
    [[nodiscard]] bool claim_slot_until(time_point deadline);

    /// An item is in a claimed slot.
    void fill_slot() noexcept {
        ++unfinished_;
        give_item();
    }
    /// A slot was emptied, or a claimed one was not filled.
    void give_slot() noexcept {
        if (putters_.empty())
            ++slots_;
        else
            putters_.notify_one();
    }

    // -------------------------------------------------------------------------------------------------------- who gets

    [[nodiscard]] bool try_claim_item() noexcept {
        if (items_ == 0) return false;
        --items_;
        return true;
    }
    /// Throws: queue_shut_down   there is none, and none will come
    [[nodiscard]] bool try_claim_item_while_open() {
        if (try_claim_item()) return true;
        if (shut_down_) [[unlikely]]
            throw_has_nothing_left();
        return false;
    }
    void claim_item();
    [[nodiscard]] bool claim_item_until(time_point deadline);
    /// False in place of queue_shut_down.
    [[nodiscard]] bool claim_item_unless_over();

    /// A claimed item was left where it is.
    void give_item() noexcept {
        if (getters_.empty())
            ++items_;
        else
            getters_.notify_one();
    }

    /// Who was `granted` an item, or not, when it was notified, still is.
    ///
    /// Throws: queue_shut_down
    void require_granted(bool granted) const {
        if (!granted || emptied_) [[unlikely]]
            throw_has_nothing_left();
    }

    // ---------------------------------------------------------------------------------------------------- who finishes

    /// Throws: usage_error   there is nothing that is unfinished
    void task_done();
    [[gnu::always_inline]] void join() {
        check_can_suspend();
        if (unfinished_ != 0) joiners_.wait();
    }
    [[nodiscard]] bool join_until(time_point deadline);

    // ---------------------------------------------------------------------------------------------------------- the
    // end

    /// `stored`: how many items there are, promised ones too. If they are `dropped`, the caller does that.
    void shut_down(std::size_t stored, bool dropped) noexcept;

    // ------------------------------------------------------------------------------------------------------------------

    [[nodiscard]] std::size_t items() const noexcept { return items_; }
    [[nodiscard]] std::size_t slots() const noexcept { return slots_; }
    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
    [[nodiscard]] bool is_shut_down() const noexcept { return shut_down_; }
    [[nodiscard]] std::string to_string() const;

    /// Those who wait to put, and to get; for who waits for other things too, and must ask require_granted().
    [[nodiscard]] wait_queue& putters() noexcept { return putters_; }
    [[nodiscard]] wait_queue& getters() noexcept { return getters_; }

    [[noreturn]] static void throw_takes_no_more();

private:
    class getter;

    [[noreturn]] static void throw_has_nothing_left();
    [[nodiscard]] std::size_t room() const noexcept;

    std::size_t items_ = 0;
    std::size_t slots_;
    std::size_t unfinished_ = 0;
    bool shut_down_ = false;
    bool emptied_ = false;
    const std::size_t capacity_;  // 0: no limit
    const wait_subject whole_, item_, slot_;
    wait_queue getters_{item_};
    wait_queue putters_{slot_};
    wait_queue joiners_{whole_};
};

/// Learns when it is notified whether that is a promise, or the end.
class CROCUS_EXPORT queue_gate::getter final : public wait_queue::parked {
public:
    explicit getter(const queue_gate& of) : of_(of) {}
    void notified() noexcept override;
    [[nodiscard]] bool granted() const noexcept { return granted_; }

private:
    const queue_gate& of_;
    bool granted_ = false;
};

[[gnu::always_inline]] inline void queue_gate::claim_item() {
    check_can_suspend();
    if (try_claim_item_while_open()) return;
    getter w(*this);
    getters_.wait(w);
    require_granted(w.granted());
}

}  // namespace crocus::detail
