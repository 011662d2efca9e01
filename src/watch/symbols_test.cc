#include "watch/symbols.h"

#include <gtest/gtest.h>

#include "sys/calls.h"

extern "C" __attribute__((noinline, used)) int FunctionOfTheTest(int x) { return x * 7 + 1; }

namespace moat::watch {
namespace {

std::string Self() { return *sys::ReadFile("/proc/self/maps", 1 << 20); }

// "55e0-55f0 r-xp 00001000 08:01 123   /path": offset into the file of an address of this program.
std::uint64_t OffsetOf(std::uint64_t address, std::string& path) {
  const std::string maps = Self();
  for (std::size_t at = 0; at < maps.size();) {
    const std::size_t end = maps.find('\n', at);
    unsigned long long start = 0, stop = 0, offset = 0;
    int name = 0;
    if (std::sscanf(maps.c_str() + at, "%llx-%llx %*s %llx %*s %*s %n", &start, &stop, &offset, &name) == 3 && address >= start && address < stop) {
      path = maps.substr(at + static_cast<std::size_t>(name), end - at - static_cast<std::size_t>(name));
      return address - start + offset;
    }
    at = end + 1;
  }
  return 0;
}

policy::Model Showing(const std::string& folder, policy::FileAccess access) {
  policy::Model model;
  policy::FileRule rule;
  rule.access = access;
  rule.source = rule.target = folder;
  model.files.rules.push_back(rule);
  return model;
}

TEST(Symbols, AFunctionHasItsName) {
  std::string path;
  const std::uint64_t offset = OffsetOf(reinterpret_cast<std::uint64_t>(&FunctionOfTheTest), path);
  ASSERT_NE(offset, 0U);
  char frame[4200];
  std::snprintf(frame, sizeof(frame), "%s+0x%llx", path.c_str(), static_cast<unsigned long long>(offset + 1));
  const policy::Model shown = Showing(path.substr(0, path.rfind('/')), policy::FileAccess::kRead);
  EXPECT_EQ(Symbols(shown).Named(frame), std::string("FunctionOfTheTest+0x1 in ") + frame);
  const policy::Model scratch = Showing(path.substr(0, path.rfind('/')), policy::FileAccess::kScratch);
  EXPECT_EQ(Symbols(scratch).Named(frame), frame) << "the job could have written it";
  EXPECT_EQ(Symbols(shown).Named("0x1234"), "0x1234");
  EXPECT_EQ(Symbols(shown).Named(path + "+0xffffffffff"), path + "+0xffffffffff");
}

TEST(Symbols, TrashHasNone) {
  EXPECT_TRUE(SymbolTable::Of("").empty());
  std::string head(64, '\xff');
  head.replace(0, 5, "\x7f" "ELF\x02");
  EXPECT_TRUE(SymbolTable::Of(head).empty());
  // Every cut and many a flipped byte of a real file: nothing is read past its end (the sanitizers look).
  std::string path;
  ASSERT_NE(OffsetOf(reinterpret_cast<std::uint64_t>(&FunctionOfTheTest), path), 0U);
  std::string file = *sys::ReadFile(path, 256U << 20);
  for (std::size_t size = 0; size < file.size(); size += file.size() / 20 + 1) (void)SymbolTable::Of(std::string_view(file).substr(0, size));
  for (std::size_t at = 0; at < 64; ++at) {
    const char was = file[at];
    file[at] = static_cast<char>(was ^ 0x80);
    (void)SymbolTable::Of(file).At(at);
    file[at] = was;
  }
}

}  // namespace
}  // namespace moat::watch
