#include "experiments/runner/result_document.h"

#include "experiments/runner/version.h"

namespace iommusim::runner {
namespace {

using nlohmann::ordered_json;

ordered_json time_json(base::Time t, const char* description) {
  return {{"value", t.ps()}, {"unit", "ps"}, {"description", description}};
}

const char* reason_text(WindowEnd reason) {
  switch (reason) {
    case WindowEnd::time: return "its length had passed";
    case WindowEnd::dmas: return "the number of DMAs was reached";
    case WindowEnd::finished: return "every workload had finished";
  }
  return "";
}

}  // namespace

ordered_json result_document(const Provenance& provenance, const Window& window, const base::Group& metrics) {
  ordered_json document;
  document["schema"] = 1;
  document["simulator"] = {{"name", "iommusim"}, {"version", version()}};
  document["experiment"] = provenance.experiment;
  document["seed"] = provenance.seed;
  document["configuration_sha256"] = provenance.configuration_sha256;
  document["input_sha256"] = provenance.input_sha256;
  document["window"] = {
      {"start", time_json(window.start, "Simulated time at which the measurement window began")},
      {"end", time_json(window.end, "Simulated time at which it ended")},
      {"length", time_json(window.end - window.start, "Length of the window: what rates are taken over")},
      {"ended_because", reason_text(window.reason)}};
  document["metrics"] = metrics.to_json(window.end);
  return document;
}

void add_drain(ordered_json& document, base::Time drained_after) {
  document["window"]["drain"] = time_json(drained_after, "Time from the end of the window until nothing was in flight");
}

const ordered_json* find_metric(const ordered_json& document, const std::string& path) {
  const ordered_json* at = &document.at("metrics");
  std::size_t begin = 0;
  while (begin <= path.size()) {
    const std::size_t dot = std::min(path.find('.', begin), path.size());
    const auto next = at->find(path.substr(begin, dot - begin));
    if (next == at->end()) return nullptr;
    at = &*next;
    begin = dot + 1;
  }
  return at;
}

std::string to_bytes(const ordered_json& document) { return document.dump(1, ' ') + "\n"; }

}  // namespace iommusim::runner
