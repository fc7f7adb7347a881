// Messages between a pool and one of its worker processes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <sys/uio.h>

namespace crocus::detail {

enum class message_kind : std::uint32_t {
    ready = 1,         // from the worker: it reads calls now
    call,              // to the worker: name = function, body = arguments
    begun,             // from the worker: it has read the call whole, and runs it from here on
    result,            // body = result
    error,             // name = the exception's type, body = its message
    unknown_function,  // the call's function is not registered there
};

struct message {
    message_kind kind;
    std::string name;
    std::string body;
};

/// One end of a socket pair.
class worker_pipe {
public:
    /// Takes the descriptor. `watched`, if not -1, is readable once the peer's process has ended: then nothing more is
    /// waited for, even if something else holds the peer's end open.
    explicit worker_pipe(int fd, int watched = -1) noexcept : fd_(fd), watched_(watched) {}
    worker_pipe(const worker_pipe&) = delete;
    worker_pipe& operator=(const worker_pipe&) = delete;
    ~worker_pipe();

    /// False if the peer is gone.
    ///
    /// Throws: std::system_error
    [[nodiscard]] bool send(message_kind kind, std::string_view name = {}, std::string_view body = {});

    /// Nothing if the peer is gone.
    ///
    /// Throws: std::runtime_error   what came is no message
    [[nodiscard]] std::optional<message> receive();

private:
    [[nodiscard]] bool send_all(std::span<iovec> pieces);
    [[nodiscard]] bool receive_all(char* bytes, std::size_t size);
    [[nodiscard]] bool wait(short events);

    int fd_;
    int watched_;
};

}  // namespace crocus::detail
