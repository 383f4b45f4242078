// Latencies that pcie-bench measured with the IOMMU on, as committed data: rows LAT_CMD_RD, Rand, Cold, 64 B, 4 KiB
// pages of github.com/pcie-bench/data at commit b2abf2f (Apache-2.0; Neugebauer et al., "Understanding PCIe performance
// for end host networking", SIGCOMM 2018). Device: Netronome NFP6000, Gen3 x8, one read at a time by the command path;
// its clock ticks every 13.3 ns.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace iommusim::test::pcie_bench {

constexpr std::size_t kIommuWindows = 9;
constexpr std::array<std::uint64_t, kIommuWindows> kIommuWindow{262144,  524288,  1048576,  1572864, 2097152,
                                                                4194304, 8388608, 16777216, 67108864};

struct Latency {
  double mean_ns;  ///< without the device's own outliers, as the source has it
  double median_ns;
};
using LatencyRow = std::array<Latency, kIommuWindows>;

constexpr LatencyRow kIvyBridge{{{494.8, 493},
                                 {499.8, 493},
                                 {647.2, 773},
                                 {696.6, 786},
                                 {721.2, 786},
                                 {757.7, 786},
                                 {776.2, 786},
                                 {785.2, 786},
                                 {792, 786}}};  // ivb-E5-2620v2
/// snb-E5-2630, in whole nanoseconds. The host ran with superpages on and reaches as far as with 4 KiB pages.
constexpr LatencyRow kSandyBridge{
    {{491, 493}, {493, 493}, {613, 720}, {653, 720}, {673, 720}, {703, 733}, {720, 733}, {729, 733}, {735, 733}}};
constexpr LatencyRow kHaswell{{{480.5, 480},
                               {497, 480},
                               {603.4, 693},
                               {638.7, 693},
                               {656.2, 693},
                               {683.1, 693},
                               {696.7, 693},
                               {702.9, 693},
                               {707.8, 706}}};  // hsw-E5-2620v3
constexpr LatencyRow kBroadwellIdle{{{490, 480},
                                     {514.6, 480},
                                     {646.4, 760},
                                     {690.8, 760},
                                     {713.4, 760},
                                     {746.9, 760},
                                     {761.8, 760},
                                     {770.2, 760},
                                     {776.8, 760}}};  // bdw-E5-2630v4

/// Fraction of reads that miss the IOTLB in window `i`, derived: the mean moves from that of the smallest window, which
/// the IOTLB holds, to that of the largest, where nearly every read misses.
template <class Row>
double miss_fraction(const Row& row, std::size_t i) {
  return (row[i].mean_ns - row[0].mean_ns) / (row[kIommuWindows - 1].mean_ns - row[0].mean_ns);
}

}  // namespace iommusim::test::pcie_bench
