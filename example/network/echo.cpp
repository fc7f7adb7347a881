// An echo server. With a port it serves there until Ctrl-C; without, it shows itself to a few clients, and ends.
//
//   echo 7777      and elsewhere: nc 127.0.0.1 7777
#include <array>
#include <iostream>
#include <string>

#include <crocus.hpp>

#include "port.hpp"

namespace {

/// Whatever comes goes back, as it comes.
void echo(crocus::stream& peer) {
    std::array<char, 4096> buffer;
    while (const std::size_t n = peer.read_some(buffer)) peer.write({buffer.data(), n});
}

/// Sends half of a text, then the rest, tells the server that this was all, and reads what comes back.
std::string talk_to(std::uint16_t port, const std::string& text) {
    auto connection = crocus::open_connection("127.0.0.1", port);
    connection.write(text.substr(0, text.size() / 2));
    crocus::yield_now();
    connection.write(text.substr(text.size() / 2));
    connection.write_eof();
    return connection.read();
}

}  // namespace

int main(int argc, char** argv) {
    const auto port = port_of(argc, argv);
    crocus::run([&] {
        auto server = crocus::start_server(echo, "127.0.0.1", port.value_or(0));
        if (port) {
            std::cout << "echoing on port " << server.port() << "; Ctrl-C ends it\n";
            server.serve_forever();
        }
        const auto [a, b, c] = crocus::gather([&] { return talk_to(server.port(), "one green thread"); },
                                              [&] { return talk_to(server.port(), "for each connection"); },
                                              [&] { return talk_to(server.port(), std::string(1'000'000, '.')); });
        std::cout << a << '\n' << b << '\n' << c.size() << " dots\n";
    });
}
