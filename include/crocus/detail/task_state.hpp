// What create_task allocates: a future, an agent, and the function between them, in one block.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include <crocus/config.hpp>
#include <crocus/detail/future_state.hpp>
#include <crocus/fiber.hpp>
#include <crocus/stack.hpp>

namespace crocus::detail {

/// The part of a task that knows no types. Owned by its loop until it has ended, and by its handles.
class CROCUS_EXPORT task_agent : public green_agent {
public:
    task_agent(event_loop& loop, std::string name, std::size_t stack_size);

    /// Joins the loop's tasks and goes to the end of its ready queue.
    void launch() noexcept;

    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    void set_name(std::string name) { name_ = std::move(name); }

    fiber* start() noexcept override;
    [[nodiscard]] std::string describe() const override { return "task '" + name_ + "'"; }

    [[nodiscard]] virtual future_state& outcome() noexcept = 0;

protected:
    ~task_agent() override;

    virtual void run_function() = 0;
    virtual void release_function() noexcept = 0;
    virtual void drop_value() noexcept = 0;

private:
    static void entry(fiber& self, void* argument);
    void run();
    void end_function() noexcept;

    std::string name_;
    std::size_t stack_size_;
    std::optional<fiber> fiber_;
};

/// "Task-N", counted over the process. (T18)
CROCUS_EXPORT std::string default_task_name();

template <class T>
class task_values : public future_values<T>, public task_agent {
public:
    task_values(event_loop& loop, std::string name, std::size_t stack_size, std::source_location site)
        : future_values<T>(site), task_agent(loop, std::move(name), stack_size) {}

    bool cancel(const std::string& message) override { return !this->done() && agent::cancel(message); }
    future_state& outcome() noexcept override { return *this; }
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
    task_of(From&& f, event_loop& loop, std::string name, std::size_t stack_size, std::source_location site)
        : task_values<T>(loop, std::move(name), stack_size, site), f_(std::in_place, std::forward<From>(f)) {}

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
