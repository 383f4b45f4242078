#include "platforms/config/workload_use_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "models/base/text.h"
#include "models/host/buffer_policy.h"
#include "platforms/config/platform_config.h"

namespace iommusim::platforms {
namespace {

// Page tables of a buffer are written at boot: 4 Mi pages take 32 MiB of them.
constexpr std::uint64_t kMaxPages = 1u << 22;

}  // namespace

const base::Fields<DomainConfig>& DomainConfig::fields() {
  using host::DomainType;
  static const base::Fields<DomainConfig> f =
      base::Fields<DomainConfig>("domain", "IOMMU domain of an endpoint")
          .field("type", &DomainConfig::type, "Domain type, as in the Linux sysfs file `type` of an IOMMU group",
                 {{"identity", DomainType::identity},
                  {"DMA", DomainType::dma},
                  {"DMA-FQ", DomainType::dma_fq},
                  {"blocked", DomainType::blocked},
                  {"unmanaged", DomainType::unmanaged}});
  return f;
}

const base::Fields<BufferConfig>& BufferConfig::fields() {
  static const base::Fields<BufferConfig> f =
      base::Fields<BufferConfig>("buffer", "Memory that an endpoint reads and writes")
          .field("size", &BufferConfig::size, "Size, a multiple of 4 KiB")
          .range("4 KiB", "1 TiB")
          .field("page_size", &BufferConfig::page_size, "Largest page of its mapping: 4 KiB, 2 MiB or 1 GiB")
          .range("4 KiB", "1 GiB")
          .field("placement", &BufferConfig::placement,
                 "Physical memory under a translated domain: one block, or pieces of page_size at random places. A "
                 "device that is not translated "
                 "sees physical addresses and always gets one block",
                 {{"contiguous", mem::Placement::contiguous}, {"scattered", mem::Placement::scattered}})
          .field("warm", &BufferConfig::warm,
                 "A core has read it from its start to its end before the run: the last-level cache holds what it has "
                 "room for")
          .field("mapping", &BufferConfig::mapping,
                 "How DMAs get their memory mapped where the domain translates: premapped, per_dma, or another buffer "
                 "policy")
          .field("peer", &BufferConfig::peer,
                 "Endpoint in whose memory it lies (peer-to-peer); empty: main memory. A peer that a switch reaches "
                 "without "
                 "the root complex is addressed directly, as Linux does; others through the IOMMU")
          .field("node", &BufferConfig::node, "Memory node (socket) that it lies in")
          .range(0, 63)
          .field("core", &BufferConfig::core, "Core that maps and unmaps; empty: the first of the platform")
          .check([](const BufferConfig& c, base::Report& r) {
            if (!host::BufferPolicies::has(c.mapping)) r.error("mapping", host::BufferPolicies::unknown(c.mapping));
            const std::uint64_t page = c.page_size.value();
            if (page != 4096 && page != 1ull << 21 && page != 1ull << 30) {
              r.error("page_size", "must be 4 KiB, 2 MiB or 1 GiB");
            } else if (c.size.value() % 4096 != 0) {
              r.error("size", "must be a multiple of 4 KiB");
            } else if (c.size.value() / page > kMaxPages) {
              r.error("size", fmt::format("has more than {} pages of {}; use a larger page_size", kMaxPages,
                                          base::to_text(c.page_size)));
            }
          });
  return f;
}

const base::Fields<WorkloadUseConfig>& WorkloadUseConfig::fields() {
  static const base::Fields<WorkloadUseConfig> f =
      base::Fields<WorkloadUseConfig>("workload_use", "An endpoint at work: its domain, its buffer and its traffic")
          .field("endpoint", &WorkloadUseConfig::endpoint,
                 "Name of an endpoint of the platform, or of one of its functions: nic, nic.f1, nic.vf0")
          .required()
          .object("domain", &WorkloadUseConfig::domain, "IOMMU domain")
          .object("buffer", &WorkloadUseConfig::buffer, "Memory it works on")
          .variant("traffic", &WorkloadUseConfig::traffic, "What DMA it makes")
          .required();
  return f;
}

std::optional<std::size_t> core_index(const PlatformConfig& platform, const std::string& name) {
  if (name.empty()) return 0;
  for (std::size_t i = 0; i < platform.cores.size(); ++i) {
    if (platform.cores[i].name == name) return i;
  }
  return std::nullopt;
}

void check_workloads(const std::vector<WorkloadUseConfig>& workloads, const PlatformConfig& platform,
                     base::Report& report) {
  std::vector<std::string> names;
  const Topology topology = topology_of(platform);
  for (const TopologyFunction& f : topology.functions) names.push_back(f.name);
  std::vector<std::string> cores;
  for (const CoreConfig& c : platform.cores) cores.push_back(c.name);
  std::map<std::string, std::size_t> used;
  std::map<unsigned, std::size_t> group_user;     // first workload of each IOMMU group
  std::map<unsigned, std::uint64_t> wanted_of;    // bytes, by node
  std::map<std::string, std::uint64_t> taken_of;  // bytes of memories of endpoints
  for (std::size_t i = 0; i < workloads.size(); ++i) {
    const WorkloadUseConfig& w = workloads[i];
    const std::string path = fmt::format("workloads[{}]", i);
    if (std::find(names.begin(), names.end(), w.endpoint) == names.end()) {
      report.error(
          path + ".endpoint",
          fmt::format("the platform has no endpoint '{}'.{}{}", w.endpoint, base::did_you_mean(w.endpoint, names),
                      names.empty() ? " It has none at all" : " Known: " + base::join(names)));
    }
    if (const TopologyFunction* f = topology.find(w.endpoint)) {
      const auto [first, alone] = group_user.emplace(f->group, i);
      const host::DomainType theirs = workloads[first->second].domain.type;
      if (!alone && platform.has_iommu() && theirs != w.domain.type) {
        report.error(
            path + ".domain.type",
            fmt::format("'{}' is in one IOMMU group with '{}' of workloads[{}], and a group has one domain: make it "
                        "{} too, or isolate them (`isolate` of the switch between them)",
                        w.endpoint, workloads[first->second].endpoint, first->second, host::to_text(theirs)));
      }
    }
    const auto [it, fresh] = used.emplace(w.endpoint, i);
    if (!fresh) report.error(path + ".endpoint", fmt::format("'{}' already has workloads[{}]", w.endpoint, it->second));
    if (!core_index(platform, w.buffer.core)) {
      report.error(path + ".buffer.core", fmt::format("the platform has no core '{}'.{} Known: {}", w.buffer.core,
                                                      base::did_you_mean(w.buffer.core, cores), base::join(cores)));
    }
    if (w.traffic && w.traffic->buffer_bytes() > w.buffer.size.value()) {
      report.error(path + ".buffer.size",
                   fmt::format("{} is too small for the traffic, which needs {}", base::to_text(w.buffer.size),
                               base::to_text(base::Bytes(w.traffic->buffer_bytes()))));
    }
    if (!w.buffer.peer.empty()) {
      const auto peer = std::find_if(platform.endpoints.begin(), platform.endpoints.end(),
                                     [&](const EndpointConfig& e) { return e.name == w.buffer.peer; });
      const TopologyFunction* own = topology.find(w.endpoint);
      if (peer == platform.endpoints.end() || peer->memory.size.value() == 0) {
        std::vector<std::string> with_memory;
        for (const EndpointConfig& e : platform.endpoints) {
          if (e.memory.size.value() != 0) with_memory.push_back(e.name);
        }
        report.error(path + ".buffer.peer", fmt::format("the platform has no endpoint '{}' with memory.{}{}",
                                                        w.buffer.peer, base::did_you_mean(w.buffer.peer, with_memory),
                                                        with_memory.empty() ? " Give one `memory: {size: ...}`"
                                                                            : " Known: " + base::join(with_memory)));
        continue;
      }
      if (own != nullptr && platform.endpoints[own->endpoint].name == w.buffer.peer)
        report.error(path + ".buffer.peer", "an endpoint is no peer of itself");
      if (own != nullptr && platform.endpoints[own->endpoint].link.mps != peer->link.mps)
        report.error(path + ".buffer.peer",
                     fmt::format("the links of '{}' and '{}' differ in mps ({} and {}), and no TLP is cut on its way",
                                 w.endpoint, w.buffer.peer, base::to_text(platform.endpoints[own->endpoint].link.mps),
                                 base::to_text(peer->link.mps)));
      std::uint64_t& taken = taken_of[w.buffer.peer];
      taken += w.buffer.size.value();
      if (taken > peer->memory.size.value()) {
        report.error(path + ".buffer.size",
                     fmt::format("the buffers in the memory of '{}' need {} together, it has {}", w.buffer.peer,
                                 base::to_text(base::Bytes(taken)), base::to_text(peer->memory.size)));
      }
      continue;
    }
    if (w.buffer.node >= platform.memory.nodes) {
      report.error(path + ".buffer.node", fmt::format("there is no node {}: memory.nodes is {}, counted from 0",
                                                      w.buffer.node, platform.memory.nodes));
      continue;
    }
    std::uint64_t& wanted = wanted_of[w.buffer.node];
    const std::uint64_t room = buffer_range(platform, w.buffer.node).size.value();
    wanted += w.buffer.size.value();
    if (wanted > room) {
      report.error(
          path + ".buffer.size",
          fmt::format("the buffers need {} together, memory{} has {} for them", base::to_text(base::Bytes(wanted)),
                      platform.memory.nodes == 1 ? "" : fmt::format(" of node {}", w.buffer.node),
                      base::to_text(base::Bytes(room))));
      wanted = 0;
    }
  }
}

}  // namespace iommusim::platforms
