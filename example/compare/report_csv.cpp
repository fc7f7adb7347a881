#include "report_csv.hpp"

#include <sstream>

#include "format.hpp"

namespace compare {
namespace {

constexpr std::string_view columns =
    "workload,model,name,failed,items_in_all,items_run,concurrency,wall_seconds,seconds_per_item,times_faster,"
    "user_seconds,system_seconds,resident_bytes,memory_method,kernel_stack_bytes,threads,processes,"
    "voluntary_switches,involuntary_switches,bytes_received,answers,as_expected";

std::string text_of(double number) { return fixed(number, 6); }
std::string text_of(std::size_t number) { return std::to_string(number); }

template <class T>
std::string text_of(const std::optional<T>& value) {
    return value ? text_of(*value) : "";
}

class line {
public:
    template <class... T>
    explicit line(const T&... fields) {
        (add(fields), ...);
        text_ += "\r\n";
    }
    [[nodiscard]] const std::string& text() const { return text_; }

private:
    void add(const std::string& field) { text_ += (text_.empty() ? "" : ",") + csv_field(field); }

    std::string text_;
};

}  // namespace

std::string csv_field(std::string_view text) {
    if (text.find_first_of(",\"\r\n") == text.npos) return std::string(text);
    std::string quoted = "\"";
    for (const char c : text) {
        quoted += c;
        if (c == '"') quoted += c;
    }
    return quoted + '"';
}

std::string csv_report(std::span<const measurement> all) {
    std::string text = std::string(columns) + "\r\n";
    for (const measurement& m : all) {
        const bool ran = m.failed.empty();
        const auto if_ran = [&](auto value) { return ran ? text_of(value) : ""; };
        const auto speedup = comparison(m.order.work, all).speedup(m);
        text += line(std::string(name(m.order.work)), text_of(static_cast<std::size_t>(m.of().number())),
                     std::string(m.of().name), m.failed, text_of(m.order.items_in_all()), if_ran(m.items()),
                     text_of(m.order.concurrency), if_ran(m.wall_seconds), if_ran(ran ? m.seconds_per_item() : 0),
                     text_of(speedup), if_ran(m.user_seconds), if_ran(m.system_seconds), if_ran(m.resident_bytes),
                     ran ? m.memory_method : "", if_ran(m.kernel_stack_bytes), if_ran(m.threads), if_ran(m.processes),
                     if_ran(m.voluntary_switches), if_ran(m.involuntary_switches), if_ran(m.answers.bytes()),
                     ran ? m.answers.to_string() : "",
                     std::string(!ran            ? ""
                                 : m.as_expected ? "yes"
                                                 : "no"))
                    .text();
    }
    return text;
}

}  // namespace compare
