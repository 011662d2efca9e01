#include "web/hmac.h"

#include "base/sha256.h"

namespace moat::web {
namespace {

constexpr std::size_t kBlock = 64;

std::string Digest(std::string_view first, std::string_view second) {
  base::Sha256 hash;
  hash.Update(first);
  hash.Update(second);
  const auto digest = hash.Finish();
  return std::string(digest.begin(), digest.end());
}

}  // namespace

std::string HmacSha256Hex(std::string_view key, std::string_view message) {
  std::string block(key.size() > kBlock ? Digest(key, "") : std::string(key));
  block.resize(kBlock, '\0');
  std::string inner = block, outer = block;
  for (char& c : inner) c = static_cast<char>(c ^ 0x36);
  for (char& c : outer) c = static_cast<char>(c ^ 0x5c);
  base::Sha256 hash;
  hash.Update(outer);
  hash.Update(Digest(inner, message));
  return hash.Hex();
}

bool SameSecret(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  volatile unsigned char different = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    different = static_cast<unsigned char>(different | (static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i])));
  }
  return different == 0;
}

}  // namespace moat::web
