// COVERAGE.md: each row that says "modelled" names a test that exists.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

namespace {

std::string text_of(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

/// "Suite.Name" of every test below tests/.
std::set<std::string> tests() {
  std::set<std::string> out;
  const std::regex test(R"((?:TEST|TEST_F|TEST_P)\((\w+),\s*(\w+)\))");
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(std::filesystem::path(IOMMUSIM_SOURCE_DIR) / "tests")) {
    if (entry.path().extension() != ".cpp") continue;
    const std::string text = text_of(entry.path());
    for (std::sregex_iterator i(text.begin(), text.end(), test), end; i != end; ++i)
      out.insert((*i)[1].str() + "." + (*i)[2].str());
  }
  return out;
}

class Coverage : public ::testing::TestWithParam<const char*> {};

TEST_P(Coverage, EachModelledRowNamesAnExistingTest) {
  const std::set<std::string> known = tests();
  const std::string text =
      text_of(std::filesystem::path(IOMMUSIM_SOURCE_DIR) / "models/iommu/arch" / GetParam() / "COVERAGE.md");
  const std::size_t from = text.find("## Modelled"), to = text.find("## Simplified");
  ASSERT_LT(from, to);
  std::istringstream lines(text.substr(from, to - from));
  unsigned rows = 0;
  for (std::string line; std::getline(lines, line);) {
    std::vector<std::string> cells;
    std::istringstream row(line);
    for (std::string cell; std::getline(row, cell, '|');)
      cells.push_back(std::regex_replace(cell, std::regex("^ +| +$"), ""));
    if (cells.size() < 2 || cells[1] == "What" || cells[1].rfind("---", 0) == 0) continue;
    ASSERT_GE(cells.size(), 5u) << line << ": what, section, test, notes";
    EXPECT_TRUE(known.count(cells[3])) << cells[1] << ": no test is named '" << cells[3] << "'";
    ++rows;
  }
  EXPECT_GT(rows, 20u);
}

INSTANTIATE_TEST_SUITE_P(Architectures, Coverage, ::testing::Values("riscv", "vtd"));

}  // namespace
