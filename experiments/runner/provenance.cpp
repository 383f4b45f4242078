#include "experiments/runner/provenance.h"

#include "models/base/sha256.h"

namespace iommusim::runner {

Provenance provenance_of(const ExperimentConfig& config) { return provenance_of(config, &base::sha256_file); }

Provenance provenance_of(const ExperimentConfig& config,
                         const std::function<std::string(const std::string&)>& digest_of, const std::string& known) {
  Provenance p;
  p.experiment = config.name;
  p.seed = config.run.seed;
  if (config.replay) p.input_sha256.push_back(digest_of(config.replay->file));
  p.configuration_sha256 = known;
  if (!known.empty()) return p;
  ExperimentConfig nameless = config;
  nameless.trace = {};  // watching changes nothing
  if (config.replay) nameless.replay->file = "sha256:" + p.input_sha256.back();
  p.configuration_sha256 = base::sha256_hex(base::dump_config(nameless));
  return p;
}

}  // namespace iommusim::runner
