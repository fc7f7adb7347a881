// Echo on crocus: a task for each connection.
#include <string_view>

#include <crocus/run.hpp>
#include <crocus/server.hpp>

#include "server.hpp"

namespace {

void echo(crocus::stream& peer) {
    server::read_buffer buffer;
    while (const std::size_t n = peer.read_some(buffer)) peer.write(std::string_view(buffer.data(), n));
}

}  // namespace

int main() {
    crocus::run([] {
        auto echoing = crocus::start_server(echo, "127.0.0.1", 0, {.backlog = server::backlog});
        server::announce(echoing.port());
        echoing.serve_forever();
    });
}
