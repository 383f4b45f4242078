// What pcie-bench measured, as committed data: github.com/pcie-bench/data at commit b2abf2f (Apache-2.0; Neugebauer et
// al., "Understanding PCIe performance for end host networking", SIGCOMM 2018). Device: Netronome NFP6000, Gen3 x8.
#pragma once

#include <array>
#include <cstdint>

namespace iommusim::test::pcie_bench {

/// Random 64-byte reads on the Xeon E5-2630 v4 (file bw_dma_win_sweep_rd_rnd_64.txt, rows "Rand Cold"), payload in 10^9
/// bit/s.
struct Window {
  std::uint64_t bytes;
  double on_gbps;    ///< IOMMU on, superpages off
  double off_gbps;   ///< IOMMU off
  int drop_percent;  ///< of `on` against `off`, in whole percent
};
constexpr std::array<Window, 9> kBroadwell{{
    {262144, 27.580, 27.715, 0},
    {524288, 20.198, 27.451, 26},
    {1048576, 14.330, 27.590, 48},
    {1572864, 12.556, 27.744, 55},
    {2097152, 11.735, 27.870, 58},
    {4194304, 10.653, 27.985, 62},
    {8388608, 10.176, 28.044, 64},
    {16777216, 9.945, 28.089, 65},
    {67108864, 9.843, 28.116, 65},
}};
/// The same as the figures are quoted: one decimal.
constexpr std::array<double, 9> kBroadwellQuoted{27.6, 20.2, 14.3, 12.6, 11.7, 10.7, 10.2, 9.9, 9.8};
/// The same rows "Rand HWarm": the buffer is in the last-level cache. Up to 16 MiB; the 25 MiB cache does not hold 64.
struct WarmWindow {
  std::uint64_t bytes;
  double on_gbps;
  double off_gbps;
};
constexpr std::array<WarmWindow, 8> kBroadwellWarm{{
    {262144, 32.431, 32.526},
    {524288, 22.342, 32.540},
    {1048576, 15.193, 32.546},
    {1572864, 13.039, 32.547},
    {2097152, 12.126, 32.548},
    {4194304, 10.921, 32.552},
    {8388608, 10.405, 32.551},
    {16777216, 10.149, 32.553},
}};
/// Reads per second in the largest window, where nearly each one walks.
constexpr double kBroadwellSaturatedWalks = 19.2e6;

/// Xeon E5-2620 v3, 64 MiB window, rows "Rand HWarm" (these lie within 0.5 % of "Rand Cold").
constexpr double kHaswellOff = 28.693;
constexpr double kHaswell2M = 28.787;
constexpr double kHaswell4K = 10.059;

/// Random 64-byte DMA with 4 KiB pages, "Rand Cold", in Gb/s, at the windows of kLoadedWindow: reads and writes, on the
/// Xeon E5-2630 v4 (buffer on its own socket and on the other) and the Xeon E5-2620 v3.
constexpr std::array<std::uint64_t, 6> kLoadedWindow{262144, 524288, 1048576, 2097152, 8388608, 67108864};
using LoadedRow = std::array<double, 6>;
constexpr LoadedRow kBroadwellRemoteReads{25.12, 18.968, 13.864, 11.484, 9.895, 9.635};
constexpr LoadedRow kBroadwellWrites{24.269, 24.268, 19.384, 13.575, 11.497, 11.212};
constexpr LoadedRow kHaswellReadsLoaded{28.172, 22.091, 15.156, 12.221, 10.481, 10.053};
constexpr LoadedRow kHaswellWrites{24.269, 24.269, 20.459, 14.219, 11.846, 11.158};

/// By size, on the Xeon E5-2630 v4, window 16 MiB, "Rand": IOMMU off, and on with 4 KiB pages.
struct BySize {
  std::uint32_t bytes;
  double off_gbps;
  double on_gbps;
  double drop() const { return 100 * (1 - on_gbps / off_gbps); }
};
using Sizes = std::array<BySize, 4>;
constexpr Sizes kReadsBySizeWarm{
    {{64, 32.553, 10.149}, {128, 43.82, 20.112}, {256, 47.715, 34.441}, {512, 55.033, 54.385}}};
constexpr Sizes kReadsBySizeCold{
    {{64, 28.089, 9.945}, {128, 42.16, 19.689}, {256, 46.487, 33.777}, {512, 55.015, 53.9}}};
constexpr Sizes kWritesBySizeWarm{
    {{64, 24.269, 11.181}, {128, 42.355, 23.29}, {256, 50.488, 46.274}, {512, 53.013, 54.431}}};

/// Large DMAs, IOMMU off, rows "Rand HWarm", window 8 KiB.
struct Large {
  std::uint32_t bytes;
  double gbps;
};
/// BW_DMA_RD on the Xeon E5-2630 v4, local socket; the remote one is within 0.4 % of it.
constexpr std::array<Large, 8> kBroadwellReads{{
    {512, 55.034},
    {576, 53.499},
    {768, 55.251},
    {1024, 55.413},
    {1280, 55.425},
    {1536, 55.581},
    {1792, 55.591},
    {2048, 55.579},
}};
/// The same on the Xeon E5-2620 v3. Its other sizes are left out: 1,024 bytes run at 49.83, where 512 run at 55.04 and
/// 1,536 at 55.36, as if one request in several came back in cache lines. We do not explain why.
constexpr std::array<Large, 3> kHaswellReads{{{512, 55.040}, {1536, 55.357}, {2048, 55.276}}};
/// BW_DMA_WR on both: they differ by 2 in the fifth digit at most.
constexpr std::array<Large, 7> kLargeWrites{{
    {512, 53.013},
    {768, 52.142},
    {1024, 53.013},
    {1280, 52.450},
    {1536, 53.013},
    {1792, 52.627},
    {2048, 53.013},
}};

}  // namespace iommusim::test::pcie_bench
