// Construction, boot and interrupts. Domains: domains.cpp; mappings: mapping.cpp.
#include "models/host/iommu_driver.h"

#include <stdexcept>
#include <utility>

namespace iommusim::host {

const base::Fields<IommuDriverConfig>& IommuDriverConfig::fields() {
  using Config = IommuDriverConfig;
  static const base::Fields<Config> f =
      base::Fields<Config>("iommu_driver", "Driver and DMA mapping layer of a remapping unit")
          .field("boot", &Config::boot, "Set-up and first mappings: written before time starts, or by the first core",
                 {{"instant", Boot::instant}, {"timed", Boot::timed}})
          .field("levels", &Config::levels, "Levels of page tables: 3, 4 or 5")
          .range(3u, 5u)
          .field("max_page", &Config::max_page, "Largest page used for mappings; 4 KiB switches superpages off")
          .range("4 KiB", "1 GiB")
          .power_of_two()
          .field("iova_limit", &Config::iova_limit,
                 "Addresses are allocated downward from here, above it when that is full")
          .source("32-bit addresses first for PCI devices (Linux iommu_dma_alloc_iova)")
          .field("interrupt_remapping", &Config::interrupt_remapping, "Devices' MSIs are remapped by the unit")
          .field("dma_policy", &Config::dma_policy, "Invalidation policy of domains of type DMA")
          .field("dma_fq_policy", &Config::dma_fq_policy, "Invalidation policy of domains of type DMA-FQ")
          .field("map_cost", &Config::map_cost, "Core time of a map operation, besides its traffic")
          .at_most("1 ms")
          .field("unmap_cost", &Config::unmap_cost, "Core time of an unmap operation, besides its traffic")
          .at_most("1 ms")
          .object("invalidation", &Config::invalidation, "Invalidation policies' parameters")
          .object("queue", &Config::queue, "Invalidation queue")
          .object("domain_lock", &Config::domain_lock, "Lock of a domain's page tables")
          .check([](const Config& c, base::Report& r) {
            if (!InvalidationPolicies::has(c.dma_policy))
              r.error("dma_policy", InvalidationPolicies::unknown(c.dma_policy));
            if (!InvalidationPolicies::has(c.dma_fq_policy))
              r.error("dma_fq_policy", InvalidationPolicies::unknown(c.dma_fq_policy));
            if (c.iova_limit.value() < (1u << 20) || c.iova_limit.offset_in(4096) != 0)
              r.error("iova_limit", "must be a multiple of 4 KiB and at least 1 MiB, e.g. 0x100000000");
          });
  return f;
}

IommuDriver::IommuDriver(::sc_core::sc_module_name name, tlm::Context& context, const IommuDriverConfig& config,
                         std::unique_ptr<iommu::Driver> hardware, Hpa registers, mem::FrameAllocator& frames,
                         std::vector<CpuCore*> cores, InterruptRegion& interrupts)
    : Module(name, context),
      config_(config),
      hardware_(std::move(hardware)),
      registers_(registers),
      frames_(frames),
      cores_(std::move(cores)),
      interrupts_(interrupts),
      instant_(context, cores_.at(0)->port, frames),
      queue_(stats().group("queue"), *hardware_, registers, config.queue),
      structures_(LockConfig{}),
      wake_ups_(context.scheduler, std::string(this->name()) + ".wake_ups", tlm::delegate<&IommuDriver::fire>(this)) {
  stats().add("maps", maps_, "1", "Map operations");
  stats().add("unmaps", unmaps_, "1", "Unmap operations");
  stats().add("mapped", mapped_bytes_, "B", "Bytes mapped");
  stats().add("unmapped", unmapped_bytes_, "B", "Bytes unmapped");
  stats().add("map_time", map_time_, "ps", "Map operation on a core, from call to return");
  stats().add("unmap_time", unmap_time_, "ps",
              "Unmap operation on a core, its invalidation included where it waits for that");
  stats().add("attaches", attaches_, "1", "Sources attached to a domain");
  stats().add("detaches", detaches_, "1", "Sources detached from a domain");
  stats().add("type_switches", switches_, "1", "Changes of a domain's type at run time");
  stats().add("event_interrupts", event_interrupts_, "1", "Interrupts of the unit's own: faults, queue errors");
  structures_.register_stats(stats(), "structures_lock", "device tables and interrupt entries");
  policy_stats_.register_with(stats().group("invalidation"));
}

iommu::TableMemory& IommuDriver::memory(CpuCore* core) {
  if (core == nullptr) return instant_;
  auto& view = timed_[core];
  if (!view) view = std::make_unique<TimedTableMemory>(*core, frames_);
  return *view;
}

// --- boot

std::vector<iommu::RegisterWrite> IommuDriver::set_up(iommu::TableMemory& memory) {
  std::vector<iommu::RegisterWrite> writes = hardware_->set_up(memory, config_.queue.entries);
  queue_.set_up(memory);
  const auto append = [&](const std::vector<iommu::RegisterWrite>& more) {
    writes.insert(writes.end(), more.begin(), more.end());
  };
  append(hardware_->route_events(interrupts_.connect(*cores_[0], [this](Time) { ++event_interrupts_; })));
  append(hardware_->enable(config_.interrupt_remapping));
  return writes;
}

void IommuDriver::boot(const WriteRegister& write_now) {
  for (const iommu::RegisterWrite& w : set_up(instant_)) write_now(w);
}

void IommuDriver::boot(CpuCore& core) {
  for (const iommu::RegisterWrite& w : set_up(memory(&core))) core.mmio_write(registers_ + w.offset, w.value, w.bytes);
}

void IommuDriver::set_translation(CpuCore& core, bool on) {
  for (const iommu::RegisterWrite& w :
       on ? hardware_->enable(config_.interrupt_remapping) : hardware_->disable_translation()) {
    core.mmio_write(registers_ + w.offset, w.value, w.bytes);
  }
}

// --- interrupts

iommu::InterruptMessage IommuDriver::set_interrupt(CpuCore* core, SourceId source, CpuCore& target,
                                                   InterruptRegion::Handler handler) {
  const iommu::InterruptMessage direct = interrupts_.connect(target, std::move(handler));
  if (!config_.interrupt_remapping) return direct;
  const std::uint32_t index = next_interrupt_++;
  if (core == nullptr) return hardware_->set_interrupt(instant_, index, source, direct);
  iommu::InterruptMessage message;
  {
    Lock::Guard guard(structures_, *core);
    message = hardware_->set_interrupt(memory(core), index, source, direct);
  }
  iommu::Invalidation i;
  i.kind = iommu::Invalidation::Kind::interrupt_entries;
  i.index = index;
  queue_.invalidate(*core, {i});
  return message;
}

iommu::InterruptMessage IommuDriver::route_interrupt(SourceId source, CpuCore& target,
                                                     InterruptRegion::Handler handler) {
  return set_interrupt(nullptr, source, target, std::move(handler));
}

iommu::InterruptMessage IommuDriver::route_interrupt(CpuCore& core, SourceId source, CpuCore& target,
                                                     InterruptRegion::Handler handler) {
  return set_interrupt(&core, source, target, std::move(handler));
}

// --- policies' timers

void IommuDriver::fire(WakeUp wake_up) {
  InvalidationPolicy* policy = wake_up.policy;
  wake_up.core->submit([policy](CpuCore& core) { policy->timer(core); });
}

}  // namespace iommusim::host
