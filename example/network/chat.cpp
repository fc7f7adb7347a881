// A chat: what one person says, all others read. With a port it serves there until Ctrl-C; without, three people meet.
//
//   chat 7777      and elsewhere, as often as you like: nc 127.0.0.1 7777
//
// Each person has a queue of lines and two green threads: one reads what the person says, the other writes what was
// said. Who does not take his lines in time is shown out, and nobody waits for him.
#include <iostream>
#include <map>
#include <string>

#include <crocus.hpp>

#include "port.hpp"

using namespace std::chrono_literals;

namespace {

class room {
public:
    /// Sees a person through, from the name to the good-bye.
    void welcome(crocus::stream& peer) {
        peer.write("your name?\n");
        const std::string name = line_of(peer);
        if (name.empty()) return;
        if (people_.contains(name)) return peer.write("that name is taken\n");
        crocus::queue<std::string> lines(most_unread);
        people_.emplace(name, &lines);
        const auto leave = [&](void*) {
            people_.erase(name);
            say_to_all(name + " leaves\n");
        };
        const std::unique_ptr<void, decltype(leave)> at_end(this, leave);
        say_to_all(name + " joins\n");
        talk(peer, name, lines);
    }

private:
    static constexpr std::size_t most_unread = 100;

    /// Without its end. Nothing at the end of the connection.
    static std::string line_of(crocus::stream& peer) {
        std::string line = peer.read_line();
        while (line.ends_with('\n') || line.ends_with('\r')) line.pop_back();
        return line;
    }

    /// Ends when either side does: the person has left, or was shown out.
    void talk(crocus::stream& peer, const std::string& name, crocus::queue<std::string>& lines) {
        crocus::with_task_group([&](crocus::task_group& both) {
            both.create_task([&] {
                for (const std::string& line : lines) peer.write(line);
                both.cancel();
            });
            for (std::string line = line_of(peer); !line.empty(); line = line_of(peer))
                say_to_all(name + ": " + line + "\n");
            both.cancel();
        });
    }

    void say_to_all(const std::string& line) {
        for (const auto& [name, lines] : people_)
            if (!lines->is_shut_down() && !lines->try_put(line)) lines->shutdown(true);  // too many are unread
    }

    std::map<std::string, crocus::queue<std::string>*> people_;
};

/// A person who says some lines, each when the line before has come back, and leaves.
std::string visit(std::uint16_t port, const std::string& name, std::initializer_list<const char*> sayings) {
    auto connection = crocus::open_connection("127.0.0.1", port);
    std::string seen = connection.read_line();
    connection.write({name, "\n"});
    for (const char* const saying : sayings) {
        connection.write({saying, "\n"});
        const std::string own = name + ": " + saying + "\n";
        for (std::string line; line != own; seen += line) line = connection.read_line();
    }
    connection.write_eof();
    return seen;
}

void show(std::uint16_t port) {
    // Ada is there before the others come, and stays until they have left.
    auto ada = crocus::open_connection("127.0.0.1", port);
    ada.write("Ada\n");
    std::cout << ada.read_line() << ada.read_line();
    crocus::gather([&] { visit(port, "Grace", {"good morning"}); });
    for (int i = 0; i != 3; ++i) std::cout << ada.read_line();
    crocus::gather([&] { visit(port, "Mary", {"hello", "is nobody here?"}); });
    for (int i = 0; i != 4; ++i) std::cout << ada.read_line();
    auto other_ada = crocus::open_connection("127.0.0.1", port);
    other_ada.write("Ada\n");
    std::cout << "to a second Ada: " << other_ada.read_line() << "to a second Ada: " << other_ada.read_line();
}

}  // namespace

int main(int argc, char** argv) {
    const auto port = port_of(argc, argv);
    crocus::run([&] {
        room the_room;
        auto server = crocus::start_server([&](crocus::stream& peer) { the_room.welcome(peer); }, "127.0.0.1",
                                           port.value_or(0));
        if (!port) return show(server.port());
        std::cout << "chatting on port " << server.port() << "; Ctrl-C ends it\n";
        server.serve_forever();
    });
}
