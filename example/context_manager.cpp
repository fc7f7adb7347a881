// Scopes made of generators: one that takes its changes back, one that times, and one that goes on after a failure.
#include <chrono>
#include <iostream>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>

#include <crocus.hpp>

using namespace std::chrono_literals;

namespace {

using stock = std::map<std::string, int>;

/// Changes reach `shelf` at the end of the scope, and only if nothing was thrown.
crocus::context_manager<stock&> changing(stock& shelf) {
    return [&shelf](auto& yield) {
        stock changed = shelf;
        yield(changed);
        shelf = std::move(changed);
    };
}

void take(stock& from, const std::string& what, int how_many) {
    int& left = from[what];
    if (left < how_many) throw std::runtime_error("only " + std::to_string(left) + " of " + what);
    left -= how_many;
}

crocus::context_manager<> named(std::string what) {
    return [what](auto& yield) {
        std::cout << what << " begins\n";
        try {
            yield();
        } catch (const crocus::cancelled_error&) {
            std::cout << what << " was cancelled\n";
            throw;
        }
        std::cout << what << " ends\n";
    };
}

crocus::context_manager<> forgiving() {
    return [](auto& yield) {
        try {
            yield();
        } catch (const std::exception& e) {
            std::cout << "never mind: " << e.what() << '\n';
        }
    };
}

}  // namespace

int main() {
    stock shelf{{"crocus", 5}, {"tulip", 1}};
    const int left = crocus::with(changing(shelf), [](stock& s) {
        take(s, "crocus", 2);
        return s["crocus"];
    });
    std::cout << left << " left\n";

    const std::optional<int> sold = crocus::with(forgiving(), [&]() -> std::optional<int> {
        return crocus::with(changing(shelf), [](stock& s) {
            take(s, "crocus", 3);
            take(s, "tulip", 2);  // fails, so the crocuses stay
            return 5;
        });
    });
    std::cout << (sold ? "sold" : "not sold") << ", still " << shelf["crocus"] << " left\n";

    auto long_work =
        crocus::create_task([] { crocus::with(named("a long piece of work"), [] { crocus::sleep(1h); }); });
    crocus::yield_now();
    long_work.cancel();
    try {
        long_work.get();
    } catch (const crocus::cancelled_error&) {
    }
}
