// A transport of datagrams.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base_state.hpp"

namespace crocus {

class datagram_transport::state final : public base_transport::state {
public:
    state(socket over, std::shared_ptr<datagram_protocol> p, std::optional<address> peer, bool connected);

    void send(std::string_view data, const std::optional<address>& to);
    void set_protocol(std::shared_ptr<datagram_protocol> next);
    [[nodiscard]] std::shared_ptr<datagram_protocol> receiver() const noexcept {
        return std::static_pointer_cast<datagram_protocol>(get_protocol());
    }

    [[nodiscard]] std::size_t buffered() const noexcept override { return is_lost() ? 0 : waiting_bytes_; }

private:
    struct datagram {
        std::string data;
        address to;
    };

    void connection_made() override;
    [[nodiscard]] bool wants_input() const noexcept override { return !is_closing(); }
    void read_once() override;
    void send_some() override;
    [[nodiscard]] bool has_output() const noexcept override { return !waiting_.empty(); }
    void drop_output() noexcept override {}  // the writer looks at the first one

    [[nodiscard]] bool try_send(std::string_view data, const address& to);
    void failed_to_transfer();

    const std::optional<address> peer_;
    const bool connected_;
    bool may_be_ready_ = true;
    std::deque<datagram> waiting_;  // the first one stays until it is sent
    std::size_t waiting_bytes_ = 0;
};

}  // namespace crocus
