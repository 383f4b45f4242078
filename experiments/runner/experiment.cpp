#include "experiments/runner/experiment.h"

#include <filesystem>

namespace iommusim::runner {
namespace {

bool is_experiment_name(const std::string& text) {
  if (text.size() > 64 || text[0] == '.' || text[0] == '-') return false;
  for (const char c : text) {
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
          c == '.'))
      return false;
  }
  return true;
}

}  // namespace

const base::Fields<ExperimentConfig>& ExperimentConfig::fields() {
  static const base::Fields<ExperimentConfig> f =
      base::Fields<ExperimentConfig>("experiment",
                                     "A configuration file: a machine, what runs on it, and how it is measured")
          .field("name", &ExperimentConfig::name, "Name in results; the default result folder is results/NAME")
          .field("description", &ExperimentConfig::description, "What it shows, for people")
          .object("run", &ExperimentConfig::run, "Warm-up, measurement window and drain")
          .object("trace", &ExperimentConfig::trace, "What is recorded over time: trace.json, timeline.csv, tlp.csv")
          .object("platform", &ExperimentConfig::platform, "The machine")
          .list("workloads", &ExperimentConfig::workloads, "What its endpoints do")
          .items_between(0, platforms::kMaxEndpoints)
          .optional_object("replay", &ExperimentConfig::replay, "A recorded trace to play instead")
          .check([](const ExperimentConfig& c, base::Report& r) {
            if (!is_experiment_name(c.name))
              r.error("name", "must be letters, digits, '_', '-' and '.', 64 characters at most, e.g. iotlb_reach");
            if (c.replay && !c.workloads.empty())
              r.error("replay", "excludes `workloads`: a replayed trace is all that its machine does");
            if (c.replay && c.run.dmas != 0)
              r.error("run.dmas", "does not count a replay's DMAs; use run.measure, or neither for the whole trace");
            const PerfettoConfig& trace = c.trace.perfetto;
            if (trace.to && !trace.from && *trace.to <= c.run.warm_up)
              r.error("trace.perfetto.to", "must be after the start of the measurement window, " +
                                               base::to_text(c.run.warm_up) +
                                               ": without `from` the trace begins there");
            platforms::check_workloads(c.workloads, c.platform, r);
          });
  return f;
}

ExperimentConfig read_experiment(const base::Node& root, base::Diagnostics& diagnostics) {
  const std::size_t before = diagnostics.size();
  auto config = base::read_config<ExperimentConfig>(root, diagnostics);
  if (config.replay && diagnostics.size() == before) {
    const base::Node* node = base::find_path(root, "replay.file");
    const std::filesystem::path path = config.replay->file;
    const bool by_option = node->style == base::Node::Style::cli;
    const std::filesystem::path folder = by_option ? "" : std::filesystem::path(*node->position.source).parent_path();
    config.replay->file = std::filesystem::absolute(folder / path).lexically_normal().string();
  }
  return config;
}

ExperimentConfig load_experiment(const std::string& file, const std::vector<std::string>& overrides) {
  base::LoadOptions options;
  options.overrides = overrides;
  base::Diagnostics diagnostics;
  const base::Node root = base::load_document(file, options, diagnostics);
  ExperimentConfig config;
  if (root.kind == base::Node::Kind::map) config = read_experiment(root, diagnostics);
  diagnostics.raise();
  return config;
}

}  // namespace iommusim::runner
