// Finds Unicode characters by the words of their names, for whoever asks over TCP (the character finder of asyncio's
// books). With a port it serves there until Ctrl-C; without, it answers a few questions of its own.
//
//   character_finder 2323      and elsewhere: nc 127.0.0.1 2323
#include <exception>
#include <iostream>
#include <string>

#include <crocus.hpp>

#include "port.hpp"
#include "unicode_names.hpp"

using namespace std::chrono_literals;

namespace {

constexpr auto patience = 5min;
constexpr const char* prompt = "?> ";

/// One question a line, until the end of the connection or an empty line.
void answer_questions(crocus::stream& peer, const unicode_names& names) {
    for (;;) {
        peer.write(prompt);
        const std::string query = crocus::with_timeout(patience, [&] { return peer.read_line(); });
        if (query.find_first_not_of(" \r\n") == std::string::npos) return;
        std::string answer;
        const auto found = names.find(query);
        for (const auto* const c : found) answer += c->line() + "\r\n";
        peer.write({answer, "--- ", std::to_string(found.size()), " found\r\n"});
    }
}

std::string ask(std::uint16_t port, const std::string& query) {
    auto connection = crocus::open_connection("127.0.0.1", port);
    connection.read_until(prompt);
    connection.write({query, "\r\n"});
    std::string answer = connection.read_until(prompt);
    std::erase(answer, '\r');
    return answer.substr(0, answer.size() - 3);
}

}  // namespace

int main(int argc, char** argv) try {
    const auto port = port_of(argc, argv);
    const unicode_names names;
    crocus::run([&] {
        auto server = crocus::start_server([&](crocus::stream& peer) { answer_questions(peer, names); }, "127.0.0.1",
                                           port.value_or(0));
        if (port) {
            std::cout << names.size() << " characters on port " << server.port() << "; Ctrl-C ends it\n";
            server.serve_forever();
        }
        const auto [chess, sun, nothing] = crocus::gather([&] { return ask(server.port(), "king black chess"); },
                                                          [&] { return ask(server.port(), "Sun rays"); },
                                                          [&] { return ask(server.port(), "green thread"); });
        std::cout << chess << sun << nothing;
    });
} catch (const std::exception& e) {
    std::cerr << argv[0] << ": " << e.what() << '\n';
    return 1;
}
