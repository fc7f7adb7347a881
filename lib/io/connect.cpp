#include <crocus/io/connect.hpp>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <iterator>
#include <system_error>
#include <utility>

#include <crocus/error.hpp>
#include <crocus/staggered_race.hpp>

namespace crocus {

namespace {

socket connect_one(const address& to, const connect_options& options) {
    socket s(to.family());
    if (options.local_address) s.bind(*options.local_address);
    s.connect(to);
    return s;
}

/// The code of what was thrown; nothing if that is no system's error: then it is thrown on.
std::error_code code_of(const std::exception_ptr& error) {
    try {
        std::rethrow_exception(error);
    } catch (const std::system_error& e) {
        return e.code();
    }
}

std::string text_of(const std::exception_ptr& error) {
    try {
        std::rethrow_exception(error);
    } catch (const std::exception& e) {
        return e.what();
    }
}

[[noreturn]] void fail(std::vector<std::exception_ptr> errors, const connect_options& options) {
    for (const auto& e : errors) code_of(e);
    if (options.all_errors) throw exception_group("connect: no address accepts", std::move(errors));
    if (errors.size() == 1) std::rethrow_exception(errors.front());
    std::string text = "connect: none of " + std::to_string(errors.size()) + " addresses accepts (";
    for (const auto& e : errors) text += (e == errors.front() ? "" : "; ") + text_of(e);
    throw std::system_error(code_of(errors.front()), text + ")");
}

}  // namespace

std::vector<address> interleave(std::vector<address> addresses, std::size_t first_address_family_count) {
    if (first_address_family_count == 0 || addresses.empty()) return addresses;
    const int preferred = addresses.front().family();
    const auto others = std::stable_partition(addresses.begin(), addresses.end(),
                                              [&](const address& a) { return a.family() == preferred; });
    std::vector<address> order;
    auto next_preferred = addresses.begin();
    auto next_other = others;
    while (next_preferred != others && order.size() + 1 < first_address_family_count)
        order.push_back(*next_preferred++);
    while (next_preferred != others || next_other != addresses.end()) {
        if (next_preferred != others) order.push_back(*next_preferred++);
        if (next_other != addresses.end()) order.push_back(*next_other++);
    }
    return order;
}

socket connect(std::span<const address> addresses, const connect_options& options) {
    if (addresses.empty()) throw usage_error("connect: there is no address to connect to");
    std::vector<address> all(addresses.begin(), addresses.end());
    if (options.local_address) {
        const address& local = *options.local_address;
        std::erase_if(all, [&](const address& a) { return a.family() != local.family(); });
        if (all.empty())
            throw std::system_error(EADDRNOTAVAIL, std::generic_category(),
                                    "connect: no address is of the family of the local address " + local.to_string());
    }
    std::vector<std::function<socket()>> attempts;
    for (const address& a : interleave(std::move(all), options.first_address_family_count))
        attempts.emplace_back([a, &options] { return connect_one(a, options); });
    if (attempts.size() == 1 && !options.all_errors) return attempts.front()();  // without a task
    auto race = staggered_race(attempts, options.happy_eyeballs_delay);
    if (race.value) return std::move(*race.value);
    fail(std::move(race.exceptions), options);
}

socket connect(const std::string& host, std::uint16_t port, const connect_options& options) {
    return connect(resolve(host, port, options.resolve), options);
}

socket connect(const std::string& host, const std::string& service, const connect_options& options) {
    return connect(resolve(host, service, options.resolve), options);
}

}  // namespace crocus
