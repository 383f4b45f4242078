// The value of a factor at a point: as the study writes it, and as a number where it is one.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace iommusim::runner {

struct FactorValue {
  std::string text;              ///< "256 KiB"
  std::optional<double> number;  ///< 262144
  std::string unit;              ///< of the number: "B", "ps", "b/s", "Hz", "T/s", "/s", "1"; "" for a text
};

/// Quantities become numbers of their base unit, "12.5 %" becomes 0.125, anything else without digits first stays text.
FactorValue factor_value(std::string_view text);

/// Equal numbers of one unit, or equal texts: "1024 KiB" is "1 MiB".
bool same_value(const FactorValue& a, const FactorValue& b);

/// The part of a point's name: "256KiB", "100Gb_s", "50pct". Only letters, digits and "._+-".
std::string name_part(const std::string& text);

/// Whether a text is of one line, without control characters: what becomes a cell of results.csv.
bool is_line(const std::string& text);

/// A number as the results write it: whole ones without exponent, others in the shortest form that reads back the same;
/// "" for NaN.
std::string number_text(double value);

/// "from 64 KiB to 64 MiB factor 2", "from 10 % to 90 % step 20 %": the values as texts, both ends included where they
/// are met. `error` says what is wrong with the text; empty when nothing is.
struct Range {
  std::vector<std::string> values;
  std::string error;
};
Range expand_range(const std::string& text);

}  // namespace iommusim::runner
