#define BOOST_TEST_MODULE process
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <crocus/error.hpp>
#include <crocus/process.hpp>
#include <crocus/task.hpp>

#include "support/io_drivers.hpp"
#include "support/loop_tests.hpp"
#include "support/protocols.hpp"

using crocus::test::kernel_drivers;
using crocus::test::let_run;
using crocus::test::on_each_driver;

namespace {

/// M made; 1, 2 data; a, b, c pipes 0, 1, 2 lost; X exited; L lost.
class watcher : public crocus::subprocess_protocol, public crocus::test::diary {
public:
    crocus::subprocess_transport own;
    std::array<std::string, 3> received;
    std::array<std::exception_ptr, 3> reasons;
    std::optional<int> code_at_exit;

    void connection_made(crocus::subprocess_transport made) override {
        own = std::move(made);
        note('M');
    }
    void pipe_data_received(int fd, std::string_view data) override {
        received.at(static_cast<std::size_t>(fd)) += data;
        note(static_cast<char>('0' + fd));
    }
    void pipe_connection_lost(int fd, std::exception_ptr error) override {
        reasons.at(static_cast<std::size_t>(fd)) = std::move(error);
        note(static_cast<char>('a' + fd));
    }
    void process_exited() override {
        code_at_exit = own.get_returncode();
        note('X');
    }
    void connection_lost(std::exception_ptr error) override { note_end(std::move(error)); }
    void pause_writing() override { note('P'); }
    void resume_writing() override { note('R'); }

    [[nodiscard]] std::string sorted_calls() const {
        std::string s = calls;
        std::sort(s.begin(), s.end());
        return s;
    }
};

std::shared_ptr<watcher> make() { return std::make_shared<watcher>(); }

bool has_ended(pid_t pid) { return ::kill(pid, 0) != 0 && errno == ESRCH; }

}  // namespace

BOOST_AUTO_TEST_CASE(
    a_child_is_written_to_and_read_from_and_its_exit_comes_before_connection_lost) {  // R18, P5, X14, X15
    on_each_driver(kernel_drivers, [] {
        const auto [child, p] = crocus::subprocess_shell(make, "cat; echo done >&2; exit 7");
        BOOST_TEST(p->calls == "M");
        BOOST_TEST(child.get_pid() > 0);
        BOOST_TEST(!child.get_returncode().has_value());
        const auto in = child.get_pipe_transport(0);
        in.write("hello");
        p->until([&] { return p->received[1] == "hello"; });
        in.write(" again");
        in.write_eof();
        BOOST_TEST(child.wait() == 7);
        p->lost.wait();
        BOOST_TEST(p->received[1] == "hello again");
        BOOST_TEST(p->received[2] == "done\n");
        BOOST_TEST(p->code_at_exit.value() == 7);
        BOOST_TEST(p->calls.front() == 'M');
        BOOST_TEST(p->calls.back() == 'L');
        for (const char once : {'M', 'a', 'b', 'c', 'X', 'L'})
            BOOST_TEST(std::count(p->calls.begin(), p->calls.end(), once) == 1, p->calls);
        for (const auto& reason : p->reasons) BOOST_TEST((reason == nullptr));
        BOOST_TEST(p->reason() == "none");
        BOOST_TEST(!child.get_pipe_transport(1));
        BOOST_TEST(has_ended(child.get_pid()));
    });
}

BOOST_AUTO_TEST_CASE(streams_are_pipes_or_inherited_or_nothing_or_each_other_or_given) {  // X5, X14
    on_each_driver(kernel_drivers, [] {
        using crocus::child_stream;
        const auto [child, p] = crocus::subprocess_shell(
            make, "cat; echo out; echo err >&2", {.in = child_stream::null(), .err = child_stream::as_output()});
        BOOST_TEST(!child.get_pipe_transport(0));
        BOOST_TEST(!child.get_pipe_transport(2));
        BOOST_TEST(!child.get_pipe_transport(3));
        child.wait();
        BOOST_TEST(p->received[1] == "out\nerr\n");

        std::array<int, 2> ends{};
        BOOST_REQUIRE_EQUAL(::pipe2(ends.data(), O_CLOEXEC), 0);
        const auto [second, q] = crocus::subprocess_exec(
            make, {"echo", "given"},
            {.in = child_stream::inherited(), .out = child_stream::from(ends[1]), .err = child_stream::null()});
        BOOST_TEST(second.wait() == 0);
        q->lost.wait();
        BOOST_TEST(q->calls == "MXL");
        char text[6];
        BOOST_TEST(::read(ends[0], text, 6) == 6);
        BOOST_TEST(std::string(text, 6) == "given\n");
        ::close(ends[0]);
        ::close(ends[1]);
        BOOST_CHECK_THROW(crocus::subprocess_exec(make, {"true"}, {.out = child_stream::as_output()}),
                          crocus::usage_error);
    });
}

BOOST_AUTO_TEST_CASE(environment_directory_and_session_are_the_childs_own_and_no_descriptor_of_ours_is) {  // X4, X14
    on_each_driver(kernel_drivers, [] {
        const int leaked = ::dup(0);  // without FD_CLOEXEC
        const auto [child, p] = crocus::subprocess_shell(
            make,
            "echo $NAME; pwd; [ $$ = $(cut -d' ' -f6 /proc/self/stat) ] && echo leads; [ -e /proc/self/fd/" +
                std::to_string(leaked) + " ] && echo leaked",
            {.environment = {{"NAME=value", "PATH=/bin:/usr/bin"}}, .directory = "/tmp", .new_session = true});
        child.wait();
        ::close(leaked);
        BOOST_TEST(p->received[1] == "value\n/tmp\nleads\n");
        BOOST_TEST(p->received[2] == "");
    });
}

BOOST_AUTO_TEST_CASE(a_program_that_cannot_be_started_is_an_error_of_the_call) {  // X4, X14
    on_each_driver(kernel_drivers, [] {
        BOOST_CHECK_EXCEPTION(crocus::subprocess_exec(make, {"no such program"}), std::system_error, [](const auto& e) {
            return e.code().value() == ENOENT && std::string(e.what()).find("no such program") != std::string::npos;
        });
        BOOST_CHECK_THROW(crocus::subprocess_exec(make, {}), crocus::usage_error);
        BOOST_CHECK_THROW(crocus::subprocess_exec(make, {"echo", std::string("a\0b", 3)}), crocus::usage_error);
        BOOST_CHECK_THROW(crocus::subprocess_exec([] { return std::shared_ptr<watcher>(); }, {"true"}),
                          crocus::usage_error);
        BOOST_CHECK_THROW(crocus::subprocess_transport().kill(), crocus::usage_error);
    });
}

BOOST_AUTO_TEST_CASE(signals_reach_a_child_that_runs_and_are_an_error_once_it_has_ended) {  // R18, X9, X8
    on_each_driver(kernel_drivers, [] {
        const auto killed_by = [](auto send) {
            const auto [child, p] = crocus::subprocess_exec(make, {"cat"});
            send(child);
            const int code = child.wait();
            BOOST_CHECK_EXCEPTION(child.send_signal(SIGTERM), std::system_error,
                                  [](const auto& e) { return e.code().value() == ESRCH; });
            return code;
        };
        BOOST_TEST(killed_by([](const auto& c) { c.terminate(); }) == -SIGTERM);
        BOOST_TEST(killed_by([](const auto& c) { c.kill(); }) == -SIGKILL);
        BOOST_TEST(killed_by([](const auto& c) { c.send_signal(SIGHUP); }) == -SIGHUP);
    });
}

BOOST_AUTO_TEST_CASE(close_kills_a_child_that_runs_and_no_other) {  // X13, R18
    on_each_driver(kernel_drivers, [] {
        const auto [child, p] = crocus::subprocess_exec(make, {"cat"});
        child.close();
        child.close();
        BOOST_TEST(child.is_closing());
        BOOST_TEST(p->calls == "M");
        p->lost.wait();
        BOOST_TEST(child.get_returncode().value() == -SIGKILL);
        BOOST_TEST(p->sorted_calls() == "LMXabc");
        BOOST_TEST(p->calls.back() == 'L');

        const auto [ended, q] = crocus::subprocess_exec(make, {"true"});
        BOOST_TEST(ended.wait() == 0);
        ended.close();
        q->lost.wait();
        BOOST_TEST(ended.get_returncode().value() == 0);
    });
}

BOOST_AUTO_TEST_CASE(wait_lasts_until_the_pipes_have_ended_too_and_may_be_cancelled) {  // X6
    on_each_driver(kernel_drivers, [] {
        // Its child keeps the output open until its own input, a pipe of ours, ends.
        std::array<int, 2> ends{};
        BOOST_REQUIRE_EQUAL(::pipe2(ends.data(), O_CLOEXEC), 0);
        const auto [child, p] =
            crocus::subprocess_shell(make, "exec 3<&0; cat <&3 & exit 3", {.in = crocus::child_stream::from(ends[0])});
        ::close(ends[0]);
        p->until([&] { return p->code_at_exit.has_value(); });
        auto cancelled = crocus::create_task([&, c = child] { return c.wait(); });
        auto waiting = crocus::create_task([&, c = child] { return c.wait(); });
        let_run();
        cancelled.cancel();
        BOOST_CHECK_THROW(cancelled.get(), crocus::cancelled_error);
        BOOST_TEST(!waiting.done());
        BOOST_TEST(!p->lost.is_set());
        ::close(ends[1]);
        BOOST_TEST(waiting.get() == 3);
        p->lost.wait();
    });
}

BOOST_AUTO_TEST_CASE(what_a_protocol_throws_is_reported_and_the_child_goes_on) {  // P5
    on_each_driver(kernel_drivers, [] {
        const auto reports = crocus::test::collect_reports();
        const auto p = make();
        p->on_call = [](char call) { throw std::runtime_error(std::string("in ") + call); };
        const auto [child, same] = crocus::subprocess_shell([&] { return p; }, "echo x; echo y >&2");
        p->lost.wait();
        let_run();
        BOOST_TEST(p->sorted_calls() == "12LMXabc");
        BOOST_TEST(reports->size() == 8u);
    });
}

BOOST_AUTO_TEST_CASE(the_childs_input_pauses_its_writer) {  // P5, X11
    on_each_driver(kernel_drivers, [] {
        const auto [child, p] = crocus::subprocess_exec(make, {"cat"}, {.out = crocus::child_stream::null()});
        child.get_pipe_transport(0).write(crocus::test::much);
        BOOST_TEST(p->calls == "MP");
        child.get_pipe_transport(0).close();
        BOOST_TEST(child.wait() == 0);
        BOOST_TEST(p->calls.substr(0, 3) == "MPR");
    });
}

BOOST_AUTO_TEST_CASE(methods_that_suspend_are_called_one_after_the_other) {  // P5
    on_each_driver(kernel_drivers, [] {
        const auto p = make();
        int inside = 0;
        p->on_call = [&](char) {
            BOOST_TEST(++inside == 1);
            let_run(3);
            --inside;
        };
        const auto [child, same] = crocus::subprocess_shell([&] { return p; }, "echo x; echo y >&2");
        p->lost.wait();
        BOOST_TEST(p->sorted_calls() == "12LMXabc");
    });
}

BOOST_AUTO_TEST_CASE(a_child_that_is_left_at_the_end_of_its_loop_is_killed_and_waited_for) {  // R18
    for (const bool suspended : {false, true}) {
        const auto p = make();
        crocus::run([&] {
            p->on_call = [&](char call) {
                if (call == '1' && suspended) crocus::event().wait();
            };
            auto [child, same] = crocus::subprocess_shell([&] { return p; }, "echo x; cat");
            p->until([&] { return p->received[1] == "x\n"; });
        });
        BOOST_TEST(p->calls.back() == 'L');
        BOOST_CHECK_THROW(std::rethrow_exception(p->why), crocus::cancelled_error);
        BOOST_TEST(p->own.get_returncode().value() == -SIGKILL);
        BOOST_TEST(has_ended(p->own.get_pid()));
    }
}

BOOST_AUTO_TEST_CASE(who_is_cancelled_while_a_child_starts_leaves_none) {  // X12
    on_each_driver(kernel_drivers, [] {
        const auto p = make();
        crocus::event made;
        p->on_call = [&](char call) {
            if (call == 'M') made.wait();
        };
        auto starting =
            crocus::create_task([&] { static_cast<void>(crocus::subprocess_exec([&] { return p; }, {"cat"})); });
        p->until([&] { return p->calls == "M"; });
        starting.cancel();
        BOOST_CHECK_THROW(starting.get(), crocus::cancelled_error);
        made.set();
        p->lost.wait();
        BOOST_TEST(has_ended(p->own.get_pid()));
    });
}

BOOST_AUTO_TEST_CASE(a_child_that_somebody_else_has_waited_for_has_ended_with_255) {  // X16
    on_each_driver(kernel_drivers, [] {
        const auto reports = crocus::test::collect_reports();
        const auto [child, p] = crocus::subprocess_exec(make, {"cat"});
        child.kill();
        BOOST_TEST(::waitpid(child.get_pid(), nullptr, 0) == child.get_pid());  // before the loop looks
        BOOST_TEST(child.wait() == 255);
        BOOST_TEST(reports->size() == 1u);
    });
}

BOOST_AUTO_TEST_CASE(a_loop_that_ends_while_a_child_starts_leaves_none_and_waits_for_nothing) {  // R18
    for (int turns = 0; turns != 16; ++turns)
        on_each_driver(kernel_drivers, [turns] {
            auto starting = crocus::create_task([] {
                static_cast<void>(
                    crocus::subprocess_exec([] { return std::make_shared<crocus::subprocess_protocol>(); }, {"cat"}));
            });
            for (int i = 0; i != turns; ++i) crocus::yield_now();
        });
    BOOST_TEST(::waitpid(-1, nullptr, WNOHANG) == -1);  // neither running nor a zombie
    BOOST_TEST(errno == ECHILD);
}

BOOST_AUTO_TEST_CASE(a_pipe_that_was_given_another_protocol_is_not_waited_for) {
    on_each_driver(kernel_drivers, [] {
        auto [child, p] = crocus::subprocess_exec([] { return std::make_shared<crocus::subprocess_protocol>(); }, {"cat"});
        child.get_pipe_transport(1).set_protocol(std::make_shared<crocus::protocol>());
        child.get_pipe_transport(0).close();
        BOOST_TEST(child.wait() == 0);
    });
}
