// Functions that worker processes can call by name, and how arguments and results become bytes.
#pragma once

#include <cstddef>
#include <sstream>
#include <string>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include <boost/archive/binary_iarchive.hpp>
#include <boost/archive/binary_oarchive.hpp>
#include <boost/serialization/array.hpp>
#include <boost/serialization/map.hpp>
#include <boost/serialization/set.hpp>
#include <boost/serialization/string.hpp>
#include <boost/serialization/utility.hpp>
#include <boost/serialization/vector.hpp>

#include <crocus/config.hpp>

namespace crocus::detail {

/// Both ends are the same program, so nothing has to say which version wrote the bytes.
inline constexpr auto archive_flags = boost::archive::no_header | boost::archive::no_codecvt;

template <class... T>
std::string pack(const T&... values) {
    std::stringbuf buffer(std::ios::out);
    {
        boost::archive::binary_oarchive archive(buffer, archive_flags);
        static_cast<void>((archive << ... << values));
    }
    return std::move(buffer).str();
}

template <class... T>
void unpack(std::string bytes, T&... values) {
    std::stringbuf buffer(std::move(bytes), std::ios::in);
    boost::archive::binary_iarchive archive(buffer, archive_flags);
    static_cast<void>((archive >> ... >> values));
}

/// A function as both ends know it: the name is the same in every process of the program.
struct registered_function {
    const char* name;  // mangled, so that overloads differ
    std::string (*invoke)(std::string arguments);
    const void* identity;
    bool ambiguous = false;  // another function has the same name
};

/// Called while static objects are initialised, before main.
CROCUS_EXPORT const registered_function& register_function(const char* name, std::string (*invoke)(std::string),
                                                           const void* identity);

template <class Signature>
struct remote_signature {
    static_assert(!sizeof(Signature), "a process pool calls plain functions: submit<&function>(arguments...)");
};

template <class Result, class... Parameters>
struct remote_signature<Result (*)(Parameters...)> {
    using result = std::remove_cvref_t<Result>;
    using arguments = std::tuple<std::remove_cvref_t<Parameters>...>;

    static_assert(!std::is_pointer_v<result> && !(std::is_pointer_v<std::remove_cvref_t<Parameters>> || ...),
                  "a pointer means nothing in another process: pass the value");
    static_assert(!((std::is_lvalue_reference_v<Parameters> && !std::is_const_v<std::remove_reference_t<Parameters>>) ||
                    ...),
                  "another process cannot write through a reference: return the value");
    static_assert((std::is_default_constructible_v<std::remove_cvref_t<Parameters>> && ...) &&
                      (std::is_void_v<result> || std::is_default_constructible_v<result>),
                  "what crosses to another process is default constructed there before it is read");
};

template <class Result, class... Parameters>
struct remote_signature<Result (*)(Parameters...) noexcept> : remote_signature<Result (*)(Parameters...)> {};

template <auto Function>
class remote_function {
    using signature = remote_signature<std::decay_t<decltype(Function)>>;

public:
    using result = typename signature::result;
    using arguments = typename signature::arguments;

    /// In the worker.
    static std::string invoke(std::string bytes) {
        arguments values;
        std::apply([&](auto&... value) { unpack(std::move(bytes), value...); }, values);
        if constexpr (std::is_void_v<result>) {
            std::apply(Function, std::move(values));
            return {};
        } else {
            const result value = std::apply(Function, std::move(values));
            return pack(value);
        }
    }

    /// To refer to it anywhere is to have it initialised, and so the function registered, before main in every process.
    static inline const registered_function& entry = register_function(
        typeid(remote_function).name(), &remote_function::invoke, reinterpret_cast<const void*>(Function));
};

template <class Result>
Result unpack_result(std::string bytes) {
    if constexpr (!std::is_void_v<Result>) {
        Result value;
        unpack(std::move(bytes), value);
        return value;
    }
}

}  // namespace crocus::detail
