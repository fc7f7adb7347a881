// A text that is seldom there.
#pragma once

#include <string>
#include <utility>

#include <crocus/detail/owner.hpp>

namespace crocus::detail {

/// The message of a cancellation: one word while there is none, in what is made by the million.
class rare_text {
public:
    void set(std::string text) {
        text_ = owner<std::string>(text.empty() ? nullptr : new std::string(std::move(text)));
    }
    [[nodiscard]] std::string get() const { return text_ ? *text_ : std::string(); }
    [[nodiscard]] const std::string* peek() const noexcept { return text_.get(); }
    [[nodiscard]] std::string take() {
        const auto text = std::move(text_);
        return text ? std::move(*text) : std::string();
    }

private:
    owner<std::string> text_;
};

}  // namespace crocus::detail
