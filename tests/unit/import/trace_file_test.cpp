// The trace file: what is written is read back, and every defect of a file is a positioned error.
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "models/endpoints/trace/reader.h"
#include "models/endpoints/trace/writer.h"
#include "tests/unit/import/files.h"

namespace iommusim::ep {
namespace {

using test::user_error;

const std::string header_text =
    "iommusim-trace 1\nname x\nkernel 6.1\nrecorder 7.2\niommu vtd\npage_mask_bits 8\nresets_recorded "
    "yes\nunit_clock_start 5\n"
    "device 18 18 1b36 10 108 2 DMA 4\nbegin\n";

/// Reads a whole file; the error's text without the folder, or "".
std::string defect(const test::Scratch& scratch, const std::string& file) {
  auto text = user_error([&] {
    TraceReader reader;
    reader.open(scratch / file);
    TraceRecord record;
    while (reader.next(record)) {}
  });
  const auto at = text.find(scratch.path().string());
  return at == std::string::npos ? text : text.substr(at + scratch.path().string().size() + 1);
}

std::string defect_of(const std::string& body) {
  test::Scratch scratch;
  test::write_gz(scratch / "t", header_text + body);
  return defect(scratch, "t");
}

/// A record of `kind` with every field that kind uses set at random.
TraceRecord random_record(TraceKind kind, std::mt19937_64& random, std::uint64_t time) {
  TraceRecord r;
  r.kind = kind;
  r.time = time;
  r.line = static_cast<std::uint32_t>(random() % 100000);
  const bool kernel = kind == TraceKind::attach || kind == TraceKind::call || (kind == TraceKind::map && random() % 2);
  r.side = kernel ? TraceSide::kernel : TraceSide::unit;
  r.origin = kernel ? random() % 1000000000 : time;
  const auto bit = [&] { return random() % 2 != 0; };
  const auto u32 = [&] { return static_cast<std::uint32_t>(random()); };
  const auto pick = [&](const std::string& letters) { return letters[random() % letters.size()]; };
  const auto requester = [&] { r.requester = base::Bdf(static_cast<std::uint16_t>(random())); };
  const auto domain = [&] { r.domain = bit() ? no_domain : base::DomainId(u32() & 0xffff); };
  switch (kind) {
    case TraceKind::mark: r.number = u32(), r.text = "fio: bs=4k  with blanks"; break;
    case TraceKind::attach:
      requester(), domain(), r.type = static_cast<DomainType>(random() % 6), r.flags = bit() ? 2 : 0;
      break;
    case TraceKind::translation: r.enable = bit(); break;
    case TraceKind::call:
      requester(), r.mapping = u32(), r.call = static_cast<CallKind>(pick("psa")),
                   r.direction = static_cast<Direction>(random() % 3);
      r.size = random(), r.number = u32();
      break;
    case TraceKind::map:
    case TraceKind::unmap:
      requester(), domain(), r.flags = bit(), r.mapping = u32(), r.iova = base::Iova(random() & 0x7ffffffff000);
      r.size = 4096 * (1 + random() % 600);
      if (kind == TraceKind::map) r.paddr = base::Hpa(random() & 0xfffffffff000), r.permissions = random() & 3;
      break;
    case TraceKind::invalidate:
      requester(), domain(), r.invalidate = static_cast<InvalidateKind>(pick("gdptGDFiwo")), r.flags = bit(),
                             r.mask = random() & 63;
      r.iova = base::Iova(random());
      break;
    case TraceKind::request:
      domain(), r.request = static_cast<RequestKind>(pick("mu")), r.permissions = random() & 3,
                r.iova = base::Iova(random());
      r.paddr = base::Hpa(random()), r.size = random();
      break;
    case TraceKind::access:
      requester(), domain(), r.outcome = static_cast<Outcome>(pick("hftpn")),
                             r.access = static_cast<AccessClass>(pick("?scdlbrtwq"));
      r.write = bit(), r.flags = random() & 7, r.mapping = u32(), r.io = u32(),
      r.iova = base::Iova(random() & ~std::uint64_t{0xfff});
      r.paddr = base::Hpa(random()), r.size = random() % 4097;
      break;
    case TraceKind::doorbell: requester(), r.flags = bit(), r.number = u32(), r.value = u32(); break;
    case TraceKind::msi: requester(), r.number = u32(), r.io = u32(); break;
    case TraceKind::interrupt: requester(), r.flags = bit(), r.iova = base::Iova(random()), r.value = u32(); break;
    case TraceKind::fault:
      requester(), r.number = random() & 255, r.write = bit(), r.iova = base::Iova(random());
      break;
    case TraceKind::iotlb_reset: break;
    case TraceKind::passthrough: requester(); break;
  }
  return r;
}

void expect_equal(const TraceRecord& a, const TraceRecord& b) {
  EXPECT_EQ(a.kind, b.kind);
  EXPECT_EQ(a.side, b.side);
  EXPECT_EQ(a.flags, b.flags);
  EXPECT_EQ(a.write, b.write);
  EXPECT_EQ(a.enable, b.enable);
  EXPECT_EQ(a.permissions, b.permissions);
  EXPECT_EQ(a.type, b.type);
  EXPECT_EQ(a.call, b.call);
  EXPECT_EQ(a.direction, b.direction);
  EXPECT_EQ(a.invalidate, b.invalidate);
  EXPECT_EQ(a.outcome, b.outcome);
  EXPECT_EQ(a.access, b.access);
  EXPECT_EQ(a.request, b.request);
  EXPECT_EQ(a.mask, b.mask);
  EXPECT_EQ(a.requester, b.requester);
  EXPECT_EQ(a.domain, b.domain);
  EXPECT_EQ(a.number, b.number);
  EXPECT_EQ(a.value, b.value);
  EXPECT_EQ(a.line, b.line);
  EXPECT_EQ(a.mapping, b.mapping);
  EXPECT_EQ(a.io, b.io);
  EXPECT_EQ(a.time, b.time);
  EXPECT_EQ(a.origin, b.origin);
  EXPECT_EQ(a.iova, b.iova);
  EXPECT_EQ(a.paddr, b.paddr);
  EXPECT_EQ(a.size, b.size);
  EXPECT_EQ(a.text, b.text);
}

TEST(TraceFile, RecordsOfEveryKindAreReadBackAsWritten) {
  test::Scratch scratch;
  std::mt19937_64 random(7);
  std::vector<TraceRecord> written;
  std::uint64_t time = 0;
  for (int round = 0; round < 200; ++round)
    for (char kind : std::string("MATCPUIVDBSRFXN"))
      written.push_back(random_record(static_cast<TraceKind>(kind), random, time += random() % 1000));
  TraceHeader header;
  header.name = "a name";
  header.iommu = TraceIommu::virtio;
  header.devices.resize(2);
  header.devices[1].requester = base::Bdf(0x100);
  {
    TraceWriter writer(scratch / "t", header);
    for (const auto& record : written) writer.write(record);
    writer.close();
  }
  TraceReader reader;
  reader.open(scratch / "t");
  EXPECT_EQ(reader.header().name, "a name");
  EXPECT_EQ(reader.header().iommu, TraceIommu::virtio);
  ASSERT_EQ(reader.header().devices.size(), 2u);
  EXPECT_EQ(reader.header().devices[1].requester, base::Bdf(0x100));
  EXPECT_EQ(reader.header().devices[1].domain, no_domain);
  TraceRecord record;
  for (const auto& expected : written) {
    ASSERT_TRUE(reader.next(record));
    expect_equal(record, expected);
  }
  EXPECT_FALSE(reader.next(record));
  EXPECT_FALSE(reader.next(record)) << "the end stays the end";
}

TEST(TraceFile, AWriterThatIsNotClosedLeavesTheOldFileAndNothingElse) {
  test::Scratch scratch;
  test::write_text(scratch / "t", "old");
  { TraceWriter writer(scratch / "t", TraceHeader{}); }
  EXPECT_EQ(test::read_text(scratch / "t"), "old");
  EXPECT_EQ(scratch.listing(), "t ");
}

TEST(TraceFile, TimeThatRunsBackwardsIsTheCallersError) {
  test::Scratch scratch;
  TraceWriter writer(scratch / "t", TraceHeader{});
  TraceRecord record;
  record.time = 5;
  writer.write(record);
  record.time = 4;
  EXPECT_THROW(writer.write(record), std::logic_error);
}

TEST(TraceFile, AnUnwritablePlaceIsAUserError) {
  EXPECT_NE(user_error([] { TraceWriter writer("/nonexistent/folder/t", TraceHeader{}); }).find("cannot be written"),
            std::string::npos);
}

TEST(TraceFile, PlainTextIsReadToo) {
  test::Scratch scratch;
  test::write_text(scratch / "t", header_text + "Xu 1 1\n. 1\n");
  EXPECT_EQ(defect(scratch, "t"), "");
}

TEST(TraceDefects, MissingEmptyBinaryAndForeignFiles) {
  test::Scratch scratch;
  EXPECT_EQ(defect(scratch, "none"), "none: cannot be read: No such file or directory");
  std::filesystem::create_directory(scratch / "folder");
  EXPECT_EQ(defect(scratch, "folder"), "folder: is not a file");
  test::write_text(scratch / "empty", "");
  EXPECT_EQ(defect(scratch, "empty"), "empty: the file is empty");
  test::write_gz(scratch / "empty.gz", "");
  EXPECT_EQ(defect(scratch, "empty.gz"), "empty.gz: the file is empty");
  std::string noise;
  std::mt19937 random(3);
  for (int i = 0; i < 100000; ++i) noise += static_cast<char>(random());
  test::write_text(scratch / "noise", noise);
  EXPECT_NE(defect(scratch, "noise").find("noise:1: "), std::string::npos);
  test::write_text(scratch / "foreign", "schema: 1\n");
  EXPECT_EQ(defect(scratch, "foreign"),
            "foreign:1: this is no iommusim trace: it does not begin with 'iommusim-trace 1'");
  test::write_text(scratch / "later", "iommusim-trace 2\n");
  EXPECT_EQ(defect(scratch, "later"),
            "later:1: trace version '2', this program reads version 1: import the capture again");
}

TEST(TraceDefects, TruncationIsSeenWhereverItHappens) {
  test::Scratch scratch;
  std::string body = header_text;
  for (int i = 0; i < 5000; ++i) body += "Xu " + std::to_string(i * 7919 % 10007) + " 1\n";
  body += ". 5000\n";
  test::write_gz(scratch / "whole", body);
  EXPECT_EQ(defect(scratch, "whole"), "");
  const auto bytes = test::read_text(scratch / "whole");
  for (std::size_t cut = 1; cut < bytes.size(); cut += 411) {
    test::write_text(scratch / "cut", bytes.substr(0, cut));
    EXPECT_NE(defect(scratch, "cut"), "") << "cut at " << cut;
  }
  auto damaged = bytes;
  damaged[bytes.size() / 2] = static_cast<char>(damaged[bytes.size() / 2] ^ 0x55);
  test::write_text(scratch / "damaged", damaged);
  EXPECT_NE(defect(scratch, "damaged"), "");
  test::write_text(scratch / "text", body.substr(0, body.size() - 7));
  EXPECT_NE(defect(scratch, "text").find("no end line"), std::string::npos);
}

TEST(TraceDefects, HeaderLines) {
  test::Scratch scratch;
  const auto header_defect = [&](const std::string& line) {
    test::write_text(scratch / "h", "iommusim-trace 1\n" + line + "\n");
    return defect(scratch, "h");
  };
  EXPECT_EQ(header_defect("colour blue"), "h:2: 'colour' is no header line of version 1");
  EXPECT_EQ(header_defect("iommu arm"), "h:2: 'arm' is no kind of IOMMU (none, vtd, virtio)");
  EXPECT_EQ(header_defect("page_mask_bits 65"), "h:2: page_mask_bits is 1 to 64");
  EXPECT_EQ(header_defect("resets_recorded maybe"), "h:2: resets_recorded is yes or no");
  EXPECT_EQ(header_defect("device 18 118000 1 1 1 1 DMA -"), "h:2: a device needs two requester ids of 16 bits");
  EXPECT_EQ(header_defect("device 18 18 1 1 1 1 dma -"), "h:2: 'dma' is no domain type");
  EXPECT_EQ(header_defect("name x"), "h: the header has no end");
  std::string many;
  for (int i = 0; i < 4097; ++i) many += "device 18 18 1 1 1 1 DMA -\n";
  EXPECT_EQ(header_defect(many), "h:4098: more than 4096 devices");
}

TEST(TraceDefects, RecordLines) {
  EXPECT_EQ(defect_of("Zu 0 0\n"), "t:11: 'Zu' is no kind of record of version 1");
  EXPECT_EQ(defect_of("\n"), "t:11: '' is no kind of record of version 1");
  EXPECT_EQ(defect_of("Xq 0 0\n"), "t:11: 'Xq' names no side (k or u)");
  EXPECT_EQ(defect_of("Xu -1 0\n"), "t:11: '-1' is no valid time step");
  EXPECT_EQ(defect_of("Xu 99999999999999999999999 0\n"), "t:11: '99999999999999999999999' is no valid time step");
  EXPECT_EQ(defect_of("Xu 9007199254740992 0\nXu 1 0\n"), "t:12: the time leaves the range of 2^53 ns");
  EXPECT_EQ(defect_of("Xu 0 -1\n"), "t:11: the line number leaves its range");
  EXPECT_EQ(defect_of("Xu 0\n"), "t:11: the field 'line step' is missing");
  EXPECT_EQ(defect_of("Xu 0 0 9\n"), "t:11: more fields than this kind of record has");
  EXPECT_EQ(defect_of("Pu 0 0 1 1 18 4 1000 1234 3 0\n"), "t:11: a mapping is not made of whole 4 KiB pages");
  EXPECT_EQ(defect_of("Pu 0 0 1 1 18 4 fffffffffffff000 2000 3 0\n"), "t:11: a mapping wraps around the address space");
  EXPECT_EQ(defect_of("Du 0 0 h d r 0 0 0 18 4 1800 0 4096\n"), "t:11: an access crosses a 4 KiB page");
  EXPECT_EQ(defect_of("Du 0 0 h d x 0 0 0 18 4 1800 0 4\n"), "t:11: 'x' is no valid direction");
  EXPECT_EQ(defect_of("Du 0 0 h d r 0 0 0 18000 4 1800 0 4\n"), "t:11: '18000' is no valid requester");
  EXPECT_EQ(defect_of("Ak 0 0 0 18 lazy 4 0\n"), "t:11: 'lazy' is no domain type");
  EXPECT_EQ(defect_of(". 1\n"), "t:11: the end line does not say 0, the number of records before it");
  EXPECT_EQ(defect_of(". \n"), "t:11: the end line does not say 0, the number of records before it");
  EXPECT_EQ(defect_of(".\n"), "t:11: the end line does not say 0, the number of records before it");
  EXPECT_EQ(defect_of(". 0\nXu 0 0\n"), "t:12: something follows the end line");
  EXPECT_EQ(defect_of("Mu 0 0 1 " + std::string(5000, 'x') + "\n"), "t:11: line longer than 4096 bytes");
  EXPECT_EQ(defect_of(std::string("Mu 0 0 1 a\0b\n", 13)), "t:11: a NUL byte: this is not a text log");
  EXPECT_NE(defect_of(std::string(1 << 20, 'x')).find("t:11: line longer than 4096 bytes"), std::string::npos);
}

TEST(TraceDefects, RandomEditsOfALineNeverCrashTheReader) {
  const std::string lines[] = {"Pk 5 1 7 1 1 18 4 fffbe000 1000 3 6000000\n",
                               "Du 1 1 h d r 0 1 2 18 4 fffbe000 6000000 4096\n", "Iu 1 1 p 0 3 0 4 fffbe000\n",
                               "Ak 1 1 1 18 DMA-FQ 4 0\n"};
  std::mt19937 random(11);
  test::Scratch scratch;
  for (int i = 0; i < 1500; ++i) {
    auto line = lines[random() % 4];
    for (auto n = 1 + random() % 3; n-- > 0;) {
      const auto at = random() % (line.size() - 1);
      const char c = static_cast<char>(32 + random() % 96);
      if (random() % 2)
        line[at] = c;
      else
        line.insert(at, 1, c);
    }
    test::write_text(scratch / "t", header_text + line + ". 1\n");
    defect(scratch, "t");  // an error or a record, never anything else
  }
}

}  // namespace
}  // namespace iommusim::ep
