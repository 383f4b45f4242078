// Records, interrupts and messages that an architecture asks for: their order and their times.
#include <gmock/gmock.h>

#include "tests/unit/core/full_architecture.h"

namespace iommusim::test {
namespace {

constexpr std::uint64_t kFaultInterrupt = 0xfee02000, kPageInterrupt = 0xfee03000;

TEST(Records, AFaultIsInMemoryBeforeItsInterruptLeaves) {
  FullBench b;
  b.requester.read(Time::ns(10), 0x9000);
  b.requester.read(Time::us(1), 0x5000);  // refused at 1.103 us
  b.run();
  const auto records = b.accesses(FullArchitecture::kFaults, FullArchitecture::kFaults + 15);
  const auto interrupts = b.accesses(kFaultInterrupt, kFaultInterrupt);
  ASSERT_EQ(records.size(), 1u);
  ASSERT_EQ(interrupts.size(), 1u);
  EXPECT_EQ(records[0].at.ps(), (Time::us(1) + Time::ns(103)).ps());
  EXPECT_EQ(records[0].bytes, 16u);
  EXPECT_EQ(records[0].traffic, tlm::Traffic::queue);
  EXPECT_EQ(interrupts[0].at.ps(), (Time::us(1) + Time::ns(203)).ps());
  EXPECT_EQ(b.memory.word(FullArchitecture::kFaults), 5u);
  EXPECT_EQ(b.memory.word(FullArchitecture::kFaults + 8), 0x5000u);
  EXPECT_TRUE(b.unit->quiescent()) << b.unit->holding();
  EXPECT_EQ(b.simulation.pool.live(), 0u) << b.simulation.pool.leak_report();
}

TEST(Records, AreWrittenOneAtATimeEachAnnouncedBeforeTheNext) {
  FullBench b;
  b.requester.read(Time::ns(10), 0x9000);
  for (unsigned i = 0; i < 3; ++i) b.requester.read(Time::us(1), 0x5000 + 64 * i);  // all refused at 1.103 us
  b.run();
  const auto records = b.accesses(FullArchitecture::kFaults, FullArchitecture::kFaults + 63);
  const auto interrupts = b.accesses(kFaultInterrupt, kFaultInterrupt);
  ASSERT_EQ(records.size(), 3u);
  ASSERT_EQ(interrupts.size(), 3u);
  for (unsigned i = 0; i < 3; ++i) {
    EXPECT_EQ(records[i].at.ps(), (Time::us(1) + Time::ns(103 + 100 * i)).ps());
    EXPECT_EQ(interrupts[i].at.ps(), (Time::us(1) + Time::ns(203 + 100 * i)).ps());
    EXPECT_EQ(interrupts[i].data, i);
    EXPECT_EQ(b.memory.word(FullArchitecture::kFaults + 16 * i + 8), 0x5000u + 64 * i);
  }
}

TEST(Records, ThatMemoryRefusesAreReportedAsSuch) {
  FullBench b;
  b.memory.limit = FullArchitecture::kFaults;
  b.requester.read(Time::ns(10), 0x3000, base::SourceId(24));  // no context
  b.run();
  EXPECT_EQ(b.full.refused_records, 1u);
  EXPECT_TRUE(b.accesses(kFaultInterrupt, kFaultInterrupt).empty());
}

TEST(Interrupts, ThatMemoryRefusesAreReportedToTheArchitecture) {
  FullBench b;
  b.memory.limit = 0xfee00000;
  b.requester.read(Time::ns(10), 0x3000, base::SourceId(24));
  b.run();
  ASSERT_EQ(b.full.failed_interrupts.size(), 1u);
  EXPECT_EQ(b.full.failed_interrupts[0].address, kFaultInterrupt);
}

TEST(PageRequest, IsQueuedThenAnnounced) {
  FullBench b;
  b.requester.read(Time::ns(10), 0x9000);
  const auto i = b.ask_for_page(Time::us(1), 0x5000);
  b.run();
  ASSERT_EQ(b.full.page_requests.size(), 1u);
  EXPECT_EQ(b.full.page_requests[0].address, 0x5000u);
  EXPECT_EQ(b.full.page_requests[0].group, 5);
  EXPECT_TRUE(b.full.page_requests[0].last && b.full.page_requests[0].read && !b.full.page_requests[0].write);
  const auto records = b.accesses(FullArchitecture::kPages, FullArchitecture::kPages + 15);
  const auto interrupts = b.accesses(kPageInterrupt, kPageInterrupt);
  ASSERT_EQ(records.size(), 1u);
  ASSERT_EQ(interrupts.size(), 1u);
  EXPECT_EQ(b.sent(i).answered_at.ps(), (Time::us(1) + Time::ns(1)).ps()) << "the context lookup";
  EXPECT_EQ(records[0].at.ps(), (Time::us(1) + Time::ns(1)).ps());
  EXPECT_EQ(interrupts[0].at.ps(), (Time::us(1) + Time::ns(101)).ps());
  EXPECT_TRUE(b.unit->quiescent()) << b.unit->holding();
}

TEST(PageRequest, WalksForItsDeviceContextAndStaysBehindTheWritesOfItsDevice) {
  FullBench b;
  b.set_context(32, 1, false);
  const auto cold = b.ask_for_page(Time::ns(10), 0x5000);
  const auto write = b.requester.write(Time::us(1), 0x3000);
  const auto behind = b.ask_for_page(Time::us(1), 0x5000);
  b.run();
  EXPECT_EQ(b.sent(cold).answered_at.ps(), Time::ns(10 + 1 + 100).ps());
  EXPECT_EQ(b.sent(behind).answered_at.ps(), b.left(write).ps());
}

TEST(PageRequest, WithoutAContextIsHandedOnWithTheReason) {
  FullBench b;
  b.ask_for_page(Time::ns(10), 0x5000, base::SourceId(24));
  b.run();
  ASSERT_EQ(b.full.page_faults.size(), 1u);
  EXPECT_EQ(b.full.page_faults[0], FaultKind::context_absent);
  EXPECT_TRUE(b.unit->quiescent()) << "the answer has nobody to go to: " << b.unit->holding();
}

TEST(DebugTranslation, WalksLikeARequestAndAnswersInTheRegister) {
  FullBench b;
  b.registers->write(Time::us(1), 8, base::SourceId(0), 8, 0x3000);
  b.registers->write(Time::us(2), 8, base::SourceId(0), 8, 0x5000);
  Time answered;
  b.run(Time::us(1) + Time::ns(203));
  EXPECT_EQ(b.full.debug_answers, 0u);
  b.run(Time::us(1) + Time::ns(203) + Time::ps(1));
  EXPECT_EQ(b.full.debug_answers, 1u) << "lookup 3 ns, context and page 100 ns each";
  ASSERT_TRUE(b.full.debug.has_value());
  EXPECT_EQ(b.full.debug->output.value(), 0x40003000u);
  b.full.debug.reset();
  b.run();
  EXPECT_EQ(b.full.debug_answers, 2u);
  EXPECT_FALSE(b.full.debug.has_value());
  EXPECT_EQ(b.full.recorded.size(), 1u) << "its fault is recorded like another";
  EXPECT_TRUE(b.unit->quiescent()) << b.unit->holding();
  EXPECT_EQ(b.simulation.pool.live(), 0u) << b.simulation.pool.leak_report();
}

TEST(InterruptFile, AMessageSetsItsBitAndNotifiesIfEnabled) {
  FullBench b;
  b.requester.read(Time::ns(10), 0x9000);
  b.memory.set_word(FullArchitecture::kFile + 8, 1u << 3);  // interrupt 3 is enabled, 4 is not
  const auto enabled = b.requester.write(Time::us(1), 0x7000, base::SourceId(8), 4, 3);
  const auto silent = b.requester.write(Time::us(2), 0x7000, base::SourceId(8), 4, 4);
  b.run();
  EXPECT_EQ(b.memory.word(FullArchitecture::kFile), 1u << 3 | 1u << 4);
  const auto notices = b.accesses(0xfee04000, 0xfee04000);
  ASSERT_EQ(notices.size(), 1u);
  EXPECT_EQ(notices[0].data, 0x99u);
  // Walk until 1.103 us, swap, read of the enable bits; the second swap finds a bit set and is done again.
  EXPECT_EQ(notices[0].at.ps(), (Time::us(1) + Time::ns(303)).ps());
  EXPECT_EQ(b.sent(enabled).answered_at.ps(), notices[0].at.ps());
  EXPECT_EQ(b.sent(silent).answered_at.ps(), (Time::us(2) + Time::ns(403)).ps());
  EXPECT_TRUE(b.unit->quiescent()) << b.unit->holding();
}

TEST(InterruptFile, ReadsAsZeroAndIgnoresWhatIsNoMessage) {
  FullBench b;
  b.memory.set_word(FullArchitecture::kFile, 5);
  const auto read = b.requester.read(Time::us(1), 0x7000);
  const auto nothing = b.requester.write(Time::us(2), 0x7000, base::SourceId(8), 4, 0);
  b.run();
  EXPECT_TRUE(b.sent(read).ok);
  EXPECT_EQ(b.sent(read).value, 0u);
  EXPECT_TRUE(b.sent(nothing).ok);
  EXPECT_EQ(b.memory.word(FullArchitecture::kFile), 5u);
}

Command wait(bool reads, bool writes) {
  Command c;
  c.kind = Command::Kind::wait;
  c.form = Command::Form::wait;
  c.write_status = true;
  c.status_address = Hpa(0x8000);
  c.status = 1;
  c.order_reads = reads;
  c.order_writes = writes;
  return c;
}

TEST(DeviceInvalidation, ItsAnswerComesBehindTheWritesBeforeItAndEndsTheWait) {
  FullBench b;
  FixedMemory device("device", b.simulation.context, Time::ns(1));  // takes messages
  b.unit->messages.bind(device.port());
  Command invalidation;
  invalidation.kind = Command::Kind::device_tlb;
  invalidation.message.device = SourceId(8);
  invalidation.message.body = 0x3000;
  b.architecture->commands = {invalidation, wait(false, false)};
  b.requester.read(Time::ns(10), 0x9000);
  b.registers->write(Time::us(1), 0, base::SourceId(0), 8, 2);
  b.requester.write(Time::us(2), 0x3000);  // misses: leaves at 2.103 us
  const auto answer = b.message(Time::us(2), pcie::message_of(pcie::InvalidateCompletion{1, 1}, base::Bdf(0)));
  b.run();
  ASSERT_EQ(device.accesses.size(), 1u);
  EXPECT_EQ(device.accesses[0].at.ps(), (Time::us(1) + Time::ns(100)).ps()) << "when its command is fetched";
  EXPECT_EQ(b.sent(answer).answered_at.ps(), (Time::us(2) + Time::ns(103)).ps());
  const auto status = b.accesses(0x8000, 0x8000);
  ASSERT_EQ(status.size(), 1u);
  EXPECT_EQ(status[0].at.ps(), (Time::us(2) + Time::ns(103)).ps());
  EXPECT_TRUE(b.unit->quiescent()) << b.unit->holding();
}

class InterruptFileAndWait : public ::testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(OrderWrites, InterruptFileAndWait, ::testing::Bool());

TEST_P(InterruptFileAndWait, AMessageUnderWayIsAWriteThatOnlyAWaitForWritesHoldsFor) {
  const bool writes = GetParam();
  FullBench b;
  b.requester.read(Time::ns(10), 0x9000);
  b.memory.set_word(FullArchitecture::kFile + 8, 1u << 3);
  b.architecture->commands = {wait(true, writes)};
  b.registers->write(Time::us(1), 0, base::SourceId(0), 8, 1);
  b.requester.write(Time::us(1) - Time::ns(50), 0x7000, base::SourceId(8), 4, 3);
  b.run();
  const auto status = b.accesses(0x8000, 0x8000);
  ASSERT_EQ(status.size(), 1u);
  // Walk until 1.053 us, swap and read of the enable bits until 1.253 us; the notice leaves then.
  EXPECT_EQ(status[0].at.ps(), (Time::us(1) + Time::ns(writes ? 253 : 100)).ps());
  EXPECT_TRUE(b.unit->quiescent()) << b.unit->holding();
}

/// When the status write of a wait command goes out, whose entry is fetched from 1.000 us to 1.100 us, while a request
/// sent to memory at 1.053 us is under way until 1.153 us.
Time ended(const Command& command, bool write) {
  FullBench b;
  b.requester.read(Time::ns(10), 0x9000);
  b.architecture->commands = {command};
  b.registers->write(Time::us(1), 0, base::SourceId(0), 8, 1);
  if (write) {
    b.requester.write(Time::us(1) + Time::ns(50), 0x9000);
  } else {
    b.requester.read(Time::us(1) + Time::ns(50), 0x9000);
  }
  b.run();
  const auto status = b.accesses(0x8000, 0x8000);
  return status.size() == 1 ? status[0].at : Time();
}
const Time kAtOnce = Time::us(1) + Time::ns(100), kBehind = Time::us(1) + Time::ns(153);

TEST(Fence, DoesNotWaitForWhatHasLeftUnlessAsked) { EXPECT_EQ(ended(wait(false, false), false).ps(), kAtOnce.ps()); }
TEST(Fence, WaitsForReadsUnderWayIfAsked) { EXPECT_EQ(ended(wait(true, false), false).ps(), kBehind.ps()); }
TEST(Fence, WaitsForWritesUnderWayIfAsked) { EXPECT_EQ(ended(wait(false, true), true).ps(), kBehind.ps()); }
TEST(Fence, ForReadsDoesNotWaitForWrites) { EXPECT_EQ(ended(wait(true, false), true).ps(), kAtOnce.ps()); }

}  // namespace
}  // namespace iommusim::test
