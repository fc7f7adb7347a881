// A loop of one's own behind asyncio's specification: what can be plugged in is the io_driver, which says what the time
// is and how to wait. The same program runs on epoll and on a driver of ours, whose clock goes a thousand times as
// fast.
#include <iostream>
#include <memory>

#include <crocus.hpp>

using namespace std::chrono_literals;

namespace {

/// Waits on a clock of its own: an hour passes in 3.6 seconds. It has no descriptors: what virtual_time_driver says of
/// them will do.
class hurried_driver final : public crocus::testing::virtual_time_driver {
public:
    [[nodiscard]] std::string_view name() const noexcept override { return "hurried"; }

    [[nodiscard]] crocus::time_point now() noexcept override { return begin_ + 1000 * (crocus::clock::now() - begin_); }

    void poll(crocus::time_point until) override {
        if (until == crocus::time_point::max()) return virtual_time_driver::poll(until);  // everybody waits for ever
        while (now() < until) {
        }
    }

private:
    const crocus::time_point begin_ = crocus::clock::now();
};

int delivery(const char* name, std::chrono::seconds meal) {
    std::cout << "  " << name << " delivered\n";
    crocus::sleep(meal);
    std::cout << "  " << name << "'s bowl collected\n";
    return static_cast<int>(meal.count());
}

int deliveries(int unit) {
    auto [a, b] = crocus::gather([&] { return delivery("A", unit * 1s); }, [&] { return delivery("B", unit * 2s); });
    return a + b;
}

}  // namespace

int main() {
    std::cout << "on epoll, with meals of no time:\n";
    std::cout << crocus::run([] { return deliveries(0); }) << " seconds of meals\n";

    std::cout << "on a driver of our own:\n";
    crocus::event_loop loop(std::make_unique<hurried_driver>());
    std::cout << loop.run_until_complete([] { return deliveries(10); }) << " seconds of meals, on a loop over "
              << loop.driver().name() << " time\n";
}
