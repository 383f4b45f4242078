// Which channel, bank and row a line of memory is in.
#pragma once

#include <cstdint>

#include "models/memory/dram_config.h"
#include "models/memory/line.h"

namespace iommusim::mem {

/// Channels take turns every `interleave` bytes. What falls to a channel is numbered without gaps (its local lines);
/// banks take turns every `bank_interleave` bytes of that, and the bank number is folded with all higher bits, so that
/// no power-of-two stride stays in one bank (permutation-based interleaving: Zhang, Zhu, Zhang, MICRO 2000).
class DramMap {
 public:
  struct Place {
    unsigned bank;
    std::uint64_t row;
    friend bool operator==(Place a, Place b) { return a.bank == b.bank && a.row == b.row; }
  };
  struct Local {
    unsigned channel;
    std::uint64_t line;  ///< of the channel's own
  };

  explicit DramMap(const DramConfig& c)
      : channels_(c.channels),
        chunk_shift_(log2(c.interleave.value() / kLineBytes)),
        channel_shift_((c.channels & (c.channels - 1)) == 0 ? static_cast<int>(log2(c.channels)) : -1),
        block_shift_(log2(c.bank_interleave.value() / kLineBytes)),
        bank_shift_(log2(c.banks)),
        row_shift_(bank_shift_ + log2(c.row.value() / c.bank_interleave.value())) {}

  /// `line` is an address / 64.
  Local local(std::uint64_t line) const {
    const std::uint64_t chunk = line >> chunk_shift_;
    const std::uint64_t within = line & ((std::uint64_t{1} << chunk_shift_) - 1);
    if (channel_shift_ >= 0) {
      return {static_cast<unsigned>(chunk & (channels_ - 1)), (chunk >> channel_shift_ << chunk_shift_) | within};
    }
    return {static_cast<unsigned>(chunk % channels_), (chunk / channels_ << chunk_shift_) | within};
  }
  Place place(std::uint64_t local_line) const {
    const std::uint64_t block = local_line >> block_shift_;
    std::uint64_t bank = block;
    if (bank_shift_ > 0) {
      for (std::uint64_t high = block >> bank_shift_; high != 0; high >>= bank_shift_) bank ^= high;
    }
    return {static_cast<unsigned>(bank & ((std::uint64_t{1} << bank_shift_) - 1)), block >> row_shift_};
  }

 private:
  static unsigned log2(std::uint64_t power) { return static_cast<unsigned>(__builtin_ctzll(power)); }
  unsigned channels_;
  unsigned chunk_shift_;
  int channel_shift_;  // -1: their number is no power of two
  unsigned block_shift_, bank_shift_, row_shift_;
};

}  // namespace iommusim::mem
