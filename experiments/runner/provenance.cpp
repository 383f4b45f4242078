#include "experiments/runner/provenance.h"

#include "models/base/sha256.h"

namespace iommusim::runner {

Provenance provenance_of(const ExperimentConfig& config) {
  Provenance p;
  p.experiment = config.name;
  p.seed = config.run.seed;
  p.configuration_sha256 = base::sha256_hex(base::dump_config(config));
  return p;
}

}  // namespace iommusim::runner
