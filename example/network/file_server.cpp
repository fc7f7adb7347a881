// A static file server: HTTP/1.1, GET and HEAD, kept connections; what is sent goes from the file to the socket without
// passing through the program. With a port and a folder it serves there until Ctrl-C; without, it serves a folder of its
// own to itself.
//
//   file_server 8080 /usr/share/doc      and elsewhere: curl -i http://127.0.0.1:8080/crocus/README.md
#include <cctype>
#include <charconv>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <crocus.hpp>

#include "port.hpp"

using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

constexpr auto patience = 30s;  // with who asks nothing, or takes nothing

struct request {
    std::string method;
    std::string target;
    bool keep_alive = true;
};

/// An open file.
class file {
public:
    explicit file(const fs::path& path) noexcept : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
    file(const file&) = delete;
    file& operator=(const file&) = delete;
    ~file() {
        if (fd_ >= 0) ::close(fd_);
    }

    [[nodiscard]] int descriptor() const noexcept { return fd_; }
    /// Nothing if it is no plain file.
    [[nodiscard]] std::optional<std::size_t> size() const noexcept {
        struct stat status {};
        if (fd_ < 0 || ::fstat(fd_, &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
        return static_cast<std::size_t>(status.st_size);
    }

private:
    int fd_;
};

bool has_token(std::string header, std::string_view token) {
    for (char& c : header) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return header.find(token) != std::string::npos;
}

/// Nothing if what came is none.
std::optional<request> parse(const std::string& head) {
    const std::string line = head.substr(0, head.find("\r\n"));
    const std::size_t first = line.find(' ');
    const std::size_t second = line.rfind(' ');
    if (first == std::string::npos || first == second || !line.substr(second + 1).starts_with("HTTP/1."))
        return std::nullopt;
    const bool persistent = line.ends_with("/1.1");
    return request{line.substr(0, first), line.substr(first + 1, second - first - 1),
                   persistent && !has_token(head, "\r\nconnection: close")};
}

/// "%41" for 'A', as in the targets of requests; without what follows a '?'. Nothing if it is malformed.
std::optional<std::string> decode(std::string_view target) {
    std::string text;
    target = target.substr(0, target.find('?'));
    for (std::size_t i = 0; i < target.size(); ++i) {
        if (target[i] != '%') {
            text += target[i];
            continue;
        }
        unsigned code = 0;
        const char* const digits = target.data() + i + 1;
        if (i + 2 >= target.size() || std::from_chars(digits, digits + 2, code, 16).ptr != digits + 2 || code == 0)
            return std::nullopt;
        text += static_cast<char>(code);
        i += 2;
    }
    return text;
}

/// The file that is meant. Nothing if it would lie outside of the folder, also by a link.
std::optional<fs::path> locate(const fs::path& folder, std::string_view target) {
    const auto path = decode(target);
    if (!path || !path->starts_with('/')) return std::nullopt;
    std::error_code error;
    fs::path found = fs::weakly_canonical(folder / path->substr(1), error);
    if (error || fs::relative(found, folder, error).native().starts_with("..")) return std::nullopt;
    if (fs::is_directory(found, error)) found /= "index.html";
    return found;
}

void answer_with_status(crocus::stream& peer, std::string_view status, bool keep_alive) {
    peer.write({"HTTP/1.1 ", status, "\r\nContent-Length: ", std::to_string(status.size() + 1),
                keep_alive ? "\r\n\r\n" : "\r\nConnection: close\r\n\r\n", status, "\n"});
}

void answer(crocus::stream& peer, const request& asked, const fs::path& folder) {
    if (asked.method != "GET" && asked.method != "HEAD")
        return answer_with_status(peer, "405 Method Not Allowed", asked.keep_alive);
    const auto path = locate(folder, asked.target);
    const file f(path.value_or(fs::path{}));
    const auto size = f.size();
    if (!size) return answer_with_status(peer, "404 Not Found", asked.keep_alive);
    peer.write({"HTTP/1.1 200 OK\r\nContent-Length: ", std::to_string(*size),
                asked.keep_alive ? "\r\n\r\n" : "\r\nConnection: close\r\n\r\n"});
    if (asked.method == "GET" && *size != 0 && peer.send_file(f.descriptor(), 0, *size) != *size)
        peer.abort();  // the file has shrunk meanwhile: the peer must not take the next answer for its rest
}

void serve(crocus::stream& peer, const fs::path& folder) {
    for (;;) {
        const bool goes_on = crocus::with_timeout(patience, [&] {
            std::string head;
            try {
                head = peer.read_until("\r\n\r\n");
            } catch (const crocus::incomplete_read_error&) {
                return false;  // the peer has left
            } catch (const crocus::limit_overrun_error&) {
                answer_with_status(peer, "431 Request Header Fields Too Large", false);
                return false;
            }
            const auto asked = parse(head);
            if (!asked) {
                answer_with_status(peer, "400 Bad Request", false);
                return false;
            }
            answer(peer, *asked, folder);
            return asked->keep_alive && !peer.is_closed();
        });
        if (!goes_on) return;
    }
}

/// Asks for some files over one connection, and prints what comes.
void show(std::uint16_t port) {
    auto connection = crocus::open_connection("127.0.0.1", port);
    for (const char* const target : {"/hello.txt", "/with%20blank.txt", "/missing", "/../secret.txt", "/%2e%2e/secret.txt"}) {
        connection.write({"GET ", target, " HTTP/1.1\r\nHost: localhost\r\n\r\n"});
        const std::string head = connection.read_until("\r\n\r\n");
        const std::size_t length = std::stoul(head.substr(head.find("Content-Length: ") + 16));
        std::cout << target << ": " << head.substr(9, head.find("\r\n") - 9) << ": " << connection.read_exactly(length);
    }
}

void serve_own_folder() {
    const fs::path around = fs::temp_directory_path() / ("crocus_files_" + std::to_string(::getpid()));
    fs::create_directories(around / "public");
    std::ofstream(around / "public" / "hello.txt") << "Hello from a file.\n";
    std::ofstream(around / "public" / "with blank.txt") << "Names are decoded.\n";
    std::ofstream(around / "secret.txt") << "Nobody shall see this.\n";
    const fs::path folder = fs::canonical(around / "public");
    {
        auto server = crocus::start_server([&](crocus::stream& peer) { serve(peer, folder); }, "127.0.0.1", 0);
        show(server.port());
    }
    fs::remove_all(around);
}

}  // namespace

int main(int argc, char** argv) try {
    const auto port = port_of(argc, argv);
    const fs::path folder = fs::canonical(argc > 2 ? argv[2] : ".");
    crocus::run([&] {
        if (!port) return serve_own_folder();
        auto server = crocus::start_server([&](crocus::stream& peer) { serve(peer, folder); }, "127.0.0.1", *port);
        std::cout << "serving " << folder.native() << " on port " << server.port() << "; Ctrl-C ends it\n";
        server.serve_forever();
    });
} catch (const std::exception& e) {
    std::cerr << argv[0] << ": " << e.what() << '\n';
    return 1;
}
