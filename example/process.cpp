// The date from a child process, as in asyncio's documentation of subprocess_exec; and a child that is fed.
#include <iostream>
#include <memory>
#include <string>
#include <string_view>

#include <crocus.hpp>

class date_protocol : public crocus::subprocess_protocol {
public:
    explicit date_protocol(crocus::future<void> exit_future) : exit_future_(std::move(exit_future)) {}

    std::string output;

    void pipe_data_received(int, std::string_view data) override { output += data; }
    void connection_lost(std::exception_ptr) override { exit_future_.set_result(); }

private:
    crocus::future<void> exit_future_;
};

std::string output_of(const std::vector<std::string>& command, std::string_view input = {}) {
    auto exit_future = crocus::future<void>();
    auto [transport, protocol] =
        crocus::subprocess_exec([&] { return std::make_shared<date_protocol>(exit_future); }, command);
    transport.get_pipe_transport(0).write(input);
    transport.get_pipe_transport(0).close();

    exit_future.get();
    return protocol->output;
}

int main() {
    crocus::run([] {
        std::cout << "Current date: " << output_of({"date"});
        std::cout << output_of({"tr", "a-z", "A-Z"}, "a child\n");
    });
}
