// What became of one URL (or of one job), and the count of all.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <system_error>

namespace compare {

/// One word for an answer: its HTTP status, or what went wrong instead.
struct outcome {
    std::string kind;
    std::size_t bytes = 0;

    static constexpr const char* verified = "200";  // and its bytes are those of the source
    static constexpr const char* corrupt = "corrupt";
    static constexpr const char* unverified = "unverified";  // 200, from a server whose files are not ours
    static constexpr const char* truncated = "truncated";
    static constexpr const char* not_http = "not-http";
    static constexpr const char* timed_out = "timed-out";
    static constexpr const char* right = "right";  // CPU-bound work
    static constexpr const char* wrong = "wrong";

    /// "refused", "reset", "timed-out" …
    static outcome of(const std::error_code& error);

    /// For its way back from a worker process.
    template <class Archive>
    void serialize(Archive& archive, unsigned) {
        archive& kind& bytes;
    }
};

class tally {
public:
    void add(const outcome& one) { add(one.kind, 1, one.bytes); }
    void add(const std::string& kind, std::size_t count, std::size_t bytes);

    [[nodiscard]] std::size_t count(const std::string& kind) const;
    [[nodiscard]] std::size_t total() const { return total_; }
    [[nodiscard]] std::size_t bytes() const { return bytes_; }
    [[nodiscard]] const std::map<std::string, std::size_t>& counts() const { return counts_; }

    /// Kinds that mean that something is broken: neither an HTTP status nor a verified or unverifiable body.
    [[nodiscard]] std::size_t broken() const;

    /// "980 x 200, 11 x 404"
    [[nodiscard]] std::string to_string() const;

    friend bool operator==(const tally& a, const tally& b) { return a.counts_ == b.counts_; }

private:
    std::map<std::string, std::size_t> counts_;
    std::size_t total_ = 0;
    std::size_t bytes_ = 0;
};

}  // namespace compare
