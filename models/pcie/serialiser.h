// One direction of a link as a first-come resource: bytes leave one after another at an exact rational rate.
#pragma once

#include <cstdint>

#include "models/base/types.h"
#include "models/base/units.h"

namespace iommusim::pcie {

/// Keeps `busy_until` with its sub-picosecond remainder (DESIGN section 3 rule 1), so that back-to-back TLPs of a link
/// whose byte time is no whole number of picoseconds do not drift. Reported times are the first whole picosecond at
/// which it is true.
class Serialiser {
 public:
  /// Precondition: per_byte.den below 2^50, so that its product with the bytes of a TLP is exact in 64 bits.
  explicit Serialiser(base::PsRatio per_byte)
      : whole_(per_byte.num / per_byte.den), part_(per_byte.num % per_byte.den), denominator_(per_byte.den) {}

  struct Slot {
    base::Time start;  ///< the first byte leaves
    base::Time end;    ///< the last byte has left
  };

  /// Appends `bytes` bytes (at most 8,191) that are ready at `now`; they leave when all earlier ones have.
  Slot take(base::Time now, std::uint64_t bytes) {
    if (now > free_at()) {  // at free_at() itself it goes on where it was: back-to-back bytes do not drift
      busy_ = now.ps();
      remainder_ = 0;
    }
    const base::Time start = free_at();
    const std::uint64_t parts = bytes * part_ + remainder_;
    busy_ += bytes * whole_ + parts / denominator_;
    remainder_ = parts % denominator_;
    bytes_ += bytes;
    return {start, free_at()};
  }

  /// How long `bytes` bytes take, rounded up to whole picoseconds.
  base::Time duration(std::uint64_t bytes) const {
    return base::Time::ps(bytes * whole_ + (bytes * part_ + denominator_ - 1) / denominator_);
  }
  /// First whole picosecond at which nothing is left to send.
  base::Time free_at() const { return base::Time::ps(busy_ + (remainder_ != 0 ? 1 : 0)); }
  /// Bytes taken since the start.
  std::uint64_t bytes() const { return bytes_; }

 private:
  std::uint64_t whole_, part_, denominator_;
  std::uint64_t busy_ = 0;       ///< ps, rounded down
  std::uint64_t remainder_ = 0;  ///< in 1/denominator_ ps
  std::uint64_t bytes_ = 0;
};

/// When a receiver can use what has left. Without FLITs that is when the last byte has: the default. In FLIT mode it is
/// when the FLIT that holds the last byte is complete, as only then its error correction and check can be done
/// (PCIe 6.0 section 4.2.3.3). FLITs follow each other without pause from time zero, filled or not.
class FlitClock {
 public:
  FlitClock() = default;
  /// `flit`: the time of one FLIT; zero: no FLITs. num x den below 2^64.
  explicit FlitClock(base::PsRatio flit) : num_(flit.num), den_(flit.den) {}

  /// `end`: the first whole picosecond at which the last byte has left, as Serialiser gives it.
  base::Time complete(base::Time end) const {
    if (num_ == 0 || end == base::Time()) return end;
    const std::uint64_t before = end.ps() - 1;  // surely within the FLIT, or at its start
    const std::uint64_t flit = before / num_ * den_ + before % num_ * den_ / num_ + 1;
    return base::Time::ps(flit / den_ * num_ + (flit % den_ * num_ + den_ - 1) / den_);
  }

 private:
  std::uint64_t num_ = 0, den_ = 1;
};

}  // namespace iommusim::pcie
