// Protocols that write down what is called.
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <crocus/error.hpp>
#include <crocus/io/socket.hpp>
#include <crocus/protocol.hpp>
#include <crocus/sync/event.hpp>
#include <crocus/transport.hpp>
#include <crocus/wait_queue.hpp>

namespace crocus::test {

/// Lets everything that is ready run, several times over.
inline void let_run(int rounds = 20) {
    for (int i = 0; i < rounds; ++i) yield_now();
}

/// What any protocol has seen, in order: M made, D data, E end, P paused, R resumed, L lost. Runs of D are one.
struct diary {
    std::string calls;
    std::exception_ptr why;
    event lost;
    event changed;
    std::function<void(char)> on_call = [](char) {};

    void note(char call) {
        if (call != 'D' || calls.empty() || calls.back() != 'D') calls += call;
        changed.set();
        on_call(call);
    }
    void note_end(std::exception_ptr error) {
        why = std::move(error);
        lost.set();
        note('L');
    }
    [[nodiscard]] std::string reason() const { return why ? describe(why) : "none"; }
    /// Waits until `condition()`.
    template <class F>
    void until(F condition) {
        while (!condition()) {
            changed.clear();
            changed.wait();
        }
    }
};

/// Puts a diary under a protocol's methods.
template <class Base>
class noted : public Base, public diary {
public:
    transport own;

    void connection_made(transport made) override {
        own = std::move(made);
        note('M');
    }
    bool eof_received() override {
        note('E');
        return keep_open;
    }
    void connection_lost(std::exception_ptr error) override { note_end(std::move(error)); }
    void pause_writing() override { note('P'); }
    void resume_writing() override { note('R'); }

    bool keep_open = false;
};

class recorder : public noted<protocol> {
public:
    std::string received;
    void data_received(std::string_view data) override {
        received += data;
        note('D');
    }
};

class buffered_recorder : public noted<buffered_protocol> {
public:
    std::string received;
    std::string room = std::string(16, '\0');
    std::span<char> get_buffer(std::size_t) override {
        note('B');
        return room;
    }
    void buffer_updated(std::size_t n) override {
        received.append(room, 0, n);
        note('D');
    }
};

/// A transport with its protocol, and the socket at the other end.
template <class Protocol = recorder>
struct connected {
    explicit connected(std::shared_ptr<Protocol> p = std::make_shared<Protocol>())
        : connected(std::move(p), socket::pair()) {}

    std::shared_ptr<Protocol> protocol;
    socket peer;
    transport own;

    /// What the peer is sent, up to its end.
    std::string rest() {
        std::string all;
        char some[4096];
        while (const std::size_t n = peer.recv(std::as_writable_bytes(std::span(some)))) all.append(some, n);
        return all;
    }
    std::string receive(std::size_t size) {
        std::string all(size, '\0');
        for (std::size_t got = 0; got < size;) {
            const std::size_t n = peer.recv(std::as_writable_bytes(std::span(all).subspan(got)));
            if (n == 0) return all.substr(0, got);
            got += n;
        }
        return all;
    }
    void send(std::string_view data) { peer.send_all(std::as_bytes(std::span(data))); }

private:
    connected(std::shared_ptr<Protocol> p, std::pair<socket, socket> ends)
        : protocol(std::move(p)),
          peer(std::move(ends.second)),
          own(create_connection([this] { return protocol; }, std::move(ends.first)).first) {}
};

/// More than sockets hold.
inline const std::string much(std::size_t{512} << 10, 'x');

}  // namespace crocus::test
