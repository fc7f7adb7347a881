#include "download.hpp"

#include <crocus/error.hpp>

#include <system_error>

namespace compare {

std::string request_for(const work_order& order, const flag_set& flags, std::size_t item, http::connection after) {
    const std::string directory = order.own_server ? "/flags/" + std::to_string(item) : order.path;
    return http::format_request(order.host, directory + "/" + flags.name(item), after);
}

outcome judge(const work_order& order, const flag_set& flags, std::size_t item, int status, std::string_view body) {
    if (status != 200) return {std::to_string(status), body.size()};
    if (!order.verify) return {outcome::unverified, body.size()};
    return {flags.matches(item, body) ? outcome::verified : outcome::corrupt, body.size()};
}

outcome outcome_of_current_exception() {
    try {
        throw;
    } catch (const std::system_error& error) {
        return outcome::of(error.code());
    } catch (const http::protocol_error&) {
        return {outcome::not_http};
    } catch (const crocus::incomplete_read_error& error) {
        const bool nothing_came = error.expected() == 0 && error.partial().empty();  // while looking for the head
        return {nothing_came ? "reset" : outcome::truncated};
    } catch (const crocus::limit_overrun_error&) {
        return {outcome::not_http};
    } catch (const crocus::timeout_error&) {
        return {outcome::timed_out};
    }
}

}  // namespace compare
