#include "models/endpoints/trace/header.h"

#include <array>
#include <utility>

#include "models/base/bdf.h"
#include "models/endpoints/trace/codec.h"
#include "models/endpoints/trace/fields.h"

namespace iommusim::ep {
namespace {

constexpr std::array<std::pair<DomainType, const char*>, 6> types{{{DomainType::unknown, "unknown"},
                                                                   {DomainType::identity, "identity"},
                                                                   {DomainType::dma, "DMA"},
                                                                   {DomainType::dma_fq, "DMA-FQ"},
                                                                   {DomainType::unmanaged, "unmanaged"},
                                                                   {DomainType::blocked, "blocked"}}};
constexpr std::size_t max_devices = 4096;  // of one trace: bounds the memory a hostile header can take

std::string one_line(std::string text) {
  for (char& c : text)
    if (c == '\n' || c == '\0') c = ' ';
  return text;
}

std::string hex(std::uint64_t value) {
  std::string digits;
  do digits.insert(digits.begin(), "0123456789abcdef"[value & 15]);
  while (value >>= 4);
  return digits;
}

std::optional<std::string> decode_device(Words words, TraceHeader& header) {
  TraceDevice d;
  for (base::Bdf* bdf : {&d.bdf, &d.requester}) {
    const auto value = parse_number(words.next(), 16);
    if (!value || *value > 0xffff) return "a device needs two requester ids of 16 bits";
    *bdf = base::Bdf(static_cast<std::uint16_t>(*value));
  }
  for (std::uint16_t* id : {&d.vendor, &d.device, &d.class_code}) {
    const auto value = parse_number(words.next(), 16);
    if (!value || *value > 0xffff) return "a device needs vendor, device and class of 16 bits";
    *id = static_cast<std::uint16_t>(*value);
  }
  const auto group = parse_number(words.next(), 10);
  if (!group || *group > 0xffffffff) return "a device needs a group number";
  d.group = static_cast<std::uint32_t>(*group);
  const std::string type(words.next());
  d.type = domain_type_from(type);
  if (d.type == DomainType::unknown && type != "unknown") return "'" + type.substr(0, 40) + "' is no domain type";
  const auto domain = words.next();
  if (domain != "-") {
    const auto value = parse_number(domain, 10);
    if (!value || *value >= no_domain.value()) return "a device needs a domain id or -";
    d.domain = base::DomainId(static_cast<std::uint32_t>(*value));
  }
  if (!words.done()) return "a device has more fields than version 1 knows";
  if (header.devices.size() >= max_devices) return "more than " + std::to_string(max_devices) + " devices";
  header.devices.push_back(d);
  return std::nullopt;
}

}  // namespace

const char* domain_type_name(DomainType type) {
  for (const auto& [value, name] : types)
    if (value == type) return name;
  return "unknown";
}

DomainType domain_type_from(const std::string& name) {
  for (const auto& [value, known] : types)
    if (name == known) return value;
  return DomainType::unknown;
}

std::string encode_header(const TraceHeader& h) {
  static const char* const kinds[] = {"none", "vtd", "virtio"};
  std::string out = "iommusim-trace " + std::to_string(h.version) + "\n";
  out += "name " + one_line(h.name) + "\nkernel " + one_line(h.kernel) + "\nrecorder " + one_line(h.recorder) + "\n";
  out += std::string("iommu ") + kinds[static_cast<int>(h.iommu)] + "\n";
  out += "page_mask_bits " + std::to_string(h.page_mask_bits) + "\n";
  out += std::string("resets_recorded ") + (h.resets_recorded ? "yes" : "no") + "\n";
  out += "unit_clock_start " + std::to_string(h.unit_clock_start) + "\n";
  for (const auto& d : h.devices) {
    out += "device " + hex(d.bdf.value()) + " " + hex(d.requester.value()) + " " + hex(d.vendor) + " " + hex(d.device) +
           " " + hex(d.class_code) + " " + std::to_string(d.group) + " " + domain_type_name(d.type) + " " +
           (d.domain == no_domain ? "-" : std::to_string(d.domain.value())) + "\n";
  }
  return out + "begin\n";
}

std::optional<std::string> decode_header_line(std::string_view line, bool first, TraceHeader& h, bool& complete) {
  Words words(line);
  const auto key = words.next();
  std::string_view rest = words.rest();
  if (!rest.empty()) rest.remove_prefix(1);
  if (first) {
    if (key != "iommusim-trace") return "this is no iommusim trace: it does not begin with 'iommusim-trace 1'";
    if (rest != std::to_string(TraceHeader::current_version))
      return "trace version '" + std::string(rest.substr(0, 20)) + "', this program reads version " +
             std::to_string(TraceHeader::current_version) + ": import the capture again";
    return std::nullopt;
  }
  if (key == "begin") return complete = true, std::nullopt;
  if (key == "name") return h.name = std::string(rest), std::nullopt;
  if (key == "kernel") return h.kernel = std::string(rest), std::nullopt;
  if (key == "recorder") return h.recorder = std::string(rest), std::nullopt;
  if (key == "device") return decode_device(Words(rest), h);
  if (key == "iommu") {
    if (rest == "none")
      h.iommu = TraceIommu::none;
    else if (rest == "vtd")
      h.iommu = TraceIommu::vtd;
    else if (rest == "virtio")
      h.iommu = TraceIommu::virtio;
    else
      return "'" + std::string(rest.substr(0, 40)) + "' is no kind of IOMMU (none, vtd, virtio)";
    return std::nullopt;
  }
  if (key == "resets_recorded") {
    if (rest != "yes" && rest != "no") return "resets_recorded is yes or no";
    h.resets_recorded = rest == "yes";
    return std::nullopt;
  }
  const auto number = parse_number(rest, 10);
  if (key == "page_mask_bits") {
    if (!number || *number < 1 || *number > 64) return "page_mask_bits is 1 to 64";
    h.page_mask_bits = static_cast<unsigned>(*number);
    return std::nullopt;
  }
  if (key == "unit_clock_start") {
    if (!number) return "unit_clock_start is a number of ns";
    h.unit_clock_start = *number;
    return std::nullopt;
  }
  return "'" + std::string(key.substr(0, 40)) + "' is no header line of version 1";
}

}  // namespace iommusim::ep
