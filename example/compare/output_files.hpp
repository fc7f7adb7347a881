// The directory for compare.svg and compare.csv. Each file is there whole, or not at all.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace compare {

class output_files {
public:
    /// Makes the directory if there is none, and tries whether it can be written.
    ///
    /// Throws: failure   it cannot
    explicit output_files(std::filesystem::path directory);
    output_files(const output_files&) = delete;
    output_files& operator=(const output_files&) = delete;

    /// Takes away what has been made, unless write() was successful.
    ~output_files();

    /// Writes all the files (name and content) under temporary names, then gives them their own.
    ///
    /// Throws: failure   one could not be written; those that were there before are as they were
    void write(const std::vector<std::pair<std::string, std::string>>& files);

private:
    [[nodiscard]] std::filesystem::path temporary(const std::string& name) const;
    void write_temporary(const std::string& name, std::string_view content);

    std::filesystem::path directory_;
    std::vector<std::filesystem::path> temporaries_;
    std::vector<std::filesystem::path> made_directories_;  // outermost first
};

}  // namespace compare
