// A transport of bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base_state.hpp"

namespace crocus {

class transport::state final : public base_transport::state {
public:
    state(socket over, std::shared_ptr<stream_protocol> p, kind what);

    void pause_reading() noexcept { reading_paused_ = true; }
    void resume_reading() noexcept;
    [[nodiscard]] bool is_reading() const noexcept { return !is_closing() && !reading_paused_; }

    void write(std::span<const std::string_view> pieces);
    void write_eof();
    [[nodiscard]] bool can_write_eof() const noexcept { return kind_ != kind::read_pipe; }
    std::uint64_t send_file(int file, std::uint64_t offset, std::optional<std::uint64_t> count);

    void set_protocol(std::shared_ptr<stream_protocol> next);
    [[nodiscard]] std::shared_ptr<stream_protocol> stream() const noexcept {
        return std::static_pointer_cast<stream_protocol>(get_protocol());
    }

    [[nodiscard]] std::size_t buffered() const noexcept override;

private:
    void connection_made() override;
    [[nodiscard]] bool wants_input() const noexcept override;
    void read_once() override;
    void send_some() override;
    [[nodiscard]] bool has_output() const noexcept override { return sent_ < sending_.size() || !waiting_.empty(); }
    void drop_output() noexcept override { waiting_.clear(); }
    void drained() noexcept override;
    [[nodiscard]] bool is_busy() const noexcept override { return sending_file_; }

    template <class F>
    void deliver(const char* method, F f);
    void receive();
    void receive_into(buffered_protocol& p);
    std::optional<std::size_t> try_receive(std::span<std::byte> into);
    void reached_end();
    void look_for_reader();

    void require_writable(const char* doing) const;
    std::size_t send_now(std::span<const std::string_view> pieces);
    void wait_until_sent();
    void throw_if_lost() const;

    static void require_reader(const stream_protocol* p, kind what);

    const kind kind_;
    bool is_socket_ = true;
    bool is_watched_ = true;  // a pipe that is written: whether its reader's end can be seen
    bool reading_paused_ = false;
    bool at_end_ = false;        // the peer sends no more, and the protocol keeps the connection
    bool may_be_ready_ = false;  // reading is worth a try before the kernel is asked
    bool eof_wanted_ = false;
    bool sending_file_ = false;
    std::string waiting_;
    std::string sending_;  // the writer's: it stays where it is, while the kernel may look at it
    std::size_t sent_ = 0;
};

}  // namespace crocus
