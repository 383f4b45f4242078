#include "experiments/import/nvme_decoder.h"

#include <algorithm>

namespace iommusim::importer {
namespace {

constexpr std::uint64_t page = 4096, submission_entry = 64, completion_entry = 16, prp_entry = 8, shadow_bytes = 4;
constexpr std::uint64_t opcode_doorbell_buffer = 0x7c;  // NVMe 2.0 figure 138, Doorbell Buffer Config
constexpr std::uint32_t admin_entries = 64;             // not logged; one page holds 64, Linux uses 32
constexpr std::uint64_t max_segment = 64 << 20;         // bytes; real transfers end at some MiB (MDTS)
constexpr std::size_t max_segments = 65536;
constexpr std::size_t max_completed = 4096, max_unclaimed = 64,
                      max_inflight = 65536;  // bounds for input that never settles them

std::uint64_t to_page_end(std::uint64_t address) { return page - (address & (page - 1)); }

void set_access(ep::TraceRecord& r, ep::AccessClass access, bool write, std::uint64_t bytes) {
  r.access = access;
  r.write = write;
  r.size = std::min(bytes, to_page_end(r.iova.value()));
}

}  // namespace

NvmeDecoder::NvmeDecoder(const std::vector<base::Bdf>& controllers) {
  for (auto bdf : controllers) controllers_[bdf].requester = bdf;
  if (!controllers_.empty()) active_ = &controllers_.begin()->second;
}

void NvmeDecoder::adopt_admin_queues(Controller& controller, std::uint64_t address) {
  const auto own = controller.submission.find(0);
  if (own != controller.submission.end() && controllers_.size() > 1 && address >= own->second.base &&
      address < own->second.base + page)
    return;
  const auto own_completion = controller.completion.find(0);
  if (own_completion != controller.completion.end() && controllers_.size() > 1 &&
      address >= own_completion->second.base && address < own_completion->second.base + page)
    return;
  const auto match = std::find_if(unclaimed_.begin(), unclaimed_.end(), [&](const auto& pair) {
    return (address >= pair.first && address < pair.first + page) ||
           (address >= pair.second && address < pair.second + page);
  });
  if (match == unclaimed_.end()) return;
  const auto pair = *match;
  unclaimed_.erase(match);
  controller.submission.clear();
  controller.completion.clear();
  controller.inflight.clear();
  controller.shadow = controller.event_index = 0;
  controller.command = Command{};
  controller.submission[0] = Ring{pair.first, admin_entries, 0, 0};
  controller.completion[0] = Ring{pair.second, 4 * admin_entries, 0, 0};
}

bool NvmeDecoder::classify_ring(Controller& c, ep::TraceRecord& r) {
  const auto address = r.iova.value();
  for (auto& [id, ring] : c.submission) {
    if (address < ring.base || address >= ring.base + ring.entries * submission_entry) continue;
    c.command = Command{};
    c.command.io = next_io_++;
    c.command.queue = id;
    c.command.fetched = c.command.translated = true;
    active_ = &c;
    r.io = c.command.io;
    set_access(r, ep::AccessClass::sqe, false, submission_entry);
    return true;
  }
  for (auto& [id, ring] : c.completion) {
    if (address < ring.base || address >= ring.base + ring.entries * completion_entry) continue;
    for (auto at = completed_.begin(); at != completed_.end(); ++at) {
      if (at->first != id) continue;
      const auto command = c.inflight.find(*at);
      if (command == c.inflight.end()) continue;
      r.io = c.last_completed = command->second.first;
      c.inflight.erase(command);
      completed_.erase(at);
      break;
    }
    active_ = &c;
    set_access(r, ep::AccessClass::cqe, true, completion_entry);
    return true;
  }
  // Doorbell buffer: tails and heads are read in one page, event indices written in the other (NVMe 2.0 section 5.8).
  if (c.shadow && address >= c.shadow && address < c.shadow + page)
    return set_access(r, ep::AccessClass::shadow_doorbell, false, shadow_bytes), true;
  if (c.event_index && address >= c.event_index && address < c.event_index + page)
    return set_access(r, ep::AccessClass::shadow_doorbell, true, shadow_bytes), true;
  return false;
}

bool NvmeDecoder::classify_data(Command& command, ep::TraceRecord& r) {
  const auto address = r.iova.value();
  if (address >= command.list_begin && address < command.list_end) {
    set_access(r, ep::AccessClass::prp_list, false, command.list_end - address);
    r.io = command.io;
    return true;
  }
  for (auto& segment : command.segments) {
    if (address < segment.begin || address >= segment.end) continue;
    r.io = command.io;
    set_access(r, ep::AccessClass::data, command.write, segment.end - address);
    if (!segment.seen.insert(address).second) {
      r.flags |= ep::trace_flag::probe;
      r.size = 0;
    }
    return true;
  }
  return false;
}

void NvmeDecoder::classify(ep::TraceRecord& r) {
  auto& c = controllers_.at(r.requester);
  adopt_admin_queues(c, r.iova.value());
  if (classify_ring(c, r) || classify_data(c.command, r)) return;
  if (c.command.configures_shadow) {  // the controller copies its tails and heads into the new doorbell buffer
    r.io = c.command.io;
    return set_access(r, ep::AccessClass::shadow_doorbell, true, shadow_bytes);
  }
  set_access(r, ep::AccessClass::unknown, false, page);
  r.flags |= ep::trace_flag::assumed;
}

void NvmeDecoder::derive(const UnitEvent& event, ep::Outcome outcome, ep::AccessClass access, bool write,
                         std::uint64_t address, std::uint64_t bytes, std::uint32_t io,
                         std::vector<ep::TraceRecord>& out) const {
  while (bytes > 0) {
    ep::TraceRecord r;
    r.kind = ep::TraceKind::access;
    r.time = event.time;
    r.line = event.line;
    r.requester = active_->requester;
    r.domain = ep::no_domain;
    r.outcome = outcome;
    r.iova = base::Iova(address);
    r.paddr = base::Hpa(address);
    r.io = io;
    r.flags =
        static_cast<std::uint8_t>(ep::trace_flag::derived | (controllers_.size() > 1 ? ep::trace_flag::assumed : 0));
    set_access(r, access, write, bytes);
    out.push_back(r);
    address += r.size;
    bytes -= r.size;
  }
}

void NvmeDecoder::begin_command(const UnitEvent& event, ep::Outcome physical, std::vector<ep::TraceRecord>& out) {
  const bool io_line = event.kind == UnitKind::nvme_read || event.kind == UnitKind::nvme_write;
  Controller& c = *active_;
  Command& command = c.command;
  const auto cid = static_cast<std::uint32_t>(event.a);
  if (io_line && !command.fetched && command.cid == cid) return;  // the second line about a command already begun
  if (!command.fetched) {
    command = Command{};
    command.io = next_io_++;
    command.queue = io_line ? 1 : static_cast<std::uint32_t>(event.b);
    auto& ring = c.submission[command.queue];
    const auto entries = std::max<std::uint32_t>(ring.entries, 1);
    derive(event, physical, ep::AccessClass::sqe, false, ring.base + submission_entry * (ring.next % entries),
           submission_entry, command.io, out);
    ring.next = (ring.next + 1) % entries;
  }
  command.fetched = false;
  command.cid = cid;
  // Opcode bits 1:0 are the direction: 1 host to controller, 2 controller to host (NVMe 2.0 figure 87).
  command.configures_shadow = event.kind == UnitKind::nvme_admin && event.c == opcode_doorbell_buffer;
  command.write = io_line ? event.kind == UnitKind::nvme_read : (event.c & 3) == 2;
  if (c.inflight.size() > max_inflight) c.inflight.clear();
  c.inflight[{c.submission[command.queue].completion, cid}] = {command.io, command.translated};
}

void NvmeDecoder::finish_command(const UnitEvent& event, ep::Outcome physical, std::vector<ep::TraceRecord>& out) {
  const auto cid = static_cast<std::uint32_t>(event.a), queue = static_cast<std::uint32_t>(event.b);
  Controller& c = *active_;
  const auto command = c.inflight.find({queue, cid});
  if (command == c.inflight.end() || command->second.second) {
    if (completed_.size() >= max_completed) completed_.pop_front();
    completed_.emplace_back(queue, cid);  // its entry will be seen as a translated access
    return;
  }
  auto& ring = c.completion[queue];
  const auto entries = std::max<std::uint32_t>(ring.entries, 1);
  c.last_completed = command->second.first;
  derive(event, physical, ep::AccessClass::cqe, true, ring.base + completion_entry * (ring.next % entries),
         completion_entry, c.last_completed, out);
  ring.next = (ring.next + 1) % entries;
  c.inflight.erase(command);
}

void NvmeDecoder::take(const UnitEvent& event, ep::Outcome physical, std::vector<ep::TraceRecord>& out) {
  if (!active_) return;
  Controller& c = *active_;
  const auto u32 = [](std::uint64_t value) { return static_cast<std::uint32_t>(value); };
  switch (event.kind) {
    case UnitKind::nvme_asq: admin_submission_ = event.a; break;
    case UnitKind::nvme_acq:
      if (unclaimed_.size() >= max_unclaimed) unclaimed_.erase(unclaimed_.begin());
      unclaimed_.emplace_back(admin_submission_, event.a);
      if (controllers_.size() == 1) adopt_admin_queues(c, admin_submission_);
      break;
    case UnitKind::nvme_create_sq: c.submission[u32(event.b)] = Ring{event.a, u32(event.d) + 1, 0, u32(event.c)}; break;
    case UnitKind::nvme_create_cq: c.completion[u32(event.b)] = Ring{event.a, u32(event.d) + 1, 0, 0}; break;
    case UnitKind::nvme_dbbuf:
      c.shadow = event.a;
      c.event_index = event.b;
      break;
    case UnitKind::nvme_doorbell_sq:
    case UnitKind::nvme_doorbell_cq: {
      ep::TraceRecord r;
      r.kind = ep::TraceKind::doorbell;
      r.requester = c.requester;
      r.number = u32(event.a);
      r.value = u32(event.b);
      if (event.kind == UnitKind::nvme_doorbell_cq) r.flags = ep::trace_flag::completion;
      // The size of the admin queue is not logged: a tail that falls back shows where it ended.
      auto& ring = c.submission[r.number];
      if (event.kind == UnitKind::nvme_doorbell_sq && r.number == 0 && r.value == 0 && ring.next > 0)
        ring.entries = ring.next + 1;
      out.push_back(r);
      break;
    }
    case UnitKind::nvme_admin:
    case UnitKind::nvme_io:
    case UnitKind::nvme_read:
    case UnitKind::nvme_write: begin_command(event, physical, out); break;
    case UnitKind::nvme_prp: {  // a: bytes of the first entry, b: bytes in all, c and d: PRP1 and PRP2
      auto& command = c.command;
      if (event.b <= event.a || event.b - event.a <= page) break;
      const auto entries = (event.b - event.a + page - 1) / page;
      command.list_begin = event.d;
      command.list_end = event.d + std::min(entries * prp_entry, to_page_end(event.d));
      if (!command.translated)
        derive(event, physical, ep::AccessClass::prp_list, false, command.list_begin,
               command.list_end - command.list_begin, command.io, out);
      break;
    }
    case UnitKind::nvme_segment:
      if (event.b == 0 || event.b > max_segment || event.a + event.b < event.a ||
          c.command.segments.size() > max_segments)
        break;
      if (c.command.translated)
        c.command.segments.push_back({event.a, event.a + event.b, {}});
      else
        derive(event, physical, ep::AccessClass::data, c.command.write, event.a, event.b, c.command.io, out);
      break;
    case UnitKind::nvme_completion: finish_command(event, physical, out); break;
    case UnitKind::nvme_msix: {
      ep::TraceRecord r;
      r.kind = ep::TraceKind::msi;
      r.requester = c.requester;
      r.number = u32(event.a);
      r.io = c.last_completed;
      out.push_back(r);
      break;
    }
    default: break;
  }
}

}  // namespace iommusim::importer
