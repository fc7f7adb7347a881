#include "work.hpp"

#include "blocking_download.hpp"
#include "cpu_work.hpp"

namespace compare {

outcome work::perform(std::size_t item) const {
    return order.work == workload::cpu ? compute(item) : download_blocking(order, flags, item);
}

outcome work::compute(std::size_t item) const {
    const unsigned num = order.nums[item];
    return {fingerprint_of(cpu_bound_func(num)) == expected_fingerprint(num) ? outcome::right : outcome::wrong};
}

}  // namespace compare
