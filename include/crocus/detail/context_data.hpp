// What flows and callbacks keep of context variables: one word.
#pragma once

#include <atomic>
#include <cstddef>
#include <utility>

#include <crocus/config.hpp>

namespace crocus::detail {

/// The values of all variables as somebody saw them, which never change (context_values), or a flow's own, which do
/// (own_context). Captured contexts go from thread to thread, so the owners are counted atomically.
class CROCUS_EXPORT context_data {
public:
    explicit context_data(bool own) noexcept : own_(own) {}
    context_data(const context_data&) = delete;
    context_data& operator=(const context_data&) = delete;

    void add_owner() noexcept { owners_.fetch_add(1, std::memory_order_relaxed); }
    void drop_owner() noexcept {
        if (owners_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
    }
    [[nodiscard]] bool has_one_owner() const noexcept { return owners_.load(std::memory_order_acquire) == 1; }

    /// An own_context.
    [[nodiscard]] bool own() const noexcept { return own_; }

protected:
    virtual ~context_data();

private:
    std::atomic<std::size_t> owners_{1};
    const bool own_;
};

/// The context of a flow, or one that was captured for it. Empty as long as nothing was set in it.
class CROCUS_EXPORT context_slot {
public:
    context_slot() noexcept = default;
    /// Takes over a share.
    explicit context_slot(context_data* data) noexcept : data_(data) {}
    context_slot(context_slot&& other) noexcept : data_(std::exchange(other.data_, nullptr)) {}
    context_slot& operator=(context_slot&& other) noexcept {
        context_slot(std::move(other)).swap(data_);
        return *this;
    }
    ~context_slot() {
        if (data_ != nullptr) [[unlikely]]
            data_->drop_owner();
    }

    /// What the caller's context is now: later changes on either side are not seen on the other. One test in a program
    /// that uses no context variables.
    [[nodiscard]] static context_slot capture() noexcept {
        if (in_use.load(std::memory_order_relaxed)) [[unlikely]]
            return capture_current();
        return {};
    }
    /// *this = capture(), where this is empty.
    void take_current() noexcept {
        if (in_use.load(std::memory_order_relaxed)) [[unlikely]]
            *this = capture_current();
    }

    /// The same of what `data`, which may be null, is now.
    [[nodiscard]] static context_slot capture_from(context_data* data) noexcept;

    /// Another share of the same.
    [[nodiscard]] context_slot share() const noexcept {
        if (data_ != nullptr) data_->add_owner();
        return context_slot(data_);
    }

    [[nodiscard]] explicit operator bool() const noexcept { return data_ != nullptr; }
    [[nodiscard]] context_data* get() const noexcept { return data_; }
    [[nodiscard]] context_data*& word() noexcept { return data_; }
    void swap(context_data*& word) noexcept { std::swap(data_, word); }

    /// Somebody in this process has set a variable.
    static std::atomic<bool> in_use;

private:
    static context_slot capture_current() noexcept;

    context_data* data_ = nullptr;
};

}  // namespace crocus::detail
