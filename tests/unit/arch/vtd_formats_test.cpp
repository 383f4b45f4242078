#include <gtest/gtest.h>

#include <random>

#include "models/iommu/arch/vtd/fault_log.h"
#include "models/iommu/arch/vtd/formats.h"
#include "models/iommu/arch/vtd/invalidations.h"

namespace iommusim::iommu::vtd {
namespace {

class VtdFormats : public ::testing::Test {
 protected:
  std::uint64_t number(unsigned bits) { return random_() & (bits >= 64 ? ~std::uint64_t{0} : bit(bits) - 1); }
  bool coin() { return number(1) != 0; }
  std::mt19937_64 random_{1};
  static constexpr SourceId kDeviceTlbSource{0x0300};
};

TEST_F(VtdFormats, FieldsAreCutOutAndPutBackWhereTheyWere) {
  EXPECT_EQ(ones(63, 0), ~std::uint64_t{0});
  EXPECT_EQ(ones(11, 4), 0xff0u);
  EXPECT_EQ(get(0xabcd, 15, 8), 0xabu);
  EXPECT_EQ(put(0x1ab, 15, 8), 0xab00u);
  EXPECT_EQ(above(46), 0xffffc00000000000u);
  EXPECT_EQ(above(64), 0u);
}

TEST_F(VtdFormats, RootEntryRoundTrips) {
  for (int i = 0; i < 1000; ++i) {
    const RootEntry e{coin(), Hpa(number(64) & ~std::uint64_t{0xfff})};
    const RootEntry d = decode_root(encode(e));
    EXPECT_EQ(d.present, e.present);
    EXPECT_EQ(d.context_table, e.context_table);
  }
  EXPECT_EQ(encode(RootEntry{true, Hpa(0x12345000)})[0], 0x12345001u);
}

TEST_F(VtdFormats, ContextEntryRoundTrips) {
  for (int i = 0; i < 1000; ++i) {
    const ContextEntry e{coin(),
                         coin(),
                         static_cast<TranslationType>(number(2)),
                         Hpa(number(64) & ~std::uint64_t{0xfff}),
                         static_cast<std::uint8_t>(number(3)),
                         static_cast<std::uint16_t>(number(16))};
    const ContextEntry d = decode_context(encode(e));
    EXPECT_EQ(encode(d), encode(e));
    EXPECT_EQ(d.domain, e.domain);
    EXPECT_EQ(d.width, e.width);
    EXPECT_EQ(d.type, e.type);
    EXPECT_EQ(d.table, e.table);
    EXPECT_EQ(d.fault_disable, e.fault_disable);
    EXPECT_EQ(d.present, e.present);
  }
  // Present, 4 levels, domain 0x1234, table at 0xabc000: as a Linux dump of the structure would show it.
  const Pair w = encode(ContextEntry{true, false, TranslationType::untranslated_only, Hpa(0xabc000), 2, 0x1234});
  EXPECT_EQ(w[0], 0xabc001u);
  EXPECT_EQ(w[1], 0x123402u);
}

TEST_F(VtdFormats, PageEntryRoundTrips) {
  for (int i = 0; i < 1000; ++i) {
    const PageEntry e{coin(), coin(), coin(), coin(), Hpa(number(52) & ~std::uint64_t{0xfff})};
    const PageEntry d = decode_page(encode(e));
    EXPECT_EQ(encode(d), encode(e));
    EXPECT_EQ(d.address, e.address);
    EXPECT_EQ(d.read, e.read);
    EXPECT_EQ(d.write, e.write);
    EXPECT_EQ(d.page_size, e.page_size);
    EXPECT_EQ(d.snoop, e.snoop);
  }
  EXPECT_EQ(encode(PageEntry{true, true, true, false, Hpa(0x40000000)}), 0x40000083u);
}

TEST_F(VtdFormats, InterruptEntryRoundTripsInBothModes) {
  for (const bool extended : {false, true})
    for (int i = 0; i < 1000; ++i) {
      InterruptEntry e;
      e.present = coin();
      e.fault_disable = coin();
      e.logical_destination = coin();
      e.redirection_hint = coin();
      e.level_triggered = coin();
      e.delivery_mode = static_cast<std::uint8_t>(number(3));
      e.vector = static_cast<std::uint8_t>(number(8));
      e.destination = static_cast<std::uint32_t>(number(extended ? 32 : 8));
      e.source = static_cast<std::uint16_t>(number(16));
      e.source_qualifier = static_cast<std::uint8_t>(number(2));
      e.source_validation = static_cast<std::uint8_t>(number(2));
      const InterruptEntry d = decode_interrupt(encode(e, extended), extended);
      EXPECT_EQ(encode(d, extended), encode(e, extended));
      EXPECT_EQ(d.destination, e.destination);
      EXPECT_EQ(d.vector, e.vector);
      EXPECT_EQ(d.source, e.source);
      EXPECT_EQ(d.source_validation, e.source_validation);
    }
}

TEST_F(VtdFormats, InterruptMessageAndEntryAreInverse) {
  for (const bool extended : {false, true})
    for (int i = 0; i < 1000; ++i) {
      InterruptMessage m{kInterruptFirst | number(8) << 12 | number(2) << 2, 0};
      if (extended) m.address |= number(24) << 40;
      m.data = static_cast<std::uint32_t>(number(11));
      if (coin()) m.data |= 0xc000;  // level triggered, asserted
      const InterruptMessage back = compose(entry_for(m, extended), extended);
      EXPECT_EQ(back.address, m.address);
      EXPECT_EQ(back.data, m.data);
    }
}

TEST_F(VtdFormats, ARemappableRequestCarriesItsIndex) {
  for (const std::uint32_t index : {0u, 1u, 0x7fffu, 0x8000u, 0xffffu}) {
    const InterruptMessage m = remappable(index);
    EXPECT_TRUE(is_remappable(m));
    EXPECT_TRUE(in_interrupt_range(m.address));
    EXPECT_EQ(interrupt_index(m), index);
  }
  EXPECT_EQ(interrupt_index({remappable(8).address, 3}), 11u) << "handle plus subhandle";
  EXPECT_EQ(interrupt_index({remappable(8).address & ~std::uint64_t{8}, 3}), 8u) << "no subhandle";
}

TEST_F(VtdFormats, FaultRecordRoundTrips) {
  for (int i = 0; i < 1000; ++i) {
    FaultRecord r;
    r.valid = coin();
    r.read = coin();
    r.address_type = static_cast<std::uint8_t>(number(2));
    r.pasid = static_cast<std::uint32_t>(number(20));
    r.has_pasid = coin();
    r.execute = coin();
    r.privileged = coin();
    r.reason = static_cast<std::uint16_t>(number(8));
    r.source = static_cast<std::uint16_t>(number(16));
    r.information = number(64) & ~std::uint64_t{0xfff};
    const FaultRecord d = decode_fault_record(encode(r));
    EXPECT_EQ(encode(d), encode(r));
    EXPECT_EQ(d.reason, r.reason);
    EXPECT_EQ(d.source, r.source);
    EXPECT_EQ(d.information, r.information);
    EXPECT_EQ(d.pasid, r.pasid);
  }
}

TEST_F(VtdFormats, DescriptorsRoundTrip) {
  using Type = Descriptor::Type;
  for (const Type type : {Type::context, Type::iotlb, Type::device_tlb, Type::interrupt_entry, Type::wait,
                          Type::process_iotlb, Type::process_cache, Type::process_device_tlb, Type::page_response})
    for (int i = 0; i < 1000; ++i) {
      // A random word pair decoded is a legal set of fields of that type.
      const Descriptor d =
          decode_descriptor({(number(64) & ~std::uint64_t{0xe0f}) | static_cast<std::uint64_t>(type), number(64)});
      const Descriptor back = decode_descriptor(encode(d));
      EXPECT_EQ(encode(back), encode(d));
      EXPECT_EQ(back.type, type);
      EXPECT_EQ(back.granularity, d.granularity);
      EXPECT_EQ(back.domain, d.domain);
      EXPECT_EQ(back.source, d.source);
      EXPECT_EQ(back.function_mask, d.function_mask);
      EXPECT_EQ(back.address, d.address);
      EXPECT_EQ(back.address_mask, d.address_mask);
      EXPECT_EQ(back.leaf_only, d.leaf_only);
      EXPECT_EQ(back.size, d.size);
      EXPECT_EQ(back.index, d.index);
      EXPECT_EQ(back.index_mask, d.index_mask);
      EXPECT_EQ(back.status, d.status);
      EXPECT_EQ(back.status_write, d.status_write);
      EXPECT_EQ(back.fence, d.fence);
      EXPECT_EQ(back.interrupt, d.interrupt);
      EXPECT_EQ(back.drain_pages, d.drain_pages);
      EXPECT_EQ(back.process_granularity, d.process_granularity);
      EXPECT_EQ(back.pasid, d.pasid);
      EXPECT_EQ(back.has_pasid, d.has_pasid);
      EXPECT_EQ(back.global, d.global);
      EXPECT_EQ(back.group, d.group);
      EXPECT_EQ(back.code, d.code);
    }
}

TEST_F(VtdFormats, DescriptorBitsAreThoseOfTheSpecification) {
  Invalidation page;
  page.kind = Invalidation::Kind::iotlb_pages;
  page.domain = DomainId(0x1234);
  page.address = Iova(0xffffe000);
  page.size_log2 = 13;
  page.leaf_only = true;
  EXPECT_EQ(encode(descriptor_for(page, VtdConfig())), (Pair{0x123400f2, 0xffffe041}));
  Invalidation wait;
  wait.kind = Invalidation::Kind::wait;
  wait.status = 2;
  wait.status_address = Hpa(0x5000);
  EXPECT_EQ(encode(descriptor_for(wait, VtdConfig())), (Pair{0x200000025, 0x5000}));
  Invalidation entries;
  entries.kind = Invalidation::Kind::interrupt_entries;
  entries.index = 0x21;
  entries.count_log2 = 0;
  EXPECT_EQ(encode(descriptor_for(entries, VtdConfig())), (Pair{0x2100000014, 0}));
  Invalidation context;
  context.kind = Invalidation::Kind::context_source;
  context.source = SourceId(0x18);
  context.domain = DomainId(7);
  EXPECT_EQ(encode(descriptor_for(context, VtdConfig())), (Pair{0x1800070031, 0}));
}

TEST_F(VtdFormats, ADeviceTlbInvalidationCodesItsSizeInTheAddress) {
  for (unsigned log2 = 12; log2 <= 40; ++log2) {
    Invalidation i;
    i.kind = Invalidation::Kind::device_tlb;
    i.source = kDeviceTlbSource;
    i.address = Iova(std::uint64_t{5} << 41);
    i.size_log2 = static_cast<std::uint8_t>(log2);
    const Command c = command_for(decode_descriptor(encode(descriptor_for(i, VtdConfig()))), VtdConfig(), false);
    EXPECT_EQ(c.kind, Command::Kind::device_tlb);
    EXPECT_EQ(c.source, i.source);
    EXPECT_EQ(c.bytes, bit(log2));
    EXPECT_EQ(c.address, i.address.value());
  }
}

}  // namespace
}  // namespace iommusim::iommu::vtd
