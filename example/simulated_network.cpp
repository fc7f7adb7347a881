// A client that keeps asking until it has its answer, and a server that counts what it was asked for: is each order
// taken exactly once, whatever the network does? A thousand networks that break connections say no, as long as the
// server does not know an order again that it has had. One of them is seen again, with what happened in it.
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <set>
#include <stdexcept>
#include <string>
#include <system_error>

#include <crocus.hpp>

using namespace std::chrono_literals;
namespace testing = crocus::testing;

namespace {

void require(bool condition, const std::string& what) {
    std::cout << (condition ? "passed: " : "FAILED: ") << what << '\n';
    if (!condition) std::exit(1);
}

/// What is tested.
class shop {
public:
    explicit shop(bool knows_orders_again) : knows_again_(knows_orders_again) {}

    void serve(crocus::stream& s) {
        const std::string order = s.read_line();
        if (!order.ends_with('\n')) return;  // broken off
        if (!known_.insert(order).second && knows_again_) return s.write("taken\n");
        ++taken_;
        s.write("taken\n");
    }
    [[nodiscard]] int taken() const { return taken_; }

private:
    const bool knows_again_;
    std::set<std::string> known_;
    int taken_ = 0;
};

void order(std::uint16_t port, const std::string& number) {
    for (auto pause = 1s;; pause *= 2) {
        try {
            auto s = crocus::open_connection("127.0.0.1", port);
            s.write(number + "\n");
            if (crocus::with_timeout(10s, [&] { return s.read_line(); }) == "taken\n") return;
        } catch (const std::system_error&) {
        } catch (const crocus::timeout_error&) {
        }
        crocus::sleep(pause);
    }
}

/// Three orders. The trace says how it went.
std::string trace;

void three_orders(bool knows_orders_again) {
    testing::network().set_trace(true);
    shop s(knows_orders_again);
    auto server = crocus::start_server(
        [&](crocus::stream& client) {
            try {
                s.serve(client);
            } catch (const std::system_error&) {  // the client asks again
            }
        },
        "127.0.0.1", 0);
    const auto ask = [&](const char* number) { return [&, number] { order(server.port(), number); }; };
    crocus::gather(ask("A1"), ask("B2"), ask("C3"));
    trace = testing::network().trace();
    if (s.taken() != 3) throw std::logic_error(std::to_string(s.taken()) + " orders were taken instead of 3");
}

}  // namespace

int main() {
    const testing::network_conditions rough{
        .least_latency = 10ms, .most_latency = 200ms, .short_reads = 0.3, .resets = 0.05, .silences = 0.02};

    testing::for_each_seed(1000, [] { three_orders(false); });
    require(true, "on a kind network each order is taken once");
    try {
        testing::for_each_seed(
            1000, [] { three_orders(false); }, rough);
        require(false, "on some rough network one is taken twice");
    } catch (const crocus::failure_with_seed& failure) {
        require(true, failure.what());
        std::cout << trace;
    }
    testing::for_each_seed(
        1000, [] { three_orders(true); }, rough);
    require(true, "a shop that knows an order again takes it once on a thousand rough networks");
}
