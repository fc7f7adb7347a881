// What a group of tasks came to, in one line.
#pragma once

#include <exception>
#include <string>

#include <crocus/error.hpp>

namespace crocus::test {

/// The messages of a group's failures in their order, and those of a group within in brackets of its own.
inline std::string failures_of(const exception_group& group) {
    std::string text;
    for (const auto& error : group.exceptions()) {
        text += text.empty() ? "" : ", ";
        try {
            std::rethrow_exception(error);
        } catch (const exception_group& nested) {
            text += failures_of(nested);
        } catch (const std::exception& e) {
            text += e.what();
        } catch (const generator_exit&) {
            text += "generator_exit";
        } catch (...) {
            text += "?";
        }
    }
    return '[' + text + ']';
}

/// "[...]" if f throws an exception_group, "timeout", "cancelled MESSAGE" or "returned".
template <class F>
std::string group_outcome(F f) {
    try {
        f();
        return "returned";
    } catch (const exception_group& e) {
        return failures_of(e);
    } catch (const timeout_error&) {
        return "timeout";
    } catch (const cancelled_error& e) {
        return "cancelled " + e.message();
    }
}

}  // namespace crocus::test
