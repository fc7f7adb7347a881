#include "text_table.hpp"

#include <algorithm>

namespace compare {

void text_table::add_column(align alignment, std::string upper, std::string lower) {
    const std::size_t width = std::max(upper.size(), lower.size());
    columns_.push_back({alignment, std::move(upper), std::move(lower), width});
}

void text_table::add_row(std::vector<std::string> cells) {
    for (std::size_t i = 0; i < cells.size(); ++i) columns_[i].width = std::max(columns_[i].width, cells[i].size());
    rows_.push_back({std::move(cells), {}});
}

void text_table::add_note(std::vector<std::string> cells, std::string note) {
    add_row(std::move(cells));
    rows_.back().note = std::move(note);
}

std::string text_table::line(const std::vector<std::string>& cells) const {
    std::string text;
    for (std::size_t i = 0; i < cells.size(); ++i) {
        const std::string padding(columns_[i].width - cells[i].size(), ' ');
        if (i > 0) text += "  ";
        text += columns_[i].alignment == align::left ? cells[i] + padding : padding + cells[i];
    }
    text.erase(text.find_last_not_of(' ') + 1);
    return text;
}

std::string text_table::to_string(bool terminal) const {
    std::vector<std::string> upper, lower;
    std::size_t width = 0;
    for (const column& c : columns_) {
        upper.push_back(c.upper);
        lower.push_back(c.lower);
        width += c.width + (width > 0 ? 2 : 0);
    }
    const std::string headings = line(upper) + '\n' + line(lower) + '\n';
    std::string text = terminal ? "\x1b[1m" + headings + "\x1b[0m" : headings;
    text += std::string(width, '-') + '\n';
    for (const row& r : rows_) {
        text += line(r.cells);
        if (!r.note.empty()) text += "  " + r.note;
        text += '\n';
    }
    return text;
}

}  // namespace compare
