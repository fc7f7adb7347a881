// Echo on libuv.
#include <memory>
#include <vector>

#include <uv.h>

#include "server.hpp"

namespace {

struct connection {
    uv_tcp_t tcp;
    uv_write_t writing;
    std::vector<char> unsent;
    server::read_buffer buffer;
};

connection& of(void* handle) { return *static_cast<connection*>(static_cast<uv_handle_t*>(handle)->data); }

void close(uv_stream_t* stream) {
    uv_close(reinterpret_cast<uv_handle_t*>(stream), [](uv_handle_t* handle) { delete &of(handle); });
}

void give_buffer(uv_handle_t* handle, std::size_t, uv_buf_t* buffer) {
    auto& memory = of(handle).buffer;
    *buffer = uv_buf_init(memory.data(), static_cast<unsigned>(memory.size()));
}

void echo(uv_stream_t* stream, ssize_t n, const uv_buf_t* read);

/// What the peer does not take at once is kept, and nothing more is read until it has taken it.
void write_later(uv_stream_t* stream, const char* first, const char* last) {
    connection& c = of(stream);
    c.unsent.assign(first, last);
    const uv_buf_t rest = uv_buf_init(c.unsent.data(), static_cast<unsigned>(c.unsent.size()));
    uv_read_stop(stream);
    uv_write(&c.writing, stream, &rest, 1, [](uv_write_t* written, int status) {
        status < 0 ? close(written->handle) : void(uv_read_start(written->handle, give_buffer, echo));
    });
}

void echo(uv_stream_t* stream, ssize_t n, const uv_buf_t* read) {
    if (n < 0) return close(stream);
    if (n == 0) return;
    const uv_buf_t answer = uv_buf_init(read->base, static_cast<unsigned>(n));
    const int sent = uv_try_write(stream, &answer, 1);
    if (sent < 0 && sent != UV_EAGAIN) return close(stream);
    if (sent < n) write_later(stream, read->base + (sent < 0 ? 0 : sent), read->base + n);
}

void accept(uv_stream_t* listener, int status) {
    if (status < 0) return;
    auto fresh = std::make_unique<connection>();
    uv_tcp_init(listener->loop, &fresh->tcp);
    fresh->tcp.data = fresh.get();
    auto* const stream = reinterpret_cast<uv_stream_t*>(&fresh.release()->tcp);
    if (uv_accept(listener, stream) != 0) return close(stream);
    uv_tcp_nodelay(&of(stream).tcp, 1);
    uv_read_start(stream, give_buffer, echo);
}

}  // namespace

int main() {
    uv_loop_t* const loop = uv_default_loop();
    uv_tcp_t listener;
    uv_tcp_init(loop, &listener);
    sockaddr_in address{};
    uv_ip4_addr("127.0.0.1", 0, &address);
    uv_tcp_bind(&listener, reinterpret_cast<const sockaddr*>(&address), 0);
    server::require(uv_listen(reinterpret_cast<uv_stream_t*>(&listener), server::backlog, accept) == 0, "uv_listen");
    int size = sizeof address;
    uv_tcp_getsockname(&listener, reinterpret_cast<sockaddr*>(&address), &size);
    server::announce(ntohs(address.sin_port));
    uv_run(loop, UV_RUN_DEFAULT);
}
