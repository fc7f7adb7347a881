// A user's own server of flags: HTTP/1.0, one connection at a time, with faults on order.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <thread>

#include "flag_set.hpp"

/// The address of a port that nobody listens on.
inline std::string nobody_there() {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    bind(fd, reinterpret_cast<const sockaddr*>(&address), size);  // stays bound, so that nobody else gets it
    getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
    return "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
}

class flag_server {
public:
    enum fault { honest, other_files, nothing, wrong_byte, cut_off, hang_up, babble };

    explicit flag_server(fault kind) : fault_(kind) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        bind(listener_, reinterpret_cast<const sockaddr*>(&address), size);
        listen(listener_, 64);
        getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
        port_ = ntohs(address.sin_port);
        thread_ = std::thread([this] { serve(); });
    }
    flag_server(const flag_server&) = delete;
    flag_server& operator=(const flag_server&) = delete;
    ~flag_server() {
        shutdown(listener_, SHUT_RDWR);
        thread_.join();
        close(listener_);
    }

    [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

private:
    // One of the first thirty, and none of those that are asked for beforehand.
    static constexpr std::size_t faulty = 7;

    void serve() {
        for (int client; (client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0; close(client)) {
            std::string request;
            char byte;
            while (!request.ends_with("\r\n\r\n") && recv(client, &byte, 1, 0) == 1) request += byte;
            const std::string response = answer(request.substr(0, request.find(" HTTP/")));
            send(client, response.data(), response.size(), MSG_NOSIGNAL);
            shutdown(client, SHUT_WR);
            while (recv(client, &byte, 1, 0) > 0) {
            }
        }
    }

    std::string answer(const std::string& request) const {
        std::size_t index = 0;
        while (index < flags_.size() && request != "GET /" + flags_.name(index)) ++index;
        if (index == flags_.size() || fault_ == nothing) return "HTTP/1.0 404 Not Found\r\n\r\n";
        std::string body = fault_ == other_files ? "not " + flags_.name(index) : flags_.content(index);
        const std::string head = "HTTP/1.0 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n";
        if (index == faulty && fault_ == wrong_byte) body.back() ^= 1;
        if (index == faulty && fault_ == cut_off) body.pop_back();
        if (index == faulty && fault_ == hang_up) return "";
        if (index == faulty && fault_ == babble) return "SSH-2.0-OpenSSH\r\n\r\n";
        return head + body;
    }

    fault fault_;
    compare::flag_set flags_;
    int listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    std::uint16_t port_ = 0;
    std::thread thread_;
};
