// Files for the importer's tests: scratch folders, compressed logs, a small synthetic capture.
#pragma once

#include <gtest/gtest.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "models/base/error.h"

namespace iommusim::test {

/// A folder of its own for one test, removed with it.
class Scratch {
 public:
  Scratch() {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    std::string name = std::string(info->test_suite_name()) + "." + info->name();
    for (char& c : name)
      if (c == '/') c = '_';
    path_ = std::filesystem::temp_directory_path() / ("iommusim_import_" + name);
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  ~Scratch() { std::filesystem::remove_all(path_); }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  const std::filesystem::path& path() const { return path_; }
  /// Names of what lies in it.
  std::string listing() const {
    std::string names;
    for (const auto& entry : std::filesystem::directory_iterator(path_))
      names += entry.path().filename().string() + " ";
    return names;
  }

 private:
  std::filesystem::path path_;
};

inline std::string read_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_text(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

inline void write_gz(const std::string& path, const std::string& text) {
  gzFile file = gzopen(path.c_str(), "wb");
  ASSERT_NE(file, nullptr);
  ASSERT_EQ(gzwrite(file, text.data(), static_cast<unsigned>(text.size())), static_cast<int>(text.size()));
  ASSERT_EQ(gzclose_w(file), Z_OK);
}

/// The synthetic capture under data/small: plain text in the repository, as a capture directory in a scratch folder.
struct SmallCapture {
  std::string meta, kernel, unit;

  SmallCapture() {
    const std::string from = std::string(IOMMUSIM_SOURCE_DIR) + "/tests/unit/import/data/small/";
    meta = read_text(from + "META.yaml");
    kernel = read_text(from + "ftrace.txt");
    unit = read_text(from + "qemu-trace.log");
  }
  std::string write(const Scratch& scratch, const std::string& name = "capture") const {
    std::string directory = scratch / name;
    std::filesystem::create_directories(directory);
    write_text(directory + "/META.yaml", meta);
    write_text(directory + "/qemu-events.txt", "vtd_iotlb_*\n");
    write_gz(directory + "/ftrace.txt.gz", kernel);
    write_gz(directory + "/qemu-trace.log.gz", unit);
    return directory;
  }
};

/// What a user error says, or "" when `call` does not throw one.
template <class Call>
std::string user_error(Call call) {
  try {
    call();
  } catch (const base::UserError& error) {
    return error.what();
  }
  return "";
}

inline void replace_first(std::string& text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  ASSERT_NE(at, std::string::npos) << from;
  text.replace(at, from.size(), to);
}

}  // namespace iommusim::test
