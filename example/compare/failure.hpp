// What ends the program with one line on stderr.
#pragma once

#include <stdexcept>

namespace compare {

/// Nothing can be run: exit status 2. The message says what is wrong and what to do.
class failure : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

}  // namespace compare
