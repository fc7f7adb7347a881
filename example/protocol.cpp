// The TCP echo server and client of asyncio's documentation, in callback style, line by line; both in one program.
#include <iostream>
#include <memory>
#include <string>
#include <string_view>

#include <crocus.hpp>

class echo_server_protocol : public crocus::protocol {
public:
    void connection_made(crocus::transport transport) override {
        std::cout << "Connection from " << transport.remote_address()->host() << '\n';
        transport_ = transport;
    }

    void data_received(std::string_view data) override {
        std::cout << "Data received: " << data << '\n';

        std::cout << "Send: " << data << '\n';
        transport_.write(data);

        std::cout << "Close the client socket\n";
        transport_.close();
    }

private:
    crocus::transport transport_;
};

class echo_client_protocol : public crocus::protocol {
public:
    echo_client_protocol(std::string message, crocus::future<bool> on_con_lost)
        : message_(std::move(message)), on_con_lost_(std::move(on_con_lost)) {}

    void connection_made(crocus::transport transport) override {
        transport.write(message_);
        std::cout << "Data sent: " << message_ << '\n';
    }

    void data_received(std::string_view data) override { std::cout << "Data received: " << data << '\n'; }

    void connection_lost(std::exception_ptr) override {
        std::cout << "The server closed the connection\n";
        on_con_lost_.set_result(true);
    }

private:
    std::string message_;
    crocus::future<bool> on_con_lost_;
};

int main() {
    crocus::run([] {
        auto server = crocus::create_server([] { return std::make_shared<echo_server_protocol>(); }, "127.0.0.1", 0);

        auto on_con_lost = crocus::future<bool>();
        auto [transport, protocol] = crocus::create_connection(
            [&] { return std::make_shared<echo_client_protocol>("Hello World!", on_con_lost); }, "127.0.0.1",
            server.port());

        // Wait until the protocol signals that the connection is lost, and close the transport.
        on_con_lost.get();
        transport.close();
    });
}
