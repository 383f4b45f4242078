#include "platforms/platform.h"

#include <algorithm>
#include <utility>

#include "models/base/bdf.h"
#include "models/endpoints/workload/mapped_workload.h"

namespace iommusim::platforms {

using base::Iova;

/// A switch or bridge and its link up, under one name.
template <class Device, class Config>
class Platform::WithLink : public tlm::Module {
 public:
  template <class... Arguments>
  // NOLINTNEXTLINE(performance-unnecessary-value-param): SystemC needs the name by value.
  WithLink(::sc_core::sc_module_name name, tlm::Context& context, const Config& config, pcie::LinkPort& upper,
           pcie::LinkPort& (*lower)(Device&), const Arguments&... arguments)
      : Module(name, context),
        device("device", context, config.settings, arguments...),
        link("link", context, config.link, upper, lower(device)) {}
  Device device;
  pcie::Link link;
};

/// A function of an endpoint at work: where its buffer is, and what drives it.
struct Platform::Use {
  const Endpoint::Function& function;
  WorkloadUseConfig config;
  host::Pieces pieces;  ///< of its buffer, in order
  std::unique_ptr<ep::Workload> workload;
  ep::MappedWorkload* mapped = nullptr;  ///< the part of `workload` that maps for each DMA, if any
};

namespace {

base::SourceId source_of(const Endpoint::Function& function) {
  return base::make_source_id(0, function.topology.requester);
}

host::Pieces split(Hpa base, std::uint64_t bytes, std::uint64_t page) {
  host::Pieces pieces;
  for (std::uint64_t at = 0; at < bytes; at += page) pieces.push_back({base + at, std::min(page, bytes - at)});
  return pieces;
}

// Sends interrupts of the recorded machine that no recorded device sent. f0:1f.7 is the requester ID that firmware
// gives I/O APICs on Intel servers; that it has a link is a simplification.
PlatformConfig with_chipset(PlatformConfig config) {
  EndpointConfig chipset;
  chipset.name = kChipset;
  chipset.bdf = base::make_bdf(0xf0, 0x1f, 7);
  config.endpoints.push_back(chipset);
  return config;
}

}  // namespace

Platform::Platform(tlm::Simulation& simulation, const PlatformConfig& config,
                   const std::vector<WorkloadUseConfig>& workloads, const std::optional<ep::TracePlayerConfig>& replay)
    : simulation_(simulation),
      config_(replay ? with_chipset(config) : config),
      topology_(topology_of(config_)),
      plan_(address_plan_of(config_)),
      monitor_(simulation.scheduler),
      table_frames_(table_range(config).base, table_range(config).size, mem::Placement::contiguous,
                    simulation.context.seed) {
  make_modules();
  bind();
  make_uses(workloads);
  if (replay) make_player(*replay);
}

Platform::~Platform() = default;

void Platform::make_modules() {
  tlm::Context& context = simulation_.context;
  const unsigned ports = static_cast<unsigned>(topology_.roots.size());
  const bool has_iommu = config_.has_iommu();
  // The router's port, the walkers' of the IOMMU, then one for the cores of each other node.
  std::vector<unsigned> memory_ports(has_iommu ? 2 : 1, config_.io_node);
  for (unsigned node = 0; node < config_.memory.nodes; ++node) {
    if (node != config_.io_node) memory_ports.push_back(node);
  }
  memory_ = std::make_unique<mem::MemorySystem>("memory", context, config_.memory, memory_ports);
  for (const CoreConfig& core : config_.cores) {
    const unsigned number = static_cast<unsigned>(cores_.size());
    cores_.push_back(std::make_unique<host::CpuCore>(core.name.c_str(), context, core, number));
  }
  interrupts_ = std::make_unique<host::InterruptRegion>("interrupts", context, config_.interrupts);
  root_complex_ =
      std::make_unique<pcie::RootComplex>("root_complex", context, config_.root_complex, std::max(ports, 1u));
  const unsigned inputs = static_cast<unsigned>(cores_.size()) + (has_iommu ? 1 : ports);
  router_ = std::make_unique<interconnect::Router>("router", context, plan_.map(), inputs,
                                                   (has_iommu ? 4 : 3) + config_.memory.nodes - 1);
  if (has_iommu) make_iommu();
  make_tree();
}

// From the root ports down: what is above a node exists when the node is made.
void Platform::make_tree() {
  tlm::Context& context = simulation_.context;
  endpoints_.resize(config_.endpoints.size());
  std::vector<pcie::Switch*> switch_of(topology_.nodes.size());
  std::vector<pcie::Bridge*> bridge_of(topology_.nodes.size());
  for (std::size_t i = 0; i < topology_.nodes.size(); ++i) {
    const TopologyNode& node = topology_.nodes[i];
    pcie::LinkPort* upper = nullptr;
    if (!node.above) {
      upper = &root_complex_->root_port(node.port);
      // Endpoints of the root bus itself have no bus of their own.
      if (node.first_bus != 0) root_complex_->set_buses(node.first_bus, node.last_bus, node.port);
    } else if (switch_of[*node.above] != nullptr) {
      upper = &switch_of[*node.above]->downstream_port(node.port);
      switch_of[*node.above]->set_buses(node.first_bus, node.last_bus, node.port);
    }
    switch (node.kind) {
      case TopologyNode::Kind::pcie_switch: {
        std::vector<pcie::SwitchPortConfig> ports;
        for (const std::size_t child : node.below) ports.push_back(port_of(config_, topology_, topology_.nodes[child]));
        switches_.push_back(std::make_unique<SwitchWithLink>(
            node.name.c_str(), context, config_.switches[node.index], *upper,
            [](pcie::Switch& s) -> pcie::LinkPort& { return s.upstream_port(); }, ports));
        switch_of[i] = &switches_.back()->device;
        break;
      }
      case TopologyNode::Kind::bridge: {
        bridges_.push_back(std::make_unique<BridgeWithLink>(
            node.name.c_str(), context, config_.bridges[node.index], *upper,
            [](pcie::Bridge& b) -> pcie::LinkPort& { return b.link_port; }, node.first_bus + 1,
            std::max(1u, static_cast<unsigned>(node.below.size()))));
        bridge_of[i] = &bridges_.back()->device;
        break;
      }
      case TopologyNode::Kind::endpoint: {
        EndpointConfig own = config_.endpoints[node.index];
        own.dma.store_data = config_.memory.store_data;
        std::vector<TopologyFunction> functions;
        for (const TopologyFunction& f : topology_.functions) {
          if (f.endpoint == node.index) functions.push_back(f);
        }
        const Endpoint::Attachment attachment{upper, upper == nullptr ? bridge_of[*node.above] : nullptr, node.port};
        endpoints_[node.index] = std::make_unique<Endpoint>(own.name.c_str(), context, own, functions, attachment);
        break;
      }
    }
  }
  root_complex_->set_ecam(config_.address_map.ecam, config_.address_map.ecam_size.value());
  // Addresses lead down every port on the way to their endpoint.
  for (std::size_t i = 0; i < topology_.nodes.size(); ++i) {
    if (topology_.nodes[i].kind != TopologyNode::Kind::endpoint) continue;
    Endpoint& endpoint = *endpoints_[topology_.nodes[i].index];
    const AddressRange& bar = *plan_.find(endpoint.config().name + ".bar");
    endpoint.place_registers(bar.base);
    const AddressRange* memory = plan_.find(endpoint.config().name + ".memory");
    if (memory != nullptr) endpoint.place_memory(memory->base, memory->size.value());
    for (const AddressRange* range : {&bar, memory}) {
      if (range == nullptr) continue;
      std::size_t at = i;
      for (; topology_.nodes[at].above; at = *topology_.nodes[at].above) {
        pcie::Switch* above = switch_of[*topology_.nodes[at].above];
        if (above != nullptr) above->add_window(range->base, range->size.value(), topology_.nodes[at].port);
      }
      root_complex_->add_window(range->base, range->size.value(), topology_.nodes[at].port);
    }
  }
}

void Platform::make_iommu() {
  const IommuConfig& c = *config_.iommu;
  unit_ =
      std::make_unique<iommu::RemappingUnit>("iommu", simulation_.context, c.unit, c.architecture->make_architecture(),
                                             static_cast<unsigned>(topology_.roots.size()));
  std::vector<host::CpuCore*> cores;
  for (const auto& core : cores_) cores.push_back(core.get());
  driver_ =
      std::make_unique<host::IommuDriver>("iommu_driver", simulation_.context, c.driver, c.architecture->make_driver(),
                                          c.registers, table_frames_, cores, *interrupts_);
  if (iommu::StaleHitOracle* oracle = unit_->stale_hit_oracle()) {
    stale_hit_watch_ = std::make_unique<StaleHitWatch>(*oracle);
    driver_->observe(stale_hit_watch_.get());
  }
}

void Platform::bind() {
  unsigned input = 0;
  // Memory of the cores of another node: the outputs after the common ones, in order of nodes.
  unsigned output = unit_ ? 4 : 3;
  unsigned memory_port = unit_ ? 2 : 1;
  std::vector<unsigned> memory_output(config_.memory.nodes, to_memory);
  for (unsigned node = 0; node < config_.memory.nodes; ++node) {
    if (node == config_.io_node) continue;
    router_->output(output).bind(memory_->port(memory_port++));
    memory_output[node] = output++;
  }
  for (std::size_t i = 0; i < cores_.size(); ++i) {
    const unsigned to = memory_output[config_.cores[i].node];
    if (to != to_memory) router_->divert(input, to_memory, to);
    cores_[i]->port.bind(router_->input(input++));
  }
  router_->output(to_memory).bind(memory_->port(0));
  router_->output(to_interrupts).bind(interrupts_->port);
  router_->output(to_root_complex).bind(root_complex_->from_cpu);
  if (!unit_) root_complex_->set_physical();
  if (unit_) {
    router_->output(to_iommu_registers).bind(unit_->registers);
    unit_->downstream.bind(router_->input(input++));
    unit_->walk.bind(memory_->port(1));
    unit_->messages.bind(root_complex_->from_unit);
  }
  for (unsigned i = 0; i < topology_.roots.size(); ++i)
    root_complex_->to_host(i).bind(unit_ ? unit_->upstream(i) : router_->input(input++));
}

void Platform::make_uses(const std::vector<WorkloadUseConfig>& workloads) {
  for (const WorkloadUseConfig& w : workloads) {
    uses_.push_back(std::make_unique<Use>(Use{*function(w.endpoint), w, {}, nullptr}));
  }
  place_buffers();
}

void Platform::make_player(const ep::TracePlayerConfig& config) {
  const auto function_of = [this](base::Bdf requester) -> const Endpoint::Function* {
    for (const auto& e : endpoints_) {
      for (const Endpoint::Function& f : e->functions()) {
        if (f.topology.requester == requester) return &f;
      }
    }
    return nullptr;
  };
  ep::TracePlayer::Machine machine;
  machine.core = cores_[0].get();
  machine.driver = driver_.get();
  machine.unit = unit_.get();
  for (const mem::MemoryRange& range : config_.memory.ranges) {
    machine.memory_end = std::max(machine.memory_end, range.base + range.size.value());
  }
  machine.chipset = &endpoints_.back()->dma;
  machine.engine = [function_of](base::Bdf requester) -> ep::DmaEngine* {
    const Endpoint::Function* f = function_of(requester);
    return f == nullptr ? nullptr : f->dma;
  };
  machine.doorbell = [function_of](base::Bdf requester) {
    const Endpoint::Function* f = function_of(requester);
    return f == nullptr ? Hpa() : f->registers->base();
  };
  player_ = std::make_unique<ep::TracePlayer>("replay", simulation_.context, config, std::move(machine));
  player_->on_finished(tlm::delegate<&WorkMonitor::one_finished>(&monitor_));
  monitor_.expect();
}

void Platform::place_buffers() {
  std::map<std::string, std::uint64_t> taken;  // of each peer's memory
  for (auto& use : uses_) {
    const BufferConfig& b = use->config.buffer;
    if (b.peer.empty()) continue;
    std::uint64_t& offset = taken[b.peer];
    use->pieces = split(plan_.find(b.peer + ".memory")->base + offset, b.size.value(), b.page_size.value());
    offset += b.size.value();
  }
  for (unsigned node = 0; node < config_.memory.nodes; ++node) place_buffers(node);
  for (const auto& use : uses_) {
    if (!use->config.buffer.warm) continue;
    for (const auto& piece : use->pieces) memory_->warm(piece.address, piece.bytes);
  }
}

void Platform::place_buffers(unsigned node) {
  const mem::MemoryRange range = buffer_range(config_, node);
  std::vector<Use*> uses;
  for (auto& use : uses_) {
    if (use->config.buffer.node == node && use->config.buffer.peer.empty()) uses.push_back(use.get());
  }
  if (uses.empty()) return;
  const auto scattered = [&](const Use* u) {
    return translated(*u) && u->config.buffer.placement == mem::Placement::scattered;
  };
  // Blocks lie at the bottom; scattered pieces, which would leave no large holes, share what is above.
  mem::FrameAllocator blocks(range.base, range.size, mem::Placement::contiguous, simulation_.context.seed);
  Hpa blocks_end = range.base;
  for (Use* use : uses) {
    const BufferConfig& b = use->config.buffer;
    if (scattered(use)) continue;
    const Hpa block = blocks.allocate(b.size);
    use->pieces = split(block, b.size.value(), b.page_size.value());
    blocks_end = std::max(blocks_end, block + b.size.value());
  }
  if (std::none_of(uses.begin(), uses.end(), scattered)) return;
  const base::Bytes rest = range.size - base::Bytes(blocks_end - range.base);
  if (rest.value() == 0) throw base::UserError("memory is full of contiguous buffers: no room for scattered ones");
  mem::FrameAllocator frames(blocks_end, rest, mem::Placement::scattered, simulation_.context.seed);
  for (Use* use : uses) {
    if (!scattered(use)) continue;
    const BufferConfig& b = use->config.buffer;
    for (std::uint64_t at = 0; at < b.size.value(); at += b.page_size.value()) {
      const base::Bytes bytes = std::min(b.page_size, b.size - base::Bytes(at));
      use->pieces.push_back({frames.allocate(bytes), bytes.value()});
    }
  }
}

const Endpoint::Function* Platform::function(const std::string& name) const {
  const TopologyFunction* f = topology_.find(name);
  return f == nullptr ? nullptr : &endpoints_[f->endpoint]->functions()[f->number];
}

// A peer that is reached below the root complex is addressed by its bus address, as Linux does (pci_p2pdma).
bool Platform::translated(const Use& use) const {
  if (!unit_ || !host::translated(use.config.domain.type)) return false;
  const std::string& peer = use.config.buffer.peer;
  return peer.empty() || !reaches_directly(config_, topology_, use.function.topology, *topology_.find(peer));
}

void Platform::boot() {
  if (driver_ && config_.iommu->driver.boot == host::Boot::timed) {
    cores_[0]->submit([this](host::CpuCore& core) {
      driver_->boot(core);
      for (auto& use : uses_) prepare(&core, *use);
      core.fence();
      start();
    });
    return;
  }
  if (driver_) {
    // Effects of these writes (a queue kicked, caches to empty) concern nothing yet.
    driver_->boot([this](const iommu::RegisterWrite& w) {
      (void)unit_->architecture().write_register(w.offset, w.bytes, w.value);
    });
  }
  for (auto& use : uses_) prepare(nullptr, *use);
  start();
}

/// Domain, mapping and workload of one use; by a core, or timeless.
void Platform::prepare(host::CpuCore* core, Use& use) {
  ep::WorkloadSite site;
  site.name = use.function.topology.name;
  site.seed = simulation_.context.seed;
  site.base = Iova(use.pieces.front().address.value());
  site.bytes = use.config.buffer.size.value();
  std::unique_ptr<host::BufferPolicy> policy;
  if (driver_) {
    const host::DomainType type = use.config.domain.type;
    host::DmaDomain*& of_group = group_domains_[use.function.topology.group];
    if (of_group == nullptr)
      of_group = core != nullptr ? &driver_->create_domain(*core, type) : &driver_->create_domain(type);
    host::DmaDomain& domain = *of_group;
    // What is not translated is not mapped: the device uses physical addresses.
    if (translated(use)) {
      policy = make_policy(core, use, domain);
      site.base = policy->fixed().value_or(Iova());
    }
    const base::SourceId source = source_of(use.function);
    if (driver_->domain_of(source) != nullptr) {
      // An alias that another function of its group has attached.
    } else if (core != nullptr) {
      driver_->attach(*core, source, domain);
    } else {
      driver_->attach(source, domain);
    }
  }
  std::unique_ptr<ep::Workload> workload = use.config.traffic->make(site);
  if (policy && !policy->fixed()) {
    auto mapped = std::make_unique<ep::MappedWorkload>(simulation_.scheduler, std::move(workload), std::move(policy),
                                                       *use.function.dma);
    use.mapped = mapped.get();
    workload = std::move(mapped);
  }
  use.workload = monitor_.watch(std::move(workload));
}

std::unique_ptr<host::BufferPolicy> Platform::make_policy(host::CpuCore* core, Use& use, host::DmaDomain& domain) {
  const BufferConfig& b = use.config.buffer;
  const std::size_t site_core = core_index(config_, b.core).value();
  return host::BufferPolicies::make(
      b.mapping, host::BufferPolicy::Site{*driver_, domain, *cores_[site_core], use.pieces, *use.function.stats, core});
}

void Platform::start() {
  for (auto& use : uses_) use->function.dma->drive(*use->workload);
  if (player_) player_->start();
}

void Platform::stop_issuing() {
  for (const auto& e : endpoints_) e->stop_issuing();
  for (const auto& use : uses_) {
    if (use->mapped != nullptr) use->mapped->stop();
  }
  if (player_) player_->stop_issuing();
}

bool Platform::quiescent() const {
  if (simulation_.pool.live() != 0) return false;
  if (unit_ && !unit_->quiescent()) return false;
  if (player_ && !player_->quiescent()) return false;
  const auto idle = [](const auto& core) { return core->idle(); };
  const auto quiet = [](const auto& e) { return e->quiescent(); };
  return std::all_of(cores_.begin(), cores_.end(), idle) && std::all_of(endpoints_.begin(), endpoints_.end(), quiet);
}

void Platform::observe_links(pcie::TlpObserver* observer) {
  for (const auto& e : endpoints_) {
    if (e->link) e->link->observe(observer);
  }
  for (const auto& s : switches_) s->link.observe(observer);
  for (const auto& b : bridges_) b->link.observe(observer);
}

std::string Platform::holders() const {
  std::string text;
  for (const auto& e : endpoints_) text += e->holding();
  if (unit_ && !unit_->quiescent()) text += "  " + unit_->holding() + "\n";
  if (player_ && !player_->quiescent()) text += "  replay: " + player_->holding() + "\n";
  for (std::size_t i = 0; i < cores_.size(); ++i) {
    if (!cores_[i]->idle()) text += "  " + config_.cores[i].name + ": a driver task\n";
  }
  return text + simulation_.pool.leak_report();
}

void Platform::rethrow_failure() const {
  for (const auto& core : cores_) core->rethrow_failure();
  if (player_) player_->rethrow_failure();
}

}  // namespace iommusim::platforms
