#include "channel.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

namespace compare {

channel::channel() {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    fcntl(descriptor, F_SETFD, FD_CLOEXEC);
}

void channel::send_line(std::string line) {
    line += '\n';
    for (std::string_view rest = line; !rest.empty();) {
        const ssize_t sent = ::send(descriptor, rest.data(), rest.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR) _exit(1);
        if (sent > 0) rest.remove_prefix(static_cast<std::size_t>(sent));
    }
}

void channel::wait_closed() const {
    char byte;
    while (true) {
        const ssize_t count = ::recv(descriptor, &byte, 1, 0);
        if (count == 0 || (count < 0 && errno != EINTR)) return;
    }
}

}  // namespace compare
