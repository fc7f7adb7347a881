// Exceptions from outside: throw_ raises one at the yield, close asks the body to leave, and so does the destructor.
#include <iostream>
#include <stdexcept>

#include <crocus.hpp>

namespace {

struct connection {
    connection() { std::cout << "open\n"; }
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;
    ~connection() { std::cout << "closed\n"; }
};

/// Counts. A std::out_of_range makes it begin anew; any other exception ends it.
crocus::generator<int> counter() {
    return [](auto& yield) {
        const connection held;
        for (int i = 0;; ++i) {
            try {
                yield(i);
            } catch (const std::out_of_range& error) {
                std::cout << "anew, because of: " << error.what() << '\n';
                i = -1;
            }
        }
    };
}

}  // namespace

int main() {
    crocus::generator<int> handled = counter();
    handled.next();
    std::cout << *handled.next() << '\n';
    std::cout << *handled.throw_(std::out_of_range("enough")) << '\n';  // handled: the next value comes back

    try {
        handled.throw_(std::runtime_error("power cut"));
    } catch (const std::runtime_error& error) {  // not handled: it ends the body, and comes back itself
        std::cout << "came back: " << error.what() << '\n';
    }
    std::cout << "finished: " << handled.next().finished() << "\n\n";

    crocus::generator<int> left = counter();
    left.next();
    left.close();
    std::cout << "close() has returned\n\n";

    for (const int i : counter())
        if (i == 2) break;  // the generator goes out of scope, and its destructor closes it
    std::cout << "the loop was left\n";
}
