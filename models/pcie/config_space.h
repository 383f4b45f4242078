// Configuration space of one function: 4 KiB of registers with their reset values, write masks and effects, as plain
// C++ without time. A physical function has the type 0 header, the PCI Express, MSI-X, ARI, SR-IOV, ATS, PRI, PASID and
// ACS capabilities; a virtual function the subset that PCIe 5.0 section 9.3 gives it: identifiers, memory space and
// controls of payload size, ordering and tags are its physical function's.
//
// Effects exist for: Bus Master Enable, Memory Space Enable, the base address registers, Max_Payload_Size,
// Max_Read_Request_Size, relaxed and ID-based ordering, extended and 10-bit tags, MSI-X enable and function mask, VF
// Enable, VF MSE and NumVFs, function-level reset, ATS, PRI and PASID enables. Other writable bits are stored only.
// Left out: type 1 headers, I/O space, interrupt pins, power management, AER, VPD, the MSI-X table itself, First VF
// Offset that depends on NumVFs or ARI.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "models/base/types.h"
#include "models/base/units.h"
#include "models/pcie/function_config.h"

namespace iommusim::pcie {

/// Byte offsets of what software looks for. Capability fields: add the offset within the capability.
namespace cfg {
enum : std::uint16_t {
  vendor_id = 0x00,
  device_id = 0x02,
  command = 0x04,
  status = 0x06,
  class_code = 0x08,
  header_type = 0x0e,
  bar0 = 0x10,
  capabilities = 0x34,
  express = 0x40,  ///< PCI Express capability, section 7.5.3
  device_capabilities = express + 0x04,
  device_control = express + 0x08,
  device_status = express + 0x0a,
  device_capabilities2 = express + 0x24,
  device_control2 = express + 0x28,
  msix = 0x80,  ///< MSI-X capability, section 7.7.2
  msix_control = msix + 0x02,
  extended = 0x100,  ///< the first extended capability: ACS
  acs = 0x100,       ///< section 7.7.8
  acs_control = acs + 0x06,
  ari = 0x110,  ///< section 7.8.7
  ats = 0x120,  ///< section 10.5.1
  ats_control = ats + 0x06,
  pri = 0x130,  ///< section 10.5.2
  pri_control = pri + 0x04,
  pri_status = pri + 0x06,
  pasid = 0x140,  ///< section 7.8.8
  pasid_control = pasid + 0x06,
  sriov = 0x180,  ///< section 9.3.3
  sriov_control = sriov + 0x08,
  sriov_num_vfs = sriov + 0x10,
  sriov_first_vf_offset = sriov + 0x14,
  sriov_vf_stride = sriov + 0x16
};
/// Bits of them that have effects.
enum : std::uint16_t {
  memory_space_enable = 1 << 1,
  bus_master_enable = 1 << 2,  // command
  relaxed_ordering_enable = 1 << 4,
  extended_tag_enable = 1 << 8,  // device control
  initiate_flr = 1 << 15,        // device control
  ido_request_enable = 1 << 8,
  ten_bit_tag_enable = 1 << 12,  // device control 2
  msix_function_mask = 1 << 14,
  msix_enable = 1 << 15,  // MSI-X message control
  vf_enable = 1 << 0,
  vf_memory_space_enable = 1 << 3,  // SR-IOV control
  ats_enable = 1 << 15,
  pri_enable = 1 << 0,
  pri_reset = 1 << 1,
  pasid_enable = 1 << 0
};
}  // namespace cfg

class ConfigSpace {
 public:
  static constexpr unsigned kBytes = 4096;
  enum class Kind : std::uint8_t { physical, virtual_function };

  /// As after a conventional reset. `multi_function`: other physical functions exist.
  ConfigSpace(const FunctionConfig& config, Kind kind, bool multi_function);

  /// `bytes` is 1, 2 or 4 and the offset is a multiple of it: the register's value, little-endian; 0 where nothing is.
  std::uint32_t read(std::uint16_t offset, unsigned bytes) const;
  /// Stores what is writable. True if Initiate Function Level Reset was written as 1: the caller's to carry out.
  bool write(std::uint16_t offset, unsigned bytes, std::uint32_t value);

  /// Function-level reset (section 6.6.2): everything as after a conventional reset, but for Max_Payload_Size.
  void reset();
  /// What firmware and a driver leave behind: memory space and bus mastering on, sizes set, extended and relaxed
  /// ordering on, MSI-X, ATS, PRI, PASID and all virtual functions enabled as far as there are any.
  void enable(base::Bytes mps, base::Bytes mrrs);

  /// Gives a base address register pair (0, 2 or 4; 64-bit prefetchable memory) a window of `bytes`, a power of two of
  /// at least 16, at `base`: what firmware's enumeration has written. Lost by a reset, restored by software.
  void set_bar(unsigned bar, base::Hpa base, std::uint64_t bytes);
  /// What the pair holds now.
  base::Hpa bar(unsigned bar) const;

  bool memory_space_enabled() const { return bit(cfg::command, cfg::memory_space_enable); }
  bool bus_master_enabled() const { return bit(cfg::command, cfg::bus_master_enable); }
  bool msix_enabled() const { return bit(cfg::msix_control, cfg::msix_enable); }
  bool msix_masked() const { return bit(cfg::msix_control, cfg::msix_function_mask); }
  bool ats_enabled() const { return bit(cfg::ats_control, cfg::ats_enable); }
  bool pri_enabled() const { return bit(cfg::pri_control, cfg::pri_enable); }
  bool pasid_enabled() const { return bit(cfg::pasid_control, cfg::pasid_enable); }
  bool vfs_enabled() const { return bit(cfg::sriov_control, cfg::vf_enable); }
  bool vf_memory_space_enabled() const { return bit(cfg::sriov_control, cfg::vf_memory_space_enable); }
  unsigned num_vfs() const { return value16(cfg::sriov_num_vfs); }
  base::Bytes mps() const { return size(5); }    ///< Max_Payload_Size
  base::Bytes mrrs() const { return size(12); }  ///< Max_Read_Request_Size
  bool relaxed_ordering_enabled() const { return bit(cfg::device_control, cfg::relaxed_ordering_enable); }
  bool id_ordering_enabled() const { return bit(cfg::device_control2, cfg::ido_request_enable); }
  /// 5, 8 or 10: what the tag enables allow (section 2.2.6.2). 14-bit tags are enabled with the 10-bit ones here.
  unsigned tag_bits() const;

 private:
  bool bit(std::uint16_t offset, std::uint16_t mask) const { return (value16(offset) & mask) != 0; }
  std::uint16_t value16(std::uint16_t offset) const {
    return static_cast<std::uint16_t>(values_[offset] | values_[offset + 1u] << 8);
  }
  base::Bytes size(unsigned shift) const { return base::Bytes(128ull << (value16(cfg::device_control) >> shift & 7)); }
  void define(std::uint16_t offset, unsigned bytes, std::uint32_t value, std::uint32_t writable = 0);
  void define_extended(std::uint16_t offset, std::uint16_t id, std::uint16_t version);
  void set16(std::uint16_t offset, unsigned value);
  void set_field(std::uint16_t offset, std::uint16_t mask, unsigned value);
  void build(const FunctionConfig& config, bool multi_function);
  void build_express(const FunctionConfig& config);
  void build_extended(const FunctionConfig& config);

  const Kind kind_;
  const FunctionConfig config_;
  std::uint16_t last_extended_ = 0;
  std::vector<unsigned char> values_, reset_, writable_;
};

}  // namespace iommusim::pcie
