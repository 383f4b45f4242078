// Strong types of the field: addresses of three spaces, requester identifiers, PASID, domain.
// Passing an Iova where an Hpa is wanted does not compile (DESIGN section 2).
#pragma once

#include <cstdint>
#include <functional>

namespace iommusim::base {

/// A value that only mixes with its own kind. `Tag` makes the type distinct; `Rep` is the integer that holds it.
template <class Tag, class Rep>
class Strong {
 public:
  using rep = Rep;
  constexpr Strong() = default;
  constexpr explicit Strong(Rep value) : value_(value) {}
  constexpr Rep value() const { return value_; }

  friend constexpr bool operator==(Strong a, Strong b) { return a.value_ == b.value_; }
  friend constexpr bool operator!=(Strong a, Strong b) { return a.value_ != b.value_; }
  friend constexpr bool operator<(Strong a, Strong b) { return a.value_ < b.value_; }
  friend constexpr bool operator<=(Strong a, Strong b) { return a.value_ <= b.value_; }
  friend constexpr bool operator>(Strong a, Strong b) { return a.value_ > b.value_; }
  friend constexpr bool operator>=(Strong a, Strong b) { return a.value_ >= b.value_; }

 private:
  Rep value_{};
};

/// A byte address of one address space: plus and minus a byte count stay in the space, a difference is a byte count.
template <class Tag>
class Address : public Strong<Tag, std::uint64_t> {
 public:
  using Strong<Tag, std::uint64_t>::Strong;
  friend constexpr Address operator+(Address a, std::uint64_t bytes) { return Address(a.value() + bytes); }
  friend constexpr Address operator-(Address a, std::uint64_t bytes) { return Address(a.value() - bytes); }
  friend constexpr std::uint64_t operator-(Address a, Address b) { return a.value() - b.value(); }
  /// The address rounded down to a multiple of `size`, a power of two.
  constexpr Address align_down(std::uint64_t size) const { return Address(this->value() & ~(size - 1)); }
  /// Bytes past the last multiple of `size`, a power of two.
  constexpr std::uint64_t offset_in(std::uint64_t size) const { return this->value() & (size - 1); }
};

using Iova = Address<struct IovaTag>;  ///< what an untranslated DMA carries
using Gpa = Address<struct GpaTag>;    ///< guest physical: between first and second stage
using Hpa = Address<struct HpaTag>;    ///< host physical: what memory is addressed by

/// PCIe bus/device/function, 16 bits: bus 15:8, device 7:3, function 2:0 (PCIe 6.0 section 2.2.6.2, Requester ID).
using Bdf = Strong<struct BdfTag, std::uint16_t>;
/// What an IOMMU indexes its device tables with: PCI segment and requester ID, Arm StreamID, RISC-V device_id.
using SourceId = Strong<struct SourceIdTag, std::uint32_t>;
/// Process address space identifier, 20 bits (PCIe 6.0 section 6.20).
using Pasid = Strong<struct PasidTag, std::uint32_t>;
/// IOMMU domain identifier as it tags IOTLB entries (VT-d DID, RISC-V GSCID/PSCID, SMMU VMID/ASID, AMD DomainID).
using DomainId = Strong<struct DomainIdTag, std::uint32_t>;

/// AT field of a memory request TLP (PCIe 6.0 section 10.2.2).
enum class AddressType : std::uint8_t { untranslated, translation_request, translated };

constexpr Bdf make_bdf(unsigned bus, unsigned device, unsigned function) {
  return Bdf(static_cast<std::uint16_t>((bus & 0xff) << 8 | (device & 0x1f) << 3 | (function & 7)));
}

/// A duration or a point of simulated time in picoseconds, the resolution of every model (DESIGN section 3).
/// Range 0 to 2^64-1 ps (213 days); subtraction of a later time from an earlier one wraps and is a caller's error.
class Time {
 public:
  constexpr Time() = default;
  static constexpr Time ps(std::uint64_t n) { return Time(n); }
  static constexpr Time ns(std::uint64_t n) { return Time(n * 1000); }
  static constexpr Time us(std::uint64_t n) { return Time(n * 1000000); }
  static constexpr Time ms(std::uint64_t n) { return Time(n * 1000000000); }
  static constexpr Time max() { return Time(~std::uint64_t{0}); }
  constexpr std::uint64_t ps() const { return ps_; }
  constexpr double ns() const { return static_cast<double>(ps_) / 1e3; }
  constexpr double seconds() const { return static_cast<double>(ps_) / 1e12; }

  friend constexpr Time operator+(Time a, Time b) { return Time(a.ps_ + b.ps_); }
  friend constexpr Time operator-(Time a, Time b) { return Time(a.ps_ - b.ps_); }
  friend constexpr Time operator*(Time a, std::uint64_t n) { return Time(a.ps_ * n); }
  constexpr Time& operator+=(Time b) {
    ps_ += b.ps_;
    return *this;
  }
  constexpr Time& operator-=(Time b) {
    ps_ -= b.ps_;
    return *this;
  }
  friend constexpr bool operator==(Time a, Time b) { return a.ps_ == b.ps_; }
  friend constexpr bool operator!=(Time a, Time b) { return a.ps_ != b.ps_; }
  friend constexpr bool operator<(Time a, Time b) { return a.ps_ < b.ps_; }
  friend constexpr bool operator<=(Time a, Time b) { return a.ps_ <= b.ps_; }
  friend constexpr bool operator>(Time a, Time b) { return a.ps_ > b.ps_; }
  friend constexpr bool operator>=(Time a, Time b) { return a.ps_ >= b.ps_; }

 private:
  constexpr explicit Time(std::uint64_t n) : ps_(n) {}
  std::uint64_t ps_ = 0;
};

}  // namespace iommusim::base

namespace std {
template <class Tag, class Rep>
struct hash<iommusim::base::Strong<Tag, Rep>> {
  size_t operator()(iommusim::base::Strong<Tag, Rep> v) const { return hash<Rep>()(v.value()); }
};
template <class Tag>
struct hash<iommusim::base::Address<Tag>> {
  size_t operator()(iommusim::base::Address<Tag> v) const { return hash<uint64_t>()(v.value()); }
};
template <>
struct hash<iommusim::base::Time> {
  size_t operator()(iommusim::base::Time v) const { return hash<uint64_t>()(v.ps()); }
};
}  // namespace std
