// What tests of loops and tasks look at.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <crocus/error.hpp>
#include <crocus/event_loop.hpp>

namespace crocus::test {

/// What goes to the current loop's exception handler from now on, as "message: type: message".
inline std::shared_ptr<std::vector<std::string>> collect_reports() {
    auto reports = std::make_shared<std::vector<std::string>>();
    event_loop::current().set_exception_handler([reports](event_loop&, const exception_context& context) {
        reports->push_back(context.message + (context.exception ? ": " + describe(context.exception) : ""));
    });
    return reports;
}

/// The message of the cancellation that leaves `f`; "none" if none does.
template <class F>
std::string cancellation_of(F f) {
    try {
        f();
        return "none";
    } catch (const cancelled_error& e) {
        return e.message();
    }
}

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace crocus::test
