// Names of types for messages.
#pragma once

#include <cstdlib>
#include <string>

#include <cxxabi.h>

namespace crocus::detail {

/// As it stands in source code.
inline std::string type_name(const char* mangled) {
    int status = 0;
    char* const name = abi::__cxa_demangle(mangled, nullptr, nullptr, &status);
    std::string text = name != nullptr ? name : mangled;
    std::free(name);
    return text;
}

}  // namespace crocus::detail
