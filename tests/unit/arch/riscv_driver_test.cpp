// What the RISC-V driver sets up beyond DMA domains: processes and nested stages.
#include <gtest/gtest.h>

#include "models/iommu/arch/riscv/command_codec.h"
#include "tests/unit/arch/riscv_bench.h"

namespace iommusim::iommu::riscv {
namespace {

std::unique_ptr<PageTables> tables_of(Bench& b, TableStage stage, unsigned levels = 4) {
  return b.driver.create_tables(b.memory, DomainGeometry{static_cast<std::uint8_t>(levels), stage});
}
Invalidation process(std::uint32_t pasid) {
  Invalidation i;
  i.kind = Invalidation::Kind::process;
  i.source = kDevice;
  i.pasid = Pasid(pasid);
  return i;
}

TEST(RiscvDriver, ProcessesHaveTablesOfTheirOwnBesideTheDomainOfTheSource) {
  Bench b;
  auto own = b.attach(4);
  auto one = tables_of(b, TableStage::first), two = tables_of(b, TableStage::first, 3);
  b.driver.attach_process(b.memory, kDevice, Pasid(1), DomainId(8), one.get(), nullptr);
  b.driver.attach_process(b.memory, kDevice, Pasid(0x54321), DomainId(9), two.get(), nullptr);
  b.driver.attach_process(b.memory, kDevice, Pasid(3), DomainId(10), nullptr, nullptr);
  own->map(b.memory, Iova(0x1000), Hpa(0x10000), kPageBytes, kReadWrite, kPageBytes);
  one->map(b.memory, Iova(0x1000), Hpa(0x20000), kPageBytes, kReadWrite, kPageBytes);
  two->map(b.memory, Iova(0x1000), Hpa(0x30000), kPageBytes, kReadWrite, kPageBytes);
  const auto with = [](std::uint32_t pasid) { return Bench::with_pasid(Bench::request(0x1000), pasid); };
  EXPECT_EQ(b.read(0x1000).output, Hpa(0x10000));
  EXPECT_EQ(b.resolve(with(1)).output, Hpa(0x20000));
  const Resolution second = b.resolve(with(0x54321));
  EXPECT_EQ(second.output, Hpa(0x30000));
  EXPECT_EQ(second.reads[Structure::page_table], 3u);
  EXPECT_EQ(b.resolve(with(3)).output, Hpa(0x1000)) << "without tables: unchanged";
  EXPECT_EQ(b.resolve(with(4)).outcome, Resolution::Outcome::fault);
}

TEST(RiscvDriver, AttachingTheSourceAnewLeavesItsProcessesAlone) {
  Bench b({}, Bench::Caches::unbounded);
  auto own = b.attach(4);
  auto of_process = tables_of(b, TableStage::first);
  b.driver.attach_process(b.memory, kDevice, Pasid(1), DomainId(8), of_process.get(), nullptr);
  of_process->map(b.memory, Iova(0x1000), Hpa(0x20000), kPageBytes, kReadWrite, kPageBytes);
  auto next = b.attach(4, kDevice, DomainId(11));
  next->map(b.memory, Iova(0x1000), Hpa(0x40000), kPageBytes, kReadWrite, kPageBytes);
  const Request r = Bench::with_pasid(Bench::request(0x1000), 1);
  EXPECT_EQ(b.read(0x1000).output, Hpa(0x40000));
  EXPECT_EQ(b.resolve(r).output, Hpa(0x20000));

  b.driver.detach_process(b.memory, kDevice, Pasid(1));
  EXPECT_EQ(b.resolve(r).output, Hpa(0x20000)) << "still cached";
  b.submit(process(2));
  EXPECT_EQ(b.resolve(r).output, Hpa(0x20000)) << "another process";
  b.submit(process(1));
  EXPECT_EQ(b.resolve(r).outcome, Resolution::Outcome::fault);
}

TEST(RiscvDriver, NestedDomainsPassBothStages) {
  Bench b;
  auto second = tables_of(b, TableStage::second), first = tables_of(b, TableStage::first, 3);
  // The guest's memory is where it says it is, so that the host's memory serves for its tables.
  second->map(b.memory, Iova(0), Hpa(0), std::uint64_t{1} << 30, kReadWrite, std::uint64_t{1} << 30);
  second->map(b.memory, Iova(0x80000000), Hpa(0x5000), kPageBytes, kReadWrite, kPageBytes);
  first->map(b.memory, Iova(0x1000), Hpa(0x80000000), kPageBytes, kReadWrite, kPageBytes);
  b.driver.attach_nested(b.memory, kDevice, kDomain, *first, *second);
  const Resolution r = b.read(0x1234);
  EXPECT_EQ(r.output, Hpa(0x5234));
  EXPECT_EQ(r.reads.page_table[1][1], 1u);
  EXPECT_GT(r.reads.page_table[2][4], 1u);
}

TEST(RiscvDriver, NestedInvalidationsNameTheGuest) {
  Invalidation i;
  i.kind = Invalidation::Kind::iotlb_domain;
  i.domain = DomainId(5);
  i.nested = true;
  i.stage = TableStage::first;
  const RiscvConfig config;
  auto w = encode_command(i, config);
  EXPECT_TRUE(get(w[0], 33) && get(w[0], 32));
  EXPECT_EQ(get(w[0], 59, 44), 5u);
  EXPECT_EQ(get(w[0], 31, 12), 5u);
  i.stage = TableStage::second;
  w = encode_command(i, config);
  EXPECT_TRUE(get(w[0], 33) && !get(w[0], 32));
  EXPECT_EQ(get(w[0], 9, 7), 1u) << "IOTINVAL.GVMA";
}

TEST(RiscvDriver, AnswersPageRequestsAndInvalidatesDevicesByProcess) {
  const RiscvConfig config;
  Invalidation i;
  i.kind = Invalidation::Kind::page_response;
  i.source = kDevice;
  i.has_pasid = true;
  i.pasid = Pasid(0x12345);
  i.group = 0x155;
  i.code = PageResponseCode::invalid_request;
  auto w = encode_command(i, config);
  Command c = decode_command(w, config, 0);
  EXPECT_EQ(c.kind, Command::Kind::page_response);
  EXPECT_EQ(c.message.pasid, Pasid(0x12345));
  EXPECT_EQ(c.message.body, page_response_body(kDevice, PageResponseCode::invalid_request, 0x155));
  i.kind = Invalidation::Kind::device_tlb;
  i.address = Iova(0x7000);
  c = decode_command(encode_command(i, config), config, 0);
  EXPECT_EQ(c.kind, Command::Kind::device_tlb);
  EXPECT_TRUE(c.message.has_pasid);
  EXPECT_EQ(c.message.pasid, Pasid(0x12345));
}

TEST(RiscvDriver, WhatItCannotSetUpItRefuses) {
  Bench b;
  auto second = tables_of(b, TableStage::second);
  EXPECT_THROW(b.driver.attach_process(b.memory, kDevice, Pasid(1), DomainId(8), nullptr, nullptr), base::UserError)
      << "not attached";
  b.driver.attach(b.memory, kDevice, kDomain, second.get());
  EXPECT_THROW(b.driver.attach_process(b.memory, kDevice, Pasid(1), DomainId(8), nullptr, nullptr), base::UserError)
      << "the directory would lie in the guest's memory";
  b.driver.attach(b.memory, kDevice, kDomain, nullptr);
  EXPECT_THROW(b.driver.attach_process(b.memory, kDevice, Pasid(0), DomainId(8), nullptr, nullptr), base::UserError);
  EXPECT_THROW(b.driver.attach_process(b.memory, kDevice, Pasid(1), DomainId(8), second.get(), nullptr),
               base::UserError);
  EXPECT_TRUE(b.driver.features().processes);
  EXPECT_FALSE(b.driver.features().nested_processes);
}

}  // namespace
}  // namespace iommusim::iommu::riscv
