// What create_task allocates: a future, an agent, and the function between them, in one block.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include <crocus/config.hpp>
#include <crocus/detail/block_pool.hpp>
#include <crocus/detail/flow_identity.hpp>
#include <crocus/detail/future_state.hpp>
#include <crocus/detail/rare_text.hpp>
#include <crocus/fiber.hpp>
#include <crocus/stack.hpp>

namespace crocus::detail {

/// Each number once in the process; in the order of the calls as far as one thread sees.
CROCUS_EXPORT std::uint64_t next_task_number() noexcept;

/// The part of a task that knows no types. Owned by its loop until it has ended, and by its handles.
class CROCUS_EXPORT task_agent : public green_agent {
public:
    /// Takes `name`.
    task_agent(event_loop& loop, future_state& outcome, std::string& name, std::size_t stack_size)
        : green_agent(loop, stack_size), outcome_(outcome) {
        if (name.empty()) [[likely]]
            number_ = next_task_number();
        else
            name_.set(std::move(name));
    }

    /// Joins the loop's tasks and goes to the end of its ready queue, with a copy of the caller's context. (C23)
    void launch() noexcept {
        enlist();
        begin();
    }
    /// Begins at once instead.
    void launch_eagerly() {
        enlist();
        begin_now();
    }
    /// The first half of these: the task does not run before begin() or begin_now().
    void enlist() noexcept {
        context.take_current();
        outcome().add_owner();  // the loop's share, until it has ended
        loop().tasks().add(*this);
    }
    void begin() noexcept { loop().make_ready(*this); }
    void begin_now() { loop().begin_now(*this); }

    /// "Task-N", counted over the process, if it was given none. (T18)
    [[nodiscard]] std::string name() const;
    void set_name(std::string name) { name_.set(std::move(name)); }

    [[nodiscard]] flow_identity identity() const noexcept { return {"task", &name_, outcome_.site(), number_}; }

    void run_to_end() noexcept override;
    void give_up(std::exception_ptr why) noexcept override;
    [[nodiscard]] std::string describe() const override { return "task '" + name() + "'"; }
    [[nodiscard]] std::source_location made_at() const override { return outcome_.site(); }

    [[nodiscard]] future_state& outcome() noexcept { return outcome_; }

protected:
    ~task_agent() override = default;

    virtual void run_function() = 0;
    virtual void release_function() noexcept = 0;
    virtual void drop_value() noexcept = 0;

private:
    friend struct debug_layout;

    void run() noexcept;
    void end_function() noexcept;
    void end() noexcept;

    rare_text name_;
    std::uint64_t number_ = 0;  // its name, where nobody gave it one
    future_state& outcome_;     // the other half of the task
};

template <class T>
class task_values : public task_agent, public future_values<T> {  // in this order: a switch needs the first line alone
public:
    task_values(event_loop& loop, std::string& name, std::size_t stack_size, std::source_location site)
        : task_agent(loop, *this, name, stack_size), future_values<T>(site, loop) {}

    bool cancel(const std::string& message) override {
        if (this->done()) return false;
        this->require_own_loop();
        return agent::cancel(message);
    }
    [[nodiscard]] std::string describe() const override {
        return task_agent::describe() + " (made at " + this->site().file_name() + ":" +
               std::to_string(this->site().line()) + ")";
    }

protected:
    void drop_value() noexcept override {
        if constexpr (!std::is_void_v<T>) this->value.reset();
    }
    void require_not_task() const override {
        throw invalid_state_error("the result of " + describe() + " is its function's to set");
    }
    void require_not_self() const override {
        if (static_cast<const agent*>(this) == &agent::current())
            throw usage_error(describe() + " cannot await itself");
    }
};

template <class T, class F>
class task_of final : public task_values<T> {
public:
    template <class From>
    task_of(From&& f, event_loop& loop, std::string& name, std::size_t stack_size, std::source_location site)
        : task_values<T>(loop, name, stack_size, site), f_(std::in_place, std::forward<From>(f)) {}

    // Tasks are made by the million.
    static void* operator new(std::size_t) { return allocate_block<sizeof(task_of), alignof(task_of)>(); }
    static void operator delete(void* block) noexcept { free_block<sizeof(task_of), alignof(task_of)>(block); }

private:
    void run_function() override {
        if constexpr (std::is_void_v<T>)
            std::invoke(*f_);
        else
            this->value.set(std::invoke(*f_));
    }
    void release_function() noexcept override { f_.reset(); }

    std::optional<F> f_;
};

}  // namespace crocus::detail
