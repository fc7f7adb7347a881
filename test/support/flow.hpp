// A fiber that is easy to write tests with.
#pragma once

#include <functional>
#include <optional>
#include <thread>
#include <utility>

#include <crocus/fiber.hpp>
#include <crocus/stack.hpp>

namespace crocus::test {

/// A fiber that runs a function, which goes back to whoever entered it by leave().
class flow {
public:
    explicit flow(std::function<void(flow&)> f, std::size_t stack_size = stack::default_size())
        : f_(std::move(f)), fiber_(std::in_place, stack(stack_size), &flow::run, this) {}

    void enter() {
        back_ = &fiber::current();
        fiber_->enter();
    }
    void enter_on_a_thread() {
        std::thread([this] { enter(); }).join();
    }
    void leave() { std::exchange(back_, nullptr)->enter(); }
    [[nodiscard]] bool ended() const { return !fiber_; }
    [[nodiscard]] const fiber& itself() const { return *fiber_; }

private:
    static void run(fiber&, void* argument) {
        auto& self = *static_cast<flow*>(argument);
        self.f_(self);
        fiber::exit_to(
            *self.back_, [](void* ended) noexcept { static_cast<flow*>(ended)->fiber_.reset(); }, &self);
    }

    std::function<void(flow&)> f_;
    std::optional<fiber> fiber_;
    fiber* back_ = nullptr;
};

}  // namespace crocus::test
