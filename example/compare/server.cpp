#include "server.hpp"

#include <unistd.h>

#include <charconv>
#include <crocus.hpp>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "channel.hpp"
#include "flag_set.hpp"
#include "http.hpp"

namespace compare {
namespace {

// "/flags/INDEX/NAME.png"
std::optional<std::size_t> index_in(std::string_view path) {
    constexpr std::string_view prefix = "/flags/";
    if (!path.starts_with(prefix)) return std::nullopt;
    std::size_t index = 0;
    const char* const end = path.data() + path.size();
    const auto [stop, error] = std::from_chars(path.data() + prefix.size(), end, index);
    if (error != std::errc{} || stop == end || *stop != '/') return std::nullopt;
    return index;
}

class flag_server {
public:
    explicit flag_server(const latency_plan& plan) : plan_(plan) {
        for (std::size_t i = 0; i < flags_.size(); ++i) contents_.push_back(flags_.content(i));
    }

    void handle(crocus::stream& client) const {
        http::request request;
        do {
            request = http::parse_request(client.read_until(http::end_of_head));
            answer(client, request);
        } while (request.after == http::connection::keep_alive);
    }

private:
    void answer(crocus::stream& client, const http::request& request) const {
        const auto index = index_in(request.path);
        int status = 404;
        if (index) {
            crocus::sleep(plan_.delay(*index));
            status = plan_.status(*index);
        }
        const std::string body = status == 200 ? std::string() : "status " + std::to_string(status) + "\n";
        const std::string_view content = status == 200 ? contents_[*index % contents_.size()] : body;
        client.write({http::format_response_head(status, content.size(), request.after), content});
    }

    latency_plan plan_;
    flag_set flags_;
    std::vector<std::string> contents_;
};

}  // namespace

void serve(const latency_plan& plan) {
    channel parent;
    const flag_server flags(plan);
    std::thread([&parent] {
        parent.wait_closed();
        _exit(0);
    }).detach();
    crocus::run([&] {
        const auto handler = [&flags](crocus::stream& client) {
            try {
                flags.handle(client);
            } catch (const std::exception&) {
                // The client left, or speaks no HTTP: it gets no further answer. Clients count what they miss.
            }
        };
        crocus::server server = crocus::start_server(handler, "127.0.0.1", 0, {.backlog = 4096});
        parent.send_line("port " + std::to_string(server.port()));
        server.serve_forever();
    });
    _exit(0);
}

}  // namespace compare
