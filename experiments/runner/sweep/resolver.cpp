#include "experiments/runner/sweep/resolver.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <numeric>
#include <utility>

#include "experiments/runner/provenance.h"
#include "models/base/config/setting.h"
#include "models/base/sha256.h"

namespace iommusim::runner {
namespace {

/// What makes a diagnostic one with another's: what the values of a factor do wrong in the same way, be it with other
/// numbers, is one mistake.
std::string mistake_of(const base::Diagnostic& d, const std::string& study) {
  std::string message = d.message;
  message.erase(std::remove_if(message.begin(), message.end(),
                               [](char c) { return std::isdigit(static_cast<unsigned char>(c)); }),
                message.end());
  const bool of_study = d.position.source && *d.position.source == study;
  return (of_study ? "" : base::to_text(d.position)) + ": " + d.path + ": " + message;
}

}  // namespace

Resolver::Resolver(const Study& study) : study_(study) {
  base::Diagnostics diagnostics;
  for (std::size_t i = 0; i < study.files.size(); ++i) {
    documents_.push_back(base::load_document(study.files[i], {}, diagnostics));
    if (is_study(documents_[i]))
      diagnostics.add(study.file_positions[i], "run",
                      study.files[i] + " is a study: write the configuration that the points run");
  }
  diagnostics.raise();
}

ExperimentConfig Resolver::config(const Point& point, unsigned r, base::Diagnostics& diagnostics) const {
  base::Node root = documents_[point.file];
  for (const SettingGroup* group : point.settings)
    for (const SettingGroup::Setting& s : group->settings)
      base::apply_setting(root, s.path, s.value, s.position, diagnostics);
  ExperimentConfig config = read_experiment(root, diagnostics);
  config.run.seed += r;
  return config;
}

ExperimentConfig Resolver::config(const Point& point, unsigned r) const {
  base::Diagnostics diagnostics;
  ExperimentConfig result = config(point, r, diagnostics);
  diagnostics.raise();
  return result;
}

Provenance Resolver::provenance(const ExperimentConfig& config, const std::string& known) const {
  const auto digest_of = [this](const std::string& file) {
    std::string& digest = inputs_[file];
    if (digest.empty()) digest = base::sha256_file(file);
    return digest;
  };
  return provenance_of(config, digest_of, known);
}

std::vector<Resolver::Checked> Resolver::check() const {
  std::vector<std::size_t> all(study_.points.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  return check(all);
}

std::vector<Resolver::Checked> Resolver::check(const std::vector<std::size_t>& which) const {
  struct Seen {
    base::Diagnostic diagnostic;
    std::string point;
    std::size_t last = 0, count = 0;  ///< the latest point, and how many
  };
  std::map<std::string, Seen> errors;
  std::vector<Checked> checked;
  for (const std::size_t p : which) {
    base::Diagnostics found;
    const Point& point = study_.points[p];
    ExperimentConfig c = config(point, 0, found);
    if (found.empty() && c.workloads.empty() && !c.replay)
      found.add(study_.file_positions[point.file], "run",
                study_.files[point.file] + ": nothing to run: it has neither `workloads` nor `replay`");
    for (const base::Diagnostic& d : found.sorted()) {
      Seen& seen = errors[mistake_of(d, study_.path)];
      if (seen.count == 0)
        seen = {d, point.name, p, 1};
      else if (std::exchange(seen.last, p) != p)
        ++seen.count;
    }
    if (!found.empty()) continue;
    Checked one{c.run.seed, {}};
    const unsigned count = study_.replicated() ? study_.config.replications->count : 1;
    for (unsigned r = 0; r < count; ++r, ++c.run.seed) one.sha256.push_back(provenance(c).configuration_sha256);
    checked.push_back(std::move(one));
  }
  base::Diagnostics all;
  for (auto& [text, seen] : errors) {
    if (seen.count < which.size())
      seen.diagnostic.message += seen.count == 1
                                     ? " (point " + seen.point + ")"
                                     : " (" + std::to_string(seen.count) + " points, the first is " + seen.point + ")";
    all.add(seen.diagnostic.position, seen.diagnostic.path, seen.diagnostic.message);
  }
  all.raise();
  return checked;
}

}  // namespace iommusim::runner
