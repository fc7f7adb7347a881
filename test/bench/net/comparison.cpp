#include "comparison.hpp"

#include <algorithm>
#include <cstdio>

#include "load.hpp"
#include "options.hpp"
#include "server_process.hpp"

namespace bench {

namespace {

std::string ratio(double value, double to) {
    if (to <= 0) return "";  // a run too short for the kernel's tick
    char text[32];
    std::snprintf(text, sizeof text, "%.2fx", value / to);
    return text;
}

}  // namespace

void comparison::measure(const std::string& server, std::size_t connections) {
    server_process process(beside_this_program(server), where_.server);
    load clients(process.port(), connections);
    clients.once();                                                    // by then all are accepted
    clients.run(std::min(time_, std::chrono::duration<double>(0.3)));  // warm
    const cpu_use before = process.used();
    const answered done = clients.run(time_);
    const cpu_use after = process.used();
    process.end();
    const auto messages = static_cast<double>(done.messages);
    const auto user = static_cast<double>((after.user - before.user).count());
    const auto system = static_cast<double>((after.system - before.system).count());
    rounds& r = of_[{connections, server}];
    r.costs.push_back({done.time.count() * 1e9 / messages, (user + system) / messages, user / messages});
    r.messages += done.messages;
}

/// The median. Not of the user-mode part, which the kernel samples with its tick, some dozen times a round: there the
/// mean is nearer to the truth.
comparison::cost comparison::rounds::usual() const {
    std::vector<double> wall;
    std::vector<double> cpu;
    double user = 0;
    for (const cost& c : costs) {
        wall.push_back(c.wall_ns);
        cpu.push_back(c.cpu_ns);
        user += c.user_ns;
    }
    return {median(wall), median(cpu), user / static_cast<double>(costs.size())};
}

void comparison::print(const std::vector<std::string>& servers, std::size_t connections) const {
    const cost first = of_.at({connections, servers.front()}).usual();
    std::printf("\n%-20s %12s %7s %14s %7s %14s %7s\n", (std::to_string(connections) + " connections").c_str(),
                "messages/s", "", "CPU each, ns", "", "of it user", "");
    for (const std::string& server : servers) {
        const cost c = of_.at({connections, server}).usual();
        std::printf("%-20s %12.0f %7s %14.0f %7s %14.0f %7s\n", server.c_str(), 1e9 / c.wall_ns,
                    ratio(first.wall_ns, c.wall_ns).c_str(), c.cpu_ns, ratio(c.cpu_ns, first.cpu_ns).c_str(), c.user_ns,
                    ratio(c.user_ns, first.user_ns).c_str());
    }
    std::fflush(stdout);
}

void comparison::write(const std::string& file) const {
    std::vector<figure> figures;
    for (const auto& [key, r] : of_) {
        const cost c = r.usual();
        const std::string which = "/" + key.second + "/" + std::to_string(key.first);
        const auto add = [&](const char* subject, double cpu_ns) {
            figures.push_back(
                {subject + which, r.costs.size(), r.messages, c.wall_ns, cpu_ns, "items_per_second", 1e9 / c.wall_ns});
        };
        add("echo", c.cpu_ns);
        add("echo_cpu", c.cpu_ns);
        add("echo_user_cpu", c.user_ns);
    }
    write_figures(file, "echo", figures);
}

}  // namespace bench
