// Minutes of connections that go wrong in every way that we could think of, drawn from a seed: what was sent comes back
// byte for byte or not at all, nobody is stuck, and after each round nothing is left.
//
//   b2 soak                                     two minutes under AddressSanitizer
//   CROCUS_SOAK_SECONDS=3600 CROCUS_SEED=7      so long, and from this seed on
//   CROCUS_DRIVER=poll                          over another driver
//
// A client decides how its conversation goes, and tells the server in the first byte what that is to do. Each round has a
// time limit: who is stuck fails it.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <random>
#include <string>
#include <system_error>
#include <vector>

#include <crocus.hpp>

#if defined(__SANITIZE_ADDRESS__)
extern "C" std::size_t __sanitizer_get_current_allocated_bytes();  // g++ 12 has no header for it
#endif

using namespace std::chrono_literals;

namespace {

constexpr int clients_at_once = 100;
constexpr auto longest_round = 60s;

[[noreturn]] void fail(std::uint64_t seed, const std::string& what) {
    std::fprintf(stderr, "soak: with seed %llu: %s\n", static_cast<unsigned long long>(seed), what.c_str());
    std::exit(1);
}

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
    const char* const text = std::getenv(variable);
    return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

std::size_t open_descriptors() {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

std::size_t allocated_bytes() {
#if defined(__SANITIZE_ADDRESS__)
    return __sanitizer_get_current_allocated_bytes();
#else
    return 0;
#endif
}

/// Chances of one round.
class chance {
public:
    explicit chance(std::uint64_t seed) : engine_(seed) {}

    int below(int n) { return std::uniform_int_distribution(0, n - 1)(engine_); }
    bool one_in(int n) { return below(n) == 0; }
    std::string text(int longest) {
        std::string t(static_cast<std::size_t>(below(longest)), ' ');
        for (char& c : t) c = static_cast<char>('a' + below(26));
        return t;
    }

private:
    std::mt19937_64 engine_;
};

/// What the server does with a connection, in the client's first byte.
enum class conduct : char {
    echoes = 'e',
    closes = 'c',    // in the middle
    breaks = 'b',    // resets it in the middle
    throws = 't',
    ignores = 'i',   // reads nothing
    drips = 'd',     // answers byte by byte
};

void serve(crocus::stream& peer, chance& draw) {
    std::array<char, 1> first{};
    if (peer.read_some(first) == 0) return;
    const auto how = static_cast<conduct>(first[0]);
    if (how == conduct::ignores) return crocus::sleep(1h);  // until the client has left, and the round is over
    std::vector<char> buffer(static_cast<std::size_t>(1 + draw.below(5000)));
    int left = draw.below(20'000);
    while (const std::size_t n = peer.read_some(buffer)) {
        left -= static_cast<int>(n);
        if (left < 0 && how == conduct::closes) return;
        if (left < 0 && how == conduct::breaks) return peer.abort();
        if (left < 0 && how == conduct::throws) throw std::runtime_error("as asked for");
        if (how != conduct::drips || n > 200) {
            peer.write({buffer.data(), n});
            continue;
        }
        for (std::size_t i = 0; i != n; ++i) peer.write({&buffer[i], 1});
    }
}

/// One conversation. Returns what came back; throws where it went wrong.
class conversation {
public:
    conversation(std::uint16_t port, conduct asked_for, chance& draw)
        : port_(port), text_(draw.text(60'000)), asked_for_(asked_for), draw_(draw) {}

    void hold() {
        auto connection = crocus::open_connection("127.0.0.1", port_);
        connection.write(std::string(1, static_cast<char>(asked_for_)));
        crocus::gather([&] { send(connection); }, [&] { receive(connection); });
    }

    /// As far as it went, it is right.
    [[nodiscard]] bool intact() const { return std::string_view(text_).starts_with(received_); }
    [[nodiscard]] bool complete() const { return text_ == received_; }

private:
    void send(crocus::stream& to) {
        for (std::string_view left = text_; !left.empty();) {
            const auto part = left.substr(0, static_cast<std::size_t>(1 + draw_.below(8000)));
            if (draw_.one_in(3))
                to.write({part.substr(0, part.size() / 3), part.substr(part.size() / 3)});
            else
                to.write(part);
            left.remove_prefix(part.size());
            if (draw_.one_in(8)) crocus::yield_now();
        }
        to.write_eof();
    }

    void receive(crocus::stream& from) {
        while (!from.at_eof()) {
            // A read that is given up loses nothing: the next one goes on.
            const auto limit = std::chrono::microseconds(draw_.below(2000));
            crocus::move_on_after(draw_.one_in(4) ? std::optional<crocus::duration>(limit) : std::nullopt, [&] {
                switch (draw_.below(4)) {
                    case 0: received_ += from.read(static_cast<std::size_t>(1 + draw_.below(3000))); break;
                    case 1: received_ += exactly(from, static_cast<std::size_t>(1 + draw_.below(2000))); break;
                    case 2: received_ += until(from, 'a' + draw_.below(26)); break;
                    default: some(from); break;
                }
            });
        }
    }

    void some(crocus::stream& from) {
        std::array<char, 700> buffer;
        received_.append(buffer.data(), from.read_some(buffer));
    }
    static std::string exactly(crocus::stream& from, std::size_t n) {
        try {
            return from.read_exactly(n);
        } catch (const crocus::incomplete_read_error& e) {
            return e.partial();
        }
    }
    static std::string until(crocus::stream& from, int c) {
        try {
            return from.read_until(std::string(1, static_cast<char>(c)));
        } catch (const crocus::incomplete_read_error& e) {
            return e.partial();
        }
    }

    std::uint16_t port_;
    std::string text_;
    std::string received_;
    conduct asked_for_;
    chance& draw_;
};

struct totals {
    std::size_t conversations = 0;
    std::size_t complete = 0;
    std::size_t broken = 0;
    std::size_t given_up = 0;
};

/// A conversation that may be cut short by a time limit, by a cancellation, and by the server.
void converse(std::uint16_t port, chance& draw, totals& sum, std::uint64_t seed) {
    constexpr std::array all{conduct::echoes, conduct::echoes,  conduct::echoes, conduct::closes,
                             conduct::breaks, conduct::throws, conduct::ignores, conduct::drips};
    const conduct how = all[static_cast<std::size_t>(draw.below(all.size()))];
    const bool cut_short = how == conduct::ignores || draw.one_in(3);
    conversation talk(port, how, draw);
    bool ended = false;
    try {
        auto task = crocus::create_task([&] { talk.hold(); });
        const bool cancels = draw.one_in(2);
        const std::optional<crocus::duration> limit =
            cut_short ? std::optional<crocus::duration>(std::chrono::microseconds(draw.below(50'000))) : std::nullopt;
        if (cut_short && cancels) crocus::sleep(*limit), task.cancel();
        crocus::wait_for(task, cancels ? std::nullopt : limit);
        ended = true;
    } catch (const crocus::cancelled_error&) {
        ++sum.given_up;
    } catch (const crocus::timeout_error&) {
        ++sum.given_up;
    } catch (const std::system_error&) {
        ++sum.broken;
    }
    ++sum.conversations;
    sum.complete += talk.complete();
    if (!talk.intact()) fail(seed, "what came back is not what was sent");
    const bool is_whole = how == conduct::echoes || how == conduct::drips;
    if (is_whole && !cut_short && !(ended && talk.complete())) fail(seed, "a conversation that nobody disturbed is not whole");
}

void round(std::uint64_t seed, totals& sum) {
    chance draw(seed);
    crocus::run([&] {
        crocus::event_loop::current().set_exception_handler([](auto&, const auto&) {});  // of handlers that throw
        try {
            crocus::with_timeout(longest_round, [&] {
                auto server =
                    crocus::start_server([&](crocus::stream& peer) { serve(peer, draw); }, "127.0.0.1", 0);
                std::vector<std::function<void()>> clients(
                    clients_at_once, [&] { converse(server.port(), draw, sum, seed); });
                crocus::gather(clients);
            });
        } catch (const crocus::timeout_error&) {
            fail(seed, "somebody is stuck\n" + crocus::format_all_tasks());
        }
        if (const std::size_t left = crocus::all_tasks().size(); left != 0)
            fail(seed, std::to_string(left) + " tasks are left");
    });
}

}  // namespace

int main() {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(number_from("CROCUS_SOAK_SECONDS", 120));
    const std::uint64_t first = number_from("CROCUS_SEED", 1);
    totals sum;
    std::uint64_t seed = first;
    std::size_t descriptors = 0;
    std::size_t bytes = 0;
    for (; seed == first || std::chrono::steady_clock::now() < end; ++seed) {
        round(seed, sum);
        if (seed == first + 1) {  // by then everything that is kept for later is there
            descriptors = open_descriptors();
            bytes = allocated_bytes();
        }
    }
    if (const std::size_t now = open_descriptors(); seed > first + 2 && now != descriptors)
        fail(seed, std::to_string(now) + " descriptors are open, and were " + std::to_string(descriptors));
    if (const std::size_t now = allocated_bytes(); seed > first + 2 && now > bytes + 64 * 1024)
        fail(seed, std::to_string(now) + " bytes are allocated, and were " + std::to_string(bytes));
    std::printf("soak: seeds %llu to %llu: %zu conversations, %zu whole, %zu broken, %zu given up; nothing is left\n",
                static_cast<unsigned long long>(first), static_cast<unsigned long long>(seed - 1), sum.conversations,
                sum.complete, sum.broken, sum.given_up);
}
