// From field lists: reading with every error at once, the resolved dump, and the texts.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "models/base/cache_config.h"
#include "models/base/config/config.h"

namespace iommusim::base {
namespace {

enum class Row { open, closed };
struct Device {
  virtual ~Device() = default;
  std::string name;
  static const char* variant_kind() { return "device"; }
  static const Fields<Device>& fields() {
    static const auto f =
        Fields<Device>("device", "Any device").field("name", &Device::name, "Name in results").required();
    return f;
  }
};
struct Nic : Device {
  unsigned rings = 4;
  static const Fields<Nic>& fields() {
    static const auto f = Fields<Nic>("nic", "Network interface")
                              .inherit(Device::fields())
                              .field("rings", &Nic::rings, "Receive rings")
                              .range(1, 64);
    return f;
  }
};
struct Disk : Device {
  Bytes block{4096};
  static const Fields<Disk>& fields() {
    static const auto f = Fields<Disk>("disk", "Block device")
                              .inherit(Device::fields())
                              .field("block", &Disk::block, "Block size")
                              .power_of_two();
    return f;
  }
};
const Variants<Device>::Entry<Nic> nic("nic", "Network interface");
const Variants<Device>::Entry<Disk> disk("disk", "Block device");

struct Size {
  Bytes bytes{64};
  double weight = 1;
  static const Fields<Size>& fields() {
    static const auto f = Fields<Size>("size", "One size")
                              .field("bytes", &Size::bytes, "Size")
                              .field("weight", &Size::weight, "Weight")
                              .at_least(0.0);
    return f;
  }
};
struct Machine {
  Time latency = Time::ns(80);
  unsigned channels = 4;
  int offset = -3;
  unsigned walkers = 0;
  bool store = false;
  double skew = 0.99;
  Fraction reads{0.5};
  Bandwidth rate = Bandwidth::bits_per_second(100000000000);
  Row row = Row::open;
  std::string kind = "ddr4";
  Bdf bdf = make_bdf(0, 3, 0);
  Hpa base{0x100000000};
  CacheConfig cache{64, 8};
  std::optional<CacheConfig> llc;
  std::optional<Time> timeout;
  std::vector<Bytes> windows{Bytes(4096)};
  std::vector<Size> sizes;
  std::vector<Row> rows;
  std::shared_ptr<const Device> root;
  std::vector<std::shared_ptr<const Device>> devices;
  static const Fields<Machine>& fields() {
    static const Fields<Machine> f =
        Fields<Machine>("machine", "A machine")
            .field("latency", &Machine::latency, "Idle access latency")
            .range(Time::ns(1), Time::us(10))
            .source("Handbook 1.3")
            .field("channels", &Machine::channels, "Channels")
            .range(1, 64)
            .power_of_two()
            .field("offset", &Machine::offset, "Signed")
            .range(-10, 10)
            .field("walkers", &Machine::walkers, "Walkers")
            .word("unlimited", 0)
            .field("store", &Machine::store, "Keep data")
            .field("skew", &Machine::skew, "Zipf exponent")
            .range(0.0, 5.0)
            .field("reads", &Machine::reads, "Share of reads")
            .field("rate", &Machine::rate, "Rate")
            .at_most(Bandwidth::bits_per_second(1000000000000))
            .field("row", &Machine::row, "Row policy", {{"open", Row::open}, {"closed", Row::closed}})
            .field("kind", &Machine::kind, "Kind")
            .one_of({"ddr4", "ddr5"})
            .field("bdf", &Machine::bdf, "Address")
            .field("base", &Machine::base, "Base")
            .object("cache", &Machine::cache, "Cache")
            .optional_object("llc", &Machine::llc, "Last-level cache")
            .field("timeout", &Machine::timeout, "Time-out")
            .at_least("1 us")
            .list("windows", &Machine::windows, "Windows")
            .range("1 B", "1 GiB")
            .items_between(1, 3)
            .list("sizes", &Machine::sizes, "Sizes")
            .list("rows", &Machine::rows, "Rows", {{"open", Row::open}, {"closed", Row::closed}})
            .variant("root", &Machine::root, "Root device")
            .variants("devices", &Machine::devices, "Devices")
            .unique("name")
            .check([](const Machine& m, Report& r) {
              if (m.latency > Time::us(5) && m.channels > 8) r.error("channels", "too many for so slow a memory");
              if (m.devices.size() > 2) r.error("devices[2].name", "one too many");
            });
    return f;
  }
};

std::string errors(const std::string& text, std::vector<std::string> overrides = {}) {
  LoadOptions options;
  options.overrides = std::move(overrides);
  try {
    parse_config<Machine>("schema: 1\n" + text, "f", options);
  } catch (const ConfigError& e) {
    return e.what();
  }
  return "";
}
Machine read(const std::string& text) { return parse_config<Machine>("schema: 1\n" + text, "f"); }

TEST(Fields, DefaultsAreTheInitialisersAndFilesOverwriteThem) {
  const Machine m = read(
      "latency: 90 ns\nrow: closed\nchannels: 0x10\nwalkers: unlimited\nreads: 70 %\nbdf: \"00:1f.6\"\nbase: 4 GiB\n"
      "cache: {entries: 128}\nllc: {ways: full}\ntimeout: 5 us\nwindows: [1 KiB, 2 KiB]\nsizes: [{bytes: 1 KiB}, "
      "{weight: 2e0}]\n"
      "rows: [open, closed]\nroot: {type: nic, name: r}\ndevices: [{type: disk, name: d, block: 512 B}]\n");
  EXPECT_EQ(m.latency, Time::ns(90));
  EXPECT_EQ(m.channels, 16u);
  EXPECT_EQ(m.walkers, 0u);
  EXPECT_EQ(m.offset, -3);
  EXPECT_EQ(m.reads.value(), 0.7);
  EXPECT_EQ(m.row, Row::closed);
  EXPECT_EQ(m.bdf, make_bdf(0, 0x1f, 6));
  EXPECT_EQ(m.base, Hpa(0x100000000));
  EXPECT_EQ(m.cache.entries, 128u);
  EXPECT_EQ(m.cache.ways, 8u);  // the outer struct's default of an inner key
  ASSERT_TRUE(m.llc);
  EXPECT_EQ(m.llc->ways, 0u);
  EXPECT_EQ(m.timeout, Time::us(5));
  EXPECT_EQ(m.windows, (std::vector<Bytes>{Bytes(1024), Bytes(2048)}));
  EXPECT_EQ(m.sizes.at(1).weight, 2.0);
  EXPECT_EQ(m.rows, (std::vector<Row>{Row::open, Row::closed}));
  EXPECT_EQ(dynamic_cast<const Nic&>(*m.root).name, "r");
  EXPECT_EQ(dynamic_cast<const Disk&>(*m.devices.at(0)).block, Bytes(512));
  EXPECT_EQ(Variants<Device>::name_of(*m.root), "nic");
}

TEST(Fields, AllErrorsOfAFileComeAtOnceInOrder) {
  EXPECT_EQ(
      errors("latensy: 5\nlatency: 450\ncache:\n  entires: 3\ndevices:\n  - {type: nik, name: a}\n  - {type: nic}\n"),
      "f:2:1: latensy: unknown key. Did you mean 'latency'?\n"
      "f:3:10: latency: '450' has no unit: a time is written '450 ns'\n"
      "f:5:3: cache.entires: unknown key. Did you mean 'entries'?\n"
      "f:7:12: devices[0].type: unknown device 'nik'. Did you mean 'nic'? Known: disk, nic\n"
      "f:8:5: devices[1].name: is missing: Name in results");
}

struct Case {
  const char *yaml, *error;
};
class WrongValue : public testing::TestWithParam<Case> {};
TEST_P(WrongValue, IsExplained) { EXPECT_EQ(errors(GetParam().yaml), std::string("f:2:") + GetParam().error); }
INSTANTIATE_TEST_SUITE_P(
    Fields, WrongValue,
    testing::Values(
        Case{"channels: 1_000", "11: channels: digits cannot be grouped: write 1000 instead of '1_000'"},
        Case{"channels: 1:30",
             "11: channels: '1:30' is a base-60 number to some YAML readers: write an integer in decimal"},
        Case{"channels: 007", "11: channels: '007' has a leading zero: write 7 (it is octal to some YAML readers)"},
        Case{"channels: 00", "11: channels: '00' has a leading zero: write 0 (it is octal to some YAML readers)"},
        Case{"channels: 1e1", "11: channels: '1e1' is not an integer. Did you mean 10?"},
        Case{"channels: 4.0", "11: channels: '4.0' is not an integer. Did you mean 4?"},
        Case{"channels: 4.5", "11: channels: '4.5' is not an integer: write one such as 16"},
        Case{"channels: +4", "11: channels: write '4' without the plus sign"},
        Case{"channels: -4", "11: channels: '-4' is negative"},
        Case{"channels: \"4\"", "11: channels: '4' is in quotes: an integer is written without"},
        Case{"channels: four", "11: channels: 'four' is not an integer: write one such as 16"},
        Case{"channels: 0o17", "11: channels: '0o17' is not an integer: write one such as 16"},
        Case{"channels: 4294967296", "11: channels: '4294967296' is out of range (0 to 4294967295)"},
        Case{"channels: 99999999999999999999999",
             "11: channels: '99999999999999999999999' is out of range (0 to 4294967295)"},
        Case{"channels: 128", "11: channels: must be 1 to 64, not 128"},
        Case{"channels: 3", "11: channels: must be a power of two, not 3"},
        Case{"channels:", "1: channels: has no value: write an integer such as 16"},
        Case{"channels: [4]", "11: channels: expected an integer such as 16, found a list"},
        Case{"offset: -11", "9: offset: must be -10 to 10, not -11"},
        Case{"offset: -03", "9: offset: '-03' has a leading zero: write -3 (it is octal to some YAML readers)"},
        Case{"walkers: infinite",
             "10: walkers: 'infinite' is not an integer: write one such as 16, or the word unlimited"},
        Case{"store: yes", "8: store: 'yes' is not a boolean. Did you mean true?"},
        Case{"store: Off", "8: store: 'Off' is not a boolean. Did you mean false?"},
        Case{"store: True", "8: store: 'True' is not a boolean. Did you mean true?"},
        Case{"store: \"true\"", "8: store: 'true' is in quotes: a boolean is written without"},
        Case{"store: maybe", "8: store: 'maybe' is not a boolean: write true or false"},
        Case{"skew: .5", "7: skew: '.5' is not a number: write one such as 0.5"},
        Case{"skew: .nan", "7: skew: '.nan' is not a number: write one such as 0.5"},
        Case{"skew: inf", "7: skew: 'inf' is not a number: write one such as 0.5"},
        Case{"skew: 00.5", "7: skew: '00.5' has a leading zero: write 0.5"},
        Case{"skew: 1e999", "7: skew: '1e999' is out of range"}, Case{"skew: 6", "7: skew: must be 0 to 5, not 6"},
        Case{"skew: 0x10", "7: skew: '0x10' is not a number: write one such as 0.5"},
        Case{"reads: 1.5", "8: reads: '1.5' is above 1: write a percentage as '1.5 %'"},
        Case{"rate: 2 Tb/s", "7: rate: must be at most 1 Tb/s, not 2 Tb/s"},
        Case{"rate: 0 b/s", "7: rate: a data rate must be above zero"},
        Case{"row: opne", "6: row: 'opne' is none of open, closed. Did you mean 'open'?"},
        Case{"kind: ddr3", "7: kind: 'ddr3' is none of ddr4, ddr5. Did you mean 'ddr4'?"},
        Case{"kind: yes", "7: kind: 'yes' is not a text to every YAML reader: write it in quotes"},
        Case{"kind: 2020-01-01", "7: kind: '2020-01-01' is not a text to every YAML reader: write it in quotes"},
        Case{"kind: \"a\\0b\"", "7: kind: 'a\\x00b' holds control characters"},
        Case{"bdf: 00:03.0",
             "6: bdf: a PCI address is written in quotes: \"00:03.0\" (without, it is a base-60 number to some YAML "
             "readers)"},
        Case{"bdf: 3",
             "6: bdf: '3' is not a PCI address: write bus:device.function in hexadecimal, as in \"00:03.0\" or "
             "\"0000:00:03.0\""},
        Case{"base: high", "7: base: 'high' is not an address: write it as 0x100000000 or '4 GiB'"},
        Case{"base: 0x10000000000000000", "7: base: '0x10000000000000000' is out of range (0 to 18446744073709551615)"},
        Case{"latency: 11 us", "10: latency: must be 1 ns to 10 us, not 11 us"},
        Case{"timeout: 1 ns", "10: timeout: must be at least 1 us, not 1 ns"},
        Case{"cache: 64", "8: cache: expected a map of the keys of cache, found a text or number"},
        Case{"cache:", "1: cache: expected a map of the keys of cache, found nothing"},
        Case{"cache: {entries: 10, ways: 4}", "28: cache.ways: 4 ways do not divide 10 entries into equal sets"},
        Case{"cache: {policy: mru}",
             "17: cache.policy: unknown replacement policy 'mru'. Did you mean 'lru'? Known: fifo, lru, random, srrip, "
             "tree_plru"},
        Case{"llc: [1]", "6: llc: expected a map of the keys of cache, found a list"},
        Case{"windows: 4 KiB", "10: windows: expected a list such as [4 KiB], found a text or number"},
        Case{"windows: []", "10: windows: must have 1 to 3 items, not 0"},
        Case{"windows: [1 B, 2 GiB]", "16: windows[1]: must be 1 B to 1 GiB, not 2 GiB"},
        Case{"sizes: [{weight: -1}]", "18: sizes[0].weight: must be at least 0, not -1"},
        Case{"rows: [open, shut]", "14: rows[1]: 'shut' is none of open, closed."},
        Case{"root: nic", "7: root: expected a map such as {type: disk}, found a text or number"},
        Case{"root: {name: a}", "7: root.type: is missing: one of disk, nic"},
        Case{"root: {type: [nic]}", "14: root.type: expected a word, found a list: one of disk, nic"},
        Case{"root: {type: disk, name: a, block: 3 B}", "36: root.block: must be a power of two, not 3 B"},
        Case{"devices: [{type: nic, name: a}, {type: disk, name: a}]",
             "52: devices[1].name: 'a' is already the name of item [0]"},
        Case{"devices: [{type: nic, name: a}, {type: nic, name: b}, {type: nic, name: c}]",
             "73: devices[2].name: one too many"},
        Case{"channels: 16\nlatency: 6 us", "11: channels: too many for so slow a memory"},
        Case{"unrelated_thing: 1",
             "1: unrelated_thing: unknown key. Known: latency, channels, offset, walkers, store, skew, reads, rate, "
             "row, kind, bdf, base, "
             "cache, llc, timeout, windows, sizes, rows, root, devices"}));

TEST(Fields, OverridesAreValidatedLikeTheFile) {
  EXPECT_EQ(errors("latency: 80 ns\n", {"latency=90"}),
            "-s latency=90: latency: '90' has no unit: a time is written '90 ns'");
  EXPECT_EQ(errors("", {"cache.entires=5"}), "-s cache.entires=5: cache.entires: unknown key. Did you mean 'entries'?");
  EXPECT_EQ(errors("", {"bdf=00:04.0", "store=true", "channels=8", "kind=ddr5"}), "");  // a shell eats quotes
}

TEST(Fields, TheResolvedDumpReadsBackAsItself) {
  Machine m = read(
      "llc: {entries: 32}\nsizes: [{bytes: 1 KiB}, {weight: 0.1}]\nrows: [open]\nroot: {type: nic, name: \"00\"}\n"
      "devices: [{type: disk, name: \"a \\\"b\\\" \\\\ #c\"}, {type: nic, name: n1}]\n");
  const std::string text = dump_config(m);
  const Machine again = parse_config<Machine>(text, "resolved");
  EXPECT_EQ(dump_config(again), text);
  EXPECT_EQ(again.devices[0]->name, "a \"b\" \\ #c");
  EXPECT_EQ(again.root->name, "00");
  EXPECT_EQ(text,
            "schema: 1\nlatency: 80 ns\nchannels: 4\noffset: -3\nwalkers: unlimited\nstore: false\nskew: 0.99\nreads: "
            "0.5\nrate: 100 Gb/s\n"
            "row: open\nkind: ddr4\nbdf: \"00:03.0\"\nbase: 0x100000000\ncache:\n  entries: 64\n  ways: 8\n  policy: "
            "lru\n  when_full: replace\n  index: xor_space\n"
            "llc:\n  entries: 32\n  ways: full\n  policy: lru\n  when_full: replace\n  index: xor_space\ntimeout: "
            "null\nwindows: [4 "
            "KiB]\nsizes:\n"
            "  - bytes: 1 KiB\n    weight: 1\n  - bytes: 64 B\n    weight: 0.1\nrows: [open]\nroot:\n  type: nic\n  "
            "name: \"00\"\n  rings: 4\n"
            "devices:\n  - type: disk\n    name: \"a \\\"b\\\" \\\\ #c\"\n    block: 4 KiB\n  - type: nic\n    name: "
            "n1\n    rings: 4\n");
  EXPECT_EQ(dump_config(parse_config<Machine>(dump_config(Machine()))), dump_config(Machine()));
}

TEST(Describe, TellsTypeLimitsDefaultAndSource) {
  const std::string text = describe(Machine::fields());
  EXPECT_NE(text.find("latency   time, 1 ns to 10 us, default 80 ns\n            Idle access latency [Handbook 1.3]\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("walkers   integer, or unlimited, default unlimited\n"), std::string::npos) << text;
  EXPECT_NE(text.find("root      device (disk | nic), default null\n"), std::string::npos) << text;
  EXPECT_NE(markdown(Machine::fields()).find("| `row` | one of open, closed |  | open | Row policy |  |\n"),
            std::string::npos);
  EXPECT_NE(markdown(Machine::fields()).find("device (disk \\| nic)"), std::string::npos);
  std::vector<std::string> names;
  for (const FieldList* f : components(Machine::fields())) names.push_back(f->component());
  EXPECT_EQ(names, (std::vector<std::string>{"machine", "cache", "size", "disk", "nic"}));
}

TEST(Describe, JsonSchemaCoversEveryKey) {
  const auto s = json_schema(Machine::fields());
  EXPECT_EQ(s["$schema"], "https://json-schema.org/draft/2020-12/schema");
  EXPECT_EQ(s["required"], nlohmann::ordered_json::array({"schema"}));
  EXPECT_EQ(s["additionalProperties"], false);
  const auto& p = s["properties"];
  EXPECT_EQ(p["schema"]["const"], 1);
  EXPECT_EQ(p["latency"]["type"], "string");
  EXPECT_EQ(p["latency"]["default"], "80 ns");
  EXPECT_EQ(p["channels"]["maximum"], 64);
  EXPECT_EQ(p["channels"]["default"], 4);
  EXPECT_EQ(p["store"]["default"], false);
  EXPECT_EQ(p["walkers"]["anyOf"][1]["const"], "unlimited");
  EXPECT_EQ(p["row"]["enum"], nlohmann::ordered_json::array({"open", "closed"}));
  EXPECT_EQ(p["cache"]["properties"]["ways"]["default"], 8);
  EXPECT_EQ(p["llc"]["type"], nlohmann::ordered_json::array({"object", "null"}));
  EXPECT_EQ(p["timeout"]["type"], nlohmann::ordered_json::array({"string", "null"}));
  const auto& device = p["devices"]["items"];
  EXPECT_EQ(device["properties"]["type"]["oneOf"][1]["const"], "nic");
  EXPECT_EQ(device["required"], nlohmann::ordered_json::array({"type"}));
  EXPECT_EQ(device["allOf"][1]["if"]["properties"]["type"]["const"], "nic");
  EXPECT_EQ(device["allOf"][1]["then"]["required"], nlohmann::ordered_json::array({"name"}));
  EXPECT_FALSE(p["root"].contains("required")) << "it may come from an included file";
  EXPECT_EQ(p["root"]["type"], nlohmann::ordered_json::array({"object", "null"}));
  EXPECT_EQ(p["windows"]["minItems"], 1);
  for (const auto& item : Machine::fields().items()) EXPECT_TRUE(p.contains(item.key)) << item.key;
}

TEST(Fields, MistakesInAFieldListAreFoundWhenItIsBuilt) {
  struct X {
    unsigned n = 0;
    std::string s;
  };
  EXPECT_THROW(Fields<X>("x", "").field("n", &X::n, "").field("n", &X::n, ""), std::logic_error);
  EXPECT_THROW(Fields<X>("x", "").range(1, 2), std::logic_error);
  EXPECT_THROW(Fields<X>("x", "").field("n", &X::n, "").range("1 ns", "2 ns"), std::logic_error);
  EXPECT_THROW(Fields<X>("x", "").field("n", &X::n, "").one_of({"a"}), std::logic_error);
  EXPECT_THROW(Fields<X>("x", "").field("s", &X::s, "").power_of_two(), std::logic_error);
}

}  // namespace
}  // namespace iommusim::base
