#include "work_order.hpp"

#include <charconv>
#include <numeric>
#include <sstream>

#include "failure.hpp"

namespace compare {
namespace {

std::uint64_t number(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size())
        throw failure("bad work order: '" + std::string(text) + "' is no number");
    return value;
}

void set(work_order& order, std::string_view key, std::string_view value) {
    const auto milliseconds = [&] { return std::chrono::milliseconds(number(value)); };
    if (key == "work") {
        order.work = value == name(workload::cpu) ? workload::cpu : workload::downloads;
    } else if (key == "model") {
        const auto id = model_named(value);
        if (!id) throw failure("bad work order: there is no model '" + std::string(value) + "'");
        order.model = *id;
    } else if (key == "address") {
        order.address = value;
    } else if (key == "port") {
        order.port = static_cast<std::uint16_t>(number(value));
    } else if (key == "host") {
        order.host = value;
    } else if (key == "path") {
        order.path = value;
    } else if (key == "own") {
        order.own_server = number(value) != 0;
    } else if (key == "verify") {
        order.verify = number(value) != 0;
    } else if (key == "urls") {
        order.urls = number(value);
    } else if (key == "concurrency") {
        order.concurrency = number(value);
    } else if (key == "seed") {
        order.seed = number(value);
    } else if (key == "least") {
        order.latency.least = milliseconds();
    } else if (key == "most") {
        order.latency.most = milliseconds();
    } else if (key == "nums") {
        if (!value.empty()) order.nums = parse_nums(value);
    } else if (key == "sample") {
        order.sample_time = milliseconds();
    } else {
        throw failure("bad work order: unknown key '" + std::string(key) + "'");
    }
}

}  // namespace

std::string_view name(workload work) { return work == workload::cpu ? "cpu" : "downloads"; }

std::string work_order::to_string() const {
    std::ostringstream text;
    text << "work=" << name(work) << " model=" << find_model(model).name << " address=" << address << " port=" << port
         << " host=" << host << " path=" << path << " own=" << own_server << " verify=" << verify << " urls=" << urls
         << " concurrency=" << concurrency << " seed=" << seed << " least=" << latency.least.count()
         << " most=" << latency.most.count() << " sample=" << sample_time.count() << " nums=" << join(nums);
    return text.str();
}

work_order work_order::parse(std::string_view text) {
    work_order order;
    while (!text.empty()) {
        const std::size_t blank = text.find(' ');
        const std::string_view word = text.substr(0, blank);
        const std::size_t equals = word.find('=');
        if (equals == word.npos) throw failure("bad work order: '" + std::string(word) + "' has no '='");
        set(order, word.substr(0, equals), word.substr(equals + 1));
        text.remove_prefix(blank == text.npos ? text.size() : blank + 1);
    }
    return order;
}

std::size_t work_order::items_in_all() const { return work == workload::cpu ? nums.size() : urls; }

std::vector<std::size_t> work_order::items() const {
    if (work == workload::downloads && find_model(model).one_at_a_time) return plan().sample(urls, sample_time);
    std::vector<std::size_t> all(items_in_all());
    std::iota(all.begin(), all.end(), std::size_t{0});
    return all;
}

tally work_order::expected() const {
    tally sum;
    for (const std::size_t item : items()) {
        if (work == workload::cpu) {
            sum.add({outcome::right});
        } else {
            sum.add({std::to_string(plan().status(item))});
        }
    }
    return sum;
}

}  // namespace compare
