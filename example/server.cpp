// An echo server and its clients in one program: a green thread for each connection, on both sides.
#include <iostream>
#include <string>

#include <crocus.hpp>

int main() {
    crocus::run([] {
        auto server = crocus::start_server(
            [](crocus::stream& peer) {
                for (const std::string& line : peer.lines()) peer.write({"you said: ", line});
            },
            "127.0.0.1", 0);

        const auto talk = [&](const std::string& text) {
            auto connection = crocus::open_connection("127.0.0.1", server.port());
            connection.write({text, "\n"});
            return connection.read_line();
        };
        auto [a, b] = crocus::gather([&] { return talk("hello"); }, [&] { return talk("good morning"); });
        std::cout << a << b;
    });
}
