#include <functional>
#include <iostream>

#include "experiments/runner/commands/commands.h"
#include "experiments/runner/exit_code.h"
#include "models/base/config/variants.h"
#include "models/base/policies/replacement.h"
#include "models/base/text.h"
#include "models/endpoints/workload/address_pattern.h"
#include "models/endpoints/workload/size_distribution.h"
#include "models/endpoints/workload/workload_config.h"
#include "models/host/buffer_policy.h"
#include "models/host/invalidation_policy.h"
#include "models/iommu/api/factory.h"

namespace iommusim::runner {
namespace {

struct Choice {
  std::string name, help;
};

template <class Base>
std::vector<Choice> of_variants() {
  std::vector<Choice> list;
  for (const base::Alternative* a : base::Variants<Base>::all()) list.push_back({a->name, a->help});
  return list;
}

template <class Registry>
std::vector<Choice> of_registry() {
  std::vector<Choice> list;
  for (const std::string& name : Registry::names()) list.push_back({name, Registry::help(name)});
  return list;
}

struct Kind {
  const char* name;
  const char* help;
  std::vector<Choice> (*choices)();
};

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> table = {
      {"architectures", "platform.iommu.architecture.type", &of_variants<iommu::ArchitectureConfig>},
      {"traffic", "workloads[].traffic.type", &of_variants<ep::WorkloadConfig>},
      {"patterns", "address patterns of generated traffic", &of_variants<ep::AddressPatternConfig>},
      {"sizes", "size distributions of generated traffic", &of_variants<ep::SizeDistributionConfig>},
      {"replacement", "replacement policies of caches", &of_registry<base::ReplacementRegistry>},
      {"buffers", "workloads[].buffer.mapping", &of_registry<host::BufferPolicies>},
      {"invalidation", "invalidation policies of the DMA mapping layer", &of_registry<host::InvalidationPolicies>},
  };
  return table;
}

void print(const std::vector<Choice>& choices) {
  std::size_t width = 0;
  for (const Choice& c : choices) width = std::max(width, c.name.size());
  for (const Choice& c : choices) std::cout << c.name << std::string(width + 2 - c.name.size(), ' ') << c.help << "\n";
}

}  // namespace

std::vector<std::string> list_kinds() {
  std::vector<std::string> names;
  for (const Kind& k : kinds()) names.emplace_back(k.name);
  return names;
}

int list_command(const Command& self, const Arguments& arguments) {
  CommandOptions options(self,
                         "Without a kind: the kinds of things a configuration chooses from. With one: the choices.");
  options.positional("kind", 1);
  if (!options.parse(arguments)) return exit_ok;
  const auto wanted = options.words("kind");
  std::vector<Choice> all;
  for (const Kind& k : kinds()) {
    if (!wanted.empty() && wanted.front() == k.name) {
      print(k.choices());
      return exit_ok;
    }
    all.push_back({k.name, k.help});
  }
  if (wanted.empty()) {
    print(all);
    return exit_ok;
  }
  const auto known = list_kinds();
  throw UsageError("unknown kind '" + wanted.front() + "'." + base::did_you_mean(wanted.front(), known) +
                   " Known: " + base::join(known));
}

}  // namespace iommusim::runner
