#include <crocus/timeout.hpp>

#include <string>

#include <crocus/error.hpp>

namespace crocus {

void timeout_scope::reschedule(std::optional<time_point> when) {
    if (expired()) throw usage_error("timeout_scope::reschedule: the time limit has passed already");
    loop_.remove_timer(timer_);
    when_ = when;
    if (when_) arm(loop_.now());
}

void timeout_scope::rethrow() {
    if (ended_body()) detail::throw_timed_out(site_);
    throw;
}

void detail::throw_timed_out(const std::source_location& site) {
    throw timeout_error("timed out (the limit was set at " + std::string(site.file_name()) + ":" +
                        std::to_string(site.line()) + ")");
}

}  // namespace crocus
