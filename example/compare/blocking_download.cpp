#include "blocking_download.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <system_error>

namespace compare {
namespace {

[[noreturn]] void throw_errno(const char* what) { throw std::system_error(errno, std::system_category(), what); }

class blocking_connection {
public:
    explicit blocking_connection(const work_order& order) {
        addrinfo hints{};
        hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
        hints.ai_socktype = SOCK_STREAM;
        addrinfo* found = nullptr;
        if (getaddrinfo(order.address.c_str(), std::to_string(order.port).c_str(), &hints, &found) != 0)
            throw std::system_error(EINVAL, std::system_category(), "getaddrinfo");
        const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> address(found, freeaddrinfo);

        fd_ = ::socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd_ < 0) throw_errno("socket");
        const timeval limit{patience.count(), 0};
        setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
        if (::connect(fd_, address->ai_addr, address->ai_addrlen) != 0) {
            const int error = errno == EINPROGRESS ? ETIMEDOUT : errno;  // how SO_SNDTIMEO ends a connect()
            ::close(fd_);
            throw std::system_error(error, std::system_category(), "connect");
        }
    }
    blocking_connection(const blocking_connection&) = delete;
    blocking_connection& operator=(const blocking_connection&) = delete;
    ~blocking_connection() { ::close(fd_); }

    void write(std::string_view data) {
        while (!data.empty()) {
            const ssize_t sent = ::send(fd_, data.data(), data.size(), MSG_NOSIGNAL);
            if (sent < 0 && errno != EINTR) throw_errno("send");
            if (sent > 0) data.remove_prefix(static_cast<std::size_t>(sent));
        }
    }

    /// Appends what is there, waiting for some. False at the end of the stream.
    bool read_into(std::string& buffer) {
        const std::size_t old_size = buffer.size();
        constexpr std::size_t piece = 32 * 1024;
        buffer.resize(old_size + piece);
        ssize_t count;
        do count = ::recv(fd_, buffer.data() + old_size, piece, 0);
        while (count < 0 && errno == EINTR);
        buffer.resize(old_size + (count > 0 ? static_cast<std::size_t>(count) : 0));
        if (count < 0) throw_errno("recv");
        return count > 0;
    }

private:
    int fd_;
};

}  // namespace

outcome download_blocking(const work_order& order, const flag_set& flags, std::size_t item) try {
    blocking_connection connection(order);
    connection.write(request_for(order, flags, item, http::connection::close));

    std::string answer;
    std::size_t body = std::string::npos;
    while (body == std::string::npos) {
        if (!connection.read_into(answer)) return {answer.empty() ? "reset" : outcome::truncated};
        const std::size_t end = answer.find(http::end_of_head);
        if (end != std::string::npos) body = end + http::end_of_head.size();
        if (body == std::string::npos && answer.size() > http::longest_head) return {outcome::not_http};
    }
    const http::response_head head = http::parse_response_head(answer);
    const std::size_t whole = body + head.length.value_or(http::longest_body);
    while (answer.size() < whole && connection.read_into(answer)) {
    }
    if (answer.size() != whole && head.length) return {outcome::truncated};
    return judge(order, flags, item, head.status, std::string_view(answer).substr(body));
} catch (...) {
    return outcome_of_current_exception();
}

}  // namespace compare
