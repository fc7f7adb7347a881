#include <crocus/testing/lifetimes.hpp>

#include <unordered_map>
#include <utility>

namespace crocus::testing {

/// Where each value is, and what has become of it. It is kept by address, outside of the values: one that is gone must
/// not be looked at, and compilers drop what a destructor writes into its object.
class lifetimes::registry {
public:
    registry() : lock_(mutex()) {}

    void enter(const tracked& v, lifetimes* book, std::size_t counts::*how) {
        if (book == nullptr) {
            values().erase(&v);
            return;
        }
        values()[&v] = {book, condition::whole};
        ++(book->counts_.*how);
        ++book->counts_.alive;
    }
    /// Its book, where it is still kept. What the caller does is a fault if the value is gone, or empty.
    lifetimes* use(const tracked& v, const char* done) {
        known* const k = find(v, done);
        if (k == nullptr) return nullptr;
        if (k->is == condition::empty) fault(*k->book, done, "after it had been moved from");
        return k->book;
    }
    void empty(const tracked& v) {
        if (known* const k = find(v, nullptr); k != nullptr && k->is == condition::whole) k->is = condition::empty;
    }
    void assign(const tracked& v, std::size_t counts::*how) {
        known* const k = find(v, "assigned to");
        if (k == nullptr) return;
        ++(k->book->counts_.*how);
        if (k->is == condition::empty) k->is = condition::whole;
    }
    void leave(const tracked& v) {
        known* const k = find(v, "destroyed");
        if (k == nullptr || std::exchange(k->is, condition::gone) == condition::gone) return;
        ++k->book->counts_.destroyed;
        --k->book->counts_.alive;
    }
    void forget(const lifetimes& book) {
        std::erase_if(values(), [&](const auto& value) { return value.second.book == &book; });
    }

private:
    enum class condition { whole, empty, gone };
    struct known {
        lifetimes* book;
        condition is;
    };

    static std::mutex& mutex() {
        static std::mutex m;
        return m;
    }
    static std::unordered_map<const tracked*, known>& values() {
        static auto* const all = new std::unordered_map<const tracked*, known>;  // some may be destroyed after main
        return *all;
    }
    static known* find(const tracked& v, const char* done) {
        const auto found = values().find(&v);
        if (found == values().end()) return nullptr;
        if (found->second.is == condition::gone && done != nullptr)
            fault(*found->second.book, done, "after it had been destroyed");
        return &found->second;
    }
    static void fault(lifetimes& book, const char* done, const char* when) {
        book.faults_.push_back(std::string("a value was ") + done + " " + when);
    }

    std::scoped_lock<std::mutex> lock_;
};

lifetimes::lifetimes() = default;
lifetimes::~lifetimes() { registry().forget(*this); }

std::size_t lifetimes::made() const {
    const registry locked;
    return counts_.made;
}
std::size_t lifetimes::copied() const {
    const registry locked;
    return counts_.copied;
}
std::size_t lifetimes::moved() const {
    const registry locked;
    return counts_.moved;
}
std::size_t lifetimes::destroyed() const {
    const registry locked;
    return counts_.destroyed;
}
std::size_t lifetimes::alive() const {
    const registry locked;
    return counts_.alive;
}
std::vector<std::string> lifetimes::faults() const {
    const registry locked;
    return faults_;
}
bool lifetimes::clean() const {
    const registry locked;
    return counts_.alive == 0 && faults_.empty();
}

tracked::tracked(lifetimes& book, int number) : number_(number) {
    lifetimes::registry().enter(*this, &book, &lifetimes::counts::made);
}

tracked::tracked(const tracked& other) : number_(other.number_) {
    lifetimes::registry known;
    known.enter(*this, known.use(other, "copied"), &lifetimes::counts::copied);
}

tracked::tracked(tracked&& other) noexcept : number_(other.number_) {
    lifetimes::registry known;
    known.enter(*this, known.use(other, "moved"), &lifetimes::counts::moved);
    known.empty(other);
}

tracked& tracked::operator=(const tracked& other) {
    lifetimes::registry known;
    known.use(other, "copied");
    known.assign(*this, &lifetimes::counts::copied);
    number_ = other.number_;
    return *this;
}

tracked& tracked::operator=(tracked&& other) noexcept {
    lifetimes::registry known;
    known.use(other, "moved");
    known.empty(other);
    known.assign(*this, &lifetimes::counts::moved);
    number_ = other.number_;
    return *this;
}

tracked::~tracked() { lifetimes::registry().leave(*this); }

int tracked::number() const {
    lifetimes::registry().use(*this, "read");
    return number_;
}

}  // namespace crocus::testing
