#include "worker_main.hpp"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <map>
#include <string_view>

#include <cxxabi.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <crocus/detail/remote_function.hpp>
#include <crocus/error.hpp>
#include <crocus/process_pool.hpp>

#include "type_name.hpp"
#include "worker_pipe.hpp"

namespace crocus::detail {

namespace {

using function_map = std::map<std::string_view, registered_function>;

// Filled while static objects are initialised, read-only from main on.
function_map& functions() {
    static auto* const instance = new function_map;
    return *instance;
}

message describe_current_exception() {
    const std::type_info* const type = abi::__cxa_current_exception_type();
    message m{message_kind::error, type != nullptr ? type_name(type->name()) : "unknown", {}};
    try {
        throw;
    } catch (const std::exception& e) {
        m.body = e.what();
    } catch (const cancelled_error& e) {
        m.body = e.message();
    } catch (...) {
        m.body = "an exception that is not a std::exception";
    }
    return m;
}

message run(message call) {
    const auto found = functions().find(call.name);
    if (found == functions().end()) return {message_kind::unknown_function, {}, {}};
    try {
        return {message_kind::result, {}, found->second.invoke(std::move(call.body))};
    } catch (...) {
        return describe_current_exception();
    }
}

/// What the call printed is seen before its result is, and is not lost if a later call ends the process.
void flush_output() {
    std::cout.flush();
    std::clog.flush();
    std::fflush(stdout);
}

}  // namespace

const registered_function& register_function(const char* name, std::string (*invoke)(std::string),
                                             const void* identity) {
    const auto [place, is_new] = functions().try_emplace(name, registered_function{name, invoke, identity});
    if (!is_new && place->second.identity != identity) place->second.ambiguous = true;
    return place->second;
}

void require_unambiguous(const registered_function& function) {
    if (!function.ambiguous) return;
    throw usage_error("two functions of this program are called " + function_name(function.name) +
                      ", so that a worker process cannot tell which is meant: rename one, or put it into a namespace");
}

/// The registered name is that of remote_function<&f>; it is f's that people know.
std::string function_name(const char* registered_name) {
    std::string name = type_name(registered_name);
    const auto begin = name.find("<&");
    const auto end = name.rfind('>');
    if (begin == std::string::npos || end == std::string::npos) return name;
    name = name.substr(begin + 2, end - begin - 2);
    return name.starts_with('(') && name.ends_with(')') ? name.substr(1, name.size() - 2) : name;
}

bool is_worker(int argc, char** argv) noexcept { return argc == 3 && std::string_view(argv[1]) == worker_marker; }

void serve_calls(char** argv) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // when the thread that serves this process in the pool ends, so with the program
    if (std::to_string(getppid()) != argv[2]) _exit(EXIT_FAILURE);  // it ended before that
    fcntl(worker_socket, F_SETFD, FD_CLOEXEC);
    std::signal(SIGINT, SIG_IGN);  // Ctrl-C reaches the whole group; what becomes of a call is the pool's to say
    try {
        worker_pipe pool(worker_socket);
        bool connected = pool.send(message_kind::ready);
        while (connected) {
            auto call = pool.receive();
            if (!call) break;
            connected = pool.send(message_kind::begun);
            const message answer = run(*std::move(call));
            flush_output();
            connected = connected && pool.send(answer.kind, answer.name, answer.body);
        }
    } catch (const std::exception& e) {
        std::fprintf(stderr, "crocus: worker process %d: %s\n", static_cast<int>(getpid()), e.what());
        std::exit(EXIT_FAILURE);
    }
    std::exit(EXIT_SUCCESS);
}

}  // namespace crocus::detail
