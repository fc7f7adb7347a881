// As much of HTTP/1.1 as the comparison needs: GET requests, and answers that tell their length or end with the
// connection. Text in, values out; who moves the bytes is the execution model's business.
#pragma once

#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace compare::http {

constexpr std::string_view end_of_head = "\r\n\r\n";
constexpr std::size_t longest_head = 64 * 1024;
constexpr std::size_t longest_body = 64 * 1024 * 1024;

/// The peer does not speak HTTP as understood here.
class protocol_error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

enum class connection { close, keep_alive };

std::string format_request(std::string_view host, std::string_view path, connection after);

struct request {
    std::string path;
    connection after = connection::keep_alive;
};

/// Throws: protocol_error   not a GET request of HTTP/1.x
request parse_request(std::string_view head);

std::string format_response_head(int status, std::size_t length, connection after);

struct response_head {
    int status = 0;
    std::optional<std::size_t> length;  // empty: the body ends with the connection
    connection after = connection::keep_alive;
};

/// Throws: protocol_error   not an answer of HTTP/1.x, or one in chunks, or one that is too long
response_head parse_response_head(std::string_view head);

}  // namespace compare::http
