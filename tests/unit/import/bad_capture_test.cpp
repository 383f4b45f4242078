// Captures that cannot be imported: a positioned error, and no output.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "experiments/import/import.h"
#include "tests/unit/import/files.h"

namespace iommusim::importer {
namespace {

class BadCapture : public ::testing::Test {
 protected:
  /// What importing `directory` complains about, without the folder in front; checks that nothing is left behind.
  std::string complaint(const std::string& directory) {
    auto text = test::user_error([&] { import_capture(directory, scratch_ / "out.trace"); });
    EXPECT_FALSE(std::filesystem::exists(scratch_ / "out.trace"));
    EXPECT_FALSE(std::filesystem::exists(scratch_ / "out.trace.tmp"));
    const auto at = text.find(directory);
    return at == std::string::npos ? text : text.substr(at + directory.size() + 1);
  }
  std::string complaint() { return complaint(capture_.write(scratch_)); }
  void edit(std::string& log, const std::string& from, const std::string& to) { test::replace_first(log, from, to); }
  static std::uint32_t line_of(const std::string& log, const std::string& text) {
    return static_cast<std::uint32_t>(
        1 + std::count(log.begin(), log.begin() + static_cast<std::ptrdiff_t>(log.find(text)), '\n'));
  }

  test::Scratch scratch_;
  test::SmallCapture capture_;
};

TEST_F(BadCapture, AMissingSideIsNamed) {
  EXPECT_EQ(complaint(scratch_ / "nowhere"), "META.yaml: missing: the description of the capture");
  const auto directory = capture_.write(scratch_);
  std::filesystem::remove(directory + "/ftrace.txt.gz");
  EXPECT_EQ(complaint(directory), "ftrace.txt.gz: missing: the kernel's side of the capture");
  capture_.write(scratch_);
  std::filesystem::remove(directory + "/qemu-trace.log.gz");
  EXPECT_EQ(complaint(directory), "qemu-trace.log.gz: missing: the unit's side of the capture");
}

TEST_F(BadCapture, EmptyLogsAreErrors) {
  capture_.unit.clear();
  EXPECT_EQ(complaint(), "qemu-trace.log.gz:0: no event of an IOMMU in the whole log");
  capture_ = {};
  capture_.kernel.clear();
  EXPECT_EQ(complaint(), "ftrace.txt.gz:0: no mark (tracing_mark_write: MARK n ...)");
}

TEST_F(BadCapture, TruncatedAndDamagedCompressionIsSeen) {
  // Lines repeated with other numbers, so that the compressed file is longer than one buffer.
  for (int i = 0; i < 20000; ++i)
    capture_.unit += "101@1001." + std::to_string(100000 + i) + ":vtd_ir_remap_msi_req addr 0xfee00238 data 0x0\n";
  const auto directory = capture_.write(scratch_);
  const auto path = directory + "/qemu-trace.log.gz";
  const auto bytes = test::read_text(path);
  for (std::size_t cut : {bytes.size() - 1, bytes.size() - 9, bytes.size() / 2, std::size_t{12}}) {
    test::write_text(path, bytes.substr(0, cut));
    const auto text = complaint(directory);
    EXPECT_NE(text.find("qemu-trace.log.gz:"), std::string::npos) << text;
    EXPECT_NE(text.find("the compressed file is "), std::string::npos) << text;
  }
  auto damaged = bytes;
  damaged[bytes.size() / 2] = static_cast<char>(damaged[bytes.size() / 2] ^ 0x24);
  test::write_text(path, damaged);
  EXPECT_NE(complaint(directory), "");
}

TEST_F(BadCapture, BinaryAndGarbageLinesArePositioned) {
  capture_.unit.insert(capture_.unit.find("100@1000.003010"), "garbage\n");
  const auto line = std::to_string(line_of(capture_.unit, "garbage"));
  EXPECT_EQ(complaint(), "qemu-trace.log.gz:" + line + ": no line of a QEMU log (TID@SECONDS:EVENT ...): 'garbage'");
  capture_ = {};
  capture_.kernel += "garbage\n";
  EXPECT_EQ(complaint(), "ftrace.txt.gz:23: no line of ftrace (COMM-PID [CPU] FLAGS SECONDS: EVENT: ...): 'garbage'");
  capture_ = {};
  capture_.kernel += std::string("a\0b\n", 4);
  EXPECT_EQ(complaint(), "ftrace.txt.gz:23: a NUL byte: this is not a text log");
  capture_ = {};
  capture_.unit = std::string(100000, '\x01');
  EXPECT_EQ(complaint(), "qemu-trace.log.gz:1: line longer than 4096 bytes: this is not a text log");
  capture_ = {};
  capture_.unit.pop_back();
  EXPECT_NE(complaint().find(": the last line is cut short"), std::string::npos);
}

TEST_F(BadCapture, AKnownEventWithDetailsThatMakeNoSenseIsPositioned) {
  edit(capture_.unit, "slpte 0x6000003", "slpte zero");
  const auto text = complaint();
  EXPECT_NE(text.find("the details of 'vtd_iotlb_page_update' are not understood"), std::string::npos) << text;
  EXPECT_EQ(text.rfind("qemu-trace.log.gz:" + std::to_string(line_of(capture_.unit, "slpte zero")) + ": ", 0), 0u)
      << text;
  capture_ = {};
  edit(capture_.kernel, "paddr=0x0000000006000000 size=4096", "paddr=0x0000000006000000 size=5000");
  EXPECT_NE(complaint().find("ftrace.txt.gz:7: the details of 'map' are not understood"), std::string::npos);
  capture_ = {};
  edit(capture_.kernel, "paddr=0x0000000006000000", "paddr=0x0000000006000001");
  EXPECT_EQ(complaint(), "ftrace.txt.gz:7: a mapping that is not made of whole 4 KiB pages");
  capture_ = {};
  edit(capture_.kernel, "dev=\"0000:00:03.0\" nents=2 dir=2", "dev=\"nvme0\" nents=2 dir=2");
  EXPECT_NE(complaint().find("ftrace.txt.gz:6: the details of 'map_sg' are not understood"), std::string::npos);
  capture_ = {};
  edit(capture_.unit, "sid 0x20 iova 0xfffff000", "sid 0x12345 iova 0xfffff000");
  EXPECT_NE(complaint().find(": a requester id beyond 16 bits"), std::string::npos);
}

TEST_F(BadCapture, ClocksThatRunBackwardsAreErrors) {
  edit(capture_.unit, "100@1000.003010:pci", "100@0999.003010:pci");
  EXPECT_NE(complaint().find(": the recorder's clock runs backwards here"), std::string::npos);
  capture_ = {};
  edit(capture_.kernel, "0.004131: map", "0.000131: map");
  EXPECT_EQ(complaint(), "ftrace.txt.gz:11: the kernel's clock runs backwards here");
}

TEST_F(BadCapture, LogsOfTwoCapturesDoNotAlign) {
  edit(capture_.kernel, "0x400f2 0xfffbe001", "0x400f2 0xabcde000");
  EXPECT_EQ(complaint(),
            "ftrace.txt.gz:15: this is the 1. submission, and no run of the unit's descriptors near the first mark "
            "fits up to here: "
            "the two logs are not of one capture");
}

TEST_F(BadCapture, LogsWithoutMarksAreErrors) {
  while (capture_.unit.find("mch 00:00.0 @0x3c") != std::string::npos)
    edit(capture_.unit, "mch 00:00.0 @0x3c", "mch 00:00.0 @0x40");
  EXPECT_NE(complaint().find(": no mark (pci_cfg_write mch 00:00.0 @0x3c)"), std::string::npos);
}

TEST_F(BadCapture, DescriptionsThatAreNoneArePositioned) {
  capture_.meta = "name: [unclosed\n";
  EXPECT_EQ(complaint().rfind("META.yaml:", 0), 0u);
  capture_ = {};
  edit(capture_.meta, "release: 6.1.0-small", "edition: 6.1.0-small");
  EXPECT_EQ(complaint(), "META.yaml:4: the key 'release' is missing");
  capture_ = {};
  edit(capture_.meta, "- bdf: '0000:00:03.0'", "- bdf: 'nvme'");
  EXPECT_EQ(complaint(), "META.yaml:10: 'nvme' is no PCI address");
  capture_ = {};
  edit(capture_.meta, "id: 1b36:0010", "id: 1b36");
  EXPECT_EQ(complaint(), "META.yaml:10: '1b36' is no vendor:device id");
  capture_ = {};
  capture_.meta = std::string("\x89PNG\x00\x01\x02", 7);
  EXPECT_EQ(complaint().rfind("META.yaml:", 0), 0u);
  capture_ = {};
  capture_.meta.clear();
  EXPECT_EQ(complaint(), "META.yaml:1: not a YAML map");
}

TEST_F(BadCapture, AnExistingTraceSurvivesAFailedImport) {
  test::write_text(scratch_ / "out.trace", "old");
  capture_.unit += "garbage\n";
  const auto directory = capture_.write(scratch_);
  EXPECT_NE(test::user_error([&] { import_capture(directory, scratch_ / "out.trace"); }), "");
  EXPECT_EQ(test::read_text(scratch_ / "out.trace"), "old");
}

TEST_F(BadCapture, AnUnwritablePlaceIsAUserError) {
  const auto directory = capture_.write(scratch_);
  EXPECT_NE(test::user_error([&] { import_capture(directory, "/nonexistent/folder/out"); }).find("cannot be written"),
            std::string::npos);
}

TEST_F(BadCapture, RandomEditsAreEitherImportedOrExplained) {
  std::mt19937 random(5);
  for (int i = 0; i < 150; ++i) {
    capture_ = {};
    auto& log = random() % 2 ? capture_.unit : capture_.kernel;
    for (unsigned n = 1 + random() % 4; n-- > 0;) log[random() % log.size()] = static_cast<char>(32 + random() % 96);
    if (random() % 4 == 0) log.erase(random() % log.size(), random() % 200);
    const auto directory = capture_.write(scratch_);
    const auto text = test::user_error([&] { import_capture(directory, scratch_ / "out.trace"); });
    EXPECT_FALSE(std::filesystem::exists(scratch_ / "out.trace.tmp")) << text;
  }
}

}  // namespace
}  // namespace iommusim::importer
