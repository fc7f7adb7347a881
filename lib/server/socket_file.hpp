// The files that local sockets leave.
#pragma once

#include <sys/types.h>

#include <crocus/io/address.hpp>

namespace crocus::detail {

/// Removes the socket, and nothing else, that stands at the path of a local address: what is bound there next replaces
/// it.
void remove_stale_socket(const address& a) noexcept;

/// The file of a bound socket, to be removed when it is not used any more: unless another one has taken its place.
class socket_file {
public:
    /// None, where the address has no file.
    explicit socket_file(const address& bound);
    void remove() noexcept;

private:
    address bound_;
    dev_t device_ = 0;
    ino_t inode_ = 0;  // 0: there is none
};

}  // namespace crocus::detail
