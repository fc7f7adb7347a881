#define BOOST_TEST_MODULE compare_http
#include "http.hpp"

#include <boost/test/unit_test.hpp>

namespace http = compare::http;
using http::connection;

BOOST_AUTO_TEST_CASE(the_server_understands_what_the_clients_ask) {
    const std::string text = http::format_request("localhost:8000", "/flags/3/ad.png", connection::close);
    BOOST_TEST(text.starts_with("GET /flags/3/ad.png HTTP/1.1\r\nHost: localhost:8000\r\n"));
    BOOST_TEST(text.ends_with(http::end_of_head));
    const http::request got = http::parse_request(text);
    BOOST_TEST(got.path == "/flags/3/ad.png");
    BOOST_TEST((got.after == connection::close));
    const http::request kept = http::parse_request(http::format_request("h", "/", connection::keep_alive));
    BOOST_TEST((kept.after == connection::keep_alive));
}

BOOST_AUTO_TEST_CASE(the_clients_understand_what_the_server_answers) {
    const http::response_head head =
        http::parse_response_head(http::format_response_head(503, 11, connection::keep_alive));
    BOOST_TEST(head.status == 503);
    BOOST_TEST(head.length.value() == 11U);
    BOOST_TEST((head.after == connection::keep_alive));
}

BOOST_AUTO_TEST_CASE(other_servers_spell_and_order_their_headers_otherwise) {
    const http::response_head head = http::parse_response_head(
        "HTTP/1.1 200 OK\r\nserver: x: y\r\nCONTENT-LENGTH:  7 \r\nconnection: Close\r\n\r\n");
    BOOST_TEST(head.status == 200);
    BOOST_TEST(head.length.value() == 7U);
    BOOST_TEST((head.after == connection::close));
}

BOOST_AUTO_TEST_CASE(an_http_1_0_server_closes_unless_it_says_otherwise) {
    BOOST_TEST((http::parse_response_head("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n").after == connection::close));
    BOOST_TEST(
        (http::parse_response_head("HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\n").after ==
         connection::keep_alive));
}

BOOST_AUTO_TEST_CASE(without_a_length_the_body_ends_with_the_connection) {
    const http::response_head head =
        http::parse_response_head("HTTP/1.1 404 Not Found\r\nConnection: keep-alive\r\n\r\n");
    BOOST_TEST(!head.length);
    BOOST_TEST((head.after == connection::close));
    BOOST_TEST(http::parse_response_head("HTTP/1.1 304 Not Modified\r\n\r\n").length.value() == 0U);
}

BOOST_AUTO_TEST_CASE(what_is_no_http_is_refused) {
    for (const char* bad :
         {"", "SSH-2.0-OpenSSH\r\n\r\n", "HTTP/2 200\r\n\r\n", "HTTP/1.1 abc OK\r\n\r\n", "HTTP/1.1 99 x\r\n\r\n",
          "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\n",
          "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"})
        BOOST_CHECK_THROW(http::parse_response_head(bad), http::protocol_error);
    for (const char* bad : {"", "POST / HTTP/1.1\r\n\r\n", "GET /\r\n\r\n", "GET / HTTP/3\r\n\r\n"})
        BOOST_CHECK_THROW(http::parse_request(bad), http::protocol_error);
}
