// The raw layer: what is refused before any key has a meaning.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "models/base/config/document.h"
#include "models/base/random/stream.h"

namespace iommusim::base {
namespace {

std::string errors(std::string_view text, const LoadLimits& limits = {}) {
  Diagnostics d;
  parse_yaml(text, "f.yaml", limits, d);
  return d.text();
}
std::string document_errors(std::string_view text, std::vector<std::string> overrides = {}) {
  Diagnostics d;
  LoadOptions options;
  options.overrides = std::move(overrides);
  parse_document(text, "f.yaml", options, d);
  return d.text();
}
Node tree(std::string_view text, std::vector<std::string> overrides = {}) {
  Diagnostics d;
  LoadOptions options;
  options.overrides = std::move(overrides);
  Node n = parse_document(text, "f.yaml", options, d);
  EXPECT_EQ(d.text(), "");
  return n;
}

TEST(Yaml, KeepsThePositionOfEachKeyAndValue) {
  const Node n = tree("schema: 1\na:\n  b: 5\n  c: [x, \"y\"]\n");
  EXPECT_EQ(to_text(position_of(n, "a.b")), "f.yaml:3:6");
  EXPECT_EQ(to_text(position_of(n, "a.c[1]")), "f.yaml:4:10");
  EXPECT_EQ(to_text(position_of(n, "a.c[7]")), "f.yaml:4:6");
  EXPECT_EQ(find_path(n, "a.c[7]"), nullptr);
  EXPECT_EQ(find_path(n, "a.c["), nullptr);
  EXPECT_EQ(find_path(n, "a.c[1]")->style, Node::Style::quoted);
  EXPECT_EQ(n.find("a")->entries[1].position.line, 4u);
}

TEST(Yaml, RefusesBytesThatAreNoText) {
  EXPECT_EQ(errors(""), "f.yaml: the file is empty\n");
  EXPECT_EQ(errors(std::string_view("a: 1\n\0b: 2", 11)), "f.yaml:2:1: a NUL byte: this is a binary file, not YAML\n");
  EXPECT_EQ(errors("\x7f"
                   "ELF"),
            "f.yaml:1:1: a control character: not a text file\n");
  EXPECT_EQ(errors("a: \xff\xfe"), "f.yaml:1:4: not UTF-8 text: is this a binary file, or in another encoding?\n");
  for (const char* bad : {"\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\x80"})
    EXPECT_EQ(errors(bad), "f.yaml:1:1: not UTF-8 text: is this a binary file, or in another encoding?\n");
  EXPECT_EQ(errors("a: \xc2\xb5\xe2\x82\xac\xf0\x9f\x98\x80"), "");
  LoadLimits limits;
  limits.bytes = 4;
  EXPECT_EQ(errors("a: 12", limits), "f.yaml: larger than 4 bytes: not a configuration file\n");
}

TEST(Yaml, FindsEveryDuplicateKeyWithTheFirstPlace) {
  EXPECT_EQ(
      errors("a: 1\nb:\n  c: 1\n  c: 2\na: 3\n"),
      "f.yaml:4:3: b.c: duplicate key, first given at line 3\nf.yaml:5:1: a: duplicate key, first given at line 1\n");
}

TEST(Yaml, RefusesMergeKeysTagsAndOddKeys) {
  EXPECT_EQ(errors("a: &x {b: 1}\nc:\n  <<: *x\n"),
            "f.yaml:3:3: c.<<: merge keys are not supported: use `include`, or write the values out\n");
  EXPECT_EQ(errors("a: !!str 5\n"),
            "f.yaml:1:4: a: tags such as 'tag:yaml.org,2002:str' are not supported: remove it\n");
  EXPECT_EQ(errors("? [a]\n: 1\n"),
            "f.yaml:1:3: a key must be a text, not a list or a map (is a bracket left open?)\n");
  EXPECT_NE(errors(": 1\n"), "");
  EXPECT_EQ(errors("\"\": 1\n"), "f.yaml:1:1: a key is empty\n");
  EXPECT_EQ(errors("a: 1\n---\nb: 2\n"),
            "f.yaml:3:1: the file goes on after its value: wrong indentation, or a second document ('---')\n");
}

TEST(Yaml, SyntaxErrorsHaveAPosition) {
  EXPECT_EQ(errors("a: [1, 2\nb: 3\n").substr(0, 9), "f.yaml:2:");
  for (const char* open : {"a: \"open\n", "a: \"open\\\"\n", "a: 'open\n", "\"a: 1\n"})
    EXPECT_NE(errors(open), "") << open;
  EXPECT_EQ(errors("a: \"x\\\\\"\nb: 'it''s'\nc: \"\xc2\xb5\"\nd: 'y'\n"), "");
  EXPECT_EQ(errors("a: \"open\nb: 1\n"), "f.yaml:1:4: a: the quote is not closed\n");
  EXPECT_EQ(errors("- a\nb: 1\n"),
            "f.yaml:2:1: the file goes on after its value: wrong indentation, or a second document ('---')\n");
  EXPECT_NE(errors("a: 1\n\tb: 2\n").find("not valid YAML"), std::string::npos);
  EXPECT_NE(errors("a: *nowhere\n").find("not valid YAML"), std::string::npos);
}

TEST(Yaml, AliasesExpandWithinTheLimits) {
  const Node n = tree("schema: 1\na: &x {b: 1}\nc: *x\n");
  EXPECT_EQ(find_path(n, "c.b")->text, "1");
  EXPECT_EQ(errors("a: &x [*x]\n"), "f.yaml:1:8: a[0]: an alias refers to the value it is part of\n");
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string name = "a" + std::to_string(i), use = "*a" + std::to_string(i - 1);
    bomb += name + ": &" + name + " [";
    for (int j = 0; j < 10; ++j) bomb += (j ? ", " : "") + use;
    bomb += "]\n";
  }
  EXPECT_NE(errors(bomb).find("more than 200000 values"), std::string::npos) << errors(bomb);
  std::string texts = "a: &x \"" + std::string(500000, 'y') + "\"\nb: [*x";
  for (int i = 0; i < 100; ++i) texts += ", *x";
  EXPECT_NE(errors(texts + "]\n").find("too much text"), std::string::npos);
}

TEST(Yaml, DeepNestingIsAnErrorNotACrash) {
  for (const char* open : {"[", "{a: ", "- ", "? "}) {
    std::string text;
    for (int i = 0; i < 20000; ++i) text += open;
    EXPECT_NE(errors(text), "") << open;
  }
  EXPECT_NE(errors(std::string(70, '[') + std::string(70, ']')).find("nested deeper than 64 levels"),
            std::string::npos);
}

TEST(Yaml, DamagedFilesEndInATreeOrAnErrorNeverInACrash) {
  const std::string good =
      "schema: 1\na: &x {b: [1, \"two\", 'three'], c: |\n  text\n }\nd: *x\n? e\n: >-\n  folded\n# comment\nf:\n  - g: "
      "1\n    h: 2\n";
  const std::string odd = "{}[]&*!|>'\"%@`?:-,#<~\n\t \\0";
  RandomStream random(1, "damage");
  for (int i = 0; i < 20000; ++i) {
    std::string text = good;
    for (auto n = random.between(1, 6); n > 0; --n) {
      const auto at = static_cast<std::size_t>(random.below(text.size()));
      switch (random.below(4)) {
        case 0: text[at] = odd[random.below(odd.size())]; break;
        case 1: text.insert(at, 1, odd[random.below(odd.size())]); break;
        case 2: text.erase(at, random.between(1, 4)); break;
        default: text.resize(at + 1);
      }
    }
    Diagnostics d;
    const Node root = parse_document(text, "f", {}, d);
    EXPECT_TRUE(!d.empty() || root.kind == Node::Kind::map) << text;
  }
}

TEST(Document, MustSaySchema1) {
  EXPECT_EQ(document_errors("a: 1\n"), "f.yaml:1:1: schema: is missing: a file begins with 'schema: 1'\n");
  for (const char* wrong : {"2", "\"1\"", "01", "one", "[1]", "1.0"})
    EXPECT_EQ(document_errors("schema: " + std::string(wrong) + "\n"),
              "f.yaml:1:9: schema: this program reads schema 1: write 'schema: 1'\n");
  EXPECT_EQ(document_errors("[1, 2]\n"), "f.yaml:1:1: expected a map of keys and values, found a list\n");
  EXPECT_EQ(document_errors("just text\n"), "f.yaml:1:1: expected a map of keys and values, found a text or number\n");
  EXPECT_NE(document_errors("# only a comment\n"), "");
}

TEST(Document, FilesThatCannotBeReadAreErrors) {
  Diagnostics d;
  load_document("/nonexistent/x.yaml", {}, d);
  load_document("/dev", {}, d);
  load_document("/dev/zero", {}, d);
  EXPECT_EQ(d.text(),
            "/dev: cannot be read: it is a folder\n/dev/zero: larger than 1048576 bytes: not a configuration file\n"
            "/nonexistent/x.yaml: cannot be read: no such file\n");
}

TEST(Override, ChangesMapsListsAndNamedItems) {
  const std::string text =
      "schema: 1\nmemory: {dram: {latency: 80 ns}}\nendpoints:\n  - {name: nic0, tags: 1}\n  - {name: nvme0, tags: "
      "2}\n";
  const Node n = tree(text, {"memory.dram.latency=90 ns", "endpoints[0].tags=26", "endpoints.nvme0.tags=32",
                             "new.deep.key=[1, {a: b}]"});
  EXPECT_EQ(find_path(n, "memory.dram.latency")->text, "90 ns");
  EXPECT_EQ(find_path(n, "endpoints[0].tags")->text, "26");
  EXPECT_EQ(find_path(n, "endpoints.nvme0.tags")->text, "32");
  EXPECT_EQ(find_path(n, "new.deep.key[1].a")->text, "b");
  EXPECT_EQ(to_text(position_of(n, "endpoints[0].tags")), "-s endpoints[0].tags=26");
}

TEST(Override, MistakesNameTheOption) {
  const std::string text = "schema: 1\na: 5\nl: [{name: nic0}, {name: nic1}]\n";
  EXPECT_EQ(document_errors(text, {"a"}),
            "-s a: an override is written path=value, as in memory.dram.latency='90 ns'\n");
  EXPECT_EQ(document_errors(text, {"=5"}),
            "-s =5: an override is written path=value, as in memory.dram.latency='90 ns'\n");
  EXPECT_EQ(document_errors(text, {"a.b=1"}), "-s a.b=1: a: expected a map, found a text or number\n");
  EXPECT_EQ(document_errors(text, {"a[0]=1"}), "-s a[0]=1: a: expected a list, found a text or number\n");
  EXPECT_EQ(document_errors(text, {"l[2].x=1"}), "-s l[2].x=1: l: has no item [2]: the list has 2 items\n");
  EXPECT_EQ(document_errors(text, {"l[-1].x=1"}), "-s l[-1].x=1: l: '[-1]' is not an index such as [0]\n");
  EXPECT_EQ(document_errors(text, {"l.nic2.x=1"}),
            "-s l.nic2.x=1: l: no item is named 'nic2'. Did you mean 'nic0'? Known: nic0, nic1\n");
  EXPECT_EQ(document_errors(text, {"a="}), "-s a=: a: has no value: write one after '=', or null\n");
  EXPECT_EQ(document_errors(text, {"a..b=1"}), "-s a..b=1: a..b: is not a path such as endpoints[0].tags\n");
  EXPECT_EQ(document_errors(text, {"l[=1"}), "-s l[=1: l[: is not a path such as endpoints[0].tags\n");
  EXPECT_NE(document_errors(text, {"a=[1"}).find("-s a=[1: a: a key must be a text"), std::string::npos);
}

class Include : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = std::filesystem::path(testing::TempDir()) /
           ("include_" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
    std::filesystem::create_directories(dir_ / "configs/parts");
    std::filesystem::create_directories(dir_ / "configs/platforms");
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }
  void write(const std::string& name, const std::string& text) { std::ofstream(dir_ / name) << text; }
  std::string load(const std::string& name) {
    Diagnostics d;
    root_ = load_document((dir_ / name).string(), {}, d);
    std::string text = d.text();
    const std::string prefix = dir_.string() + "/";
    for (std::size_t at; (at = text.find(prefix)) != std::string::npos;) text.erase(at, prefix.size());
    return text;
  }
  std::filesystem::path dir_;
  Node root_;
};

TEST_F(Include, MergesDeeplyAndTheIncludingFileWins) {
  write("configs/parts/a.yaml", "schema: 1\nm: {x: 1, y: 1, l: [1, 2]}\nv: {type: a, p: 1}\n");
  write("configs/parts/b.yaml", "schema: 1\nm: {y: 2, z: 2}\n");
  write("configs/platforms/p.yaml",
        "schema: 1\ninclude: [../parts/a.yaml, ../parts/b.yaml]\nm: {z: 3, l: [9]}\nv: {type: b}\n");
  EXPECT_EQ(load("configs/platforms/p.yaml"), "");
  EXPECT_EQ(find_path(root_, "m.x")->text, "1");
  EXPECT_EQ(find_path(root_, "m.y")->text, "2");
  EXPECT_EQ(find_path(root_, "m.z")->text, "3");
  EXPECT_EQ(find_path(root_, "m.l")->items.size(), 1u);
  EXPECT_EQ(find_path(root_, "v.p"), nullptr);  // another type: nothing is left of the old one
  EXPECT_EQ(to_text(position_of(root_, "m.y")), (dir_ / "configs/parts/b.yaml").string() + ":2:8");
  EXPECT_EQ(root_.find("schema"), nullptr);
  EXPECT_EQ(root_.find("include"), nullptr);
}

TEST_F(Include, CyclesEscapesAndMissingFilesAreErrors) {
  write("configs/a.yaml", "schema: 1\ninclude: [b.yaml]\n");
  write("configs/b.yaml", "schema: 1\ninclude: [parts/../a.yaml]\n");
  EXPECT_EQ(load("configs/a.yaml"), "configs/b.yaml:2:11: include[0]: 'parts/../a.yaml' includes itself\n");
  write("configs/c.yaml", "schema: 1\ninclude: [/etc/passwd, ../../../../etc/passwd, none.yaml, parts]\n");
  const std::string text = load("configs/c.yaml");
  EXPECT_NE(text.find("configs/c.yaml:2:11: include[0]: '/etc/passwd' is absolute: write it relative to this file. "),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("include[1]: '../../../../etc/passwd' lies outside of "), std::string::npos) << text;
  EXPECT_NE(text.find("include[2]: 'none.yaml' cannot be read: no such file\n"), std::string::npos) << text;
  EXPECT_NE(text.find("include[3]: 'parts' cannot be read: it is a folder\n"), std::string::npos) << text;
  write("configs/d.yaml", "schema: 1\ninclude: a.yaml\n");
  EXPECT_EQ(
      load("configs/d.yaml"),
      "configs/d.yaml:2:10: include: expected a list of files such as [../parts/ddr4.yaml], found a text or number\n");
  std::filesystem::create_symlink("/etc", dir_ / "configs/link");
  write("configs/e.yaml", "schema: 1\ninclude: [link/passwd]\n");
  EXPECT_NE(load("configs/e.yaml").find("lies outside of"), std::string::npos);
}

TEST_F(Include, ShippedFilesAreIncludedFromAnywhere) {
  for (const char* folder : {"share/configs/schema", "share/configs/parts", "share/configs/platforms", "mine"})
    std::filesystem::create_directories(dir_ / folder);
  write("share/configs/schema/experiment.json", "{}");
  write("share/configs/parts/a.yaml", "schema: 1\nm: {x: 1}\n");
  write("share/configs/platforms/p.yaml", "schema: 1\ninclude: [../parts/a.yaml]\nm: {y: 2}\n");
  write("share/secret.txt", "schema: 1\n");
  ::setenv("IOMMUSIM_SHARE", (dir_ / "share").c_str(), 1);
  write("mine/a.yaml", "schema: 1\ninclude: [<configs/platforms/p.yaml>]\nm: {y: 3}\n");
  EXPECT_EQ(load("mine/a.yaml"), "");
  EXPECT_EQ(find_path(root_, "m.x")->text, "1");
  EXPECT_EQ(find_path(root_, "m.y")->text, "3");
  write("mine/b.yaml", "schema: 1\ninclude: [<../etc/passwd>, </etc/passwd>, <configs/none.yaml>]\n");
  const std::string text = load("mine/b.yaml");
  EXPECT_NE(text.find("include[0]: '<../etc/passwd>' lies outside of "), std::string::npos) << text;
  EXPECT_NE(text.find("include[1]: '</etc/passwd>' is absolute"), std::string::npos) << text;
  EXPECT_NE(text.find("include[2]: '<configs/none.yaml>' cannot be read: no such file\n"), std::string::npos) << text;
  ::setenv("IOMMUSIM_SHARE", (dir_ / "mine").c_str(), 1);
  EXPECT_EQ(load("mine/a.yaml"),
            "mine/a.yaml:2:11: include[0]: '<configs/platforms/p.yaml>' is not here: set IOMMUSIM_SHARE to the folder "
            "that holds iommusim's configs\n");
}

}  // namespace
}  // namespace iommusim::base
