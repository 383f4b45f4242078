// Configuration checks of device and process contexts, and of directory entries (RISC-V IOMMU specification 1.0,
// sections 3.1.4, 3.2.4 and 3.3).
#include <gtest/gtest.h>

#include <functional>

#include "tests/unit/arch/riscv_bench.h"

namespace iommusim::iommu::riscv {
namespace {

constexpr std::uint64_t kAligned = 0x10000;  // 16 KiB aligned

struct Case {
  const char* what;
  std::function<void(DeviceContext&)> change;
  std::function<void(RiscvConfig&)> unit = [](RiscvConfig&) {};
  std::uint32_t fctl = 0;
};

DeviceContext plain() {
  DeviceContext dc{};
  dc[kTc] = 1;
  return dc;
}
auto set(unsigned bit_number) {
  return [bit_number](DeviceContext& dc) { dc[kTc] |= bit(bit_number); };
}
auto word(unsigned index, std::uint64_t value) {
  return [index, value](DeviceContext& dc) { dc[index] = value; };
}

TEST(RiscvDeviceContexts, EachCheckRefusesWhatItIsFor) {
  const auto no_ats = [](RiscvConfig& c) { c.ats = c.t2gpa = false; };
  const Case cases[] = {
      {"reserved bits of tc", set(12)},
      {"upper reserved bits of tc", set(32)},
      {"reserved bits of ta", word(kTa, 1)},
      {"RCID without the QoS extension", word(kTa, bit(40))},
      {"reserved bits of fsc", word(kFsc, bit(44))},
      {"reserved bits of msiptp", word(kMsiptp, bit(44))},
      {"reserved bits of the mask", word(kMsiMask, bit(52))},
      {"reserved bits of the pattern", word(kMsiPattern, bit(63))},
      {"the reserved word", word(kDcReserved, 1)},
      {"ATS without the capability", set(tc::kEnableAts), no_ats},
      {"PRI without ATS", set(tc::kEnablePri)},
      {"response PASID without PRI", set(tc::kResponsePasid)},
      {"T2GPA without ATS", set(tc::kT2gpa)},
      {"T2GPA without a second stage", [](DeviceContext& dc) { dc[kTc] |= bit(tc::kEnableAts) | bit(tc::kT2gpa); }},
      {"T2GPA without the capability",
       [](DeviceContext& dc) {
         dc[kTc] |= bit(tc::kEnableAts) | bit(tc::kT2gpa);
         dc[kIohgatp] = make_pointer(kMode8, kAligned);
       },
       [](RiscvConfig& c) { c.t2gpa = false; }},
      {"a first-stage mode that does not exist", word(kFsc, make_pointer(11, 0))},
      {"Sv57 without the capability", word(kFsc, make_pointer(kSv57, 0)), [](RiscvConfig& c) { c.sv57 = false; }},
      {"a directory mode that does not exist",
       [](DeviceContext& dc) {
         dc[kTc] |= bit(tc::kProcessTable);
         dc[kFsc] = make_pointer(4, 0);
       }},
      {"PD20 without the capability",
       [](DeviceContext& dc) {
         dc[kTc] |= bit(tc::kProcessTable);
         dc[kFsc] = make_pointer(kPd20, 0);
       },
       [](RiscvConfig& c) { c.pd20 = false; }},
      {"a default process without a directory", set(tc::kDefaultProcess)},
      {"a second-stage mode that does not exist", word(kIohgatp, make_pointer(1, 0))},
      {"Sv48x4 without the capability", word(kIohgatp, make_pointer(kSv48, kAligned)),
       [](RiscvConfig& c) { c.sv48x4 = false; }},
      {"a second-stage root off its 16 KiB", word(kIohgatp, make_pointer(kMode8, 0x1000))},
      {"an MSI mode that does not exist", word(kMsiptp, make_pointer(2, 0))},
      {"an MSI table without a second stage, where the unit minds", word(kMsiptp, make_pointer(kMsiFlat, 0)),
       [](RiscvConfig& c) { c.msi_without_second_stage = false; }},
      {"SADE without the capability", set(tc::kFirstAd), [](RiscvConfig& c) { c.amo_hwad = false; }},
      {"GADE without the capability", set(tc::kSecondAd), [](RiscvConfig& c) { c.amo_hwad = false; }},
      {"the other byte order, where it cannot be chosen", set(tc::kBigEndian)},
      {"SXL while GXL is fixed at 0", set(tc::kSxl)},
      {"no SXL under GXL", [](DeviceContext&) {}, [](RiscvConfig&) {}, feature::kGuest32},
  };
  EXPECT_FALSE(misconfigured(plain(), RiscvConfig{}, 0));
  for (const Case& c : cases) {
    RiscvConfig config;
    c.unit(config);
    DeviceContext dc = plain();
    c.change(dc);
    EXPECT_TRUE(misconfigured(dc, config, c.fctl)) << c.what;
  }
}

TEST(RiscvDeviceContexts, WhatTheSpecificationAllowsPasses) {
  RiscvConfig config;
  config.mixed_endian = config.big_endian_writable = config.guest_32_writable = config.sv32 = true;
  const Case cases[] = {
      {"custom bits of tc", set(24)},
      {"either byte order where it can be chosen", set(tc::kBigEndian)},
      {"SXL where GXL can be set", set(tc::kSxl)},
      {"Sv32 under SXL",
       [](DeviceContext& dc) {
         dc[kTc] |= bit(tc::kSxl);
         dc[kFsc] = make_pointer(kMode8, 0x1000);
       }},
      {"a directory that is Bare, with a default process",
       [](DeviceContext& dc) { dc[kTc] |= bit(tc::kProcessTable) | bit(tc::kDefaultProcess); }},
      {"ATS, PRI and response PASID together",
       [](DeviceContext& dc) { dc[kTc] |= bit(tc::kEnableAts) | bit(tc::kEnablePri) | bit(tc::kResponsePasid); }},
      {"all second-stage modes", word(kIohgatp, make_pointer(kSv57, kAligned, 0xffff))},
  };
  for (const Case& c : cases) {
    DeviceContext dc = plain();
    c.change(dc);
    EXPECT_FALSE(misconfigured(dc, config, c.fctl)) << c.what;
  }
}

TEST(RiscvProcessContexts, ReservedBitsAndUnsupportedModesAreRefused) {
  const RiscvConfig c;
  EXPECT_FALSE(misconfigured(7, make_pointer(kSv48, 0), false, c));
  EXPECT_TRUE(misconfigured(7 | bit(3), 0, false, c));
  EXPECT_TRUE(misconfigured(7 | bit(32), 0, false, c));
  EXPECT_TRUE(misconfigured(7, bit(50), false, c));
  EXPECT_TRUE(misconfigured(7, make_pointer(kMode8, 0), true, c)) << "Sv32 is not there";
}

TEST(RiscvDirectories, EntriesThatCannotBeUsedHaveTheirOwnCauses) {
  Bench b;
  b.attach(4);
  const Hpa root(get(b.reg64(reg::kDdtp), 53, 10) << 12);
  const std::uint64_t good = b.memory.read64(root);
  const auto cause = [&] { return b.read(0).fault.reason; };
  b.memory.write64(root, good & ~std::uint64_t{1});
  EXPECT_EQ(cause(), code(FaultCause::ddt_not_valid));
  b.memory.write64(root, good | bit(5));
  EXPECT_EQ(cause(), code(FaultCause::ddt_misconfigured));
  b.memory.write64(root, good);
  b.unreadable.insert(root.value());
  EXPECT_EQ(cause(), code(FaultCause::ddt_access));
  b.unreadable.clear();
  b.poisoned.insert(b.context().value() + 60);
  EXPECT_EQ(cause(), code(FaultCause::ddt_corrupt)) << "the context is read as one";
}

TEST(RiscvDirectories, ProcessesThatCannotBeUsedHaveTheirOwnCauses) {
  Bench b;
  const Hpa directory = b.memory.allocate(4096);
  DeviceContext dc = plain();
  dc[kTc] |= bit(tc::kProcessTable);
  dc[kFsc] = make_pointer(kPd8, directory.value());
  b.set_context(dc);
  const auto ask = [&](std::uint32_t pasid) {
    return b.resolve(Bench::with_pasid(Bench::request(0x1000), pasid)).fault.reason;
  };
  EXPECT_EQ(ask(7), code(FaultCause::pdt_not_valid));
  b.memory.write64(directory + 16 * 7, 1 | bit(3));
  EXPECT_EQ(ask(7), code(FaultCause::pdt_misconfigured));
  b.poisoned.insert(directory.value() + 16 * 7 + 8);
  EXPECT_EQ(ask(7), code(FaultCause::pdt_corrupt));
  b.unreadable.insert(directory.value() + 16 * 7);
  EXPECT_EQ(ask(7), code(FaultCause::pdt_access));
  EXPECT_EQ(ask(256), code(FaultCause::type_disallowed)) << "nine bits of process_id";
  EXPECT_EQ(b.read(0x1000).outcome, Resolution::Outcome::translated) << "no process, no default: Bare";
}

TEST(RiscvDirectories, RequestsWithoutAProcessUseProcess0WhereTheContextSaysSo) {
  Bench b;
  const Hpa directory = b.memory.allocate(4096);
  DeviceContext dc = plain();
  dc[kTc] |= bit(tc::kProcessTable) | bit(tc::kDefaultProcess);
  dc[kFsc] = make_pointer(kPd8, directory.value());
  b.set_context(dc);
  EXPECT_EQ(b.read(0x1000).fault.reason, code(FaultCause::pdt_not_valid));
  b.memory.write64(directory, 1);
  EXPECT_EQ(b.read(0x1000).outcome, Resolution::Outcome::passed) << "process 0, first stage Bare";
}

}  // namespace
}  // namespace iommusim::iommu::riscv
