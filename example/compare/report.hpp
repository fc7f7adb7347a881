// All that is told about the results: on standard output, and in the files.
#pragma once

#include <ostream>

#include "experiment.hpp"
#include "options.hpp"
#include "output_files.hpp"

namespace compare {

/// The tables and the findings.
void print_report(std::ostream& out, const options& of, const results& found, bool terminal);

/// compare.svg and compare.csv.
///
/// Throws: failure   they could not be written
void write_report(output_files& files, const options& of, const results& found);

/// Every model has run, and all answers were as expected.
bool all_in_order(const results& found);

}  // namespace compare
