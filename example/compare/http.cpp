#include "http.hpp"

#include <algorithm>
#include <charconv>

namespace compare::http {
namespace {

std::string_view reason(int status) {
    switch (status) {
        case 200:
            return "OK";
        case 400:
            return "Bad Request";
        case 404:
            return "Not Found";
        case 503:
            return "Service Unavailable";
        default:
            return "Unknown";
    }
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    return std::ranges::equal(a, b, {}, lower, lower);
}

std::string_view trim(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

std::string_view take_until(std::string_view& text, std::string_view separator) {
    const std::size_t at = text.find(separator);
    const std::string_view taken = text.substr(0, at);
    text.remove_prefix(at == text.npos ? text.size() : at + separator.size());
    return taken;
}

template <class F>
void each_field(std::string_view lines, F use) {
    while (!lines.empty()) {
        std::string_view line = take_until(lines, "\r\n");
        if (line.empty()) break;
        if (line.find(':') == line.npos) throw protocol_error("a header line without ':'");
        const std::string_view name = take_until(line, ":");
        use(name, trim(line));
    }
}

connection default_for(std::string_view version) {
    if (version == "HTTP/1.1") return connection::keep_alive;
    if (version == "HTTP/1.0") return connection::close;
    throw protocol_error("neither HTTP/1.0 nor HTTP/1.1");
}

void note_connection(std::string_view value, connection& after) {
    if (equal_ignoring_case(value, "close")) after = connection::close;
    if (equal_ignoring_case(value, "keep-alive")) after = connection::keep_alive;
}

std::string_view token(connection after) { return after == connection::close ? "close" : "keep-alive"; }

}  // namespace

std::string format_request(std::string_view host, std::string_view path, connection after) {
    std::string text = "GET ";
    text.append(path).append(" HTTP/1.1\r\nHost: ").append(host);
    text.append("\r\nUser-Agent: crocus-compare\r\nAccept: image/png\r\nConnection: ").append(token(after));
    return text.append(end_of_head);
}

request parse_request(std::string_view head) {
    std::string_view line = take_until(head, "\r\n");
    if (take_until(line, " ") != "GET") throw protocol_error("not a GET request");
    request result;
    result.path = take_until(line, " ");
    result.after = default_for(line);
    each_field(head, [&](std::string_view name, std::string_view value) {
        if (equal_ignoring_case(name, "Connection")) note_connection(value, result.after);
    });
    return result;
}

std::string format_response_head(int status, std::size_t length, connection after) {
    std::string text = "HTTP/1.1 ";
    text.append(std::to_string(status)).append(" ").append(reason(status));
    text.append("\r\nServer: crocus-compare\r\nContent-Type: ").append(status == 200 ? "image/png" : "text/plain");
    text.append("\r\nContent-Length: ").append(std::to_string(length));
    text.append("\r\nConnection: ").append(token(after));
    return text.append(end_of_head);
}

response_head parse_response_head(std::string_view head) {
    std::string_view line = take_until(head, "\r\n");
    response_head result;
    result.after = default_for(take_until(line, " "));
    const std::string_view digits = take_until(line, " ");
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), result.status);
    if (error != std::errc{} || end != digits.data() + digits.size() || result.status < 200 || result.status > 599)
        throw protocol_error("no usable status in the answer");

    each_field(head, [&](std::string_view name, std::string_view value) {
        if (equal_ignoring_case(name, "Connection")) note_connection(value, result.after);
        if (equal_ignoring_case(name, "Transfer-Encoding")) throw protocol_error("the answer comes in chunks");
        if (!equal_ignoring_case(name, "Content-Length")) return;
        std::size_t length = 0;
        const auto [stop, bad] = std::from_chars(value.data(), value.data() + value.size(), length);
        if (bad != std::errc{} || stop != value.data() + value.size()) throw protocol_error("a bad Content-Length");
        if (length > longest_body) throw protocol_error("the answer is too long");
        result.length = length;
    });
    if (result.status == 204 || result.status == 304) result.length = 0;
    if (!result.length) result.after = connection::close;
    return result;
}

}  // namespace compare::http
