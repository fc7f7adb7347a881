// Numbers that are closed and used again while tasks wait on them, in drawn orders: who waited on the old one gets
// closed_error, and nobody ever gets an event, a byte or a connection that is another's (users' T21).
#define BOOST_TEST_MODULE io_fd_reuse
#include <array>
#include <cerrno>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include <crocus/error.hpp>
#include <crocus/event_loop.hpp>
#include <crocus/io/fd.hpp>
#include <crocus/run.hpp>
#include <crocus/task.hpp>

#include "support/io_drivers.hpp"
#include "support/seeds.hpp"

namespace {

void require(bool condition, const char* otherwise) {
    if (!condition) throw std::runtime_error(otherwise);
}

/// What is sent: whose it is, and which one.
struct unit {
    std::uint32_t owner;
    std::uint32_t number;
};

bool is_ready(int descriptor, short events) {
    pollfd asked{descriptor, events, 0};
    return ::poll(&asked, 1, 0) > 0;
}

/// An address that neither accepts nor refuses: its listener's queue is full.
class silent_address {
public:
    silent_address() {
        require(::bind(listener_, get(), size) == 0 && ::listen(listener_, 0) == 0, "no listener");
        socklen_t room = size;
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address_), &room);
        require(::connect(first_, get(), size) == 0, "no connection");
        while (!is_ready(listener_, POLLIN)) {
        }
    }
    ~silent_address() {
        ::close(first_);
        ::close(listener_);
    }
    [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address_); }
    static constexpr socklen_t size = sizeof(sockaddr_in);

private:
    static sockaddr_in loopback() {
        sockaddr_in a{};
        a.sin_family = AF_INET;
        a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return a;
    }
    sockaddr_in address_ = loopback();
    int listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int first_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
};

enum class kind : unsigned char { connection, listener, connecting, watched };

/// What stands behind a number for some time.
struct file {
    std::uint32_t id = 0;
    kind what = kind::connection;
    int number = -1;
    crocus::fd near;  // of all but a watched one, whose number is the test's own
    int far = -1;     // a connection's other end, outside of the loop
    int copy = -1;    // keeps the file alive when the number is closed
    bool closed = false;
    bool hung_up = false;    // the other end was closed
    std::uint32_t sent = 0;  // by the other end
    std::uint32_t received = 0;
    std::uint32_t clients = 0;  // of a listener
    std::uint32_t accepted = 0;
    int calls_allowed = 0;  // to a watched one's writer
};

struct waiting {
    std::shared_ptr<file> on;
    bool cancelled = false;
    std::optional<crocus::task<void>> task = std::nullopt;
};

/// How waits have ended, and how often watchers were called.
struct tally {
    std::uint64_t returned = 0;
    std::uint64_t closed = 0;
    std::uint64_t cancelled = 0;
    std::uint64_t called = 0;
};

class world {
public:
    world(std::uint32_t seed, const silent_address& silent, tally& t) : random_(seed), silent_(silent), tally_(t) {
        const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
        for (int& number : numbers_) number = ::fcntl(null, F_DUPFD_CLOEXEC, 400);
        for (const int number : numbers_) ::close(number);
        ::close(null);
    }
    world(const world&) = delete;
    world& operator=(const world&) = delete;
    ~world() {
        for (auto& w : waiting_) cancel(*w);
        for (auto& w : waiting_)
            while (!w->task->done()) crocus::yield_now();
        for (auto& f : all_) {
            if (f->what == kind::watched && !f->closed) forget_watched(*f);
            for (const int d : {f->far, f->copy})
                if (d >= 0) ::close(d);
        }
    }

    void run() {
        for (int step = 0; step != 40; ++step) one_step();
        for (auto& f : current_)
            if (f) close(f);
        crocus::yield_now();
        for (auto& w : waiting_) require(w->task->done(), "who waited on a closed descriptor still waits");
        if (!failure_.empty()) throw std::runtime_error(failure_);
    }

private:
    unsigned draw(unsigned below) { return std::uniform_int_distribution<unsigned>(0, below - 1)(random_); }

    crocus::io_driver& driver() { return crocus::event_loop::current().driver(); }

    void one_step() {
        const unsigned at = draw(numbers_.size());
        auto& here = current_[at];
        if (!here) return open(at);
        switch (draw(12)) {
            case 0:
                return close(here);
            case 1:
                return close_and_reopen(at);
            case 2:
            case 3:
                return begin_waiting(here);
            case 4:
                return cancel_one();
            case 5:
                return act_outside(*here);
            case 6:
                return act_outside(*all_[draw(static_cast<unsigned>(all_.size()))]);  // it may be closed
            case 7:
                return hang_up(*here);
            case 8:
                return driver().poll(crocus::time_point::min());
            case 9:
                return keep_copy(*here);
            case 10:
                return read_outside(*here);
            default:
                crocus::yield_now();
        }
    }

    // ------------------------------------------------------------------------------------------------ opening, closing

    void open(unsigned at) {
        auto f = std::make_shared<file>();
        f->id = ++last_id_;
        f->number = numbers_[at];
        f->what = static_cast<kind>(draw(4));
        int descriptor = f->what == kind::listener     ? listening_socket()
                         : f->what == kind::connecting ? ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)
                                                       : half_of_pair(f->far);
        require(::dup3(descriptor, f->number, O_CLOEXEC) == f->number, "dup3");
        ::close(descriptor);
        start(at, std::move(f));
    }

    void start(unsigned at, std::shared_ptr<file> f) {
        if (f->what == kind::watched)
            watch(f);
        else
            f->near = crocus::fd(f->number);
        current_[at] = f;
        all_.push_back(std::move(f));
    }

    static int half_of_pair(int& other) {
        int ends[2];
        require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0, "socketpair");
        const int least = 1;
        ::setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &least, sizeof least);
        other = ends[1];
        return ends[0];
    }

    static int listening_socket() {
        const int s = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_un any{};
        any.sun_family = AF_UNIX;  // the kernel finds a name
        require(::bind(s, reinterpret_cast<sockaddr*>(&any), sizeof any.sun_family) == 0 && ::listen(s, 8) == 0,
                "listen");
        return s;
    }

    void close(std::shared_ptr<file>& here) {
        const std::shared_ptr<file> f = std::exchange(here, nullptr);
        f->closed = true;
        if (f->what == kind::watched)
            forget_watched(*f);
        else if (draw(2) != 0)
            f->near.close();
        else
            f->near.abort();
        if (draw(2) == 0) return;
        crocus::yield_now();
        for (auto& w : waiting_)
            if (w->on == f) require(w->task->done(), "who waited on a closed descriptor has not been woken");
    }

    void close_and_reopen(unsigned at) {
        const auto old = current_[at];
        close(current_[at]);
        if (old->copy < 0 || draw(2) == 0) return open(at);
        // The same file comes back.
        auto f = std::make_shared<file>();
        f->id = old->id;
        f->what = old->what;
        f->number = old->number;
        f->hung_up = old->hung_up;
        f->sent = old->sent;
        f->received = old->received;
        f->clients = old->clients;
        f->accepted = old->accepted;
        f->far = std::exchange(old->far, -1);
        require(::dup3(old->copy, f->number, O_CLOEXEC) == f->number, "dup3");
        start(at, std::move(f));
    }

    void keep_copy(file& f) {
        if (f.copy < 0) f.copy = ::fcntl(f.number, F_DUPFD_CLOEXEC, 500);
    }

    void forget_watched(file& f) {
        auto& loop = crocus::event_loop::current();
        if (f.copy >= 0 || draw(2) != 0) {  // else they are left
            loop.remove_reader(f.number);
            loop.remove_writer(f.number);
        }
        ::close(f.number);
        f.closed = true;
    }

    void hang_up(file& f) {
        if (f.far < 0 || draw(3) != 0) return;
        ::close(std::exchange(f.far, -1));
        f.hung_up = true;
    }

    // ----------------------------------------------------------------------------------------------------- the outside

    void act_outside(file& f) {
        if (f.what == kind::listener) return f.closed ? void() : connect_to(f);
        if (f.far < 0) return;
        for (unsigned n = 1 + draw(3); n != 0; --n) {
            const unit u{f.id, f.sent};
            if (::send(f.far, &u, sizeof u, MSG_NOSIGNAL) == sizeof u) ++f.sent;
        }
    }

    void connect_to(file& f) {
        if (f.clients - f.accepted > 4) return;
        sockaddr_un where{};
        socklen_t size = sizeof where;
        ::getsockname(f.number, reinterpret_cast<sockaddr*>(&where), &size);
        const int s = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        require(::connect(s, reinterpret_cast<sockaddr*>(&where), size) == 0, "connect");
        const unit u{f.id, f.clients++};
        require(::send(s, &u, sizeof u, MSG_NOSIGNAL) == sizeof u, "send");
        ::close(s);  // the connection, and what was sent, wait to be accepted
    }

    void read_outside(file& f) {
        std::array<unit, 64> room{};
        for (ssize_t n; f.far >= 0 && (n = ::recv(f.far, room.data(), sizeof room, 0)) > 0;)
            for (ssize_t i = 0; i != n / ssize_t{sizeof(unit)}; ++i)
                require(room[static_cast<std::size_t>(i)].owner == f.id, "sent to another's peer");
    }

    // ------------------------------------------------------------------------------------------------------ those who
    // wait

    void begin_waiting(const std::shared_ptr<file>& f) {
        if (f->what == kind::watched) return allow_write(f);
        std::function<void()> wait;
        if (f->what == kind::listener)
            wait = [this, f] { accept(*f); };
        else if (f->what == kind::connecting)
            wait = [this, f] { connect(*f); };
        else
            wait = wait_of_connection(f);
        const auto w = std::make_shared<waiting>(waiting{f});
        waiting_.push_back(w);
        w->task = crocus::create_task([this, wait, w = w.get()] { judge(wait, *w); });
    }

    std::function<void()> wait_of_connection(const std::shared_ptr<file>& f) {
        switch (draw(5)) {
            case 0:
                return [f] {
                    f->near.wait_readable();
                    require(is_ready(f->number, POLLIN), "readable, and nothing is there");
                };
            case 1:
                return [f] {
                    f->near.wait_writable();
                    require(is_ready(f->number, POLLOUT), "writable, and there is no room");
                };
            case 2:
                return [this, f] { fill(*f); };
            default:
                return [this, f] { read(*f); };
        }
    }

    /// All that may end a wait, and when.
    void judge(const std::function<void()>& wait, const waiting& w) {
        const file& f = *w.on;
        try {
            wait();
            ++tally_.returned;
            if (f.closed) failure_ = "a wait on a closed descriptor has succeeded";
        } catch (const crocus::closed_error&) {
            ++tally_.closed;
            if (!f.closed) failure_ = "closed_error, and it is open";
        } catch (const crocus::cancelled_error&) {
            ++tally_.cancelled;
            if (!w.cancelled) failure_ = "cancelled_error, and nobody has cancelled";
        } catch (const std::system_error& e) {
            const bool of_hang_up = e.code() == std::errc::connection_reset || e.code() == std::errc::broken_pipe;
            const bool of_second = f.what == kind::connecting && e.code() == std::errc::connection_already_in_progress;
            if (!(of_hang_up && f.hung_up) && !of_second) failure_ = std::string("in a wait: ") + e.what();
        } catch (const std::exception& e) {
            failure_ = e.what();
        }
    }

    void read(file& f) {
        std::array<unit, 2> room{};
        const std::size_t n = f.near.driver().recv(f.near.handle(), std::as_writable_bytes(std::span(room)));
        if (n == 0) return require(f.hung_up && f.received == f.sent, "the end, before the end");
        for (std::size_t i = 0; i != n / sizeof(unit); ++i) {
            require(room[i].owner == f.id, "another's bytes");
            require(room[i].number == f.received++, "bytes are lost, or come twice");
        }
    }

    void fill(file& f) {
        const std::array<unit, 64> units = [&] {
            std::array<unit, 64> all{};
            all.fill({f.id, 0});
            return all;
        }();
        const iovec piece{const_cast<unit*>(units.data()), sizeof units};
        for (int n = 0; n != 9; ++n)
            require(f.near.driver().send(f.near.handle(), {&piece, 1}) % sizeof(unit) == 0, "half a unit");
    }

    void accept(file& f) {
        const crocus::fd client(f.near.driver().accept(f.near.handle()));
        unit u{};
        require(client.driver().try_recv(client.handle(), std::as_writable_bytes(std::span(&u, 1))) == sizeof u,
                "accepted nothing");
        require(u.owner == f.id, "another's connection");
        require(u.number == f.accepted++, "a connection is lost, or came twice");
    }

    void connect(file& f) {
        f.near.driver().connect(f.near.handle(), silent_.get(), silent_address::size);
        require(false, "connected to one that does not answer");
    }

    void cancel_one() {
        if (waiting_.empty()) return;
        cancel(*waiting_[draw(static_cast<unsigned>(waiting_.size()))]);
    }

    static void cancel(waiting& w) {
        if (w.task->done()) return;
        w.cancelled = true;
        w.task->cancel();
    }

    // ------------------------------------------------------------------------------------------------------- the
    // watched

    void watch(const std::shared_ptr<file>& f) {
        crocus::event_loop::current().add_reader(f->number, [this, f] {
            ++tally_.called;
            if (f->closed) return fail("a reader of a closed descriptor was called");
            unit u{};
            const ssize_t n = ::recv(f->number, &u, sizeof u, MSG_DONTWAIT);
            if (n < 0 && errno == EAGAIN) return fail("a reader was called, and nothing is there");
            if (n <= 0) {
                if (!f->hung_up) fail("a reader got the end, before the end");
                crocus::event_loop::current().remove_reader(f->number);
            } else if (u.owner != f->id || u.number != f->received++) {
                fail("a reader got another's bytes");
            }
        });
    }

    void allow_write(const std::shared_ptr<file>& f) {
        ++f->calls_allowed;
        crocus::event_loop::current().add_writer(f->number, [this, f] {
            if (f->closed) return fail("a writer of a closed descriptor was called");
            if (f->calls_allowed-- == 0) fail("a writer was called too often");
            if (!is_ready(f->number, POLLOUT)) fail("a writer was called, and there is no room");
            f->calls_allowed = 0;
            crocus::event_loop::current().remove_writer(f->number);
        });
    }

    void fail(const char* what) { failure_ = what; }

    std::mt19937 random_;
    const silent_address& silent_;
    tally& tally_;
    std::array<int, 4> numbers_{};
    std::array<std::shared_ptr<file>, 4> current_;
    std::vector<std::shared_ptr<file>> all_;
    std::vector<std::shared_ptr<waiting>> waiting_;
    std::uint32_t last_id_ = 0;
    std::string failure_;
};

}  // namespace

BOOST_AUTO_TEST_CASE(nobody_gets_what_is_anothers_however_numbers_are_used_again) {  // L26, L46, users' T21
    const crocus::test::seed_range seeds(1500);
    const silent_address silent;
    for (const std::string& driver : crocus::test::kernel_drivers) {
        tally t;
        for (unsigned seed = seeds.first; seed != seeds.end; ++seed) try {
                crocus::run(
                    [&] {
                        world w(seed, silent, t);
                        w.run();
                    },
                    {.driver = crocus::make_io_driver(driver), .handle_interrupt = false});
            } catch (const std::exception& e) {
                BOOST_ERROR("driver " << driver << ", CROCUS_SEED=" << seed << ": " << e.what());
                break;
            }
        BOOST_TEST_MESSAGE(driver << ": " << t.returned << " waits returned, " << t.closed << " were closed, "
                                  << t.cancelled << " cancelled; watchers were called " << t.called << " times");
        if (seeds.only == 0) BOOST_TEST((t.returned != 0 && t.closed != 0 && t.cancelled != 0 && t.called != 0));
    }
}
