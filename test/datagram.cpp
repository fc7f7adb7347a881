#define BOOST_TEST_MODULE datagram
#include <crocus/datagram.hpp>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include <crocus/error.hpp>
#include <crocus/no_suspend.hpp>
#include <crocus/task.hpp>
#include <crocus/timeout.hpp>
#include <crocus/wait.hpp>

#include "support/io_drivers.hpp"

using namespace std::chrono_literals;
using crocus::address;
using crocus::create_task;
using crocus::open_datagram;
using crocus::test::all_drivers;
using crocus::test::kernel_drivers;
using crocus::test::on_each_driver;

namespace {

const address loopback = address::parse("127.0.0.1", 0);

/// A directory of its own, for sockets' files.
class directory {
public:
    directory() {
        std::string name = (std::filesystem::temp_directory_path() / "crocus-test-XXXXXX").string();
        BOOST_REQUIRE(::mkdtemp(name.data()) != nullptr);
        path_ = name;
    }
    ~directory() { std::filesystem::remove_all(path_); }
    [[nodiscard]] std::string file(const std::string& name) const { return (path_ / name).string(); }

private:
    std::filesystem::path path_;
};

bool is_socket(const std::string& path) {
    struct stat found {};
    return ::stat(path.c_str(), &found) == 0 && S_ISSOCK(found.st_mode);
}

/// The reason of what `f` throws.
template <class F>
std::error_condition error_of(F f) {
    try {
        f();
    } catch (const std::system_error& e) {
        return e.code().default_error_condition();
    }
    return {};
}

template <class F>
std::string usage_error_of(F f) {
    try {
        f();
    } catch (const crocus::usage_error& e) {
        return e.what();
    }
    return "none";
}

}  // namespace

BOOST_AUTO_TEST_CASE(datagrams_go_to_an_address_and_come_with_their_senders) {  // L43
    on_each_driver(all_drivers, [] {
        auto server = open_datagram(loopback);
        auto client = open_datagram(std::nullopt, server.local_address());
        BOOST_TEST((client.remote_address() == server.local_address()));
        BOOST_TEST(!server.remote_address());
        auto serving = create_task([&] {
            for (int i = 0; i != 3; ++i) {
                const crocus::datagram question = server.receive();
                BOOST_TEST(!question.truncated);
                server.send("re: " + question.data, question.from);
            }
        });
        for (const std::string text : {"one", "two", ""}) {
            client.send(text);
            const auto answer = client.receive();
            BOOST_TEST(answer.data == "re: " + text);
            BOOST_TEST((answer.from == server.local_address()));
        }
        serving.get();
    });
}

BOOST_AUTO_TEST_CASE(an_empty_datagram_is_sent_and_received) {  // R17
    on_each_driver(all_drivers, [] {
        auto server = open_datagram(loopback);
        auto connected = open_datagram(loopback, server.local_address());
        auto free = open_datagram(loopback);
        connected.send("");
        BOOST_TEST(connected.try_send(""));
        free.send("", server.local_address());
        BOOST_TEST(free.try_send("", server.local_address()));
        for (const address& from :
             {connected.local_address(), connected.local_address(), free.local_address(), free.local_address()}) {
            const auto d = server.receive();
            BOOST_TEST(d.data.empty());
            BOOST_TEST(!d.truncated);
            BOOST_TEST((d.from == from));
        }
    });
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_lost_and_said_to_be) {  // L46
    on_each_driver(all_drivers, [] {
        auto server = open_datagram(loopback, std::nullopt, {.max_size = 4});
        auto client = open_datagram(loopback, server.local_address());
        for (const char* text : {"abcde", "abcd", "abc", "abcdef", "x"}) client.send(text);
        const auto cut = server.receive();
        BOOST_TEST(cut.data == "abcd");
        BOOST_TEST(cut.truncated);
        const auto whole = server.receive();
        BOOST_TEST(whole.data == "abcd");
        BOOST_TEST(!whole.truncated);
        std::string into(8, '.');
        const auto third = server.receive(into);
        BOOST_TEST(third.size == 3u);
        BOOST_TEST(!third.truncated);
        BOOST_TEST(into == "abc.....");
        const auto fourth = server.receive(std::span(into).first(2));
        BOOST_TEST(fourth.size == 6u);
        BOOST_TEST(fourth.truncated);
        BOOST_TEST((fourth.from == client.local_address()));
        BOOST_TEST(server.receive().data == "x");
    });
}

BOOST_AUTO_TEST_CASE(the_largest_goes_and_a_larger_one_is_an_error) {  // R17
    on_each_driver(kernel_drivers, [] {
        auto server = open_datagram(loopback);
        auto client = open_datagram(loopback, server.local_address());
        const std::string largest(65'507, 'x');
        client.send(largest);
        BOOST_TEST((server.receive().data == largest));
        BOOST_TEST((error_of([&] { client.send(largest + 'x'); }) == std::errc::message_size));
        BOOST_TEST((error_of([&] { client.try_send(largest + 'x'); }) == std::errc::message_size));
        client.send("still usable");
        BOOST_TEST(server.receive().data == "still usable");
    });
}

BOOST_AUTO_TEST_CASE(nothing_is_waited_for_where_try_says_so) {
    on_each_driver(all_drivers, [] {
        auto server = open_datagram(loopback);
        auto client = open_datagram(loopback, server.local_address());
        std::string into(8, '\0');
        {
            const crocus::no_suspend here;
            BOOST_TEST(!server.try_receive());
            BOOST_TEST(!server.try_receive(into).has_value());
            BOOST_TEST(client.try_send("one"));
            BOOST_TEST(client.try_send("two", server.local_address()));
        }
        server.get_socket().descriptor().wait_readable();
        BOOST_TEST(server.try_receive()->data == "one");
        BOOST_TEST(server.try_receive(into)->size == 3u);
        BOOST_TEST(!server.try_receive());
    });
}

BOOST_AUTO_TEST_CASE(a_connected_endpoint_sends_nowhere_else) {  // R17, L43
    on_each_driver(all_drivers, [] {
        auto server = open_datagram(loopback);
        auto other = open_datagram(loopback);
        auto client = open_datagram(loopback, server.local_address());
        const std::string error = usage_error_of([&] { client.send("x", other.local_address()); });
        BOOST_TEST(error.find(server.local_address().to_string()) != std::string::npos);
        BOOST_TEST(error.find(other.local_address().to_string()) != std::string::npos);
        BOOST_CHECK_THROW(client.try_send("x", other.local_address()), crocus::usage_error);
        client.send("y", server.local_address());
        BOOST_TEST(server.receive().data == "y");
        BOOST_CHECK_THROW(server.send("to nobody"), crocus::usage_error);
        BOOST_CHECK_THROW(server.try_send("to nobody"), crocus::usage_error);
    });
}

BOOST_AUTO_TEST_CASE(a_connected_endpoint_receives_from_its_peer_alone) {  // L43
    on_each_driver(all_drivers, [] {
        auto server = open_datagram(loopback);
        auto stranger = open_datagram(loopback);
        auto client = open_datagram(loopback, server.local_address());
        stranger.send("not this", client.local_address());
        server.send("this", client.local_address());
        BOOST_TEST(client.receive().data == "this");
    });
}

BOOST_AUTO_TEST_CASE(a_refusal_is_thrown_at_a_call_and_the_endpoint_goes_on) {  // R17, P4
    on_each_driver(kernel_drivers, [] {
        const address nobody = open_datagram(loopback).local_address();
        auto client = open_datagram(loopback, nobody);
        client.send("x");
        BOOST_TEST((error_of([&] { client.receive(); }) == std::errc::connection_refused));
        client.send("y");
        client.get_socket().descriptor().wait_readable();
        BOOST_TEST((error_of([&] { client.send("z"); }) == std::errc::connection_refused));
        auto waiting = create_task([&] { return error_of([&] { client.receive(); }); });
        crocus::yield_now();
        client.send("w");
        BOOST_TEST((waiting.get() == std::errc::connection_refused));
        auto server = open_datagram(nobody);
        client.send("now somebody is there");
        const auto question = server.receive();
        BOOST_TEST(question.data == "now somebody is there");
        server.send("yes", question.from);
        BOOST_TEST(client.receive().data == "yes");
    });
}

BOOST_AUTO_TEST_CASE(several_tasks_receive_and_each_datagram_goes_to_one) {
    on_each_driver(all_drivers, [] {
        auto server = open_datagram(loopback);
        auto client = open_datagram(loopback, server.local_address());
        std::vector<crocus::task<std::string>> receiving;
        for (int i = 0; i != 5; ++i) receiving.push_back(create_task([&] { return server.receive().data; }));
        crocus::yield_now();
        std::string sent;
        for (char c = 'a'; c != 'f'; ++c) client.send(std::string(1000, c)), sent += c;
        std::string got;
        for (auto& r : receiving) {
            const std::string text = r.get();
            BOOST_TEST(text == std::string(1000, text.at(0)));
            got += text[0];
        }
        BOOST_TEST(got == sent);
    });
}

BOOST_AUTO_TEST_CASE(a_cancelled_receipt_loses_no_datagram) {  // L46
    on_each_driver(all_drivers, [] {
        auto server = open_datagram(loopback);
        auto client = open_datagram(loopback, server.local_address());
        auto receiving = create_task([&] { server.receive(); });
        crocus::yield_now();
        client.send("kept");
        receiving.cancel();
        BOOST_CHECK_THROW(receiving.get(), crocus::cancelled_error);
        BOOST_TEST(server.receive().data == "kept");
        BOOST_CHECK_THROW(crocus::with_timeout(1ms, [&] { server.receive(); }), crocus::timeout_error);
    });
}

BOOST_AUTO_TEST_CASE(closing_wakes_who_receives) {
    on_each_driver(all_drivers, [] {
        auto server = open_datagram(loopback);
        auto receiving = create_task([&] { server.receive(); });
        crocus::yield_now();
        server.close();
        BOOST_CHECK_THROW(receiving.get(), crocus::closed_error);
        BOOST_CHECK_THROW(server.receive(), crocus::closed_error);
        BOOST_CHECK_THROW(server.send("x", loopback), crocus::closed_error);
        BOOST_TEST(!server.is_open());
        server.close();
    });
}

BOOST_AUTO_TEST_CASE(networks_are_sent_to_only_where_that_is_allowed) {  // L43
    on_each_driver(kernel_drivers, [] {
        auto server = open_datagram(address::parse("0.0.0.0", 0));
        address all = address::parse("127.255.255.255", server.local_address().port());
        auto careful = open_datagram(loopback);
        BOOST_TEST((error_of([&] { careful.send("x", all); }) == std::errc::permission_denied));
        auto broadcasting = open_datagram(loopback, all, {.allow_broadcast = true});
        BOOST_TEST((broadcasting.remote_address() == all));
        broadcasting.send("everybody");
        const auto got = server.receive();
        BOOST_TEST(got.data == "everybody");
        server.send("from elsewhere", got.from);  // it is not connected
        BOOST_TEST(broadcasting.receive().data == "from elsewhere");
        address alone = server.local_address();
        broadcasting.send("one", address::parse("127.0.0.1", alone.port()));
        BOOST_TEST(server.receive().data == "one");
    });
}

BOOST_AUTO_TEST_CASE(a_port_is_shared_only_by_those_who_want_to) {  // L43
    on_each_driver(kernel_drivers, [] {
        auto alone = open_datagram(loopback);
        BOOST_TEST((error_of([&] { open_datagram(alone.local_address()); }) == std::errc::address_in_use));
        auto one = open_datagram(loopback, std::nullopt, {.reuse_port = true});
        BOOST_CHECK_NO_THROW(open_datagram(one.local_address(), std::nullopt, {.reuse_port = true}));
        BOOST_TEST((error_of([&] { open_datagram(one.local_address()); }) == std::errc::address_in_use));
        BOOST_CHECK_THROW(open_datagram(address::local(std::string("\0x", 2)), std::nullopt, {.reuse_port = true}),
                          crocus::usage_error);
    });
}

BOOST_AUTO_TEST_CASE(an_endpoint_needs_an_address_or_a_family_that_agree) {  // L43
    on_each_driver(all_drivers, [] {
        BOOST_CHECK_THROW(open_datagram(std::nullopt), crocus::usage_error);
        BOOST_CHECK_THROW(open_datagram(loopback, address::parse("::1", 1)), crocus::usage_error);
        BOOST_CHECK_THROW(open_datagram(loopback, std::nullopt, {.family = AF_INET6}), crocus::usage_error);
        auto free = open_datagram(std::nullopt, std::nullopt, {.family = AF_INET});
        auto server = open_datagram(loopback);
        free.send("x", server.local_address());
        BOOST_TEST(server.receive().data == "x");
    });
}

BOOST_AUTO_TEST_CASE(an_endpoint_at_a_path_replaces_the_file_of_one_that_has_ended_and_nothing_else) {  // L43
    on_each_driver(kernel_drivers, [] {
        const directory d;
        const std::string path = d.file("socket");
        const address here = address::local(path);
        open_datagram(here);  // leaves its file
        BOOST_TEST(is_socket(path));
        auto server = open_datagram(here);
        auto client = open_datagram(address::local(d.file("client")), here);
        client.send("over a path");
        const auto got = server.receive();
        BOOST_TEST(got.data == "over a path");
        BOOST_TEST((got.from == client.local_address()));
        server.send("back", got.from);
        BOOST_TEST(client.receive().data == "back");
        auto nameless = open_datagram(std::nullopt, here);
        nameless.send("who?");
        BOOST_TEST(server.receive().from.path() == "");
        // One that lives, a file, a directory.
        BOOST_TEST((error_of([&] { open_datagram(here); }) == std::errc::address_in_use));
        client.send("still there");
        BOOST_TEST(server.receive().data == "still there");
        const std::string file = d.file("file");
        std::ofstream(file) << "content";
        BOOST_TEST((error_of([&] { open_datagram(address::local(file)); }) == std::errc::address_in_use));
        BOOST_TEST(std::filesystem::file_size(file) == 7u);
        const std::string link = d.file("link");
        std::filesystem::create_symlink(path, link);
        BOOST_TEST((error_of([&] { open_datagram(address::local(link)); }) == std::errc::address_in_use));
        BOOST_TEST(std::filesystem::is_symlink(link));
    });
}

BOOST_AUTO_TEST_CASE(a_name_in_the_kernel_is_no_file) {  // L43
    on_each_driver(kernel_drivers, [] {
        const address name = address::local(std::string(1, '\0') + "crocus-datagram-" + std::to_string(::getpid()));
        auto server = open_datagram(name);
        auto client = open_datagram(std::nullopt, name);
        client.send("x");
        BOOST_TEST(server.receive().data == "x");
        server.close();
        BOOST_TEST((error_of([&] { client.send("y"); }) == std::errc::connection_refused));
    });
}

BOOST_AUTO_TEST_CASE(sending_waits_for_room_where_the_kernel_has_none) {  // L46, R17
    on_each_driver(kernel_drivers, [] {
        const address name = address::local(std::string(1, '\0') + "crocus-datagram-" + std::to_string(::getpid()));
        auto server = open_datagram(name);
        auto client = open_datagram(std::nullopt, name);
        std::size_t sent = 0;
        while (client.try_send(std::to_string(sent))) ++sent;
        auto sending = create_task([&] { client.send("last"); });
        crocus::yield_now();
        BOOST_TEST(!sending.done());
        for (std::size_t i = 0; i != sent; ++i) BOOST_TEST(server.receive().data == std::to_string(i));
        sending.get();
        BOOST_TEST(server.receive().data == "last");
    });
}

BOOST_AUTO_TEST_CASE(a_socket_of_the_callers_becomes_an_endpoint) {  // L43
    on_each_driver(all_drivers, [] {
        auto [a, b] = crocus::socket::pair(SOCK_DGRAM);
        crocus::datagram_endpoint near(std::move(a));
        crocus::datagram_endpoint far(std::move(b));
        near.send("one");
        near.send("");
        BOOST_TEST(far.receive().data == "one");
        BOOST_TEST(far.receive().data == "");
        auto moved = std::move(far);
        moved.send("two");
        BOOST_TEST(near.receive().data == "two");
    });
}
