#define BOOST_TEST_MODULE compare_report
#include "report.hpp"

#include <boost/test/unit_test.hpp>
#include <sstream>

#include "format.hpp"
#include "measured.hpp"
#include "progress_bar.hpp"
#include "report_csv.hpp"
#include "report_svg.hpp"
#include "svg.hpp"
#include "text_table.hpp"

using compare::comparison;
using compare::measurement;
using compare::model_id;
using compare::workload;

namespace {

std::vector<measurement> some_results() {
    std::vector<measurement> all{measured(model_id::sequential, 40, 10), measured(model_id::thread_each, 1000, 2.5),
                                 measured(model_id::green, 1000, 2.5), computed(model_id::sequential, 9)};
    all[1].failed = "refused: \"no\", <never> & nowhere";
    all[2].kernel_stack_bytes.reset();
    return all;
}

std::vector<std::string> lines_of(const std::string& text, const std::string& end) {
    std::vector<std::string> lines;
    std::size_t from = 0;
    for (std::size_t at; (at = text.find(end, from)) != std::string::npos; from = at + end.size())
        lines.push_back(text.substr(from, at - from));
    BOOST_TEST(from == text.size());
    return lines;
}

std::vector<std::string> fields_of(const std::string& line) {
    std::vector<std::string> fields(1);
    bool quoted = false;
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (line[i] == '"' && quoted && i + 1 < line.size() && line[i + 1] == '"') {
            fields.back() += line[++i];
        } else if (line[i] == '"') {
            quoted = !quoted;
        } else if (line[i] == ',' && !quoted) {
            fields.emplace_back();
        } else {
            fields.back() += line[i];
        }
    }
    return fields;
}

}  // namespace

BOOST_AUTO_TEST_CASE(figures_are_readable) {
    BOOST_TEST(compare::grouped(0) == "0");
    BOOST_TEST(compare::grouped(999) == "999");
    BOOST_TEST(compare::grouped(1234567) == "1,234,567");
    BOOST_TEST(compare::readable(0.0124) == "0.012");
    BOOST_TEST(compare::readable(1.234) == "1.23");
    BOOST_TEST(compare::readable(12.34) == "12.3");
    BOOST_TEST(compare::readable(99.97) == "100");
    BOOST_TEST(compare::readable(1234.5) == "1,235");
    BOOST_TEST(compare::mib(3 << 19) == "1.50");
}

BOOST_AUTO_TEST_CASE(long_sentences_are_wrapped_with_an_indentation) {
    BOOST_TEST(compare::wrapped("- one two three four", 11) == "- one two\n  three\n  four");
    BOOST_TEST(compare::wrapped("unbreakable", 4) == "unbreakable");
    BOOST_TEST(compare::wrapped("", 4) == "");
}

BOOST_AUTO_TEST_CASE(columns_are_as_wide_as_their_widest_cell) {
    compare::text_table table;
    table.add_column(compare::text_table::align::left, "", "model");
    table.add_column(compare::text_table::align::right, "wall", "s");
    table.add_row({"green threads", "2.48"});
    table.add_note({"x"}, "failed: why");
    BOOST_TEST(table.to_string(false) ==
               "               wall\n"
               "model             s\n"
               "-------------------\n"
               "green threads  2.48\n"
               "x  failed: why\n");
}

BOOST_AUTO_TEST_CASE(only_a_terminal_gets_escape_sequences) {
    compare::options of;
    of.nums = {63};
    const compare::results found{some_results(), 2, "http://127.0.0.1:1"};
    std::ostringstream plain, terminal;
    compare::print_report(plain, of, found, false);
    compare::print_report(terminal, of, found, true);
    BOOST_TEST(plain.str().find('\x1b') == std::string::npos);
    BOOST_TEST(terminal.str().find("\x1b[1m") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_report_fits_an_ordinary_terminal_and_tells_failures) {
    compare::options of;
    compare::results found{some_results(), 2, "http://127.0.0.1:1"};
    found.all[0].as_expected = false;
    std::ostringstream out;
    compare::print_report(out, of, found, false);
    const std::string text = out.str();
    BOOST_TEST(text.find("FAILED native thread each (downloads): refused") != std::string::npos);
    BOOST_TEST(text.find("UNEXPECTED sequential (downloads): came back: 40 x 200; expected:") != std::string::npos);
    BOOST_TEST(!compare::all_in_order(found));
    for (const std::string& line : lines_of(text, "\n"))
        if (line.find("failed: ") == std::string::npos) BOOST_TEST(line.size() <= 120U, line);
}

BOOST_AUTO_TEST_CASE(the_csv_is_rfc_4180_with_as_many_fields_in_every_line) {
    const std::string csv = compare::csv_report(some_results());
    const std::vector<std::string> lines = lines_of(csv, "\r\n");
    BOOST_TEST_REQUIRE(lines.size() == 5U);
    const std::vector<std::string> header = fields_of(lines[0]);
    for (const std::string& line : lines) BOOST_TEST(fields_of(line).size() == header.size(), line);

    const auto value = [&](std::size_t line, const std::string& column) {
        for (std::size_t i = 0; i < header.size(); ++i)
            if (header[i] == column) return fields_of(lines[line])[i];
        return "no column " + column;
    };
    BOOST_TEST(value(1, "name") == "sequential");
    BOOST_TEST(value(1, "items_run") == "40");
    BOOST_TEST(value(1, "items_in_all") == "1000");
    BOOST_TEST(value(1, "seconds_per_item") == "0.250000");
    BOOST_TEST(value(2, "failed") == "refused: \"no\", <never> & nowhere");
    BOOST_TEST(value(2, "wall_seconds") == "");
    BOOST_TEST(value(3, "times_faster") == "100.000000");
    BOOST_TEST(value(3, "kernel_stack_bytes") == "");
    BOOST_TEST(value(3, "answers") == "1000 x 200");
    BOOST_TEST(value(4, "workload") == "cpu");
    BOOST_TEST(value(4, "items_in_all") == "6");
}

BOOST_AUTO_TEST_CASE(a_csv_field_is_quoted_only_where_it_must_be) {
    BOOST_TEST(compare::csv_field("plain text") == "plain text");
    BOOST_TEST(compare::csv_field("a,b") == "\"a,b\"");
    BOOST_TEST(compare::csv_field("say \"x\"") == "\"say \"\"x\"\"\"");
    BOOST_TEST(compare::csv_field("two\r\nlines") == "\"two\r\nlines\"");
}

BOOST_AUTO_TEST_CASE(the_svg_shows_every_model_and_needs_nothing_else) {
    const auto all = some_results();
    const std::string svg =
        compare::svg_report(comparison(workload::downloads, all), comparison(workload::cpu, all), {"a < b", "c & d"});
    for (const char* part : {"sequential", "native thread each", "failed", "green threads", "about 250 s", "2.50 s",
                             "a &lt; b", "c &amp; d", "scaled from a sample", "</svg>"})
        BOOST_TEST(svg.find(part) != std::string::npos, part);
    for (const char* part : {"<script", "href", "nan", "inf"}) BOOST_TEST(svg.find(part) == std::string::npos, part);
    BOOST_TEST(svg.find("http") == svg.find("http://www.w3.org/2000/svg"));
    BOOST_TEST(svg.find("http", svg.find("http") + 1) == std::string::npos);
}

BOOST_AUTO_TEST_CASE(text_in_an_svg_is_escaped) {
    BOOST_TEST(compare::svg::escape("a<b>&\"c\"") == "a&lt;b&gt;&amp;&quot;c&quot;");
}

BOOST_AUTO_TEST_CASE(the_progress_line_never_wraps) {
    const std::string line = compare::progress_bar::line("5/11 green threads", 500, 1000, 1.23, 120);
    BOOST_TEST(line == "5/11 green threads  [###############---------------]   50 %  500 of 1,000  1.2 s");
    BOOST_TEST(compare::progress_bar::line("5/11 green threads", 500, 1000, 1.23, 40).size() == 39U);
    BOOST_TEST(compare::progress_bar::line("x", 0, 0, 0, 80).find("100 %") != std::string::npos);
}
