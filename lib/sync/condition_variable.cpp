#include <crocus/sync/condition_variable.hpp>

namespace crocus {

void condition_variable::throw_not_held() { throw usage_error("condition_variable::wait: the lock is not held"); }

std::string condition_variable::to_string() const {
    return std::string(self_.kind) + " [waiters:" + std::to_string(waiters_.size()) + ']';
}

}  // namespace crocus
