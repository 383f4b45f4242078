#include "models/pcie/config_space.h"

#include <algorithm>

namespace iommusim::pcie {

using base::Bytes;

namespace {

constexpr std::uint16_t kDefaultControl = 2u << 12 | 1u << 11 | cfg::relaxed_ordering_enable;  // section 7.5.3.4
constexpr std::uint16_t kMpsMask = 7u << 5, kMrrsMask = 7u << 12;

/// Encoding of a size in Device Control: 128 B is 0, each doubling 1 more.
unsigned size_code(Bytes size) {
  unsigned code = 0;
  while (code < 5 && (std::uint64_t{128} << code) < size.value()) ++code;
  return code;
}

unsigned shift_of(std::uint16_t mask) {
  unsigned shift = 0;
  while ((mask >> shift & 1) == 0) ++shift;
  return shift;
}

}  // namespace

ConfigSpace::ConfigSpace(const FunctionConfig& config, Kind kind, bool multi_function)
    : kind_(kind), config_(config), values_(kBytes), writable_(kBytes) {
  build(config, multi_function);
  build_express(config);
  build_extended(config);
  reset_ = values_;
}

// --- layout

void ConfigSpace::define(std::uint16_t offset, unsigned bytes, std::uint32_t value, std::uint32_t writable) {
  for (unsigned i = 0; i < bytes; ++i) {
    values_[offset + i] = static_cast<unsigned char>(value >> (8 * i));
    writable_[offset + i] = static_cast<unsigned char>(writable >> (8 * i));
  }
}

/// An extended capability header, linked from the one before it.
void ConfigSpace::define_extended(std::uint16_t offset, std::uint16_t id, std::uint16_t version) {
  define(offset, 4, std::uint32_t{id} | std::uint32_t{version} << 16);
  if (last_extended_ != 0) {
    set16(static_cast<std::uint16_t>(last_extended_ + 2),
          (value16(static_cast<std::uint16_t>(last_extended_ + 2)) & 0xfu) | unsigned{offset} << 4);
  }
  last_extended_ = offset;
}

// Type 0 header, section 7.5.1. Of a virtual function vendor and device ID read as all ones, base address registers
// and Memory Space Enable as zero (sections 9.3.4.1).
void ConfigSpace::build(const FunctionConfig& config, bool multi_function) {
  const bool vf = kind_ == Kind::virtual_function;
  define(cfg::vendor_id, 2, vf ? 0xffff : config.vendor_id);
  define(cfg::device_id, 2, vf ? 0xffff : config.device_id);
  define(cfg::command, 2, 0, vf ? cfg::bus_master_enable : cfg::bus_master_enable | cfg::memory_space_enable);
  define(cfg::status, 2, 1 << 4);  // capabilities list
  define(cfg::class_code, 4, config.class_code << 8);
  define(cfg::header_type, 1, multi_function && !vf ? 0x80 : 0);
  define(cfg::capabilities, 1, cfg::express);
  if (config.msix_vectors == 0) return;
  define(cfg::msix, 2, 0x11);
  define(cfg::msix_control, 2, config.msix_vectors - 1, cfg::msix_enable | cfg::msix_function_mask);
}

// Section 7.5.3. A virtual function's size, ordering and tag controls are reserved (section 9.3.5.4).
void ConfigSpace::build_express(const FunctionConfig& config) {
  const bool vf = kind_ == Kind::virtual_function;
  define(cfg::express, 2, 0x10 | (config.msix_vectors != 0 ? cfg::msix << 8 : 0));
  define(cfg::express + 2, 2, 2);  // capability version 2, endpoint
  const bool extended_tags = config.tag_bits >= 8, ten_bit = config.tag_bits >= 10;
  // Max_Payload_Size up to 4096, extended tags, role-based error reporting, function-level reset.
  define(cfg::device_capabilities, 4, 5u | (extended_tags ? 1u << 5 : 0) | 1u << 15 | 1u << 28);
  const std::uint32_t flr = cfg::initiate_flr;
  if (vf) {
    define(cfg::device_control, 2, 0, flr);
    return;
  }
  define(cfg::device_control, 2, kDefaultControl,
         flr | kMpsMask | kMrrsMask | cfg::relaxed_ordering_enable | 1u << 11 |
             (extended_tags ? std::uint32_t{cfg::extended_tag_enable} : 0));
  // 10-bit tag completer and requester supported.
  define(cfg::device_capabilities2, 4, 1u << 16 | (ten_bit ? 1u << 17 : 0));
  define(cfg::device_control2, 2, 0,
         std::uint32_t{cfg::ido_request_enable} | 1u << 9 | (ten_bit ? std::uint32_t{cfg::ten_bit_tag_enable} : 0));
}

// Page requests and PASID of a virtual function are its physical function's (sections 9.3.7.10, 9.3.7.14).
void ConfigSpace::build_extended(const FunctionConfig& config) {
  const bool vf = kind_ == Kind::virtual_function;
  if (config.acs) {
    define_extended(cfg::acs, 0x0d, 1);
    // A multi-function device: P2P request and completion redirect, egress control left out, direct translated P2P.
    define(cfg::acs + 4, 2, 0x4c);
    define(cfg::acs_control, 2, 0, 0x4c);
  } else {
    define_extended(cfg::extended, 0, 0);  // an empty list begins with a null capability
  }
  define_extended(cfg::ari, 0x0e, 1);
  if (config.ats) {
    define_extended(cfg::ats, 0x0f, 1);
    define(cfg::ats + 4, 2, vf ? 0 : 1u << 5 | 1u << 6);  // 32 invalidations queued, page aligned, global invalidate
    define(cfg::ats_control, 2, 0, cfg::ats_enable | (vf ? 0u : 0x1fu));
  }
  if (config.pri && !vf) {
    define_extended(cfg::pri, 0x13, 1);
    define(cfg::pri_control, 2, 0, cfg::pri_enable | cfg::pri_reset);
    define(cfg::pri_status, 2, 1u << 8 | 1u << 15);  // stopped; PRG responses need a PASID
    define(cfg::pri + 8, 4, 512);                    // outstanding page requests: capacity
    define(cfg::pri + 12, 4, 0, 0xffffffff);         // and allocation
  }
  if (config.pasid && !vf) {
    define_extended(cfg::pasid, 0x1b, 1);
    define(cfg::pasid + 4, 2, 1u << 1 | 1u << 2 | 20u << 8);  // execute, privileged, 20 bits
    define(cfg::pasid_control, 2, 0, 7);
  }
  if (config.sriov.vfs == 0 || vf) return;
  define_extended(cfg::sriov, 0x10, 1);
  define(cfg::sriov_control, 2, 0, std::uint32_t{cfg::vf_enable} | cfg::vf_memory_space_enable | 1u << 4);
  define(cfg::sriov + 0x0c, 2, config.sriov.vfs);  // InitialVFs
  define(cfg::sriov + 0x0e, 2, config.sriov.vfs);  // TotalVFs
  define(cfg::sriov_num_vfs, 2, 0, 0xffff);
  define(cfg::sriov_first_vf_offset, 2, config.sriov.first_vf_offset);
  define(cfg::sriov_vf_stride, 2, config.sriov.vf_stride);
  define(cfg::sriov + 0x1a, 2, config.device_id);
  define(cfg::sriov + 0x1c, 4, 0x553);  // page sizes 4 KiB to 4 MiB that every device has to support
  define(cfg::sriov + 0x20, 4, 1, 0xffffffff);
}

// --- access

std::uint32_t ConfigSpace::read(std::uint16_t offset, unsigned bytes) const {
  std::uint32_t value = 0;
  for (unsigned i = 0; i < bytes && offset + i < kBytes; ++i) value |= std::uint32_t{values_[offset + i]} << (8 * i);
  return value;
}

bool ConfigSpace::write(std::uint16_t offset, unsigned bytes, std::uint32_t value) {
  const unsigned num_vfs_before = num_vfs();
  const bool vfs_before = vfs_enabled();
  for (unsigned i = 0; i < bytes && offset + i < kBytes; ++i) {
    const auto byte = static_cast<unsigned char>(value >> (8 * i));
    unsigned char& held = values_[offset + i];
    held = static_cast<unsigned char>((held & ~writable_[offset + i]) | (byte & writable_[offset + i]));
  }
  // NumVFs may not change while VF Enable is set (section 9.3.3.7), nor exceed TotalVFs.
  if (config_.sriov.vfs != 0 && kind_ == Kind::physical) {
    if (vfs_before && num_vfs() != num_vfs_before) set16(cfg::sriov_num_vfs, num_vfs_before);
    if (num_vfs() > config_.sriov.vfs) set16(cfg::sriov_num_vfs, config_.sriov.vfs);
  }
  // Sizes above 4096 B are reserved encodings.
  if (mps() > Bytes(4096)) set_field(cfg::device_control, kMpsMask, 5);
  if (mrrs() > Bytes(4096)) set_field(cfg::device_control, kMrrsMask, 5);
  // Initiate FLR reads as zero, as does PRI's reset.
  const bool flr = bit(cfg::device_control, cfg::initiate_flr);
  set_field(cfg::device_control, cfg::initiate_flr, 0);
  if (config_.pri && kind_ == Kind::physical) set_field(cfg::pri_control, cfg::pri_reset, 0);
  return flr;
}

void ConfigSpace::reset() {
  const unsigned kept = value16(cfg::device_control) & kMpsMask;
  // What registers exist stays as it is: sizes of base address registers live in the write masks.
  values_ = reset_;
  if (kind_ == Kind::physical) set_field(cfg::device_control, kMpsMask, kept >> shift_of(kMpsMask));
}

void ConfigSpace::enable(Bytes mps, Bytes mrrs) {
  const auto turn_on = [this](std::uint16_t offset, unsigned bits) {
    set16(offset, value16(offset) | (bits & (writable_[offset] | writable_[offset + 1u] << 8)));
  };
  turn_on(cfg::command, cfg::memory_space_enable | cfg::bus_master_enable);
  turn_on(cfg::msix_control, cfg::msix_enable);
  turn_on(cfg::ats_control, cfg::ats_enable);
  turn_on(cfg::device_control, cfg::extended_tag_enable);
  turn_on(cfg::device_control2, cfg::ten_bit_tag_enable);
  if (kind_ == Kind::virtual_function) return;
  set_field(cfg::device_control, kMpsMask, size_code(mps));
  set_field(cfg::device_control, kMrrsMask, size_code(mrrs));
  turn_on(cfg::pri_control, cfg::pri_enable);
  turn_on(cfg::pasid_control, 7);
  if (config_.sriov.vfs == 0) return;
  set16(cfg::sriov_num_vfs, config_.sriov.vfs);
  turn_on(cfg::sriov_control, cfg::vf_enable | cfg::vf_memory_space_enable | 1u << 4);
}

void ConfigSpace::set_bar(unsigned bar, base::Hpa base, std::uint64_t bytes) {
  const auto offset = static_cast<std::uint16_t>(cfg::bar0 + 4 * bar);
  const std::uint64_t writable = ~(bytes - 1);
  const std::uint64_t value = base.value() | 0xc;  // 64-bit, prefetchable
  define(offset, 4, static_cast<std::uint32_t>(value), static_cast<std::uint32_t>(writable));
  define(static_cast<std::uint16_t>(offset + 4), 4, static_cast<std::uint32_t>(value >> 32),
         static_cast<std::uint32_t>(writable >> 32));
  reset_[offset] = 0xc;
}

base::Hpa ConfigSpace::bar(unsigned bar) const {
  const auto offset = static_cast<std::uint16_t>(cfg::bar0 + 4 * bar);
  const std::uint64_t high = read(static_cast<std::uint16_t>(offset + 4), 4);
  return base::Hpa((high << 32 | read(offset, 4)) & ~std::uint64_t{0xf});
}

unsigned ConfigSpace::tag_bits() const {
  if (bit(cfg::device_control2, cfg::ten_bit_tag_enable)) return std::max(config_.tag_bits, 10u);
  return bit(cfg::device_control, cfg::extended_tag_enable) ? 8 : 5;
}

void ConfigSpace::set16(std::uint16_t offset, unsigned value) {
  values_[offset] = static_cast<unsigned char>(value);
  values_[offset + 1u] = static_cast<unsigned char>(value >> 8);
}

void ConfigSpace::set_field(std::uint16_t offset, std::uint16_t mask, unsigned value) {
  set16(offset, (value16(offset) & ~unsigned{mask}) | (value << shift_of(mask) & mask));
}

}  // namespace iommusim::pcie
