// One after the other.
#include "models.hpp"

void compare::models::sequential(const work& w, collector& done) {
    for (const std::size_t item : w.items) done.add(w.perform(item));
}
