// SHA-256 (FIPS 180-4): digests of configurations and input files in results. Not used for security.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace iommusim::base {

class Sha256 {
 public:
  using Digest = std::array<std::uint8_t, 32>;

  Sha256();
  void add(const void* data, std::size_t size);
  void add(std::string_view bytes) { add(bytes.data(), bytes.size()); }
  /// Ends the message; the object must not be used afterwards.
  Digest finish();

 private:
  void block(const std::uint8_t* p);
  std::array<std::uint32_t, 8> state_;
  std::array<std::uint8_t, 64> buffer_{};
  std::uint64_t size_ = 0;  // bytes so far
};

Sha256::Digest sha256(std::string_view bytes);
std::string to_hex(const Sha256::Digest& digest);
/// 64 hexadecimal digits.
std::string sha256_hex(std::string_view bytes);
/// Digest of a file's contents, read in pieces. Throws UserError when it cannot be read.
std::string sha256_file(const std::string& path);

}  // namespace iommusim::base
