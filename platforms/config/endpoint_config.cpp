#include "platforms/config/endpoint_config.h"

#include "models/base/bdf.h"

namespace iommusim::platforms {

const char* const kNameRule =
    "must be a small letter followed by small letters, digits or underscores, 32 characters at most, e.g. nic0";

bool is_name(const std::string& text) {
  if (text.empty() || text.size() > 32 || text[0] < 'a' || text[0] > 'z') return false;
  for (const char c : text) {
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) return false;
  }
  return true;
}

const base::Fields<EndpointConfig>& EndpointConfig::fields() {
  static const base::Fields<EndpointConfig> f =
      base::Fields<EndpointConfig>("endpoint", "PCIe endpoint behind a root port of its own")
          .field("name", &EndpointConfig::name, "Name in results and references")
          .required()
          .field("bdf", &EndpointConfig::bdf, "Bus, device and function: its requester ID")
          .required()
          .field("bar_size", &EndpointConfig::bar_size, "Size of its register window")
          .range("4 KiB", "1 GiB")
          .power_of_two()
          .field("bar", &EndpointConfig::bar, "Address of its register window")
          .word("auto", 0)
          .object("link", &EndpointConfig::link, "Link to its root port")
          .object("buffer", &EndpointConfig::buffer,
                  "Receive buffer for requests of CPUs and peers. Completions are not limited (PCIe 5.0 section 2.6.1)")
          .object("dma", &EndpointConfig::dma, "DMA engine")
          .check([](const EndpointConfig& c, base::Report& r) {
            if (!is_name(c.name)) r.error("name", kNameRule);
            if (c.bdf.value() == 0)
              r.error("bdf", "00:00.0 is the host bridge; an endpoint needs another BDF, e.g. \"01:00.0\"");
            if (c.bar.value() % c.bar_size.value() != 0) {
              r.error("bar", "must be a multiple of bar_size (" + base::to_text(c.bar_size) + ")");
            }
          });
  return f;
}

}  // namespace iommusim::platforms
