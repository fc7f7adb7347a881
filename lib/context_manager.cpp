#include <crocus/context_manager.hpp>

namespace crocus::detail {

bool came_back(const std::exception_ptr& error) {
    if (std::current_exception() == error) return true;
    try {
        throw;
    } catch (const generator_raised_stop_iteration& converted) {
        const auto* const original = dynamic_cast<const std::nested_exception*>(&converted);
        return original != nullptr && original->nested_ptr() == error;
    } catch (...) {
        return false;
    }
}

void throw_did_not_stop(const std::exception_ptr& error) {
    if (!error) throw generator_did_not_stop("generator didn't stop: a context manager's body yields once");
    try {
        std::rethrow_exception(error);
    } catch (...) {
        std::throw_with_nested(generator_did_not_stop(
            "generator didn't stop after throw(): a context manager's body yields once, and not again when what left "
            "the scope's body is raised there"));
    }
}

}  // namespace crocus::detail
