// What calls failed with.
#pragma once

#include <system_error>

namespace crocus::test {

/// The errno of the system_error that `f` throws; 0 if it throws none.
template <class F>
int error_of(F f) {
    try {
        f();
        return 0;
    } catch (const std::system_error& e) {
        return e.code().value();
    }
}

}  // namespace crocus::test
