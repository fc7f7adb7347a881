// A text that is seldom there.
#pragma once

#include <memory>
#include <string>
#include <utility>

namespace crocus::detail {

/// The message of a cancellation: one word while there is none, in what is made by the million.
class rare_text {
public:
    void set(std::string text) { text_ = text.empty() ? nullptr : std::make_unique<std::string>(std::move(text)); }
    [[nodiscard]] std::string get() const { return text_ ? *text_ : std::string(); }
    [[nodiscard]] const std::string* peek() const noexcept { return text_.get(); }
    [[nodiscard]] std::string take() {
        const auto text = std::exchange(text_, nullptr);
        return text ? std::move(*text) : std::string();
    }

private:
    std::unique_ptr<std::string> text_;
};

}  // namespace crocus::detail
