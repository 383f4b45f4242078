#include "experiments/import/capture.h"

#include <sys/stat.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <fstream>
#include <map>

#include "models/base/bdf.h"
#include "models/base/error.h"
#include "models/endpoints/trace/fields.h"

namespace iommusim::importer {
namespace {

constexpr std::uint16_t class_pci_bridge = 0x0604;  // PCI Code and ID Assignment: bridge, PCI-to-PCI

bool is_file(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode);
}

[[noreturn]] void fail(const std::string& path, int line, const std::string& what) {
  throw base::UserError(path + ":" + std::to_string(line) + ": " + what);
}

base::Bdf to_bdf(const std::string& path, int line, const std::string& text) {
  const auto bdf = base::parse_bdf(text);
  if (!bdf.value) fail(path, line, "'" + text + "' is no PCI address");
  return *bdf.value;
}

/// A scalar below `node`, or an error at the position of `node`.
std::string scalar(const std::string& path, const YAML::Node& node, const char* key) {
  const YAML::Node value = node.IsMap() ? node[key] : YAML::Node();
  if (!value || !value.IsScalar()) fail(path, node.Mark().line + 1, std::string("the key '") + key + "' is missing");
  return value.Scalar();
}

ep::TraceDevice read_device(const std::string& path, const YAML::Node& node) {
  ep::TraceDevice device;
  const int line = node.Mark().line + 1;
  device.bdf = device.requester = to_bdf(path, line, scalar(path, node, "bdf"));
  const auto id = scalar(path, node, "id");
  const auto colon = std::min(id.find(':'), id.size());
  const auto vendor = ep::parse_number(id.substr(0, colon), 16);
  const auto number = ep::parse_number(id.substr(std::min(colon + 1, id.size())), 16);
  if (!vendor || !number || *vendor > 0xffff || *number > 0xffff)
    fail(path, line, "'" + id + "' is no vendor:device id");
  device.vendor = static_cast<std::uint16_t>(*vendor);
  device.device = static_cast<std::uint16_t>(*number);
  // lspci -nn writes the class as "[0108]" behind its name.
  const auto name = scalar(path, node, "name");
  const auto open = name.find('[');
  if (open != std::string::npos && name.size() > open + 5 && name[open + 5] == ']')
    if (const auto code = ep::parse_number(name.substr(open + 1, 4), 16))
      device.class_code = static_cast<std::uint16_t>(*code);
  return device;
}

/// "group 2 type=DMA device=0000:00:03.0 driver=nvme id=0x1b36:0x0010" into the device it names.
void read_group_line(const std::string& path, int line, const std::string& text, Capture& capture) {
  ep::Words words(text);
  if (words.next() != "group") fail(path, line, "no group line: '" + text.substr(0, 60) + "'");
  const auto group = ep::parse_number(words.next(), 10);
  if (!group || *group > 0xffffffff) fail(path, line, "a group line without a number");
  std::string type;
  for (auto word = words.next(); !word.empty(); word = words.next()) {
    if (word.substr(0, 5) == "type=") type = std::string(word.substr(5));
    if (word.substr(0, 7) != "device=") continue;
    const auto bdf = to_bdf(path, line, std::string(word.substr(7)));
    for (auto& device : capture.header.devices) {
      if (device.bdf != bdf) continue;
      device.group = static_cast<std::uint32_t>(*group);
      device.type = ep::domain_type_from(type);
    }
  }
}

/// A PCIe-to-PCI bridge answers for what is behind it with (secondary bus, device 0, function 0) (PCI Express to
/// PCI/PCI-X Bridge Specification 1.0 section 2.3), and the kernel puts bridge and functions into one group.
void find_aliases(Capture& capture) {
  for (auto& device : capture.header.devices) {
    for (const auto& bridge : capture.header.devices) {
      if (bridge.class_code != class_pci_bridge || bridge.group != device.group) continue;
      if (base::bus_of(bridge.bdf) < base::bus_of(device.bdf))
        device.requester = base::make_bdf(base::bus_of(device.bdf), 0, 0);
    }
  }
}

void read_switch_log(const std::string& path, Capture& capture) {
  std::ifstream in(path);
  std::string line;
  std::uint32_t mark = 0;
  std::map<std::uint32_t, std::string> now;  // last type shown per group
  for (const auto& device : capture.header.devices) now[device.group] = ep::domain_type_name(device.type);
  while (std::getline(in, line)) {
    const std::string needle = "/sys/kernel/iommu_groups/";
    if (line.rfind("MARK ", 0) == 0) {
      if (const auto n = ep::parse_number(line.substr(5, line.find(' ', 5) - 5), 10))
        mark = static_cast<std::uint32_t>(*n);
      continue;
    }
    const auto at = line.find(needle), is = line.find("/type is now: ");
    if (at == std::string::npos || is == std::string::npos || is < at) continue;
    const auto group = ep::parse_number(line.substr(at + needle.size(), is - at - needle.size()), 10);
    const auto from = is + 14;
    const auto type = line.substr(from, line.find(' ', from) - from);
    if (!group || ep::domain_type_from(type) == ep::DomainType::unknown) continue;
    auto& last = now[static_cast<std::uint32_t>(*group)];
    if (last != type)
      capture.type_changes.push_back({mark, static_cast<std::uint32_t>(*group), ep::domain_type_from(type)});
    last = type;
  }
}

/// Whether the event list surely turned on the message of a full IOTLB: the whole family. The one capture that names
/// the single event (multi-nvme-lazy) is documented as "event not traced", so a single name is no proof.
bool resets_recorded(const std::string& path) {
  std::ifstream in(path);
  std::string line;
  while (std::getline(in, line))
    if (line == "vtd_iotlb_*" || line == "vtd_*") return true;
  return false;
}

}  // namespace

const ep::TraceDevice* Capture::device(base::Bdf bdf) const {
  for (const auto& device : header.devices)
    if (device.bdf == bdf) return &device;
  return nullptr;
}

base::Bdf Capture::requester(base::Bdf bdf) const {
  const auto* known = device(bdf);
  return known ? known->requester : bdf;
}

Capture load_capture(const std::string& directory) {
  Capture capture;
  capture.kernel_log = directory + "/ftrace.txt.gz";
  capture.unit_log = directory + "/qemu-trace.log.gz";
  const std::string path = directory + "/META.yaml";
  for (const auto& [file, what] : {std::pair{path, "the description of the capture"},
                                   std::pair{capture.kernel_log, "the kernel's side of the capture"},
                                   std::pair{capture.unit_log, "the unit's side of the capture"}})
    if (!is_file(file)) throw base::UserError(file + ": missing: " + what);
  try {
    const YAML::Node meta = YAML::LoadFile(path);
    if (!meta.IsMap()) fail(path, 1, "not a YAML map");
    auto& header = capture.header;
    header.name = scalar(path, meta, "name");
    for (const char* key : {"kernel", "qemu"})
      if (!meta[key] || !meta[key].IsMap()) fail(path, 1, std::string("the map '") + key + "' is missing");
    header.kernel = scalar(path, meta["kernel"], "release");
    header.recorder = scalar(path, meta["qemu"], "version");
    // QEMU 7.2 keeps the address mask of a page-selective invalidation in 8 bits.
    header.page_mask_bits = header.recorder.rfind("7.2", 0) == 0 ? 8 : 64;
    for (const auto& unit : meta["qemu"]["iommu"]) {
      const auto text = unit.as<std::string>("");
      if (text.rfind("intel-iommu", 0) == 0) header.iommu = ep::TraceIommu::vtd;
      if (text.rfind("virtio-iommu", 0) == 0) header.iommu = ep::TraceIommu::virtio;
    }
    if (!meta["devices"] || !meta["devices"].IsSequence()) fail(path, 1, "the list 'devices' is missing");
    for (const auto& device : meta["devices"]) header.devices.push_back(read_device(path, device));
    for (const auto& group : meta["groups"])
      read_group_line(path, group.Mark().line + 1, group.as<std::string>(""), capture);
  } catch (const YAML::Exception& error) {
    fail(path, error.mark.line + 1, error.msg);
  }
  const std::string before =
      directory + "/iommu_groups_before.txt";  // where types changed, the listing of the beginning
  if (std::ifstream in(before); in) {
    std::string line;
    for (int n = 1; std::getline(in, line); ++n)
      if (!line.empty()) read_group_line(before, n, line, capture);
  }
  find_aliases(capture);
  read_switch_log(directory + "/switch.log", capture);
  capture.header.resets_recorded = resets_recorded(directory + "/qemu-events.txt");
  return capture;
}

}  // namespace iommusim::importer
