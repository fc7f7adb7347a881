// select: a server's desk, where requests, complaints and the end of the day may come at any time, and a quiet hour is
// used.
#include <chrono>
#include <iostream>
#include <string>
#include <utility>

#include <crocus.hpp>

using namespace std::chrono_literals;

namespace {

struct desk {
    crocus::queue<std::string> requests{10};
    crocus::lifo_queue<std::string> complaints;  // the latest is the angriest
    crocus::event closing;

    /// Where several have come, the first that is listed wins.
    void serve() {
        bool open = true;
        while (open)
            open = crocus::select(crocus::on_get(complaints,
                                                 [](const std::string& from) {
                                                     std::cout << "sorry, " << from << '\n';
                                                     return true;
                                                 }),
                                  crocus::on_get(requests,
                                                 [](const std::string& from) {
                                                     std::cout << "here you are, " << from << '\n';
                                                     return true;
                                                 }),
                                  crocus::on_set(closing, [] { return false; }), crocus::on_timeout(5ms, [] {
                                      std::cout << "tidies up\n";
                                      return true;
                                  }));
        std::cout << "closed\n";
    }
};

/// Puts the letter into the first box that has room; it stays with the caller if none has.
bool post(crocus::queue<std::string>& here, crocus::queue<std::string>& there, std::string& letter) {
    return crocus::try_select(crocus::on_put(here, std::move(letter), [] { std::cout << "posted here\n"; }),
                              crocus::on_put(there, std::move(letter), [] { std::cout << "posted there\n"; }));
}

}  // namespace

int main() {
    crocus::run([] {
        desk d;
        auto serving = crocus::create_task([&] { d.serve(); });
        d.requests.put("Ann");
        d.requests.put("Bob");
        d.complaints.put("Cecil");
        crocus::sleep(7ms);
        d.closing.set();
        serving.get();

        crocus::queue<std::string> here(1), there(1);
        for (std::string letter : {"first", "second", "third"})
            if (!post(here, there, letter)) std::cout << "the " << letter << " letter is still mine\n";

        auto slow = crocus::create_task([] {
            crocus::sleep(1h);
            return 42;
        });
        crocus::select(crocus::on_done(slow, [](auto& t) { std::cout << t.result() << '\n'; }),
                       crocus::on_timeout(1ms, [] { std::cout << "not yet\n"; }));
        slow.cancel();
    });
}
