// What goes to the unraisable hook.
#pragma once

#include <exception>
#include <string>
#include <vector>

#include <crocus/error.hpp>
#include <crocus/unraisable.hpp>

namespace crocus::test {

/// Collects what is reported while it lives, as "where: type: message".
struct reports {
    reports()
        : old(set_unraisable_hook([this](const std::string& where, std::exception_ptr error) {
              texts.push_back(where + ": " + describe(error));
          })) {}
    ~reports() { set_unraisable_hook(old); }
    reports(const reports&) = delete;
    reports& operator=(const reports&) = delete;

    unraisable_hook old;
    std::vector<std::string> texts;
};

}  // namespace crocus::test
