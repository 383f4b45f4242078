// Reading ahead, order, the end. What a record becomes: player_records.cpp; how it runs: player_driver.cpp,
// player_device.cpp.
#include "models/endpoints/trace/player.h"

#include <fmt/format.h>

#include <algorithm>

#include "models/base/bdf.h"
#include "models/base/error.h"

namespace iommusim::ep {

TracePlayer::TracePlayer(::sc_core::sc_module_name name, tlm::Context& context, const TracePlayerConfig& config,
                         Machine machine)
    : Module(name, context),
      config_(config),
      machine_(std::move(machine)),
      pump_(context.scheduler, std::string(this->name()) + ".pump", tlm::delegate<&TracePlayer::pump>(this)) {
  reader_.open(config_.file);
  check_devices();
  add_metrics();
}

void TracePlayer::check_devices() {
  std::string missing;
  for (const TraceDevice& d : reader_.header().devices) {
    // Without translated accesses it may make others: prepare_access() asks for it. The host bridge makes none.
    if (d.domain == no_domain || d.requester == base::Bdf()) continue;
    if (machine_.engine(d.requester) == nullptr && missing.find(base::to_text(d.requester)) == std::string::npos) {
      missing += (missing.empty() ? "" : ", ") + base::to_text(d.requester);
    }
  }
  if (!missing.empty()) {
    throw base::UserError(
        fmt::format("{}: the trace needs endpoints with the requester ids {}; the platform has none of them",
                    config_.file, missing));
  }
}

TracePlayer::Device& TracePlayer::device(base::Bdf requester) {
  Device& d = devices_[requester];
  if (d.engine == nullptr) d.engine = machine_.engine(requester);
  return d;
}

void TracePlayer::start() {
  started_ = true;
  begin_ = now();
  try {
    attach_devices();
  } catch (const std::logic_error& e) {
    throw base::UserError(config_.file + ": the devices of its header: " + e.what());
  }
  if (as_recorded()) add_synthetic_translation(false);
  wake_at(now());
}

void TracePlayer::attach_devices() {
  if (machine_.driver != nullptr) {
    for (const TraceDevice& d : reader_.header().devices) {
      Device& device = this->device(d.requester);
      if (device.engine == nullptr) continue;
      const auto source = base::make_source_id(0, d.requester);
      if (!as_recorded()) {
        if (device.domain != nullptr) continue;
        device.domain =
            &machine_.driver->create_domain(config_.domain == ReplayDomain::identity ? host::DomainType::identity
                                            : config_.domain == ReplayDomain::dma    ? host::DomainType::dma
                                                                                     : host::DomainType::dma_fq);
        machine_.driver->attach(source, *device.domain);
      } else if (d.type == DomainType::identity || d.domain != no_domain) {
        machine_.driver->attach(source, domain_of_type(d.domain, d.type));
      }
    }
  }
}

void TracePlayer::wake_at(base::Time at) {
  if (!pump_.armed() || at < pump_.due()) pump_.arm(at);
}

void TracePlayer::pump() {
  try {
    do {
      read_ahead();
      if (machine_.core != nullptr) start_driver();
      start_devices();
    } while (!items_.empty() && items_.front().done && (retire(), true));
  } catch (const base::UserError&) {
    failure_ = std::current_exception();
    ended_ = true;
    scheduler().stop();
    return;
  }
  if (ended_ && items_.empty() && !finished_ && !closing_) {
    closing_ = true;
    if (as_recorded() && invalidations_.value() != 0) {
      // A descriptor the unit refuses stops its queue: that must not pass for a replay.
      machine_.core->submit([this](host::CpuCore& core) {
        machine_.driver->queue().wait_taken(core);
        finish();
      });
    } else {
      finish();
    }
  }
}

void TracePlayer::finish() {
  finished_ = true;
  if (on_finished_) on_finished_();
}

base::UserError TracePlayer::located(const TraceRecord& r, const std::string& what) const {
  return base::UserError(fmt::format("{}: record {} of line {} of the {} log: {}", config_.file,
                                     static_cast<char>(r.kind), r.line,
                                     r.side == TraceSide::unit ? "unit's" : "kernel's", what));
}

void TracePlayer::read_ahead() {
  const std::size_t window = config_.pace == Pace::serial ? 1 : config_.window;
  TraceRecord record;
  while (!ended_ && items_.size() < window) {
    if (!reader_.next(record)) {
      while (!open_groups_.empty()) issue_group(open_groups_.front());
      ended_ = true;
      return;
    }
    ++records_;
    try {
      prepare(record);
    } catch (const std::logic_error& e) {
      throw located(record, e.what());  // the trace contradicts itself
    }
  }
}

TracePlayer::Item& TracePlayer::add(const TraceRecord& record, Item::Role role) {
  items_.emplace_back();
  Item& item = items_.back();
  item.record = record;
  item.sequence = next_sequence_++;
  item.role = role;
  item.done = role == Item::Role::note;
  item.due = begin_;
  if (config_.pace == Pace::recorded) {
    const double scaled = static_cast<double>(record.time) * 1e3 * config_.time_scale;
    if (scaled > 1e18) throw located(record, "its time, scaled, is beyond eleven days");
    item.due = begin_ + base::Time::ps(static_cast<std::uint64_t>(scaled));
  }
  if (role == Item::Role::driver) {
    driver_items_.push_back(&item);
    if (is_barrier(record)) barriers_.push_back(item.sequence);
  }
  return item;
}

// Takes finished records off the front, in file order, and reports them.
void TracePlayer::retire() {
  while (!items_.empty() && items_.front().done) {
    Item& item = items_.front();
    if (config_.pace == Pace::serial && reader_.header().iommu == TraceIommu::vtd) compare_drops(item);
    if (!item.synthetic && observer_ != nullptr) observer_->replayed(item.record);
    items_.pop_front();
  }
}

// The recorder announces each reset on the line after the access that caused it.
void TracePlayer::compare_drops(const Item& item) {
  const TraceRecord& r = item.record;
  const bool missed = drop_line_ != 0 && reader_.header().resets_recorded;
  if (r.kind == TraceKind::access && item.drops != drops_noted_) {
    if (missed) ++reset_differs_;
    drops_noted_ = item.drops;
    drop_line_ = r.line;
  } else if (r.kind == TraceKind::iotlb_reset) {
    if (drop_line_ == 0 || drop_line_ + 1 != r.line) ++reset_differs_;
    drop_line_ = 0;
  } else if (r.kind == TraceKind::access && missed) {
    ++reset_differs_;
    drop_line_ = 0;
  }
}

std::string TracePlayer::holding() const {
  if (quiescent()) return "";
  const TraceRecord& r = items_.front().record;
  return fmt::format("{}: {} records in flight, the oldest of kind {} from line {} of the {} log", name(),
                     items_.size(), static_cast<char>(r.kind), r.line,
                     r.side == TraceSide::unit ? "unit's" : "kernel's");
}

void TracePlayer::add_metrics() {
  base::Group& g = stats();
  g.add("records", records_, "1", "Trace records read");
  g.add("accesses", accesses_, "1", "Recorded DMAs replayed");
  g.add("maps", maps_, "1", "Map operations replayed, mappings older than the trace apart");
  g.add("unmaps", unmaps_, "1", "Unmap operations replayed");
  g.add("invalidations", invalidations_, "1", "Recorded queue descriptors replayed");
  g.add("interrupts", interrupts_, "1", "Interrupt messages replayed");
  g.add(
      "premapped_pages", premapped_pages_, "1",
      "Pages mapped before their first use because the recording had no mapping for them (recorded as passed through)");
  g.add("unattributed_maps", unattributed_, "1",
        "Recorded maps of no known device or domain: left out under another domain type");
  g.add("refused", refused_, "1", "Replayed DMAs that faulted, recorded faults apart");
  g.add("outcome_differs", outcome_differs_, "1", "DMAs whose IOTLB hit or miss was not the recorded one");
  g.add("reset_differs", reset_differs_, "1",
        "Recorded IOTLB resets before which the IOTLB had not just emptied itself");
  g.add("lag", lag_, "ps", "Start of an access after its recorded time (pace recorded; dependencies and congestion)");
}

}  // namespace iommusim::ep
