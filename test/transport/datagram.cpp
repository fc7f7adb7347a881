#define BOOST_TEST_MODULE transport_datagram
#include <boost/test/unit_test.hpp>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <unistd.h>

#include <crocus/error.hpp>
#include <crocus/transport.hpp>

#include "support/io_drivers.hpp"
#include "support/loop_tests.hpp"
#include "support/protocols.hpp"

using crocus::test::all_drivers;
using crocus::test::kernel_drivers;
using crocus::test::let_run;
using crocus::test::on_each_driver;

namespace {

class mailbox : public crocus::datagram_protocol, public crocus::test::diary {
public:
    crocus::datagram_transport own;
    std::vector<std::pair<std::string, crocus::address>> received;
    std::vector<std::string> errors;

    void connection_made(crocus::datagram_transport made) override {
        own = std::move(made);
        note('M');
    }
    void datagram_received(std::string_view data, const crocus::address& from) override {
        received.emplace_back(data, from);
        note('D');
    }
    void error_received(std::exception_ptr error) override {
        errors.push_back(crocus::describe(error));
        note('X');
    }
    void connection_lost(std::exception_ptr error) override { note_end(std::move(error)); }
    void pause_writing() override { note('P'); }
    void resume_writing() override { note('R'); }

    void until_received(std::size_t n) {
        until([&] { return received.size() == n; });
    }
};

std::shared_ptr<mailbox> make() { return std::make_shared<mailbox>(); }

const crocus::address any_port = crocus::address::parse("127.0.0.1", 0);

auto endpoint(const crocus::datagram_endpoint_options& options) {
    return crocus::create_datagram_endpoint(make, options);
}

}  // namespace

BOOST_AUTO_TEST_CASE(datagrams_come_whole_with_who_sent_them_also_empty_ones) {  // R17, P4, L43
    on_each_driver(all_drivers, [] {
        const auto [a, p] = endpoint({.local_address = any_port});
        const auto [b, q] = endpoint({.local_address = any_port});
        BOOST_TEST(p->calls == "M");
        a.sendto("one", b.local_address());
        a.sendto("", b.local_address());
        a.sendto(std::string(60000, 'x'), b.local_address());
        q->until_received(3);
        BOOST_TEST(q->received[0].first == "one");
        BOOST_TEST(q->received[1].first == "");
        BOOST_TEST(q->received[2].first == std::string(60000, 'x'));
        for (const auto& r : q->received) BOOST_TEST((r.second == a.local_address()));
        BOOST_CHECK_THROW(a.sendto("whereto?"), crocus::usage_error);
        a.close();
        BOOST_TEST(p->calls == "M");
        p->lost.wait();
        BOOST_TEST(p->calls == "ML");
        BOOST_TEST(p->reason() == "none");
        BOOST_TEST((a.get_protocol() == nullptr));
        b.abort();
        q->lost.wait();
        BOOST_TEST(q->reason() == "none");
    });
}

BOOST_AUTO_TEST_CASE(a_connected_endpoint_sends_to_its_peer_alone) {  // R17, L43
    on_each_driver(all_drivers, [] {
        const auto [server, p] = endpoint({.local_address = any_port});
        const auto at = *server.local_address();
        for (const bool broadcast : {false, true}) {
            const auto [client, q] = endpoint({.remote_address = at, .allow_broadcast = broadcast});
            BOOST_TEST(client.remote_address().has_value() == !broadcast);
            client.sendto("plain");
            client.sendto("named", at);
            client.sendto("");
            BOOST_CHECK_THROW(client.sendto("x", crocus::address::parse("127.0.0.1", 9)), crocus::usage_error);
            p->until_received(3);
            BOOST_TEST(p->received[1].first == "named");
            server.sendto("answer", p->received[0].second);
            q->until_received(1);
            BOOST_TEST(q->received[0].first == "answer");
            BOOST_TEST((q->received[0].second == at));
            p->received.clear();
            client.close();
        }
        server.close();
    });
}

BOOST_AUTO_TEST_CASE(an_error_is_told_and_the_endpoint_stays_open) {  // P4, R17
    on_each_driver(kernel_drivers, [] {
        const auto [gone, p] = endpoint({.local_address = any_port});
        const auto at = *gone.local_address();
        gone.close();
        p->lost.wait();
        const auto [client, q] = endpoint({.remote_address = at});
        client.sendto("nobody is there");
        q->until([&] { return !q->errors.empty(); });
        BOOST_TEST(q->errors[0].find("refused") != std::string::npos);
        client.sendto(std::string(70000, 'x'));  // the kernel says no at once
        BOOST_TEST(q->errors.size() >= 2u);
        BOOST_TEST(q->errors.back().find("too long") != std::string::npos);
        BOOST_TEST(!client.is_closing());
        const auto [again, r] = endpoint({.local_address = at});
        client.sendto("now");
        r->until([&] { return !r->received.empty(); });
        BOOST_TEST(r->received[0].first == "now");
        client.close();
        again.close();
    });
}

BOOST_AUTO_TEST_CASE(what_a_datagram_protocol_throws_is_reported_and_the_endpoint_stays_open) {  // P4, R10
    on_each_driver(all_drivers, [] {
        const auto reports = crocus::test::collect_reports();
        const auto [a, p] = endpoint({.local_address = any_port});
        p->on_call = [](char call) {
            if (call == 'D') throw std::runtime_error("not that one");
        };
        a.sendto("1", a.local_address());
        p->until_received(1);
        a.sendto("2", a.local_address());
        p->until_received(2);
        let_run();
        BOOST_TEST(reports->size() == 2u);
        BOOST_TEST(reports->front().find("datagram_received") != std::string::npos);
        a.close();
    });
}

BOOST_AUTO_TEST_CASE(
    datagrams_wait_in_order_with_a_header_of_8_bytes_each_and_are_sent_before_the_end) {  // R17, R9, R1
    on_each_driver(all_drivers, [] {
        auto [near, far] = crocus::socket::pair(SOCK_DGRAM);
        const auto [a, p] = crocus::create_datagram_endpoint(make, std::move(near));
        a.set_write_buffer_limits(3000, 1000);
        std::size_t sent = 0;
        const auto text = [](std::size_t i) { return std::to_string(i) + std::string(1000, '.'); };
        while (a.get_write_buffer_size() == 0) a.sendto(text(sent++));
        const std::size_t one = text(sent - 1).size() + 8;
        BOOST_TEST(a.get_write_buffer_size() == one);
        a.sendto("");
        BOOST_TEST(a.get_write_buffer_size() == one + 8);
        while (p->calls == "M") a.sendto(text(sent++));
        BOOST_TEST(p->calls == "MP");
        BOOST_TEST(a.get_write_buffer_size() > 3000u);
        a.close();
        BOOST_TEST(p->calls == "MP");
        char into[2000];
        std::size_t next = 0;
        bool empty_seen = false;
        while (next < sent) {
            const std::size_t n = far.recv(std::as_writable_bytes(std::span(into)));
            if (n == 0)
                empty_seen = true;
            else
                BOOST_TEST(std::string(into, n) == text(next++));
        }
        BOOST_TEST(empty_seen);
        p->lost.wait();
        BOOST_TEST(p->calls == "MPRL");
    });
}

BOOST_AUTO_TEST_CASE(what_is_sent_after_the_end_is_dropped_and_reported_from_the_fifth_on) {  // R17
    on_each_driver(all_drivers, [] {
        const auto reports = crocus::test::collect_reports();
        const auto [a, p] = endpoint({.local_address = any_port});
        a.close();
        for (int i = 0; i < 4; ++i) a.sendto("x", any_port);
        BOOST_TEST(reports->empty());
        a.sendto("x", any_port);
        BOOST_TEST(reports->size() == 1u);
        p->lost.wait();
    });
}

BOOST_AUTO_TEST_CASE(an_endpoint_needs_an_address_or_a_family_and_addresses_of_one_family) {  // L43
    on_each_driver(all_drivers, [] {
        BOOST_CHECK_THROW(endpoint({}), crocus::usage_error);
        BOOST_CHECK_THROW(endpoint({.local_address = any_port, .remote_address = crocus::address::parse("::1", 1)}),
                          crocus::usage_error);
        BOOST_CHECK_THROW(
            crocus::create_datagram_endpoint([] { return std::shared_ptr<mailbox>(); }, {.family = AF_INET}),
            crocus::usage_error);
        const auto [a, p] = endpoint({.family = AF_INET});
        BOOST_CHECK_THROW(a.set_protocol(nullptr), crocus::usage_error);
        const auto next = make();
        a.set_protocol(next);
        a.close();
        next->lost.wait();
        BOOST_TEST(next->calls == "L");
        BOOST_TEST(!p->lost.is_set());
    });
    on_each_driver(kernel_drivers, [] {
        BOOST_CHECK_THROW(crocus::create_datagram_endpoint(make, crocus::socket(AF_INET)), crocus::usage_error);
    });
}

BOOST_AUTO_TEST_CASE(a_local_endpoint_replaces_a_socket_that_was_left_at_its_path) {  // L43
    on_each_driver(kernel_drivers, [] {
        std::string directory = "/tmp/crocus-datagram-XXXXXX";
        BOOST_REQUIRE(::mkdtemp(directory.data()) != nullptr);
        const std::string path = directory + "/socket";
        const auto at = crocus::address::local(path);
        const auto [left, p] = endpoint({.local_address = at});
        left.close();
        p->lost.wait();
        const auto [a, q] = endpoint({.local_address = at});
        const auto [b, r] = endpoint({.remote_address = at});
        b.sendto("to a path");
        q->until_received(1);
        BOOST_TEST(q->received[0].first == "to a path");
        a.close();
        b.close();
        ::unlink(path.c_str());
        ::rmdir(directory.c_str());
    });
}
