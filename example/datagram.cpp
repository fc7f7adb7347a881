// Datagrams: a server that tells the length of what it is sent, and a client that asks again where no answer comes.
#include <crocus.hpp>

#include <iostream>
#include <optional>
#include <string>

using namespace std::chrono_literals;

namespace {

/// Answers, but for every second question, as networks do.
void serve(crocus::datagram_endpoint& server) {
    for (int question = 0;; ++question) {
        const crocus::datagram d = server.receive();
        if (question % 2 == 1) server.send(std::to_string(d.data.size()), d.from);
    }
}

std::string ask(crocus::datagram_endpoint& client, const std::string& question) {
    for (;;) {
        client.send(question);
        const auto answer = crocus::move_on_after(50ms, [&] { return client.receive().data; });
        if (answer) return *answer;
        std::cout << "no answer, again\n";
    }
}

}  // namespace

int main() {
    crocus::run([] {
        auto server = crocus::open_datagram(crocus::address::parse("127.0.0.1", 0));
        auto serving = crocus::create_task([&] { serve(server); });
        auto client = crocus::open_datagram(std::nullopt, server.local_address());
        for (const std::string question : {"four", "eleven words"})
            std::cout << question << " has " << ask(client, question) << " characters\n";
        serving.cancel();
        crocus::wait({serving});
    });
}
