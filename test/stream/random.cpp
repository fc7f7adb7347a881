// Reads of all kinds at random, of bytes that come at random, cancelled at random: compared with what a string would give.
#define BOOST_TEST_MODULE stream_random
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <crocus/error.hpp>
#include <crocus/stream.hpp>
#include <crocus/task.hpp>

#include "support/seeds.hpp"
#include "support/streams.hpp"

using crocus::stream;

namespace {

constexpr std::size_t stream_limit = 300;
const std::vector<std::string_view> separators{"\n", ";", "\r\n", ";;", "a;", "ab\n", "\n;a"};

/// What read_until must do with this rest of a stream.
struct expectation {
    enum { found, overrun, incomplete } outcome;
    std::size_t length;
};

expectation read_until_of(std::string_view rest, const std::vector<std::string_view>& wanted, std::size_t limit) {
    std::size_t longest = 0;
    for (const std::string_view s : wanted) longest = std::max(longest, s.size());
    for (std::size_t end = 1; end <= rest.size(); ++end) {
        std::size_t shortest = 0;
        for (const std::string_view s : wanted)
            if (rest.substr(0, end).ends_with(s) && (shortest == 0 || s.size() < shortest)) shortest = s.size();
        if (shortest == 0) continue;
        return {end - shortest > limit ? expectation::overrun : expectation::found, end};
    }
    const bool too_long = rest.size() >= longest && rest.size() - longest + 1 > limit;
    return {too_long ? expectation::overrun : expectation::incomplete, rest.size()};
}

/// One stream, one who writes and one who reads.
class world {
public:
    explicit world(unsigned seed) : random_(seed), all_(text()) {}

    void run() {
        auto [near, far] = crocus::test::stream_pair({.limit = stream_limit});
        auto writing = crocus::create_task([this, &to = far] { write_all(to); });
        for (unsigned reads = 10 + below(200); at_ != all_.size() && reads != 0; --reads) read_something(near);
        BOOST_TEST((near.read() == all_.substr(at_)));
        BOOST_TEST(near.at_eof());
        writing.get();
    }

private:
    unsigned below(unsigned n) { return static_cast<unsigned>(random_()) % n; }
    std::string_view rest() const { return std::string_view(all_).substr(at_); }

    std::string text() {
        std::string t(below(3) == 0 ? below(60'000) : below(3'000), '\0');
        const unsigned rare = 4 + below(60);
        for (char& c : t) c = below(rare) < 4 ? "\n\r;a"[below(4)] : static_cast<char>('b' + below(4));
        return t;
    }

    void write_all(stream& to) {
        for (std::string_view left = all_; !left.empty();) {
            const std::size_t n = std::min<std::size_t>(left.size(), 1 + below(below(4) == 0 ? 6'000 : 40));
            to.write({left.substr(0, n / 2), left.substr(n / 2, n - n / 2)});
            left.remove_prefix(n);
            if (below(3) == 0) crocus::yield_now();
        }
        to.write_eof();
    }

    /// Calls `f()` in a task that may be cancelled. False if that ended it: then it has taken nothing.
    bool done(const std::function<void()>& f) {
        bool ended = false;
        auto reading = crocus::create_task([&] {
            f();
            ended = true;
        });
        if (below(2) == 0) {
            for (unsigned steps = below(6); steps != 0; --steps) crocus::yield_now();
            reading.cancel();
        }
        try {
            reading.get();
        } catch (const crocus::cancelled_error&) {
            // also where it was cancelled after its last wait
        }
        return ended;
    }

    void took(std::string_view bytes) {
        BOOST_REQUIRE((rest().substr(0, bytes.size()) == bytes));
        at_ += bytes.size();
    }

    void took_some(std::string_view bytes, std::size_t most) {
        BOOST_TEST(bytes.size() <= most);
        BOOST_TEST(bytes.empty() == (most == 0 || rest().empty()));
        took(bytes);
    }

    void read_something(stream& s) {
        const std::size_t n = below(below(4) == 0 ? 5'000 : 30);
        std::string got;
        switch (below(5)) {
            case 0:
                if (done([&] { got = s.read(n); })) took_some(got, n);
                break;
            case 1: {
                std::string room(n, '\0');
                if (done([&] { got = room.substr(0, s.read_some(room)); })) took_some(got, n);
                break;
            }
            case 2: {
                const bool into_a_buffer = below(2) == 0;
                read_exactly(s, n, into_a_buffer);
                break;
            }
            case 3: {
                // Without a limit: what an overrun drops depends on what had come.
                if (!done([&] { got = s.read_line(100'000); })) break;
                took(got);
                const auto end = got.find('\n');
                BOOST_TEST((end == std::string::npos ? rest().empty() : end + 1 == got.size()));
                break;
            }
            default:
                read_until(s);
        }
    }

    void read_exactly(stream& s, std::size_t n, bool into_a_buffer) {
        std::string got(into_a_buffer ? n : 0, '\0');
        bool ended = false;
        const bool is_done = done([&] {
            try {
                into_a_buffer ? s.read_exactly(std::span(got)) : void(got = s.read_exactly(n));
            } catch (const crocus::incomplete_read_error& e) {
                ended = true;
                got = e.partial();
                if (e.expected() != n) BOOST_ERROR("expected() is " << e.expected());
            }
        });
        if (!is_done) return;
        BOOST_TEST(ended == (rest().size() < n));
        BOOST_TEST(got.size() == std::min(n, rest().size()));
        took(got);
    }

    void read_until(stream& s) {
        std::vector<std::string_view> wanted;
        for (unsigned count = 1 + below(3); count != 0; --count)
            wanted.push_back(separators[below(static_cast<unsigned>(separators.size()))]);
        const std::optional<std::size_t> limit = below(2) == 0 ? std::optional<std::size_t>(1 + below(100)) : std::nullopt;
        const expectation expected = read_until_of(rest(), wanted, limit.value_or(stream_limit));
        std::string got;
        auto outcome = expectation::found;
        if (!done([&] {
                try {
                    got = s.read_until(wanted, limit);
                } catch (const crocus::incomplete_read_error& e) {
                    outcome = expectation::incomplete;
                    got = e.partial();
                } catch (const crocus::limit_overrun_error&) {
                    outcome = expectation::overrun;
                }
            }))
            return;
        BOOST_TEST(outcome == expected.outcome);
        if (outcome == expectation::overrun) return;
        BOOST_TEST(got.size() == expected.length);
        took(got);
    }

    std::minstd_rand random_;
    const std::string all_;
    std::size_t at_ = 0;  // how much of it was read
};

}  // namespace

BOOST_AUTO_TEST_CASE(whatever_is_read_and_cancelled_no_byte_is_lost_or_comes_twice) {
    crocus::test::on_each_driver(crocus::test::all_stream_drivers, [] {
        const crocus::test::seed_range seeds(150);
        for (unsigned seed = seeds.first; seed != seeds.end; ++seed)
            BOOST_TEST_CONTEXT("seed " << seed) { world(seed).run(); }
    });
}
