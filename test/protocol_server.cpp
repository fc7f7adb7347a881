#define BOOST_TEST_MODULE protocol_server
#include <boost/test/unit_test.hpp>

#include <cstdio>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

#include <crocus/context_var.hpp>
#include <crocus/error.hpp>
#include <crocus/protocol_server.hpp>
#include <crocus/stream.hpp>
#include <crocus/task.hpp>

#include "support/io_drivers.hpp"
#include "support/loop_tests.hpp"
#include "support/protocols.hpp"

using crocus::test::all_stream_drivers;
using crocus::test::kernel_drivers;
using crocus::test::let_run;
using crocus::test::on_each_driver;
using crocus::test::recorder;

namespace {

class echo : public recorder {
public:
    void data_received(std::string_view data) override { own.write(data); }
};

std::shared_ptr<recorder> make() { return std::make_shared<recorder>(); }

auto client_of(const crocus::protocol_server& s) { return crocus::create_connection(make, "127.0.0.1", s.port()); }

/// A factory that keeps what it has made.
struct keeping {
    std::shared_ptr<std::vector<std::shared_ptr<recorder>>> made =
        std::make_shared<std::vector<std::shared_ptr<recorder>>>();
    std::shared_ptr<recorder> operator()() const { return made->emplace_back(make()); }
};

struct directory {
    std::string name = "/tmp/crocus-server-XXXXXX";
    directory() { BOOST_REQUIRE(::mkdtemp(name.data()) != nullptr); }
    ~directory() { ::rmdir(name.c_str()); }
    directory(const directory&) = delete;
    directory& operator=(const directory&) = delete;
    [[nodiscard]] std::string path() const { return name + "/socket"; }
    [[nodiscard]] bool has_socket() const {
        struct stat status {};
        return ::lstat(path().c_str(), &status) == 0;
    }
};

}  // namespace

BOOST_AUTO_TEST_CASE(every_connection_has_a_protocol_of_its_own) {  // L35, P6
    on_each_driver(all_stream_drivers, [] {
        auto server = crocus::create_server([] { return std::make_unique<echo>(); }, "127.0.0.1", 0);
        BOOST_TEST(server.is_serving());
        std::vector<std::pair<crocus::transport, std::shared_ptr<recorder>>> clients;
        for (int i = 0; i < 20; ++i) clients.push_back(client_of(server));
        for (std::size_t i = 0; i < clients.size(); ++i) clients[i].first.write("client " + std::to_string(i));
        for (std::size_t i = 0; i < clients.size(); ++i)
            clients[i].second->until([&] { return clients[i].second->received == "client " + std::to_string(i); });
        BOOST_TEST(server.connections() == 20u);
        for (const auto& c : clients) c.first.close();
        server.close();
        server.wait_closed();
        BOOST_TEST(server.connections() == 0u);
        BOOST_TEST(!server.is_serving());
    });
}

BOOST_AUTO_TEST_CASE(a_factory_that_throws_drops_its_connection_is_reported_and_the_server_goes_on) {  // P6
    on_each_driver(all_stream_drivers, [] {
        const auto reports = crocus::test::collect_reports();
        int calls = 0;
        auto server = crocus::create_server(
            [&]() -> std::shared_ptr<crocus::stream_protocol> {
                if (++calls == 1) throw std::runtime_error("not today");
                if (calls == 2) return nullptr;
                return make();
            },
            "127.0.0.1", 0);
        for (int i = 0; i < 2; ++i) client_of(server).second->lost.wait();
        BOOST_REQUIRE_EQUAL(reports->size(), 2u);
        BOOST_TEST((*reports)[0].find("not today") != std::string::npos);
        BOOST_TEST((*reports)[1].find("null") != std::string::npos);
        const auto [third, p] = client_of(server);
        let_run();
        BOOST_TEST(!p->lost.is_set());
        third.close();
    });
}

BOOST_AUTO_TEST_CASE(factories_and_protocols_see_the_context_in_which_the_server_was_made) {  // P7
    on_each_driver(all_stream_drivers, [] {
        static crocus::context_var<std::string> name("name", "nobody");
        std::vector<std::string> seen;
        std::optional<crocus::protocol_server> server;
        crocus::create_task([&] {
            const crocus::context_scope here(name.set("maker"));
            server.emplace(crocus::create_server(
                [&] {
                    seen.push_back("factory " + name.get());
                    auto p = make();
                    p->on_call = [&](char call) { seen.push_back(call + (" " + name.get())); };
                    return p;
                },
                "127.0.0.1", 0));
        }).get();
        const crocus::context_scope here(name.set("client"));
        client_of(*server).first.close();
        while (server->connections() == 0) crocus::yield_now();
        server->close();
        server->wait_closed();
        BOOST_TEST(seen == (std::vector<std::string>{"factory maker", "M maker", "E maker", "L maker"}),
                   boost::test_tools::per_element());
    });
}

BOOST_AUTO_TEST_CASE(connections_go_on_after_close_and_wait_closed_waits_for_the_last) {  // L35
    on_each_driver(all_stream_drivers, [] {
        const keeping factory;
        auto server = crocus::create_server(factory, "127.0.0.1", 0);
        const auto [client, p] = client_of(server);
        while (factory.made->empty()) crocus::yield_now();
        server.close();
        server.close();
        auto waiting = crocus::create_task([&] { server.wait_closed(); });
        let_run();
        BOOST_TEST(!waiting.done());
        client.write("still there");
        factory.made->front()->until([&] { return factory.made->front()->received == "still there"; });
        BOOST_CHECK_THROW(client_of(server), std::system_error);
        client.close();
        waiting.get();
        BOOST_TEST(factory.made->front()->lost.is_set());
    });
}

BOOST_AUTO_TEST_CASE(clients_are_closed_or_aborted_by_the_server) {  // L39
    on_each_driver(all_stream_drivers, [] {
        for (const bool abort : {false, true}) {
            const keeping factory;
            auto server = crocus::create_server(factory, "127.0.0.1", 0);
            const auto [client, p] = client_of(server);
            while (factory.made->empty() || !factory.made->front()->own) crocus::yield_now();
            factory.made->front()->own.write("farewell");
            server.close();
            abort ? server.abort_clients() : server.close_clients();
            server.wait_closed();
            p->lost.wait();
            BOOST_TEST(factory.made->front()->reason() == "none");
            BOOST_TEST((p->reason() == "none") != abort);
            if (!abort) BOOST_TEST(p->received == "farewell");
        }
    });
}

BOOST_AUTO_TEST_CASE(a_connection_whose_protocol_is_not_made_yet_goes_with_the_others) {  // L39
    on_each_driver(all_stream_drivers, [] {
        crocus::event go_on;
        int calls = 0;
        auto server = crocus::create_server(
            [&] {
                ++calls;
                go_on.wait();
                return make();
            },
            "127.0.0.1", 0);
        const auto [client, p] = client_of(server);
        while (calls == 0) crocus::yield_now();
        server.close();
        server.close_clients();
        go_on.set();
        server.wait_closed();
        p->lost.wait();
    });
}

BOOST_AUTO_TEST_CASE(a_server_that_is_destroyed_ends_its_connections_and_waits_for_them) {  // L35, R16
    on_each_driver(all_stream_drivers, [] {
        const keeping factory;
        std::shared_ptr<recorder> p;
        crocus::event never;
        {
            auto server = crocus::create_server(factory, "127.0.0.1", 0);
            auto [client, q] = client_of(server);
            p = q;
            while (factory.made->empty() || !factory.made->front()->own) crocus::yield_now();
            factory.made->front()->on_call = [&](char call) {
                if (call == 'D') never.wait();
            };
            client.write("x");
            factory.made->front()->until([&] { return factory.made->front()->calls == "MD"; });
        }
        BOOST_TEST(factory.made->front()->calls == "MDL");
        p->lost.wait();
    });
}

BOOST_AUTO_TEST_CASE(a_server_serves_for_ever_until_it_is_cancelled_or_closed) {  // L35
    on_each_driver(all_stream_drivers, [] {
        auto server = crocus::create_server(make, "127.0.0.1", 0, {.start_serving = false});
        BOOST_TEST(!server.is_serving());
        BOOST_CHECK_THROW(client_of(server), std::system_error);
        auto serving = crocus::create_task([&] { server.serve_forever(); });
        let_run();
        BOOST_TEST(server.is_serving());
        const auto [client, p] = client_of(server);
        serving.cancel();
        BOOST_CHECK_THROW(serving.get(), crocus::cancelled_error);
        p->lost.wait();
        BOOST_TEST(!server.is_serving());
    });
}

BOOST_AUTO_TEST_CASE(neither_a_peer_that_takes_nothing_nor_a_protocol_that_waits_holds_up_the_end) {  // L40
    struct stuck final : crocus::protocol {
        void data_received(std::string_view) override { crocus::sleep(std::chrono::hours(1)); }
    };
    struct generous final : crocus::protocol {
        void connection_made(crocus::transport t) override { t.write(std::string(1'000'000, 'x')); }
    };
    crocus::test::on_driver("simulated", [] {
        for (const bool waits : {false, true}) {
            auto server = crocus::create_server(
                [&]() -> std::shared_ptr<crocus::protocol> {
                    if (waits) return std::make_shared<stuck>();
                    return std::make_shared<generous>();
                },
                "127.0.0.1", 0);
            auto serving = crocus::create_task([&] { server.serve_forever(); });
            auto client = crocus::open_connection("127.0.0.1", server.port());
            client.write("x");
            let_run();
            serving.cancel();
            BOOST_CHECK_THROW(serving.get(), crocus::cancelled_error);
            BOOST_TEST(server.connections() == 0u);
        }
    });
}

BOOST_AUTO_TEST_CASE(several_addresses_have_one_port_and_those_that_are_not_here_are_left_out) {  // L35
    on_each_driver(kernel_drivers, [] {
        const auto at = [](const char* host) { return crocus::address::parse(host, 0); };
        auto server = crocus::create_server(make, {at("127.0.0.1"), at("192.0.2.1"), at("127.0.0.2")});
        BOOST_REQUIRE_EQUAL(server.addresses().size(), 2u);
        BOOST_TEST(server.addresses()[0].port() == server.addresses()[1].port());
        BOOST_TEST(server.addresses()[1].host() == "127.0.0.2");
        BOOST_CHECK_EXCEPTION(crocus::create_server(make, {at("192.0.2.1")}), std::system_error, [](const auto& e) {
            return std::string(e.what()).find("192.0.2.1") != std::string::npos;
        });
        BOOST_CHECK_THROW(crocus::create_server(make, std::vector<crocus::address>()), crocus::usage_error);
        auto everywhere = crocus::create_server(make, "", 0);
        const auto [client, p] = client_of(everywhere);
        client.close();
    });
}

BOOST_AUTO_TEST_CASE(an_address_in_use_is_named_and_a_port_may_be_shared) {  // L35
    on_each_driver(kernel_drivers, [] {
        auto server = crocus::create_server(make, "127.0.0.1", 0, {.reuse_port = true});
        BOOST_CHECK_EXCEPTION(
            crocus::create_server(make, "127.0.0.1", server.port()), std::system_error, [&](const auto& e) {
                return std::string(e.what()).find(server.addresses()[0].to_string()) != std::string::npos;
            });
        auto beside = crocus::create_server(make, "127.0.0.1", server.port(), {.reuse_port = true});
        BOOST_TEST(beside.port() == server.port());
    });
}

BOOST_AUTO_TEST_CASE(a_socket_that_is_bound_already_is_served) {  // L35
    on_each_driver(kernel_drivers, [] {
        crocus::socket bound(AF_INET);
        bound.bind(crocus::address::parse("127.0.0.1", 0));
        auto server = crocus::create_server([] { return std::make_unique<echo>(); }, std::move(bound));
        const auto [client, p] = client_of(server);
        client.write("x");
        p->until([&] { return p->received == "x"; });
        BOOST_CHECK_THROW(crocus::create_server(make, crocus::socket(AF_INET, SOCK_DGRAM)), crocus::usage_error);
    });
}

BOOST_AUTO_TEST_CASE(a_unix_servers_file_replaces_a_stale_one_and_goes_with_the_server) {  // L41
    on_each_driver(kernel_drivers, [] {
        const directory d;
        {
            crocus::socket stale(AF_UNIX);
            stale.bind(crocus::address::local(d.path()));
        }
        BOOST_TEST(d.has_socket());
        {
            auto server = crocus::create_unix_server([] { return std::make_unique<echo>(); }, d.path());
            const auto [client, p] = crocus::create_unix_connection(make, d.path());
            client.write("x");
            p->until([&] { return p->received == "x"; });
            server.close();
            BOOST_TEST(!d.has_socket());
        }
        auto first = crocus::create_unix_server(make, d.path());
        auto second = crocus::create_unix_server(make, d.path());
        first.close();
        BOOST_TEST(d.has_socket());  // it is the second's now
        second.close();
        BOOST_TEST(!d.has_socket());
        auto hidden = crocus::create_unix_server(make, std::string("\0crocus server", 14));
        crocus::create_unix_connection(make, std::string("\0crocus server", 14)).first.close();
    });
}

BOOST_AUTO_TEST_CASE(a_file_that_is_no_socket_is_not_replaced_by_a_server) {  // L41
    on_each_driver(kernel_drivers, [] {
        const directory d;
        std::FILE* const f = std::fopen(d.path().c_str(), "w");
        std::fclose(f);
        BOOST_CHECK_EXCEPTION(crocus::create_unix_server(make, d.path()), std::system_error,
                              [&](const auto& e) { return std::string(e.what()).find(d.path()) != std::string::npos; });
        BOOST_TEST(d.has_socket());
        ::unlink(d.path().c_str());
    });
}

BOOST_AUTO_TEST_CASE(a_connection_that_starts_eagerly_may_end_before_it_is_known) {  // T23
    on_each_driver(all_stream_drivers, [] {
        crocus::event_loop::current().set_task_factory(crocus::eager_task_factory);
        const auto reports = crocus::test::collect_reports();
        auto server = crocus::create_server(
            []() -> std::shared_ptr<crocus::stream_protocol> { throw std::runtime_error("none"); }, "127.0.0.1", 0,
            {.max_connections = 1});
        for (int i = 0; i != 3; ++i) {
            auto s = crocus::open_connection("127.0.0.1", server.port());
            BOOST_TEST(s.read() == "");
        }
        BOOST_TEST(reports->size() == 3u);
        BOOST_TEST(server.connections() == 0u);
    });
}
