// Workers that come and go, and their surroundings.
#define BOOST_TEST_MODULE process_pool_workers
#define BOOST_TEST_NO_MAIN
#define BOOST_TEST_ALTERNATIVE_INIT_API
#include <boost/test/unit_test.hpp>

#include <crocus/process_pool.hpp>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/temporary_file.hpp"

using crocus::broken_process_pool;
using crocus::process_pool_executor;

// ----------------------------------------------------------------------------------- what the workers are asked to run

namespace {

long square_of(long n) { return n * n; }
void nothing() {}
int process_id() { return ::getpid(); }
int exit_with(int status) { std::exit(status); }
int die_of(int signal_number) {
    ::kill(::getpid(), signal_number);
    return 0;
}
int sleep_for_ever() {
    for (;;) ::pause();
}

int initial_value = 0;
void set_initial_value(int n) { initial_value += n; }
int get_initial_value() { return initial_value; }
void fail_to_initialize() { throw std::runtime_error("no database"); }

/// Its descriptors, but for the one that lists them.
std::vector<int> open_descriptors() {
    std::vector<int> found;
    for (int fd = 0; fd < 256; ++fd)
        if (::fcntl(fd, F_GETFD) >= 0) found.push_back(fd);
    return found;
}
long read_input() {
    char c = 0;
    return ::read(STDIN_FILENO, &c, 1);
}
bool descriptor_is_inherited(int fd) { return (::fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0; }
bool signal_is_blocked(int number) {
    sigset_t mask;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    return sigismember(&mask, number) == 1;
}
void print(const std::string& text) { std::fputs(text.c_str(), stdout); }
int close_the_socket_and_sleep() {
    ::close(3);
    return sleep_for_ever();
}
int write_to_the_socket() { return static_cast<int>(::write(3, "these bytes are none of crocus's", 32)); }

long square_in_a_pool_of_its_own(long n) {
    process_pool_executor pool({.max_workers = 1});
    return pool.submit<&square_of>(n).get();
}

/// Starts a worker of its own that never ends, notes its process number in a file and waits for it.
int keep_a_worker(const std::string& path) {
    process_pool_executor pool({.max_workers = 1});
    const int id = pool.submit<&process_id>().get();
    const auto never = pool.submit<&sleep_for_ever>();
    crocus::test::write_number(path, id);
    return never.get();
}

/// Dies, but leaves a child that has every descriptor of it.
int leave_a_child_and_die(const std::string& path) {
    const int child = ::fork();
    if (child == 0) sleep_for_ever();
    crocus::test::write_number(path, child);
    return die_of(SIGKILL);
}

bool contains(const std::exception& e, const std::string& text) {
    if (std::string(e.what()).find(text) != std::string::npos) return true;
    BOOST_TEST_MESSAGE("not in the message: " << text << "; the message: " << e.what());
    return false;
}

}  // namespace

int main(int argc, char** argv) {
    crocus::host_workers(argc, argv);
    return boost::unit_test::unit_test_main([] { return true; }, argc, argv);
}

// -------------------------------------------------------------------------------------------- workers that come and go

BOOST_AUTO_TEST_CASE(a_killed_worker_fails_its_own_call_and_the_pool_goes_on) {  // E30; users' T20
    process_pool_executor pool({.max_workers = 1});
    const int worker = pool.submit<&process_id>().get();
    const auto killed = pool.submit<&die_of>(SIGKILL);
    const auto after = pool.submit<&process_id>();
    BOOST_CHECK_EXCEPTION(killed.get(), broken_process_pool, [&](const auto& e) {
        return contains(e, std::to_string(worker)) && contains(e, "signal 9 (Killed)") && contains(e, "die_of");
    });
    BOOST_TEST(after.get() != worker);
}

BOOST_AUTO_TEST_CASE(a_worker_that_exits_fails_its_call_with_the_status) {  // E30
    process_pool_executor pool({.max_workers = 1});
    BOOST_CHECK_EXCEPTION(pool.submit<&exit_with>(3).get(), broken_process_pool,
                          [](const auto& e) { return contains(e, "exited with status 3 while it ran"); });
    BOOST_TEST(pool.submit<&square_of>(2).get() == 4);
}

BOOST_AUTO_TEST_CASE(a_call_given_to_a_worker_that_dies_before_it_begins_is_given_to_another) {
    process_pool_executor pool({.max_workers = 1});
    for (int i = 0; i < 10; ++i) {
        const int worker = pool.submit<&process_id>().get();
        ::kill(worker, SIGKILL);
        BOOST_TEST(pool.submit<&process_id>().get() != worker);
    }
}

BOOST_AUTO_TEST_CASE(a_worker_that_loses_its_socket_is_replaced) {
    process_pool_executor pool({.max_workers = 1});
    BOOST_CHECK_THROW(pool.submit<&close_the_socket_and_sleep>().get(), broken_process_pool);
    BOOST_CHECK_EXCEPTION(pool.submit<&write_to_the_socket>().get(), broken_process_pool,
                          [](const auto& e) { return contains(e, "something else than crocus wrote"); });
    BOOST_TEST(pool.submit<&square_of>(2).get() == 4);
}

BOOST_AUTO_TEST_CASE(a_dead_worker_is_noticed_though_something_holds_its_socket_open) {
    const crocus::test::temporary_file note;
    process_pool_executor pool({.max_workers = 1});
    const auto call = pool.submit<&leave_a_child_and_die>(note.path());
    BOOST_CHECK_THROW(call.get(), broken_process_pool);
    ::kill(note.number(), SIGKILL);
}

BOOST_AUTO_TEST_CASE(workers_are_started_when_calls_come_and_used_again) {  // E35
    process_pool_executor pool({.max_workers = 20});
    BOOST_TEST(::waitpid(-1, nullptr, WNOHANG) == -1);  // no process yet
    std::set<int> workers;
    for (int i = 0; i < 20; ++i) workers.insert(pool.submit<&process_id>().get());
    BOOST_TEST(workers.size() < 10);
}

BOOST_AUTO_TEST_CASE(no_more_workers_are_started_than_allowed) {  // E35
    process_pool_executor pool({.max_workers = 2});
    std::set<int> workers;
    std::vector<crocus::concurrent_future<int>> calls;
    for (int i = 0; i < 20; ++i) calls.push_back(pool.submit<&process_id>());
    for (const auto& call : calls) workers.insert(call.get());
    BOOST_TEST(workers.size() <= 2);
}

BOOST_AUTO_TEST_CASE(a_worker_is_replaced_after_its_number_of_calls) {  // E34
    process_pool_executor pool({.max_workers = 1, .max_tasks_per_child = 2});
    std::vector<int> ids;
    for (int i = 0; i < 6; ++i) ids.push_back(pool.submit<&process_id>().get());
    BOOST_TEST(ids[0] == ids[1]);
    BOOST_TEST(ids[2] == ids[3]);
    BOOST_TEST(ids[4] == ids[5]);
    BOOST_TEST((std::set<int>{ids[0], ids[2], ids[4]}.size() == 3));
}

BOOST_AUTO_TEST_CASE(each_worker_begins_with_the_initializer) {  // E23
    process_pool_executor pool(
        {.max_workers = 1, .initializer = crocus::make_remote_call<&set_initial_value>(7), .max_tasks_per_child = 2});
    for (int i = 0; i < 5; ++i) BOOST_TEST(pool.submit<&get_initial_value>().get() == 7);
}

BOOST_AUTO_TEST_CASE(an_initializer_that_fails_breaks_the_pool) {  // E23
    process_pool_executor pool({.max_workers = 1, .initializer = crocus::make_remote_call<&fail_to_initialize>()});
    BOOST_CHECK_EXCEPTION(pool.submit<&nothing>().get(), broken_process_pool,
                          [](const auto& e) { return contains(e, "no database"); });
    BOOST_CHECK_THROW(static_cast<void>(pool.submit<&nothing>()), broken_process_pool);
}

BOOST_AUTO_TEST_CASE(workers_can_be_terminated_or_killed) {  // E36
    for (const int number : {SIGTERM, SIGKILL}) {
        process_pool_executor pool({.max_workers = 1});
        pool.submit<&nothing>().get();
        const auto running = pool.submit<&sleep_for_ever>();
        while (!running.running()) std::this_thread::yield();
        const auto waiting = pool.submit<&nothing>();
        number == SIGTERM ? pool.terminate_workers() : pool.kill_workers();
        BOOST_CHECK_THROW(running.get(), broken_process_pool);
        BOOST_TEST(waiting.cancelled());
        BOOST_CHECK_THROW(static_cast<void>(pool.submit<&nothing>()), crocus::executor_shut_down);
    }
}

BOOST_AUTO_TEST_CASE(no_worker_is_left_behind) {
    {
        process_pool_executor pool({.max_workers = 2});
        for ([[maybe_unused]] const long n : pool.map<&square_of>(std::vector<int>{1, 2, 3, 4})) {
        }
        BOOST_CHECK_THROW(pool.submit<&die_of>(SIGKILL).get(), broken_process_pool);
    }
    BOOST_TEST(::waitpid(-1, nullptr, WNOHANG) == -1);
    BOOST_TEST(errno == ECHILD);
}

BOOST_AUTO_TEST_CASE(without_descriptors_calls_fail_and_the_pool_tries_again_later) {
    process_pool_executor pool({.max_workers = 1});
    rlimit normal{};
    ::getrlimit(RLIMIT_NOFILE, &normal);
    rlimit none = normal;
    none.rlim_cur = 3;
    ::setrlimit(RLIMIT_NOFILE, &none);
    const auto failed = pool.submit<&nothing>();
    failed.wait();
    ::setrlimit(RLIMIT_NOFILE, &normal);
    BOOST_CHECK_EXCEPTION(failed.get(), crocus::broken_executor,
                          [](const auto& e) { return contains(e, "no worker process can be started"); });
    BOOST_TEST(pool.submit<&square_of>(3).get() == 9);
}

// --------------------------------------------------------------------------------------------- a worker's surroundings

BOOST_AUTO_TEST_CASE(a_worker_inherits_the_output_streams_and_no_other_descriptor) {
    const int leaky = ::fcntl(STDIN_FILENO, F_DUPFD, 100);  // NOLINT: not close-on-exec
    process_pool_executor pool({.max_workers = 1});
    BOOST_TEST(pool.submit<&open_descriptors>().get() == (std::vector<int>{0, 1, 2, 3}),
               boost::test_tools::per_element());
    BOOST_TEST(pool.submit<&read_input>().get() == 0);
    BOOST_TEST(!pool.submit<&descriptor_is_inherited>(3).get());
    ::close(leaky);
}

BOOST_AUTO_TEST_CASE(a_worker_has_no_blocked_signals_and_survives_ctrl_c) {
    sigset_t usr1;
    sigset_t old;
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    ::pthread_sigmask(SIG_BLOCK, &usr1, &old);
    process_pool_executor pool({.max_workers = 1});
    BOOST_TEST(!pool.submit<&signal_is_blocked>(SIGUSR1).get());
    BOOST_TEST(pool.submit<&die_of>(SIGINT).get() == 0);
    ::pthread_sigmask(SIG_SETMASK, &old, nullptr);
}

BOOST_AUTO_TEST_CASE(what_a_call_prints_is_out_before_its_result) {
    std::fflush(stdout);
    std::array<int, 2> pipe_ends{};
    BOOST_REQUIRE(::pipe2(pipe_ends.data(), O_CLOEXEC) == 0);
    const int screen = ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
    ::dup2(pipe_ends[1], STDOUT_FILENO);
    {
        process_pool_executor pool({.max_workers = 1});
        pool.submit<&print>("hello").get();
        pool.kill_workers();
    }
    ::dup2(screen, STDOUT_FILENO);
    ::close(screen);
    ::close(pipe_ends[1]);
    std::array<char, 16> text{};
    BOOST_TEST(::read(pipe_ends[0], text.data(), text.size()) == 5);
    BOOST_TEST(std::string(text.data()) == "hello");
    ::close(pipe_ends[0]);
}

BOOST_AUTO_TEST_CASE(a_worker_may_have_a_pool_of_its_own) {
    process_pool_executor pool({.max_workers = 1});
    BOOST_TEST(pool.submit<&square_in_a_pool_of_its_own>(6).get() == 36);
}

BOOST_AUTO_TEST_CASE(workers_die_with_the_process_that_started_them) {
    const crocus::test::temporary_file note;
    process_pool_executor pool({.max_workers = 1});
    const int worker = pool.submit<&process_id>().get();
    const auto keeping = pool.submit<&keep_a_worker>(note.path());
    const int inner = note.number();
    pollfd inner_end{static_cast<int>(::syscall(SYS_pidfd_open, inner, 0)), POLLIN, 0};
    BOOST_REQUIRE(inner_end.fd >= 0);
    ::kill(worker, SIGKILL);
    BOOST_TEST(::poll(&inner_end, 1, -1) == 1);
    ::close(inner_end.fd);
    BOOST_CHECK_THROW(keeping.get(), broken_process_pool);
}
