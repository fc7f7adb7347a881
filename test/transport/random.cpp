// Two transports that talk, are paused, closed, aborted and cancelled at drawn moments: whatever happens, protocols are
// called in their order, and what arrives is what was written.
#define BOOST_TEST_MODULE transport_random
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <iterator>
#include <memory>
#include <optional>
#include <random>
#include <string>

#include <crocus/error.hpp>
#include <crocus/run.hpp>
#include <crocus/task.hpp>
#include <crocus/transport.hpp>

#include "support/io_drivers.hpp"
#include "support/loop_tests.hpp"
#include "support/protocols.hpp"
#include "support/seeds.hpp"

using crocus::test::recorder;

namespace {

class side {
public:
    side(std::mt19937& draw, char first) : draw_(draw), next_(first) {}

    std::shared_ptr<recorder> protocol = std::make_shared<recorder>();
    crocus::transport own;
    std::string written;
    bool calm = false;  // nothing is drawn any more

    void begin(crocus::socket over) {
        protocol->keep_open = upto(2) == 0;
        protocol->on_call = [this](char call) {
            if (call == 'P' || calm) return;  // pause_writing is called where nothing may suspend
            if (upto(4) == 0) crocus::yield_now();
            if (!calm && upto(30) == 0) act();
        };
        own = crocus::create_connection([this] { return protocol; }, std::move(over)).first;
    }

    void act() {
        if (!own) return;
        switch (upto(40)) {
            case 0:
                own.close();
                break;
            case 1:
                own.abort();
                break;
            case 2:
                own.write_eof();
                at_end_ = true;
                break;
            case 3:
            case 4:
            case 5:
                own.pause_reading();
                break;
            case 6:
            case 7:
            case 8:
                own.resume_reading();
                break;
            case 9:
                own.set_write_buffer_limits(upto(3000));
                break;
            case 10:
            case 11:
            case 12:
                write_pieces();
                break;
            case 13:
            case 14:
            case 15:
                write(upto(30000));
                break;
            default:
                write(upto(300));
                break;
        }
    }

private:
    std::size_t upto(std::size_t n) { return draw_() % n; }

    std::string text(std::size_t n) {
        std::string t(n, '\0');
        for (char& c : t) c = next_++;
        return t;
    }
    void write(std::size_t n) {
        if (at_end_) return;
        const bool kept = !own.is_closing();
        const std::string t = text(n);
        own.write(t);
        if (kept)
            written += t;
        else if (own.get_write_buffer_size() > 0)
            written += t;
    }
    void write_pieces() {
        if (at_end_) return;
        const std::string a = text(upto(50));
        const std::string b = text(upto(5000));
        const bool kept = !own.is_closing() || own.get_write_buffer_size() > 0;
        own.writelines({a, "", b});
        if (kept) written += a + b;
    }

    std::mt19937& draw_;
    char next_;
    bool at_end_ = false;
};

/// M, then anything but two ends, or data after one; P and R in turn; L and nothing more.
void check_calls(const side& s) {
    const std::string& calls = s.protocol->calls;
    BOOST_TEST(std::count(calls.begin(), calls.end(), 'M') == 1, calls);
    BOOST_TEST(std::count(calls.begin(), calls.end(), 'L') == 1, calls);
    BOOST_TEST(std::count(calls.begin(), calls.end(), 'E') <= 1, calls);
    BOOST_TEST(calls.front() == 'M', calls);
    BOOST_TEST(calls.back() == 'L', calls);
    const std::size_t end = calls.find('E');
    BOOST_TEST((end == std::string::npos || calls.find('D', end) == std::string::npos), calls);
    std::string turns;
    std::copy_if(calls.begin(), calls.end(), std::back_inserter(turns), [](char c) { return c == 'P' || c == 'R'; });
    for (std::size_t i = 0; i < turns.size(); ++i) BOOST_TEST(turns[i] == (i % 2 == 0 ? 'P' : 'R'), calls);
}

bool is_beginning(const std::string& part, const std::string& of) { return of.compare(0, part.size(), part) == 0; }

void talk(unsigned seed) {
    std::mt19937 draw(seed);
    static_cast<void>(crocus::test::collect_reports());  // dropped writes
    auto ends = crocus::socket::pair();
    side a(draw, 'a');
    side b(draw, 'A');
    a.begin(std::move(ends.first));
    b.begin(std::move(ends.second));
    for (unsigned i = draw() % 200; i != 0; --i) {
        (draw() % 2 == 0 ? a : b).act();
        for (auto rounds = draw() % 4; rounds != 0; --rounds) crocus::yield_now();
    }
    const bool quiet = !a.own.is_closing() && !b.own.is_closing();
    a.own.resume_reading();
    b.own.resume_reading();
    a.calm = b.calm = true;
    if (quiet) {  // nobody has broken anything off: all arrives
        a.protocol->until([&] { return a.protocol->received.size() == b.written.size(); });
        b.protocol->until([&] { return b.protocol->received.size() == a.written.size(); });
    }
    a.own.close();
    b.own.close();
    crocus::test::let_run();
    a.own.abort();  // two that are closed, and have more to send than the other one took, would wait for ever
    b.own.abort();
    a.protocol->lost.wait();
    b.protocol->lost.wait();
    crocus::test::let_run(5);
    check_calls(a);
    check_calls(b);
    BOOST_TEST(is_beginning(a.protocol->received, b.written));
    BOOST_TEST(is_beginning(b.protocol->received, a.written));
    if (quiet) BOOST_TEST(b.protocol->received.size() == a.written.size());
}

template <class F>
void for_seeds(unsigned plain, F f) {
    const crocus::test::seed_range seeds(plain);
    crocus::test::on_each_driver(crocus::test::all_stream_drivers, [&] {
        for (unsigned seed = seeds.first; seed != seeds.end; ++seed) {
            BOOST_TEST_INFO_SCOPE("CROCUS_SEED=" << seed);
            f(seed);
        }
    });
}

}  // namespace

BOOST_AUTO_TEST_CASE(whatever_is_done_calls_keep_their_order_and_bytes_arrive_as_written) {  // P1, P2, R9, R16
    for_seeds(150, talk);
}

BOOST_AUTO_TEST_CASE(a_loop_that_ends_at_any_moment_tells_every_protocol_that_its_connection_is_lost) {  // R15, R16
    const crocus::test::seed_range seeds(400);
    for (unsigned seed = seeds.first; seed != seeds.end; ++seed) {
        BOOST_TEST_INFO_SCOPE("CROCUS_SEED=" << seed);
        std::mt19937 draw(seed);
        side a(draw, 'a');
        side b(draw, 'A');
        std::weak_ptr<recorder> watched = a.protocol;
        crocus::run([&] {
            static_cast<void>(crocus::test::collect_reports());
            auto ends = crocus::socket::pair();
            auto first = crocus::create_task([&, s = std::move(ends.first)]() mutable { a.begin(std::move(s)); });
            auto second = crocus::create_task([&, s = std::move(ends.second)]() mutable { b.begin(std::move(s)); });
            for (unsigned i = draw() % 60; i != 0; --i) {
                if (draw() % 20 == 0) first.cancel();
                (draw() % 2 == 0 ? a : b).act();
                for (auto rounds = draw() % 3; rounds != 0; --rounds) crocus::yield_now();
            }
        });
        for (const side* s : {&a, &b})
            if (!s->protocol->calls.empty()) check_calls(*s);
        a.protocol.reset();
        BOOST_TEST(watched.expired());
    }
}
