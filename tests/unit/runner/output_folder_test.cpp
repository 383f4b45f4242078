#include "experiments/runner/output_folder.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>

#include "models/base/error.h"

namespace iommusim::runner {
namespace {

namespace fs = std::filesystem;

class OutputFolderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "iommusim-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
  }
  void TearDown() override { fs::remove_all(root_); }
  std::string text_of(const fs::path& file) const {
    std::ifstream in(file);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::size_t entries() const { return static_cast<std::size_t>(std::distance(fs::directory_iterator(root_), {})); }
  fs::path root_;
};

TEST_F(OutputFolderTest, AppearsOnlyWhenPublished) {
  OutputFolder folder(root_ / "out", false);
  folder.write("result.json", "{}");
  EXPECT_FALSE(fs::exists(root_ / "out"));
  folder.publish();
  EXPECT_EQ(text_of(root_ / "out" / "result.json"), "{}");
  EXPECT_EQ(entries(), 1u);
}

TEST_F(OutputFolderTest, LeavesNothingWhenNotPublished) {
  {
    OutputFolder folder(root_ / "new" / "deep" / "out", false);
    folder.write("result.json", "{}");
  }
  EXPECT_EQ(entries(), 0u) << "the folders above it are gone too";
}

TEST_F(OutputFolderTest, ExistingFolderIsRefusedAndUntouched) {
  fs::create_directory(root_ / "out");
  EXPECT_THROW(OutputFolder(root_ / "out", false), base::UserError);
  EXPECT_EQ(entries(), 1u);
}

TEST_F(OutputFolderTest, ForceReplacesAResultWhole) {
  fs::create_directory(root_ / "out");
  std::ofstream(root_ / "out" / "result.json") << "old";
  std::ofstream(root_ / "out" / "extra") << "old";
  {
    OutputFolder folder(root_ / "out", true);
    folder.write("result.json", "new");
    EXPECT_EQ(text_of(root_ / "out" / "result.json"), "old") << "until it is published";
    folder.publish();
  }
  EXPECT_EQ(text_of(root_ / "out" / "result.json"), "new");
  EXPECT_FALSE(fs::exists(root_ / "out" / "extra"));
  EXPECT_EQ(entries(), 1u);
}

TEST_F(OutputFolderTest, ForceDoesNotReplaceWhatIsNoResult) {
  fs::create_directory(root_ / "home");
  std::ofstream(root_ / "home" / "letter") << "dear";
  EXPECT_THROW(OutputFolder(root_ / "home", true), base::UserError);
  std::ofstream(root_ / "file") << "x";
  EXPECT_THROW(OutputFolder(root_ / "file", true), base::UserError);
  EXPECT_EQ(text_of(root_ / "home" / "letter"), "dear");
}

TEST_F(OutputFolderTest, FolderMadeByAnotherMeanwhileIsNotReplaced) {
  OutputFolder folder(root_ / "out", false);
  folder.write("result.json", "mine");
  fs::create_directory(root_ / "out");
  std::ofstream(root_ / "out" / "result.json") << "theirs";
  EXPECT_THROW(folder.publish(), base::UserError);
  EXPECT_EQ(text_of(root_ / "out" / "result.json"), "theirs");
}

}  // namespace
}  // namespace iommusim::runner
