// std::unique_ptr for what generator.hpp includes: <memory> takes a compiler longer than all of crocus there.
#pragma once

#include <utility>

namespace crocus::detail {

struct plain_delete {
    template <class T>
    void operator()(T* owned) const noexcept {
        delete owned;
    }
};

/// Owns what it points to, if anything; Delete ends that.
template <class T, class Delete = plain_delete>
class owner {
public:
    owner() = default;
    explicit owner(T* owned) noexcept : owned_(owned) {}
    owner(owner&& other) noexcept : owned_(std::exchange(other.owned_, nullptr)) {}
    owner& operator=(owner&& other) noexcept {
        owner(std::move(other)).swap(*this);
        return *this;
    }
    ~owner() {
        if (owned_ != nullptr) Delete()(owned_);
    }

    void swap(owner& other) noexcept { std::swap(owned_, other.owned_); }

    [[nodiscard]] explicit operator bool() const noexcept { return owned_ != nullptr; }
    [[nodiscard]] T* get() const noexcept { return owned_; }
    [[nodiscard]] T& operator*() const noexcept { return *owned_; }
    [[nodiscard]] T* operator->() const noexcept { return owned_; }

private:
    T* owned_ = nullptr;
};

}  // namespace crocus::detail
