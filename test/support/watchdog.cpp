// Linked into every test program: a test case that would hang fails instead, and its name says which one it was.
//
// CROCUS_TEST_TIMEOUT sets how many seconds a case may take (0: for ever, to sit in a debugger).
#include <unistd.h>

#include <boost/test/framework.hpp>
#include <boost/test/tree/observer.hpp>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

constexpr unsigned default_seconds = 60;

char message[512];
std::size_t message_size = 0;

unsigned seconds() {
    const char* text = std::getenv("CROCUS_TEST_TIMEOUT");
    return text == nullptr ? default_seconds : static_cast<unsigned>(std::strtoul(text, nullptr, 10));
}

// Only what is async-signal-safe.
void report(int) {
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, message, message_size);
    std::abort();
}

class watchdog : public boost::unit_test::test_observer {
public:
    watchdog() {
        struct sigaction action {};
        action.sa_handler = report;
        ::sigaction(SIGALRM, &action, nullptr);
        boost::unit_test::framework::register_observer(*this);
    }

    ~watchdog() override { boost::unit_test::framework::deregister_observer(*this); }

    void test_unit_start(const boost::unit_test::test_unit& unit) override {
        if (unit.p_type != boost::unit_test::TUT_CASE) return;
        const std::string text =
            "watchdog: " + unit.full_name() + " ran for " + std::to_string(seconds()) + " s: it hangs. Aborting.\n";
        message_size = text.copy(message, sizeof message);
        ::alarm(seconds());
    }

    void test_unit_finish(const boost::unit_test::test_unit& unit, unsigned long) override {
        if (unit.p_type == boost::unit_test::TUT_CASE) ::alarm(0);
    }
};

}  // namespace

BOOST_TEST_GLOBAL_FIXTURE(watchdog);

// libstdc++ counts the owners of an exception out of ThreadSanitizer's sight: when the thread that threw it is the last
// to let it go, destroying it there looks like a race with whoever caught it elsewhere.
extern "C" __attribute__((visibility("default"))) const char* __tsan_default_suppressions();  // NOLINT: TSan's name
const char* __tsan_default_suppressions() { return "race:std::__exception_ptr::exception_ptr::_M_release"; }
