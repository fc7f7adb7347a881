// Who a line of a log belongs to, though nobody passes it along.
#include <chrono>
#include <iostream>
#include <string>
#include <string_view>

#include <crocus.hpp>

using namespace std::chrono_literals;

namespace {

crocus::context_var<std::string> request_id("request_id", "-");

void log(std::string_view what) { std::cout << '[' << request_id.get() << "] " << what << '\n'; }

/// Knows nothing of requests.
int price_of(std::string_view flower) {
    log("looking up");
    crocus::sleep(10ms);  // the other request goes on
    log("found");
    return static_cast<int>(flower.size());
}

void handle(const std::string& id, std::string_view flower) {
    const crocus::context_scope scope(request_id.set(id));
    const int price = price_of(flower);
    const auto report = [&] { log(std::string(flower) + ": " + std::to_string(price)); };
    crocus::to_thread(report);  // a thread that works for a request knows it, too
}

}  // namespace

int main() {
    crocus::run([] {
        crocus::gather([] { handle("r1", "crocus"); }, [] { handle("r2", "tulip"); });
        log("idle");
    });
}
