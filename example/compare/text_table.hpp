// Aligned columns for a terminal.
#pragma once

#include <string>
#include <vector>

namespace compare {

class text_table {
public:
    enum class align { left, right };

    /// A column with a heading of one or two lines.
    void add_column(align alignment, std::string upper, std::string lower);

    /// One cell per column.
    void add_row(std::vector<std::string> cells);

    /// A row that is one text, past all columns from the third on.
    void add_note(std::vector<std::string> cells, std::string note);

    /// The headings are bold where the terminal can do that.
    [[nodiscard]] std::string to_string(bool terminal) const;

private:
    struct column {
        align alignment;
        std::string upper, lower;
        std::size_t width;
    };
    struct row {
        std::vector<std::string> cells;
        std::string note;
    };

    [[nodiscard]] std::string line(const std::vector<std::string>& cells) const;

    std::vector<column> columns_;
    std::vector<row> rows_;
};

}  // namespace compare
