// A download over a crocus stream: it reads like the blocking one, and suspends only the green thread that it is
// called in.
#pragma once

#include <crocus.hpp>
#include <optional>

#include "download.hpp"

namespace compare {

/// Over a connection of its own. Never throws for what the network does; that is in the outcome.
outcome download_green(const work_order& order, const flag_set& flags, std::size_t item);

/// Downloads one after the other, over one connection as long as the server keeps it open.
class keep_alive_session {
public:
    keep_alive_session(const work_order& order, const flag_set& flags) : order_(order), flags_(flags) {}

    /// As download_green.
    outcome download(std::size_t item);

private:
    outcome attempt(std::size_t item);

    const work_order& order_;
    const flag_set& flags_;
    std::optional<crocus::stream> connection_;
};

}  // namespace compare
