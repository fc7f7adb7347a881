#include "progress_bar.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>

#include "format.hpp"

namespace compare {
namespace {

std::size_t terminal_columns() {
    winsize size{};
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

progress_bar::progress_bar(std::string title, std::size_t all)
    : title_(std::move(title)), all_(all), terminal_(isatty(STDOUT_FILENO) == 1) {
    show(0);
}

progress_bar::~progress_bar() {
    if (terminal_) std::cout << "\r\x1b[K" << std::flush;
}

void progress_bar::show(std::size_t done) {
    if (!terminal_) return;
    const double seconds = std::chrono::duration<double>(clock::now() - started_).count();
    std::string text = line(title_, done, all_, seconds, terminal_columns());
    if (text == shown_) return;
    shown_ = std::move(text);
    std::cout << '\r' << shown_ << "\x1b[K" << std::flush;
}

std::string progress_bar::line(const std::string& title, std::size_t done, std::size_t all, double seconds,
                               std::size_t columns) {
    const std::size_t percent = all == 0 ? 100 : 100 * done / all;
    constexpr std::size_t bar_width = 30;
    const std::size_t filled = std::min(bar_width, bar_width * percent / 100);
    std::string percent_text = std::to_string(percent);
    percent_text.insert(0, 4 - std::min<std::size_t>(4, percent_text.size()), ' ');
    std::string text = title + "  [" + std::string(filled, '#') + std::string(bar_width - filled, '-') + "] " +
                       percent_text + " %  " + grouped(done) + " of " + grouped(all) + "  " + fixed(seconds, 1) + " s";
    return text.substr(0, columns > 0 ? columns - 1 : 0);  // a full line would wrap
}

}  // namespace compare
