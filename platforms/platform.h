// The elaborated machine: modules made from a description, bound to each other, booted, and put to work.
//
//   cores ----------------> router -> memory, interrupt region, endpoint registers (root complex), IOMMU registers
//   endpoint - [switch, bridge ...] - root complex -> [IOMMU] -> router;  IOMMU walks -> memory's second port
//
// One per process. Left out: several IOMMUs.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "models/endpoints/trace/player.h"
#include "models/host/buffer_policy.h"
#include "models/host/cpu_core.h"
#include "models/host/interrupt_region.h"
#include "models/host/iommu_driver.h"
#include "models/interconnect/router.h"
#include "models/iommu/core/remapping_unit.h"
#include "models/memory/memory_system.h"
#include "models/pcie/root_complex.h"
#include "models/tlm/simulation.h"
#include "platforms/config/platform_config.h"
#include "platforms/config/workload_use_config.h"
#include "platforms/endpoint.h"
#include "platforms/stale_hit_watch.h"
#include "platforms/topology.h"
#include "platforms/work_monitor.h"

namespace iommusim::platforms {

class Platform {
 public:
  /// Elaborates and binds everything. Throws base::UserError for what only shows here (an architecture's
  /// contradictions, say). `replay`: a trace to play, whose requesters are endpoints of the platform; an endpoint
  /// `chipset` is added for its interrupts.
  Platform(tlm::Simulation& simulation, const PlatformConfig& config, const std::vector<WorkloadUseConfig>& workloads,
           const std::optional<ep::TracePlayerConfig>& replay = {});
  ~Platform();
  Platform(const Platform&) = delete;
  Platform& operator=(const Platform&) = delete;

  /// Boots: driver tables, domains, buffers, interrupts, then sets the workloads going. Call once, at time zero, with
  /// elaboration finished. With a timed boot the workloads start when the first core has done all that. Throws
  /// base::UserError when memory is full.
  void boot();
  /// The trace player, or null.
  ep::TracePlayer* player() { return player_.get(); }
  /// What the workloads have done so far.
  WorkMonitor& monitor() { return monitor_; }

  /// DMAs done since the start, of workloads and of a replay.
  std::uint64_t completed() const { return monitor_.completed() + (player_ ? player_->accesses_done() : 0); }

  /// Nothing new is issued from now on.
  void stop_issuing();
  /// Nothing is in flight anywhere.
  bool quiescent() const;
  /// One line per module that still holds something, for a drain that does not end.
  std::string holders() const;
  /// Throws what a driver task has thrown (memory full); returns if nothing.
  void rethrow_failure() const;

  /// Tells `observer` of every TLP on every link; null: nobody.
  void observe_links(pcie::TlpObserver* observer);

  const std::vector<std::unique_ptr<Endpoint>>& endpoints() const { return endpoints_; }
  /// The function of that name ("nic", "nic.vf0"), or null.
  const Endpoint::Function* function(const std::string& name) const;
  const Topology& topology() const { return topology_; }
  mem::MemorySystem& memory() { return *memory_; }
  iommu::RemappingUnit* unit() { return unit_.get(); }
  host::IommuDriver* driver() { return driver_.get(); }
  host::CpuCore& core(std::size_t i) { return *cores_[i]; }

 private:
  struct Use;
  template <class Device, class Config>
  class WithLink;
  using SwitchWithLink = WithLink<pcie::Switch, SwitchUseConfig>;
  using BridgeWithLink = WithLink<pcie::Bridge, BridgeUseConfig>;

  void make_modules();
  void make_tree();
  void make_iommu();
  void bind();
  void make_uses(const std::vector<WorkloadUseConfig>& workloads);
  void make_player(const ep::TracePlayerConfig& config);
  void place_buffers();
  void place_buffers(unsigned node);
  bool translated(const Use& use) const;
  void prepare(host::CpuCore* core, Use& use);
  std::unique_ptr<host::BufferPolicy> make_policy(host::CpuCore* core, Use& use, host::DmaDomain& domain);
  void start();

  tlm::Simulation& simulation_;
  const PlatformConfig config_;
  const Topology topology_;
  const AddressPlan plan_;
  WorkMonitor monitor_;
  mem::FrameAllocator table_frames_;
  std::unique_ptr<mem::MemorySystem> memory_;
  std::vector<std::unique_ptr<host::CpuCore>> cores_;
  std::unique_ptr<host::InterruptRegion> interrupts_;
  std::unique_ptr<pcie::RootComplex> root_complex_;
  std::unique_ptr<interconnect::Router> router_;
  std::unique_ptr<iommu::RemappingUnit> unit_;
  std::unique_ptr<host::IommuDriver> driver_;
  std::unique_ptr<StaleHitWatch> stale_hit_watch_;
  std::vector<std::unique_ptr<SwitchWithLink>> switches_;
  std::vector<std::unique_ptr<BridgeWithLink>> bridges_;
  std::vector<std::unique_ptr<Endpoint>> endpoints_;
  std::map<unsigned, host::DmaDomain*> group_domains_;  // by IOMMU group
  std::vector<std::unique_ptr<Use>> uses_;
  std::unique_ptr<ep::TracePlayer> player_;
};

}  // namespace iommusim::platforms
