#include "svg.hpp"

#include "format.hpp"

namespace compare {
namespace {

// Slate for the models that everybody has, the crocus's violet for green threads. A paler tone is memory that the
// kernel spends; stripes are what was scaled from a sample.
constexpr std::string_view prelude = R"svg(<style>
text { font-family: "Helvetica Neue", Helvetica, Arial, "Liberation Sans", "DejaVu Sans", sans-serif; fill: #23272e; }
.title { font-size: 26px; font-weight: 700; }
.section { font-size: 18px; font-weight: 700; }
.heading { font-size: 14px; font-weight: 700; }
.label, .value { font-size: 14px; }
.own { font-weight: 700; fill: #5a3291; }
.note { font-size: 13px; fill: #5d6673; }
.slate { fill: #7d8998; } .slate-pale { fill: #c3cad3; } .slate-striped { fill: url(#stripes); }
.violet { fill: #6f42b3; } .violet-pale { fill: #c8b4e6; }
.axis { stroke: #aeb6c0; stroke-width: 1; } .rule { stroke: #dfe3e8; stroke-width: 1; }
</style>
<defs><pattern id="stripes" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
<rect width="7" height="7" fill="#c3cad3"/><rect width="3.5" height="7" fill="#96a1af"/></pattern></defs>
)svg";

}  // namespace

svg::svg(int width, int height, std::string_view title) {
    out_ << "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" << width
         << "\" height=\"" << height << "\" viewBox=\"0 0 " << width << ' ' << height << "\" role=\"img\">\n<title>"
         << escape(title) << "</title>\n"
         << prelude << "<rect width=\"100%\" height=\"100%\" fill=\"#fcfcfa\"/>\n";
}

void svg::text(double x, double y, std::string_view style, std::string_view content, anchor at) {
    out_ << "<text x=\"" << fixed(x, 1) << "\" y=\"" << fixed(y, 1) << "\" class=\"" << style << '"'
         << (at == anchor::end ? " text-anchor=\"end\"" : "") << '>' << escape(content) << "</text>\n";
}

void svg::bar(double x, double y, double width, double height, std::string_view style) {
    out_ << "<rect x=\"" << fixed(x, 1) << "\" y=\"" << fixed(y, 1) << "\" width=\"" << fixed(width, 1)
         << "\" height=\"" << fixed(height, 1) << "\" class=\"" << style << "\"/>\n";
}

void svg::line(double x1, double y1, double x2, double y2, std::string_view style) {
    out_ << "<line x1=\"" << fixed(x1, 1) << "\" y1=\"" << fixed(y1, 1) << "\" x2=\"" << fixed(x2, 1) << "\" y2=\""
         << fixed(y2, 1) << "\" class=\"" << style << "\"/>\n";
}

std::string svg::finish() const { return out_.str() + "</svg>\n"; }

std::string svg::escape(std::string_view text) {
    std::string escaped;
    for (const char c : text) {
        switch (c) {
            case '&':
                escaped += "&amp;";
                break;
            case '<':
                escaped += "&lt;";
                break;
            case '>':
                escaped += "&gt;";
                break;
            case '"':
                escaped += "&quot;";
                break;
            default:
                escaped += c;
        }
    }
    return escaped;
}

}  // namespace compare
