// result.json: what a run measured, in bytes that depend on configuration, inputs, seed and version only.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "models/base/stats/group.h"
#include "models/base/types.h"

namespace iommusim::runner {

/// What a result says of where it comes from. Paths are left out on purpose: moving files must not change a result.
struct Provenance {
  std::string experiment;
  std::uint64_t seed = 1;
  std::string configuration_sha256;  ///< of resolved.yaml with input paths replaced by the digests of their contents
  std::vector<std::string> input_sha256;  ///< of each input file, in the order the configuration names them
};

/// Why the measurement window ended.
enum class WindowEnd { time, dmas, finished };

struct Window {
  base::Time start;
  base::Time end;
  WindowEnd reason = WindowEnd::time;
};

/// The document without its drain section. Called at the end of the window, before anything is counted that lies behind
/// it.
nlohmann::ordered_json result_document(const Provenance& provenance, const Window& window, const base::Group& metrics);

/// Adds how long the drain took.
void add_drain(nlohmann::ordered_json& document, base::Time drained_after);

/// A metric's figure at a dotted path below `metrics`, e.g. number(d, "nfp.dma.latency", "p99"); null when there is
/// none.
const nlohmann::ordered_json* find_metric(const nlohmann::ordered_json& document, const std::string& path);

/// The file's bytes.
std::string to_bytes(const nlohmann::ordered_json& document);

}  // namespace iommusim::runner
