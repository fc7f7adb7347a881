// The tests' short names for crocus/testing.hpp.
#pragma once

#include <utility>

#include <crocus/testing.hpp>

namespace crocus::test {

using testing::advance;
using testing::virtual_time_driver;

template <class F>
decltype(auto) run_virtual(F&& f) {
    return testing::run(std::forward<F>(f));
}

}  // namespace crocus::test
