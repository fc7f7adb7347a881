// An owned descriptor.
#pragma once

#include <utility>

#include <unistd.h>

namespace bench {

class descriptor {
public:
    explicit descriptor(int native) noexcept : native_(native) {}
    descriptor(descriptor&& other) noexcept : native_(std::exchange(other.native_, -1)) {}
    descriptor& operator=(descriptor&& other) noexcept {
        std::swap(native_, other.native_);
        return *this;
    }
    ~descriptor() {
        if (native_ >= 0) ::close(native_);
    }

    [[nodiscard]] int native() const noexcept { return native_; }

private:
    int native_;
};

}  // namespace bench
