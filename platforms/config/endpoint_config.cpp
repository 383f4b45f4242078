#include "platforms/config/endpoint_config.h"

#include "models/base/bdf.h"
#include "platforms/config/switch_use_config.h"

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
      base::Fields<EndpointConfig>("endpoint", "PCIe endpoint: a device with its functions, link and DMA engines")
          .field("name", &EndpointConfig::name, "Name in results and references")
          .required()
          .field("behind", &EndpointConfig::behind, kBehindHelp)
          .object("port", &EndpointConfig::port, kPortHelp)
          .field("bdf", &EndpointConfig::bdf,
                 "Bus, device and function: requester ID of function 0. Without it, the one that its place in the tree "
                 "gives: buses are numbered depth first, as firmware does")
          .word("auto", "ff:1f.7")
          .object(
              "device", &EndpointConfig::device,
              "Its functions: NAME, NAME.f1 and so on, virtual ones NAME.vf0 (NAME.f1.vf0), each a requester with an "
              "engine and registers of its own")
          .field("bar_size", &EndpointConfig::bar_size, "Size of the register window of each function")
          .range("4 KiB", "1 GiB")
          .power_of_two()
          .field("bar", &EndpointConfig::bar,
                 "Address of the register window of function 0; those of the others follow it")
          .word("auto", 0)
          .object("memory", &EndpointConfig::memory,
                  "Memory of function 0 behind a base address register of its own, for peers (buffer.peer) and CPUs")
          .object("link", &EndpointConfig::link, "Link to the port above")
          .object("buffer", &EndpointConfig::buffer,
                  "Receive buffer for requests of CPUs and peers. Completions are not limited (PCIe 5.0 section 2.6.1)")
          .object("dma", &EndpointConfig::dma, "DMA engine")
          .check([](const EndpointConfig& c, base::Report& r) {
            if (!is_name(c.name)) r.error("name", kNameRule);
            if (c.bdf.value() == 0)
              r.error("bdf", "00:00.0 is the host bridge; an endpoint needs another BDF, e.g. \"01:00.0\"");
            if (c.bdf != kAutoBdf && base::function_of(c.bdf) + c.device.functions.size() > 8)
              r.error("device.functions", "a device has eight functions at most, numbered from 0");
            if (c.bar.value() % c.bar_size.value() != 0) {
              r.error("bar", "must be a multiple of bar_size (" + base::to_text(c.bar_size) + ")");
            }
          });
  return f;
}

}  // namespace iommusim::platforms
