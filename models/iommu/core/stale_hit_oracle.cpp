#include "models/iommu/core/stale_hit_oracle.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "models/base/bdf.h"
#include "models/iommu/core/memory_access.h"
#include "models/iommu/core/requesters.h"
#include "models/tlm/error.h"

namespace iommusim::iommu {

namespace {
const char* const kOfRequester = "IOTLB hits on mappings that software had cleared, of this requester or process";
}  // namespace

/// Memory as the walk port sees it, for looking only: what a walk would write (accessed and dirty bits) is not.
class StaleHitOracle::Tables final : public TableMemory {
 public:
  Tables(tlm::Context& context, tlm::InitiatorPort& port) : context_(context), port_(port) {}
  /// Nothing if there is no memory.
  std::optional<std::uint64_t> read(Hpa address) {
    std::uint64_t value = 0;
    tlm::Payload& p =
        memory_read(context_, address, reinterpret_cast<unsigned char*>(&value), sizeof value, tlm::Traffic::walk, 0);
    const bool ok = port_.debug(p) == sizeof value;
    p.release();
    return ok ? std::optional<std::uint64_t>(value) : std::nullopt;
  }
  std::uint64_t read64(Hpa address) override { return read(address).value_or(0); }
  void write64(Hpa, std::uint64_t) override {}
  Hpa allocate(std::uint64_t) override { tlm::internal_error("stale-hit oracle", "a walk allocates no tables"); }
  void release(Hpa, std::uint64_t) override {}

 private:
  tlm::Context& context_;
  tlm::InitiatorPort& port_;
};

StaleHitOracle::StaleHitOracle(tlm::Context& context, Architecture& architecture, tlm::InitiatorPort& walk,
                               base::Group& stats, base::Group& requesters)
    : tables_(std::make_unique<Tables>(context, walk)), uncached_(architecture, *tables_), requesters_(requesters) {
  uncached_.counts_events = false;
  uncached_.set_access([this](Hpa address, unsigned, bool) {
    return tables_->read(address.align_down(8)) ? MemoryStatus::ok : MemoryStatus::refused;
  });
  add(stats.group("stale_hits"), hits, "IOTLB hits on mappings that software had cleared");
  add(stats.group("stale_walks"), walks, "Walks that ended in mappings that software had cleared");
}

StaleHitOracle::~StaleHitOracle() = default;

bool StaleHitOracle::Call::covers(const Request& r) const {
  const bool inside = bytes == kEverything || (r.address >= first && r.address - first < bytes);
  return inside && std::find(sources.begin(), sources.end(), r.source) != sources.end();
}

void StaleHitOracle::unmap_begins(std::uint64_t domain, const std::vector<SourceId>& sources, Iova first,
                                  std::uint64_t bytes) {
  calls_.push_back({domain, sources, first.value(), bytes});
}

void StaleHitOracle::unmap_ends(std::uint64_t domain, Iova first, std::uint64_t bytes) {
  const auto it = std::find_if(calls_.begin(), calls_.end(), [&](const Call& c) {
    return c.domain == domain && c.first == first.value() && c.bytes == bytes;
  });
  if (it == calls_.end()) tlm::internal_error("stale-hit oracle", "an unmap ends that has not begun");
  calls_.erase(it);
}

void StaleHitOracle::translated(const Request& request, const Outcome& outcome) {
  if (request.debug || live(request, outcome)) return;
  const bool during =
      std::any_of(calls_.begin(), calls_.end(), [&request](const Call& c) { return c.covers(request); });
  const auto note = [during](Count& c) { ++(during ? c.during_unmap : c.after_unmap); };
  note(outcome.iotlb_hit ? hits : walks);
  if (!outcome.iotlb_hit) return;
  Device& device = of(request.source);
  note(device.hits);
  Count* const process = request.has_pasid ? of_process(device, request) : nullptr;
  if (process != nullptr) note(*process);
}

// A mapping is live if the tables still lead to the same byte with the rights asked for.
bool StaleHitOracle::live(const Request& request, const Outcome& outcome) {
  const Resolution now = uncached_.resolve(request);
  return now.outcome == Resolution::Outcome::translated && now.output.value() == outcome.address;
}

StaleHitOracle::Device& StaleHitOracle::of(SourceId source) {
  const auto [it, made] = devices_.try_emplace(source);
  if (made) add(requesters_.group(base::to_text(source)).group("stale_hits"), it->second.hits, kOfRequester);
  return it->second;
}

StaleHitOracle::Count* StaleHitOracle::of_process(Device& device, const Request& request) {
  const auto known = device.processes.find(request.pasid);
  if (known != device.processes.end()) return known->second.get();
  if (device.processes.size() == Requesters::kMostProcesses) return nullptr;
  Count& made = *(device.processes[request.pasid] = std::make_unique<Count>());
  base::Group& group = Requesters::process_group(requesters_.group(base::to_text(request.source)), request.pasid);
  add(group.group("stale_hits"), made, kOfRequester);
  return &made;
}

const StaleHitOracle::Count* StaleHitOracle::hits_of(SourceId source) const {
  const auto it = devices_.find(source);
  return it == devices_.end() ? nullptr : &it->second.hits;
}

void StaleHitOracle::add(base::Group& group, Count& count, const char* what) {
  group.add("during_unmap", count.during_unmap, "1", std::string(what) + ", by a call that had not returned");
  group.add("after_unmap", count.after_unmap, "1", std::string(what) + ", by a call that had returned");
}

}  // namespace iommusim::iommu
