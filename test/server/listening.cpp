// Where servers listen: several hosts, options, paths, sockets of one's own.
#define BOOST_TEST_MODULE server_listening
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include <netinet/in.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <crocus/error.hpp>
#include <crocus/run.hpp>
#include <crocus/server.hpp>
#include <crocus/task.hpp>

#include "support/loop_tests.hpp"
#include "support/servers.hpp"

using crocus::stream;
using crocus::test::connect;
using crocus::test::contains;
using crocus::test::echo_lines;
using crocus::test::echo_of;
using crocus::test::kernel_stream_drivers;
using crocus::test::on_each_driver;

namespace {

namespace fs = std::filesystem;

/// A directory that goes with its object.
struct directory {
    directory() { BOOST_REQUIRE(::mkdtemp(path.data()) != nullptr); }
    directory(const directory&) = delete;
    directory& operator=(const directory&) = delete;
    ~directory() { fs::remove_all(path); }

    std::string path = (fs::temp_directory_path() / "crocus-test-XXXXXX").string();
};

/// A place for a socket, in a directory that is new for each driver.
template <class F>
void with_path(F f) {
    on_each_driver(kernel_stream_drivers, [&] {
        const directory d;
        f(d.path + "/socket");
    });
}

ino_t inode(const std::string& path) {
    struct ::stat there {};
    BOOST_REQUIRE(::stat(path.c_str(), &there) == 0);
    return there.st_ino;
}

/// Requires: a loop runs
bool has_ipv6() {
    return crocus::test::error_of([] {
               crocus::socket s(AF_INET6);
               s.bind(crocus::address::parse("::1", 0));
           }) == 0;
}

/// Fails to bind to what it is told to.
struct without_addresses final : crocus::testing::driver_decorator {
    using driver_decorator::driver_decorator;
    void bind(crocus::io_handle handle, const sockaddr* a, socklen_t length) override {
        const std::string host = crocus::address(a, length).host();
        ++binds;
        if (missing.contains(host)) throw std::system_error(EADDRNOTAVAIL, std::generic_category(), "bind");
        if (taken.contains(host)) throw std::system_error(EADDRINUSE, std::generic_category(), "bind");
        driver_decorator::bind(handle, a, length);
    }
    std::set<std::string> missing;
    std::set<std::string> taken;
    int binds = 0;
};

template <class F>
void with_planted_addresses(F f) {
    auto driver = std::make_unique<without_addresses>(crocus::make_io_driver("epoll"));
    without_addresses& faults = *driver;
    crocus::run([&] { f(faults); }, {.driver = std::move(driver)});
}

}  // namespace

// -------------------------------------------------------------------------------------------------------------- hosts

BOOST_AUTO_TEST_CASE(a_server_listens_on_several_hosts_with_one_port) {  // L35
    on_each_driver(crocus::test::all_drivers, [] {
        auto server = crocus::start_server(echo_lines, {"127.0.0.1", "127.0.0.2", "127.0.0.1"}, 0);
        const auto on = server.addresses();
        BOOST_REQUIRE(on.size() == 2u);  // each once
        BOOST_TEST(on[0].to_string() == "127.0.0.1:" + std::to_string(server.port()));
        BOOST_TEST(on[1].to_string() == "127.0.0.2:" + std::to_string(server.port()));
        for (const char* host : {"127.0.0.1", "127.0.0.2"}) {
            auto client = crocus::open_connection(host, server.port());
            BOOST_TEST(echo_of(client, host) == std::string("echo ") + host + "\n");
        }
        BOOST_CHECK_THROW(crocus::start_server(echo_lines, std::vector<std::string>{}, 0), crocus::usage_error);
    });
}

BOOST_AUTO_TEST_CASE(no_host_means_all_interfaces) {  // L35
    on_each_driver(kernel_stream_drivers, [] {
        auto server = crocus::start_server(echo_lines, "", 0);
        auto client = crocus::open_connection("127.0.0.1", server.port());
        BOOST_TEST(echo_of(client, "4") == "echo 4\n");
        for (const crocus::address& a : server.addresses()) BOOST_TEST(a.port() == server.port());
        if (!has_ipv6()) return;
        auto six = crocus::open_connection("::1", server.port());
        BOOST_TEST(echo_of(six, "6") == "echo 6\n");
    });
}

BOOST_AUTO_TEST_CASE(one_socket_serves_both_kinds_of_address_where_it_is_told_to) {  // L35
    on_each_driver(kernel_stream_drivers, [] {
        if (!has_ipv6()) return;
        auto server = crocus::start_server(echo_lines, "::", 0, {.ipv6_only = false});
        auto four = crocus::open_connection("127.0.0.1", server.port());
        BOOST_TEST(echo_of(four, "4") == "echo 4\n");
        auto strict = crocus::start_server(echo_lines, "::", 0);
        BOOST_CHECK_THROW(crocus::open_connection("127.0.0.1", strict.port()), std::system_error);
    });
}

BOOST_AUTO_TEST_CASE(an_address_that_this_machine_has_not_is_left_out_if_there_are_others) {  // L35
    with_planted_addresses([](without_addresses& faults) {
        faults.missing = {"127.0.0.1"};
        auto server = crocus::start_server(echo_lines, {"127.0.0.1", "127.0.0.2"}, 0);
        BOOST_REQUIRE(server.addresses().size() == 1u);
        BOOST_TEST(server.addresses().front().host() == "127.0.0.2");
        BOOST_CHECK_EXCEPTION(crocus::start_server(echo_lines, "127.0.0.1", 4711), std::system_error, [](const auto& e) {
            return e.code().value() == EADDRNOTAVAIL && contains(e.what(), "127.0.0.1:4711");
        });
    });
}

BOOST_AUTO_TEST_CASE(a_port_that_is_taken_is_an_error_that_names_it) {  // L35
    on_each_driver(crocus::test::all_drivers, [] {
        auto first = crocus::start_server(echo_lines, "127.0.0.2", 0);
        const std::uint16_t port = first.port();
        BOOST_CHECK_EXCEPTION(
            crocus::start_server(echo_lines, {"127.0.0.1", "127.0.0.2"}, port), std::system_error, [&](const auto& e) {
                return e.code().value() == EADDRINUSE && contains(e.what(), "127.0.0.2:" + std::to_string(port));
            });
        // and what was bound before it is closed again
        auto second = crocus::start_server(echo_lines, "127.0.0.1", port);
        BOOST_TEST(second.port() == port);
    });
}

BOOST_AUTO_TEST_CASE(a_drawn_port_that_is_taken_at_another_address_is_drawn_again) {  // L35
    with_planted_addresses([](without_addresses& faults) {
        faults.taken = {"127.0.0.2"};
        BOOST_CHECK_THROW(crocus::start_server(echo_lines, {"127.0.0.1", "127.0.0.2"}, 0), std::system_error);
        BOOST_TEST(faults.binds > 2);
        faults.binds = 0;
        BOOST_CHECK_THROW(crocus::start_server(echo_lines, "127.0.0.2", 0), std::system_error);
        BOOST_TEST(faults.binds == 1);
    });
}

// ------------------------------------------------------------------------------------------------------------ options

BOOST_AUTO_TEST_CASE(a_port_is_shared_by_those_who_want_to) {  // L35
    on_each_driver(kernel_stream_drivers, [] {
        auto first = crocus::start_server(echo_lines, "127.0.0.1", 0, {.reuse_port = true});
        auto second = crocus::start_server(echo_lines, "127.0.0.1", first.port(), {.reuse_port = true});
        BOOST_TEST(first.port() == second.port());
        BOOST_CHECK_THROW(crocus::start_server(echo_lines, "127.0.0.1", first.port()), std::system_error);
    });
}

BOOST_AUTO_TEST_CASE(connections_are_kept_alive_if_wanted) {  // L35
    on_each_driver(kernel_stream_drivers, [] {
        for (const bool wanted : {false, true}) {
            int kept = -1;
            auto server = crocus::start_server(
                [&](stream& s) { kept = s.get_socket().get_option(SOL_SOCKET, SO_KEEPALIVE); }, "127.0.0.1", 0,
                {.keep_alive = wanted});
            auto client = connect(server);
            BOOST_TEST(client.read() == "");
            BOOST_TEST((kept != 0) == wanted);
        }
    });
}

BOOST_AUTO_TEST_CASE(a_socket_of_ones_own_may_be_listened_on) {  // L35, L42
    on_each_driver(kernel_stream_drivers, [] {
        for (const bool listens : {false, true}) {
            crocus::socket own(AF_INET);
            own.bind(crocus::address::parse("127.0.0.1", 0));
            if (listens) own.listen(5);
            auto server = crocus::start_server(echo_lines, std::move(own));
            auto client = connect(server);
            BOOST_TEST(echo_of(client, "a") == "echo a\n");
        }
        BOOST_CHECK_THROW(crocus::start_server(echo_lines, crocus::socket(AF_INET, SOCK_DGRAM)), crocus::usage_error);
        BOOST_CHECK_THROW(crocus::start_server(echo_lines, crocus::socket()), crocus::closed_error);
    });
}

// -------------------------------------------------------------------------------------------------------------- paths

BOOST_AUTO_TEST_CASE(a_server_on_a_path_serves_and_removes_its_file) {  // L41, S1, S2
    with_path([](const std::string& path) {
        {
            auto server = crocus::start_unix_server(echo_lines, path);
            BOOST_TEST(server.port() == 0);
            BOOST_TEST(server.addresses().front().path() == path);
            auto client = crocus::open_unix_connection(path);
            BOOST_TEST(client.remote_address().path() == path);
            BOOST_TEST(echo_of(client, "a") == "echo a\n");
            BOOST_TEST(fs::is_socket(path));
            server.close();
            BOOST_TEST(!fs::exists(path));
            BOOST_TEST(echo_of(client, "b") == "echo b\n");
            client.close();
        }
        BOOST_CHECK_THROW(crocus::open_unix_connection(path), std::system_error);
        BOOST_CHECK_THROW(crocus::start_unix_server(echo_lines, path, {.reuse_port = true}), crocus::usage_error);
    });
}

BOOST_AUTO_TEST_CASE(a_sockets_file_that_was_left_is_replaced_but_no_other_file) {  // L41
    with_path([](const std::string& path) {
        { auto left = crocus::start_unix_server(echo_lines, path, {.remove_socket_file = false}); }
        BOOST_TEST(fs::is_socket(path));
        {
            auto server = crocus::start_unix_server(echo_lines, path);
            auto client = crocus::open_unix_connection(path);
            BOOST_TEST(echo_of(client, "a") == "echo a\n");
            client.close();
        }
        std::ofstream(path) << "somebody's";
        BOOST_CHECK_EXCEPTION(crocus::start_unix_server(echo_lines, path), std::system_error, [&](const auto& e) {
            return e.code().value() == EADDRINUSE && contains(e.what(), path);
        });
        BOOST_TEST(fs::is_regular_file(path));
    });
}

BOOST_AUTO_TEST_CASE(a_file_that_has_taken_its_place_stays) {  // L41
    with_path([](const std::string& path) {
        auto first = crocus::start_unix_server(echo_lines, path);
        auto second = crocus::start_unix_server(echo_lines, path);
        const ino_t seconds = inode(path);
        first.close();
        BOOST_TEST(inode(path) == seconds);
        auto client = crocus::open_unix_connection(path);
        BOOST_TEST(echo_of(client, "a") == "echo a\n");
        client.close();
        fs::remove(path);  // by somebody else
        second.close();
    });
}

BOOST_AUTO_TEST_CASE(an_abstract_name_has_no_file) {  // L41
    on_each_driver(kernel_stream_drivers, [] {
        const std::string name = std::string("\0crocus-test-", 13) + std::to_string(::getpid());
        auto server = crocus::start_unix_server(echo_lines, name);
        auto client = crocus::open_unix_connection(name);
        BOOST_TEST(echo_of(client, "a") == "echo a\n");
        BOOST_CHECK_EXCEPTION(crocus::start_unix_server(echo_lines, name), std::system_error,
                              [](const auto& e) { return contains(e.what(), "@crocus-test-"); });
    });
}

BOOST_AUTO_TEST_CASE(a_handler_on_a_path_that_throws_is_reported) {  // S2
    with_path([](const std::string& path) {
        const auto seen = crocus::test::collect_reports();
        auto server = crocus::start_unix_server([](stream&) { throw std::runtime_error("at once"); }, path);
        BOOST_TEST(crocus::open_unix_connection(path).read() == "");
        BOOST_REQUIRE(seen->size() == 1u);
        BOOST_TEST(seen->front() == "exception in a connection handler: std::runtime_error: at once");
    });
}
