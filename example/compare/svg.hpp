// The few shapes of SVG that a bar chart needs.
#pragma once

#include <sstream>
#include <string>
#include <string_view>

namespace compare {

class svg {
public:
    svg(int width, int height, std::string_view title);

    enum class anchor { start, end };

    /// Style names a class of the style sheet.
    void text(double x, double y, std::string_view style, std::string_view content, anchor at = anchor::start);
    void bar(double x, double y, double width, double height, std::string_view style);
    void line(double x1, double y1, double x2, double y2, std::string_view style);

    /// The whole document.
    [[nodiscard]] std::string finish() const;

    static std::string escape(std::string_view text);

private:
    std::ostringstream out_;
};

}  // namespace compare
