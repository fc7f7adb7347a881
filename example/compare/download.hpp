// One download, as each model does it: what is asked for, and what the answer is worth. How the bytes travel is in
// blocking_download and green_download.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "flag_set.hpp"
#include "http.hpp"
#include "outcome.hpp"
#include "work_order.hpp"

namespace compare {

/// No answer takes that long unless its server is stuck.
constexpr std::chrono::seconds patience{30};

/// The request for URL number item.
std::string request_for(const work_order& order, const flag_set& flags, std::size_t item, http::connection after);

/// A whole answer has come: a 200 with the bytes of its source, or another status, or something that is not in order.
outcome judge(const work_order& order, const flag_set& flags, std::size_t item, int status, std::string_view body);

/// Puts the exception that is being handled into a word; rethrows what is no transport error.
outcome outcome_of_current_exception();

}  // namespace compare
