// A file of golden vectors: JSON lines (format riscv-iommu-refvec-1), plain or compressed with gzip.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

namespace iommusim::conformance {

using Json = nlohmann::ordered_json;

/// A file that cannot be replayed: "FILE:LINE: what is wrong".
struct BadFile : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The numbers of these files are integers, or text beginning with 0x. Throws std::invalid_argument for others.
std::uint64_t number(const Json& value);
/// A member's number; `otherwise` where it is missing.
std::uint64_t number(const Json& object, const char* key, std::uint64_t otherwise = 0);
std::string hex(std::uint64_t value);

struct Line {
  unsigned number = 0;
  Json json;
};

struct Scenario {
  std::string file;
  Json header;
  std::map<std::uint64_t, std::uint64_t> memory;  ///< words, by address
  std::vector<Line> steps;                        ///< operations, and switches of draining
  bool implementation_defined = false;            ///< its results are the implementation's choice
};
Scenario read_scenario(const std::string& file);

}  // namespace iommusim::conformance
