#include "green_download.hpp"

#include <utility>

namespace compare {
namespace {

// Cancels the green thread that it was made in if it is still there when the patience ends.
class time_limit {
public:
    time_limit()
        : task_(crocus::current_task()), timer_(crocus::event_loop::current().call_later(patience, [this] {
              passed_ = true;
              task_.cancel("no answer in time");
          })) {}
    time_limit(const time_limit&) = delete;
    time_limit& operator=(const time_limit&) = delete;
    ~time_limit() {
        timer_.cancel();
        if (passed_) task_.uncancel();
    }

    [[nodiscard]] bool passed() const { return passed_; }

private:
    crocus::any_task task_;
    bool passed_ = false;
    crocus::handle timer_;
};

template <class Download>
outcome with_patience(Download download) {
    const time_limit limit;
    try {
        return download();
    } catch (const crocus::cancelled_error&) {
        if (!limit.passed()) throw;
        return {outcome::timed_out};
    } catch (...) {
        return outcome_of_current_exception();
    }
}

struct answer {
    http::response_head head;
    std::string body;
};

answer ask(crocus::stream& connection, const std::string& request) {
    connection.write(request);
    answer result;
    result.head = http::parse_response_head(connection.read_until(http::end_of_head));
    result.body = result.head.length ? connection.read_exactly(*result.head.length) : connection.read();
    return result;
}

}  // namespace

outcome download_green(const work_order& order, const flag_set& flags, std::size_t item) {
    return with_patience([&] {
        crocus::stream connection = crocus::open_connection(order.address, order.port);
        const answer got = ask(connection, request_for(order, flags, item, http::connection::close));
        return judge(order, flags, item, got.head.status, got.body);
    });
}

outcome keep_alive_session::download(std::size_t item) {
    const bool reused = connection_.has_value();
    const outcome first = attempt(item);
    // A server may close a connection that was idle; then the request was not answered, and is asked again.
    return reused && first.kind == "reset" ? attempt(item) : first;
}

outcome keep_alive_session::attempt(std::size_t item) {
    std::optional<crocus::stream> connection = std::exchange(connection_, std::nullopt);
    return with_patience([&] {
        if (!connection) connection = crocus::open_connection(order_.address, order_.port);
        const answer got = ask(*connection, request_for(order_, flags_, item, http::connection::keep_alive));
        if (got.head.after == http::connection::keep_alive) connection_ = std::move(connection);
        return judge(order_, flags_, item, got.head.status, got.body);
    });
}

}  // namespace compare
