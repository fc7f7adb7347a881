// --name=value on a program's command line.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace bench {

class options {
public:
    /// `defaults`: every option that there is. One without '=' has the value "yes".
    ///
    /// Throws: failure   an option that there is not
    options(int argc, char** argv, std::map<std::string, std::string> defaults);

    [[nodiscard]] const std::string& text(const std::string& name) const { return values_.at(name); }

    /// Throws: failure   it is no number, or not above 0
    [[nodiscard]] double number(const std::string& name) const;

    /// What stands between its commas.
    [[nodiscard]] std::vector<std::string> list(const std::string& name) const;
    [[nodiscard]] std::vector<std::size_t> sizes(const std::string& name) const;

private:
    std::map<std::string, std::string> values_;
};

/// The programs that are measured stand beside the one that measures.
std::string beside_this_program(const std::string& name);

}  // namespace bench
