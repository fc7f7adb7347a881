// What an event loop schedules: entries of its ready queue, callbacks, and flows that wait.
#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <source_location>
#include <string>
#include <utility>

#include <crocus/config.hpp>
#include <crocus/detail/agent.hpp>
#include <crocus/detail/context_data.hpp>
#include <crocus/fiber.hpp>

namespace crocus {
class event_loop;
}

namespace crocus::detail {

/// A pointer that shares what counts its owners itself. The count is not atomic: one thread at a time.
template <class T>
class counted {
public:
    counted() noexcept = default;
    explicit counted(T* p) noexcept : p_(p) {
        if (p_ != nullptr) p_->add_owner();
    }
    counted(const counted& other) noexcept : counted(other.p_) {}
    counted(counted&& other) noexcept : p_(std::exchange(other.p_, nullptr)) {}
    counted& operator=(counted other) noexcept {
        std::swap(p_, other.p_);
        return *this;
    }
    ~counted() {
        if (p_ != nullptr) p_->drop_owner();
    }

    [[nodiscard]] T* get() const noexcept { return p_; }
    T* operator->() const noexcept { return p_; }
    T& operator*() const noexcept { return *p_; }
    [[nodiscard]] explicit operator bool() const noexcept { return p_ != nullptr; }

    /// Gives the ownership to the caller, who calls drop_owner.
    [[nodiscard]] T* release() noexcept { return std::exchange(p_, nullptr); }

private:
    T* p_ = nullptr;
};

/// An entry of the ready queue.
struct CROCUS_EXPORT runnable {
    enum class kind : unsigned char { agent, callback };

    explicit runnable(kind k) noexcept : what(k) {}

    runnable* next = nullptr;
    /// Where an agent goes on: not always its own fiber, since it may wait inside a generator. Null for an agent that
    /// has not begun, and for what the hub sees to.
    fiber* flow = nullptr;
    const kind what;
};

/// First in, first out.
class ready_queue {
public:
    [[nodiscard]] runnable* front() const noexcept { return head_; }
    [[nodiscard]] bool empty() const noexcept { return head_ == nullptr; }

    void push(runnable& r) noexcept {
        r.next = nullptr;
        *tail_ = &r;
        tail_ = &r.next;
    }
    void push_front(runnable& r) noexcept {
        r.next = head_;
        if (head_ == nullptr) tail_ = &r.next;
        head_ = &r;
    }
    /// The one behind `before` comes first now.
    void bring_to_front(runnable& before) noexcept {
        runnable& r = *before.next;
        before.next = r.next;
        if (r.next == nullptr) tail_ = &before.next;
        push_front(r);
    }
    /// Moves all of `other` to the end.
    void append(ready_queue& other) noexcept {
        if (other.empty()) return;
        *tail_ = other.head_;
        tail_ = std::exchange(other.tail_, &other.head_);
        other.head_ = nullptr;
    }
    /// Requires: not empty.
    runnable* pop() noexcept {
        runnable* const r = head_;
        head_ = r->next;
        if (head_ == nullptr) tail_ = &head_;
        return r;
    }

private:
    runnable* head_ = nullptr;
    runnable** tail_ = &head_;
};

struct callback_timer;

/// A function that the hub will call.
class CROCUS_EXPORT callback : public runnable {
public:
    explicit callback(const std::source_location& where) noexcept : runnable(kind::callback), site(where) {}
    callback(const callback&) = delete;
    callback& operator=(const callback&) = delete;

    void add_owner() noexcept { ++owners_; }
    void drop_owner() noexcept {
        if (--owners_ == 0) delete this;
    }

    virtual void schedule() noexcept {}  // it is about to enter the ready queue
    virtual void call() = 0;
    virtual void release() noexcept = 0;  // destroys the function: it ran, or never will

    bool cancelled = false;
    bool started = false;
    callback_timer* waits_for = nullptr;  // while it is due at a later time
    const std::source_location site;      // where it was registered
    context_slot context = context_slot::capture();  // of who registers it (I3, L13)

protected:
    virtual ~callback();

private:
    std::size_t owners_ = 0;
};

template <class F>
class callback_of final : public callback {
public:
    callback_of(F f, const std::source_location& where) : callback(where), f_(std::move(f)) {}
    void call() override { (*f_)(); }
    void release() noexcept override { f_.reset(); }

private:
    std::optional<F> f_;
};

template <class F>
counted<callback> make_callback(F f, const std::source_location& site) {
    return counted<callback>(new callback_of<F>(std::move(f), site));
}

/// A flow on a loop's thread that can wait: a task, or the thread's main flow.
class CROCUS_EXPORT green_agent : public agent, public runnable {
public:
    explicit green_agent(event_loop& loop, std::size_t stack_size = 0) noexcept
        : agent(true), runnable(kind::agent), loop_(loop), stack_size_(stack_size) {}

    void park() final;
    /// park(), inline.
    void park_here();
    void unpark() noexcept final;
    /// unpark(), inline.
    void unpark_here() noexcept;
    void reschedule() final;

    [[nodiscard]] event_loop& loop() const noexcept { return loop_; }
    [[nodiscard]] bool parked() const noexcept { return parked_; }

    // ------------------------------------------------------------------------------- an agent that begins as unstarted

    /// Bytes of stack that it asks for.
    [[nodiscard]] std::size_t stack_size() const noexcept { return stack_size_; }
    /// Runs it from its beginning to its end, on the calling stack. It may be gone then.
    virtual void run_to_end() noexcept {}
    /// It will not begin. It may be gone then.
    virtual void give_up(std::exception_ptr) noexcept {}

    [[nodiscard]] virtual std::string describe() const { return "the main flow"; }
    [[nodiscard]] virtual std::source_location made_at() const { return {}; }  // line 0: unknown

    green_agent* previous_task = nullptr;
    green_agent* next_task = nullptr;

private:
    friend struct debug_layout;

    event_loop& loop_;
    const std::size_t stack_size_;
    bool parked_ = false;

public:
    bool told_to_end = false;       // its loop is being shut down
    unsigned char idle_rounds = 0;  // of the loop's idle_sweep, since it was last unparked
};

/// The tasks of a loop, in the order in which they were made.
class agent_list {
public:
    [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
    [[nodiscard]] green_agent* first() const noexcept { return first_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    green_agent* cursor = nullptr;  // of somebody who walks the list in steps; never at an agent that was removed

    void add(green_agent& a) noexcept {
        a.previous_task = last_;
        (last_ != nullptr ? last_->next_task : first_) = &a;
        last_ = &a;
        ++size_;
    }
    void remove(green_agent& a) noexcept {
        if (cursor == &a) cursor = a.next_task;
        (a.previous_task != nullptr ? a.previous_task->next_task : first_) = a.next_task;
        (a.next_task != nullptr ? a.next_task->previous_task : last_) = a.previous_task;
        a.previous_task = a.next_task = nullptr;
        --size_;
    }

private:
    friend struct debug_layout;

    green_agent* first_ = nullptr;
    green_agent* last_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace crocus::detail
