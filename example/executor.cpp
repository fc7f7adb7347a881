// Files are saved by a thread pool, so that the disk does not hold up the loop; and a sum is computed meanwhile.
#include <crocus/event_loop.hpp>
#include <crocus/executor.hpp>
#include <crocus/run.hpp>
#include <crocus/thread_pool.hpp>
#include <crocus/wait.hpp>
#include <crocus/wait_queue.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include <unistd.h>

using namespace std::chrono_literals;

namespace {

std::string download(const std::string& country) {
    crocus::sleep(20ms);  // what a server would take
    return "the flag of " + country + "\n";
}

std::uintmax_t save(const std::filesystem::path& file, const std::string& image) {
    std::ofstream out(file);
    out << image;
    out.close();
    if (!out) throw std::runtime_error("cannot write " + file.string());
    return std::filesystem::file_size(file);
}

std::uintmax_t download_and_save(const std::filesystem::path& directory, const std::string& country) {
    const std::string image = download(country);
    // This task waits for the thread; the others go on. It may refer to what stands here: it never outlives this call.
    return crocus::to_thread([&] { return save(directory / (country + ".txt"), image); });
}

}  // namespace

int main() {
    const auto directory = std::filesystem::temp_directory_path() / ("crocus-flags-" + std::to_string(::getpid()));
    std::filesystem::create_directory(directory);

    crocus::run([&] {
        std::vector<std::function<std::uintmax_t()>> jobs;
        for (const std::string country : {"br", "in", "jp", "ng"})
            jobs.emplace_back([&directory, country] { return download_and_save(directory, country); });
        for (const auto bytes : crocus::gather(jobs)) std::cout << bytes << " bytes saved\n";

        try {
            crocus::to_thread([] { save("/nowhere/flag.txt", ""); });
        } catch (const std::exception& e) {
            std::cout << "as if it were called here: " << e.what() << '\n';
        }
    });

    crocus::thread_pool_executor pool({.max_workers = 2, .thread_name_prefix = "sum"});
    const auto sum = pool.submit([](long from, long to) { return (to - from) * (from + to - 1) / 2; }, 1, 1'000'001);
    std::cout << "main is not in a loop: get() blocks it: " << sum.get() << '\n';
    for (const auto& name : pool.map([](long n) { return std::to_string(n * n); }, std::vector<long>{7, 8, 9}))
        std::cout << name << '\n';

    std::filesystem::remove_all(directory);
}
