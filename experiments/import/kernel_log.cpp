#include "experiments/import/kernel_log.h"

#include <array>
#include <utility>

#include "experiments/import/log_fields.h"
#include "models/base/bdf.h"

namespace iommusim::importer {
namespace {

constexpr std::array<std::pair<std::string_view, KernelKind>, 13> kinds{
    {{"tracing_mark_write", KernelKind::mark},
     {"map_page", KernelKind::map_page},
     {"map_page_ret", KernelKind::map_page_ret},
     {"map_sg", KernelKind::map_sg},
     {"map_sg_ret", KernelKind::map_sg_ret},
     {"alloc", KernelKind::alloc},
     {"unmap_page", KernelKind::unmap_page},
     {"unmap_sg", KernelKind::unmap_sg},
     {"free", KernelKind::free},
     {"map", KernelKind::map},
     {"unmap", KernelKind::unmap},
     {"attach_device_to_domain", KernelKind::attach},
     {"qi_submit", KernelKind::submit}}};

/// What stands in front of the event's name: "COMM-PID [CPU] FLAGS SECONDS: ". COMM may hold blanks, colons and
/// brackets, so the first place where the whole pattern fits counts.
struct Front {
  std::uint32_t pid = 0, cpu = 0;
  char level = '.';
  std::uint64_t time = 0;
  std::string_view rest;
};

bool split(std::string_view line, Front& front) {
  for (std::size_t at = line.find(" ["); at != std::string_view::npos; at = line.find(" [", at + 1)) {
    auto before = line.substr(0, at);
    before.remove_suffix(before.size() - (before.find_last_not_of(' ') + 1));
    const auto dash = before.rfind('-');
    const auto close = line.find(']', at);
    if (dash == std::string_view::npos || close == std::string_view::npos) continue;
    const auto pid = ep::parse_number(before.substr(dash + 1), 10),
               cpu = ep::parse_number(line.substr(at + 2, close - at - 2), 10);
    if (!pid || !cpu || *pid > 0xffffffff || *cpu > 0xffff) continue;
    ep::Words words(line.substr(close + 1));
    const auto flags = words.next(), stamp = words.next();
    if (flags.size() < 4 || flags.size() > 6 || stamp.empty() || stamp.back() != ':') continue;
    const auto time = parse_seconds(stamp.substr(0, stamp.size() - 1));
    if (!time) continue;
    front.pid = static_cast<std::uint32_t>(*pid);
    front.cpu = static_cast<std::uint32_t>(*cpu);
    // h, H (hard irq inside soft irq), Z and z (NMI) are levels of their own; S is soft irq inside nothing else
    front.level = flags[2];
    front.time = *time;
    front.rest = words.rest();
    if (!front.rest.empty()) front.rest.remove_prefix(1);
    return true;
  }
  return false;
}

/// "iova=0x... - 0x... paddr=0x... size=N": the end is exclusive; older kernels print none.
bool parse_range(std::string_view details, bool map, KernelEvent& event) {
  const auto iova = number_after(details, "iova=");
  const auto size = number_after(details, "size=");
  const auto paddr = number_after(details, "paddr=");
  if (!iova || !size || (map && !paddr)) return false;
  if (const auto end = number_after(details, "- ")) {
    if (*end - *iova != *size) return false;
  }
  event.iova = *iova;
  event.size = *size;
  event.paddr = paddr.value_or(0);
  return true;
}

bool parse_call(std::string_view details, KernelEvent& event) {
  auto name = value_after(details, "dev=");
  if (name.size() < 2 || name.front() != '"' || name.back() != '"') return false;
  const auto bdf = base::parse_bdf(std::string(name.substr(1, name.size() - 2)));
  if (!bdf.value) return false;
  event.device = *bdf.value;
  event.size = number_after(details, "size=").value_or(0);
  event.offset = number_after(details, "off=").value_or(0);
  event.iova = number_after(details, "dma=").value_or(0);
  event.count = static_cast<std::uint32_t>(number_after(details, "nents=").value_or(0));
  event.direction = static_cast<std::uint32_t>(number_after(details, "dir=").value_or(0));
  return event.direction <= 2;
}

}  // namespace

bool KernelLog::next(KernelEvent& event) {
  std::string_view line;
  while (lines_.next(line)) {
    if (line.empty() || line[0] == '#') continue;
    if (parse(line, event)) return true;
    ++ignored_;
  }
  return false;
}

bool KernelLog::parse(std::string_view line, KernelEvent& event) {
  Front front;
  if (!split(line, front))
    lines_.fail("no line of ftrace (COMM-PID [CPU] FLAGS SECONDS: EVENT: ...): '" + std::string(line.substr(0, 60)) +
                "'");
  const auto colon = front.rest.find(':');
  if (colon == std::string_view::npos) lines_.fail("an ftrace line without an event name");
  const auto name = front.rest.substr(0, colon);
  const KernelKind* kind = nullptr;
  for (const auto& [known, value] : kinds)
    if (name == known) kind = &value;
  if (!kind) return false;
  auto details = front.rest.substr(colon + 1);
  if (!details.empty() && details[0] == ' ') details.remove_prefix(1);
  if (front.time < last_) lines_.fail("the kernel's clock runs backwards here");
  last_ = front.time;
  event = KernelEvent{};
  event.kind = *kind;
  event.time = front.time;
  event.line = lines_.line();
  event.cpu = front.cpu;
  event.pid = front.pid;
  event.level = front.level;
  bool good = true;
  switch (*kind) {
    case KernelKind::mark: {
      ep::Words words(details);
      if (words.next() != "MARK") return false;  // somebody else's marker
      const auto number = ep::parse_number(words.next(), 10);
      good = number && *number <= 0xffffffff;
      if (good) event.number = static_cast<std::uint32_t>(*number);
      event.text = words.rest().empty() ? "" : std::string(words.rest().substr(1));
      break;
    }
    case KernelKind::map: good = parse_range(details, true, event); break;
    case KernelKind::unmap: good = parse_range(details, false, event); break;
    case KernelKind::map_page_ret: event.iova = number_after(details, "dma=").value_or(0); break;
    case KernelKind::map_sg_ret: break;
    case KernelKind::attach: {
      const auto bdf = base::parse_bdf(std::string(value_after(details, "device=")));
      good = bdf.value.has_value();
      if (good) event.device = *bdf.value;
      break;
    }
    case KernelKind::submit: {  // "iotlb_inv dmar0: QW0 QW1 QW2 QW3"
      ep::Words words(details);
      words.next();
      words.next();
      const auto low = ep::parse_number(words.next(), 16), high = ep::parse_number(words.next(), 16);
      good = low && high;
      if (good) event.descriptor = {*low, *high};
      break;
    }
    default: good = parse_call(details, event);
  }
  if (!good)
    lines_.fail("the details of '" + std::string(name) + "' are not understood: '" +
                std::string(details.substr(0, 80)) + "'");
  if ((*kind == KernelKind::map || *kind == KernelKind::unmap) &&
      (event.size == 0 || ((event.size | event.iova | event.paddr) & 0xfff) ||
       event.iova + event.size - 1 < event.iova))
    lines_.fail("a mapping that is not made of whole 4 KiB pages");
  return true;
}

}  // namespace iommusim::importer
