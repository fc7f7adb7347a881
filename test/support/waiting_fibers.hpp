// Programs for debuggers to look at: five tasks that wait in leaf_fn, one that awaits the first of them, one that has
// not begun, and a generator that is suspended; and generators that delegate.
#pragma once

#include <cstdio>
#include <filesystem>
#include <regex>
#include <stdexcept>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <crocus/generator.hpp>
#include <crocus/run.hpp>
#include <crocus/task.hpp>
#include <crocus/wait_queue.hpp>

extern "C" {
[[gnu::noinline]] inline void leaf_fn(crocus::wait_queue& q) {
    q.wait();
    asm volatile("");
}
[[gnu::noinline]] inline void middle_fn(crocus::wait_queue& q) {
    leaf_fn(q);
    asm volatile("");
}
[[gnu::noinline, gnu::used]] inline void crocus_test_stop() { asm volatile(""); }
}

namespace crocus::test {

inline void wait_in_leaf_fn() {
    run([] {
        wait_queue q;
        generator<int> numbers = [](auto& yield) {
            for (int i = 0;; ++i) yield(i);
        };
        numbers.next();
        std::vector<task<void>> tasks;
        for (int i = 0; i != 5; ++i)
            tasks.push_back(create_task([&] { middle_fn(q); }, {.name = "waiting_" + std::to_string(i)}));
        tasks.push_back(create_task([&] { tasks[0].get(); }, {.name = "awaiting"}));
        yield_now();
        tasks.push_back(create_task([] {}, {.name = "unborn"}));
        crocus_test_stop();
        q.notify_all();
        for (auto& t : tasks) t.get();
    });
}

/// Stops in a generator that two others delegate to: resumed by next(), and by throw_(). One more is suspended.
inline void stop_in_a_delegate() {
    const auto delegator = [](generator<int> inner, const char* name) {
        generator<int> g = [source = std::move(inner)](auto& yield) mutable { yield.from(source); };
        g.set_name(name);
        return g;
    };
    generator<int> leaf = [](auto& yield) {
        yield(1);
        crocus_test_stop();
        try {
            yield(2);
        } catch (const std::runtime_error&) {
            crocus_test_stop();
        }
        yield(3);
    };
    leaf.set_name("leaf");
    generator<int> idle = [](auto& yield) { yield(0); };
    idle.set_name("idle");
    idle.next();
    auto outer = delegator(delegator(std::move(leaf), "middle"), "outer");
    outer.next();
    outer.next();
    outer.throw_(std::runtime_error("out"));
}

/// What a shell prints.
inline std::string output_of(const std::string& command) {
    std::FILE* const pipe = ::popen((command + " 2>&1 < /dev/null").c_str(), "r");
    if (pipe == nullptr) throw std::runtime_error("popen");
    std::string output;
    for (int c; (c = std::fgetc(pipe)) != EOF;) output += static_cast<char>(c);
    ::pclose(pipe);
    return output;
}

/// The program's own file.
inline std::string this_program() { return std::filesystem::read_symlink("/proc/self/exe"); }

/// This file, from the command line after "--": crocus.py.
inline std::string script() {
    auto& suite = boost::unit_test::framework::master_test_suite();
    if (suite.argc < 2) throw std::runtime_error("give crocus.py as an argument, after --");
    return std::filesystem::absolute(suite.argv[1]);
}

/// A core dump of this program's case `test_case`, stopped in crocus_test_stop, made by `fiber core`.
class core_dump {
public:
    explicit core_dump(const std::string& test_case)
        : file_((std::filesystem::temp_directory_path() / ("crocus-core-" + std::to_string(::getpid()))).string()),
          log_(gdb_run(test_case, "-ex 'fiber core " + file_ + "'")) {}
    core_dump(const core_dump&) = delete;
    core_dump& operator=(const core_dump&) = delete;
    ~core_dump() { std::filesystem::remove(file_); }

    [[nodiscard]] const std::string& file() const { return file_; }
    [[nodiscard]] const std::string& log() const { return log_; }

    /// What gdb prints that obeys these commands where the case stops.
    static std::string gdb_run(const std::string& test_case, const std::string& commands) {
        return gdb("-ex 'break crocus_test_stop' -ex run " + commands + " -ex kill --args '" + this_program() +
                   "' --run_test=" + test_case + " --catch_system_errors=no -- " + script());
    }
    static std::string gdb(const std::string& arguments) {
        return output_of("timeout 100 gdb -nx -batch -iex 'set debuginfod enabled off' -iex 'set width 0' -ix '" +
                         script() + "' " + arguments);
    }

private:
    std::string file_;
    std::string log_;
};

inline bool shows(const std::string& output, const std::string& pattern) {
    return std::regex_search(output, std::regex(pattern));
}

/// What `fiber bt all` prints of this program.
inline void expect_every_fiber(const std::string& output) {
    const std::string frames = "[^\n]*\n(  #[^\n]*\n)*  #[^\n]*";
    BOOST_TEST_CONTEXT(output) {
        for (int i = 0; i != 5; ++i)
            BOOST_TEST(shows(output, "task 'waiting_" + std::to_string(i) +
                                         "' \\(waiting, made at waiting_fibers.hpp:[0-9]+\\)" + frames + "leaf_fn" +
                                         frames + "middle_fn" + frames + "crocus::fiber::start"));
        BOOST_TEST(shows(output, "task 'awaiting' \\(waiting"));
        BOOST_TEST(shows(output, "task 'unborn' \\(not started"));
        BOOST_TEST(
            shows(output, "generator '' \\(suspended, made at waiting_fibers.hpp" + frames + "generator_state::entry"));
        BOOST_TEST(shows(output, "main 'thread [0-9]+' \\(running\\)\n  #0 [^\n]* (::)?crocus_test_stop"));
    }
}

/// What `fiber bt all` prints of stop_in_a_delegate(). Who is suspended was resumed by nobody.
inline void expect_delegators(const std::string& output) {
    const std::string frames = "[^\n]*\n(  #[^\n]*\n)+", resumed = "  resumed in fiber [0-9]+: ";
    const std::string left = "' \\(left, made at waiting_fibers.hpp:[0-9]+\\)\n";
    BOOST_TEST_CONTEXT(output) {
        BOOST_TEST(shows(output, "generator 'leaf' \\(running" + frames + resumed + "generator 'middle" + left +
                                     resumed + "generator 'outer" + left + resumed + "main 'thread "));
        BOOST_TEST(shows(output, "generator 'middle' \\(left[^\n]*\n(  #[^\n]*\n)*  #[^\n]*delegate_to"));
        BOOST_TEST(shows(output, "generator 'idle' \\(suspended" + frames + "\n"));
    }
}

}  // namespace crocus::test
