// Idle latencies that pcie-bench measured, as committed data: rows of github.com/pcie-bench/data at commit b2abf2f
// (Apache-2.0; Neugebauer et al., "Understanding PCIe performance for end host networking", SIGCOMM 2018), IOMMU off.
// Device: Netronome NFP6000, Gen3 x8, one read at a time; its clock ticks every 13.3 ns.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <tuple>

namespace iommusim::test::pcie_bench {

struct IdleRow {
  const char* host;
  const char* test;     ///< LAT_DMA_RD: by the DMA engine, LAT_CMD_RD: by the command path
  const char* pattern;  ///< over the window
  const char* cache;    ///< HWarm: the host has touched the window
  std::uint64_t window;
  unsigned bytes;
  double median_ns;

  std::string text() const {
    return std::string(host) + " " + test + " " + pattern + " " + cache + " " + std::to_string(window >> 10) + " KiB " +
           std::to_string(bytes) + " B";
  }
};
constexpr std::array<IdleRow, 76> kIdle{{
    {"bdw-E5-2630v4", "LAT_CMD_RD", "Rand", "Cold", 262144, 8, 480},
    {"bdw-E5-2630v4", "LAT_CMD_RD", "Rand", "Cold", 262144, 64, 480},
    {"bdw-E5-2630v4", "LAT_DMA_RD", "Seq", "HWarm", 8192, 8, 546},
    {"bdw-E5-2630v4", "LAT_DMA_RD", "Seq", "HWarm", 8192, 16, 546},
    {"bdw-E5-2630v4", "LAT_DMA_RD", "Seq", "HWarm", 8192, 32, 546},
    {"bdw-E5-2630v4", "LAT_DMA_RD", "Seq", "HWarm", 8192, 64, 546},
    {"bdw-E5-2630v4", "LAT_DMA_RD", "Seq", "HWarm", 8192, 128, 573},
    {"bdw-E5-2630v4", "LAT_DMA_RD", "Seq", "HWarm", 8192, 256, 626},
    {"bdw-E5-2630v4", "LAT_DMA_RD", "Seq", "HWarm", 8192, 512, 706},
    {"bdw-E5-2630v4", "LAT_DMA_RD", "Seq", "HWarm", 8192, 768, 773},
    {"bdw-E5-2630v4", "LAT_DMA_RD", "Seq", "HWarm", 8192, 1024, 853},
    {"bdw-E5-2630v4", "LAT_DMA_RD", "Seq", "HWarm", 8192, 1280, 920},
    {"bdw-E5-2630v4", "LAT_DMA_RD", "Seq", "HWarm", 8192, 1520, 986},
    {"bdw-E5-2630v4", "LAT_DMA_RD", "Seq", "HWarm", 8192, 2048, 1133},
    {"bdw-E5-2630v4", "LAT_DMA_RD", "Rand", "Cold", 65536, 64, 600},
    {"bdw-E5-2630v4", "LAT_DMA_RD", "Rand", "HWarm", 65536, 64, 560},
    {"bdw-E5-2630v4", "LAT_DMA_RD", "Rand", "HWarm", 16777216, 64, 560},
    {"bdw-E5-2630v4", "LAT_DMA_RD", "Rand", "HWarm", 33554432, 64, 560},
    {"bdw-E5-2630v4", "LAT_DMA_RD", "Rand", "HWarm", 67108864, 64, 600},
    {"bdw-E5-2630v4-remote-socket", "LAT_DMA_RD", "Seq", "HWarm", 8192, 8, 640},
    {"bdw-E5-2630v4-remote-socket", "LAT_DMA_RD", "Seq", "HWarm", 8192, 16, 640},
    {"bdw-E5-2630v4-remote-socket", "LAT_DMA_RD", "Seq", "HWarm", 8192, 32, 640},
    {"bdw-E5-2630v4-remote-socket", "LAT_DMA_RD", "Seq", "HWarm", 8192, 64, 653},
    {"bdw-E5-2630v4-remote-socket", "LAT_DMA_RD", "Seq", "HWarm", 8192, 128, 680},
    {"bdw-E5-2630v4-remote-socket", "LAT_DMA_RD", "Seq", "HWarm", 8192, 256, 720},
    {"bdw-E5-2630v4-remote-socket", "LAT_DMA_RD", "Seq", "HWarm", 8192, 512, 800},
    {"bdw-E5-2630v4-remote-socket", "LAT_DMA_RD", "Seq", "HWarm", 8192, 768, 880},
    {"bdw-E5-2630v4-remote-socket", "LAT_DMA_RD", "Seq", "HWarm", 8192, 1024, 946},
    {"bdw-E5-2630v4-remote-socket", "LAT_DMA_RD", "Seq", "HWarm", 8192, 1280, 1026},
    {"bdw-E5-2630v4-remote-socket", "LAT_DMA_RD", "Seq", "HWarm", 8192, 1520, 1093},
    {"bdw-E5-2630v4-remote-socket", "LAT_DMA_RD", "Seq", "HWarm", 8192, 2048, 1240},
    {"bdw-E5-2630v4-remote-socket", "LAT_DMA_RD", "Rand", "Cold", 65536, 64, 653},
    {"bdw-E5-2630v4-remote-socket", "LAT_DMA_RD", "Rand", "HWarm", 65536, 64, 653},
    {"bdw-E5-2630v4-remote-socket", "LAT_DMA_RD", "Rand", "HWarm", 16777216, 64, 653},
    {"bdw-E5-2630v4-remote-socket", "LAT_DMA_RD", "Rand", "HWarm", 33554432, 64, 653},
    {"bdw-E5-2630v4-remote-socket", "LAT_DMA_RD", "Rand", "HWarm", 67108864, 64, 653},
    {"hsw-E5-2620v3", "LAT_CMD_RD", "Rand", "Cold", 262144, 8, 466},
    {"hsw-E5-2620v3", "LAT_CMD_RD", "Rand", "Cold", 262144, 64, 480},
    {"hsw-E5-2620v3", "LAT_DMA_RD", "Seq", "HWarm", 8192, 8, 533},
    {"hsw-E5-2620v3", "LAT_DMA_RD", "Seq", "HWarm", 8192, 16, 546},
    {"hsw-E5-2620v3", "LAT_DMA_RD", "Seq", "HWarm", 8192, 32, 546},
    {"hsw-E5-2620v3", "LAT_DMA_RD", "Seq", "HWarm", 8192, 64, 546},
    {"hsw-E5-2620v3", "LAT_DMA_RD", "Seq", "HWarm", 8192, 128, 573},
    {"hsw-E5-2620v3", "LAT_DMA_RD", "Seq", "HWarm", 8192, 256, 626},
    {"hsw-E5-2620v3", "LAT_DMA_RD", "Seq", "HWarm", 8192, 512, 706},
    {"hsw-E5-2620v3", "LAT_DMA_RD", "Seq", "HWarm", 8192, 768, 786},
    {"hsw-E5-2620v3", "LAT_DMA_RD", "Seq", "HWarm", 8192, 1024, 853},
    {"hsw-E5-2620v3", "LAT_DMA_RD", "Seq", "HWarm", 8192, 1280, 933},
    {"hsw-E5-2620v3", "LAT_DMA_RD", "Seq", "HWarm", 8192, 1520, 986},
    {"hsw-E5-2620v3", "LAT_DMA_RD", "Seq", "HWarm", 8192, 2048, 1133},
    {"hsw-E5-2620v3", "LAT_DMA_RD", "Rand", "Cold", 65536, 64, 600},
    {"hsw-E5-2620v3", "LAT_DMA_RD", "Rand", "HWarm", 65536, 64, 546},
    {"hsw-E5-2620v3", "LAT_DMA_RD", "Rand", "HWarm", 16777216, 64, 546},
    {"hsw-E5-2620v3", "LAT_DMA_RD", "Rand", "HWarm", 33554432, 64, 600},
    {"hsw-E5-2620v3", "LAT_DMA_RD", "Rand", "HWarm", 67108864, 64, 600},
    {"ivb-E5-2620v2", "LAT_CMD_RD", "Rand", "Cold", 262144, 8, 493},
    {"ivb-E5-2620v2", "LAT_CMD_RD", "Rand", "HWarm", 262144, 8, 426},
    {"ivb-E5-2620v2", "LAT_CMD_RD", "Rand", "Cold", 262144, 64, 493},
    {"ivb-E5-2620v2", "LAT_CMD_RD", "Rand", "HWarm", 262144, 64, 440},
    {"ivb-E5-2620v2", "LAT_DMA_RD", "Seq", "HWarm", 8192, 8, 546},
    {"ivb-E5-2620v2", "LAT_DMA_RD", "Seq", "HWarm", 8192, 16, 546},
    {"ivb-E5-2620v2", "LAT_DMA_RD", "Seq", "HWarm", 8192, 32, 560},
    {"ivb-E5-2620v2", "LAT_DMA_RD", "Seq", "HWarm", 8192, 64, 560},
    {"ivb-E5-2620v2", "LAT_DMA_RD", "Seq", "HWarm", 8192, 128, 586},
    {"ivb-E5-2620v2", "LAT_DMA_RD", "Seq", "HWarm", 8192, 256, 626},
    {"ivb-E5-2620v2", "LAT_DMA_RD", "Seq", "HWarm", 8192, 512, 706},
    {"ivb-E5-2620v2", "LAT_DMA_RD", "Seq", "HWarm", 8192, 768, 786},
    {"ivb-E5-2620v2", "LAT_DMA_RD", "Seq", "HWarm", 8192, 1024, 853},
    {"ivb-E5-2620v2", "LAT_DMA_RD", "Seq", "HWarm", 8192, 1280, 933},
    {"ivb-E5-2620v2", "LAT_DMA_RD", "Seq", "HWarm", 8192, 1520, 1000},
    {"ivb-E5-2620v2", "LAT_DMA_RD", "Seq", "HWarm", 8192, 2048, 1146},
    {"ivb-E5-2620v2", "LAT_DMA_RD", "Rand", "Cold", 65536, 64, 613},
    {"ivb-E5-2620v2", "LAT_DMA_RD", "Rand", "HWarm", 65536, 64, 560},
    {"ivb-E5-2620v2", "LAT_DMA_RD", "Rand", "HWarm", 16777216, 64, 560},
    {"ivb-E5-2620v2", "LAT_DMA_RD", "Rand", "HWarm", 33554432, 64, 613},
    {"ivb-E5-2620v2", "LAT_DMA_RD", "Rand", "HWarm", 67108864, 64, 613},
}};

}  // namespace iommusim::test::pcie_bench
