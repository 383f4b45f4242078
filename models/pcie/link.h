// A PCIe link: the two directions between two ports, see transmitter.h. Requests and completions of opposite origin
// share the serialiser of their direction (DESIGN section 3 rule 3).
//
// Modelled: PCIe 5.0 sections 2.2 (packet sizes), 2.3.1.1 (completions by RCB), 2.4.1 (ordering), 2.6 (credits), 4.2
// (encoding and framing), 6.0 FLIT mode, see tlp.h and link_config.h.
#pragma once

#include "models/pcie/link_config.h"
#include "models/pcie/link_port.h"
#include "models/pcie/transmitter.h"
#include "models/tlm/module.h"

namespace iommusim::pcie {

class Link : public tlm::Module {
 public:
  /// Joins two ports, each not joined yet (internal error otherwise): `upper` is the one nearer to the root complex.
  Link(::sc_core::sc_module_name name, tlm::Context& context, const LinkConfig& config, LinkPort& upper,
       LinkPort& lower);

  const LinkConfig& config() const { return config_; }
  Transmitter& up() { return up_; }
  Transmitter& down() { return down_; }
  const LinkDirectionStats& up_stats() const { return up_.stats(); }
  const LinkDirectionStats& down_stats() const { return down_.stats(); }
  bool idle() const { return up_.idle() && down_.idle(); }
  std::string holding() const { return up_.holding() + down_.holding(); }
  /// Tells `observer` of every TLP of both directions; null: nobody.
  void observe(TlpObserver* observer);

 private:
  const LinkConfig config_;
  Transmitter up_;
  Transmitter down_;
};

}  // namespace iommusim::pcie
