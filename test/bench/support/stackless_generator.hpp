// The least a C++20 coroutine generator can be: what a stackful one is measured against.
#pragma once

#include <coroutine>
#include <exception>
#include <iterator>
#include <utility>

namespace bench {

template <class T>
class stackless_generator {
public:
    struct promise_type {
        T value;

        stackless_generator get_return_object() {
            return stackless_generator(std::coroutine_handle<promise_type>::from_promise(*this));
        }
        std::suspend_always initial_suspend() noexcept { return {}; }
        std::suspend_always final_suspend() noexcept { return {}; }
        std::suspend_always yield_value(T v) noexcept {
            value = std::move(v);
            return {};
        }
        void return_void() noexcept {}
        void unhandled_exception() { throw; }
    };

    stackless_generator(stackless_generator&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
    stackless_generator& operator=(stackless_generator&&) = delete;
    ~stackless_generator() {
        if (handle_) handle_.destroy();
    }

    class iterator {
    public:
        explicit iterator(std::coroutine_handle<promise_type> handle) noexcept : handle_(handle) {}
        T& operator*() const noexcept { return handle_.promise().value; }
        iterator& operator++() {
            handle_.resume();
            return *this;
        }
        bool operator==(std::default_sentinel_t) const noexcept { return handle_.done(); }

    private:
        std::coroutine_handle<promise_type> handle_;
    };

    iterator begin() {
        handle_.resume();
        return iterator(handle_);
    }
    std::default_sentinel_t end() const noexcept { return {}; }

private:
    explicit stackless_generator(std::coroutine_handle<promise_type> handle) noexcept : handle_(handle) {}

    std::coroutine_handle<promise_type> handle_;
};

}  // namespace bench
