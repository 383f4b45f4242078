// Small text helpers of error messages: the nearest known name, and lists of names.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace iommusim::base {

/// Number of insertions, deletions, substitutions and swaps of neighbours that turn `a` into `b`.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// The candidate nearest to `name`, or "" when none is within a third of its length (at least one edit). Case counts
/// little. Else the first that begins with three quarters of a name of seven letters at least.
std::string nearest(std::string_view name, const std::vector<std::string>& candidates);

/// " Did you mean 'x'?" (leading space), or "" when nothing is near.
std::string did_you_mean(std::string_view name, const std::vector<std::string>& candidates);

/// "a, b, c"
std::string join(const std::vector<std::string>& names, std::string_view separator = ", ");

/// The shortest decimal text that reads back as exactly `value`; independent of the locale.
std::string to_text(double value);

}  // namespace iommusim::base
