#include "interrupt.hpp"

#include <signal.h>

#include <initializer_list>

namespace compare {
namespace {

volatile sig_atomic_t received = 0;

}  // namespace

void watch_for_interrupts() {
    struct sigaction action {};
    action.sa_handler = [](int signal) { received = signal; };  // no SA_RESTART: poll() shall return
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaction(signal, &action, nullptr);
}

void throw_if_interrupted() {
    if (received != 0) throw interrupted{received};
}

}  // namespace compare
