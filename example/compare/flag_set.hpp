// The files that are served and downloaded: the PNG country flags of Debian's iso-flags-png-320x240 package.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace compare {

class flag_set {
public:
    static constexpr std::string_view debian_directory = "/usr/share/iso-flags-png-320x240";

    /// Lists the directory; files are read when they are needed, so that a model's memory is its own.
    ///
    /// Throws: failure   there is no such directory, or no PNG file in it
    explicit flag_set(std::filesystem::path directory = debian_directory);

    [[nodiscard]] std::size_t size() const { return names_.size(); }

    /// "ad.png" for URL number index; names repeat when there are more URLs than flags.
    [[nodiscard]] const std::string& name(std::size_t index) const { return names_[index % names_.size()]; }

    /// The bytes of that file.
    [[nodiscard]] std::string content(std::size_t index) const;

    /// Whether bytes are those of URL number index.
    [[nodiscard]] bool matches(std::size_t index, std::string_view bytes) const;

private:
    std::filesystem::path directory_;
    std::vector<std::string> names_;
};

}  // namespace compare
