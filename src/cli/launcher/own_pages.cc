#include "cli/launcher/own_pages.h"

#include <sys/mman.h>

#include <cstdint>
#include <string_view>

#include "sys/calls.h"

namespace moat::launcher {
namespace {

constexpr int kPopulateWrite = 23;            // musl's headers are older
constexpr std::uintptr_t kMost = 256 * 1024;  // more than that is no page of every day

// Up to the first character that is no digit, which is taken too.
std::uintptr_t TakeHex(std::string_view& text) {
  std::uintptr_t value = 0;
  while (!text.empty()) {
    const char c = text.front();
    text.remove_prefix(1);
    if (c >= '0' && c <= '9') {
      value = value * 16 + static_cast<std::uintptr_t>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      value = value * 16 + static_cast<std::uintptr_t>(c - 'a' + 10);
    } else {
      break;
    }
  }
  return value;
}

}  // namespace

void TakeOwnPages() {
  const auto maps = sys::ReadFile("/proc/self/maps", 64 * 1024);
  if (!maps.ok()) return;
  std::string_view rest = *maps;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    std::string_view line = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    const std::uintptr_t begin = TakeHex(line), size = TakeHex(line) - begin;
    if (line.substr(0, 4) == "rw-p" && size <= kMost) madvise(reinterpret_cast<void*>(begin), size, kPopulateWrite);
  }
}

}  // namespace moat::launcher
