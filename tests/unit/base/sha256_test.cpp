#include "models/base/sha256.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include "models/base/error.h"

namespace iommusim::base {
namespace {

TEST(Sha256, AgreesWithTheNistExamples) {
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256_hex(std::string(1000000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, DoesNotDependOnHowTheBytesArrive) {
  const std::string text(1000, 'x');
  for (const std::size_t piece : {1u, 7u, 63u, 64u, 65u, 127u}) {
    Sha256 hash;
    for (std::size_t i = 0; i < text.size(); i += piece) hash.add(std::string_view(text).substr(i, piece));
    EXPECT_EQ(to_hex(hash.finish()), sha256_hex(text));
  }
}

TEST(Sha256, OfAFileIsOfItsContents) {
  const std::string path = testing::TempDir() + "sha256_test.bin", text(200001, '\0');
  std::ofstream(path, std::ios::binary) << text;
  EXPECT_EQ(sha256_file(path), sha256_hex(text));
  std::remove(path.c_str());
  EXPECT_THROW(sha256_file(path), UserError);
}

}  // namespace
}  // namespace iommusim::base
