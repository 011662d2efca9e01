#include "seal/record.h"

#include <gtest/gtest.h>
#include <linux/audit.h>

#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

namespace moat::seal {
namespace {

class FakeMemory final : public Memory {
 public:
  std::map<std::uint64_t, std::string> pages;
  std::size_t Read(std::uint64_t address, void* to, std::size_t size) override {
    for (const auto& [start, bytes] : pages) {
      if (address < start || address >= start + bytes.size()) continue;
      const std::size_t got = std::min(size, bytes.size() - (address - start));
      memcpy(to, bytes.data() + (address - start), got);
      return got;
    }
    return 0;
  }
};

class FakeObjects final : public Objects {
 public:
  bool Find(std::uint64_t address, Place& place) override {
    if (address < 0x400000 || address >= 0x500000) return false;
    place.object = name.c_str();
    place.offset = address - 0x400000;
    return true;
  }
  std::string name;
};

Violation OpenAt(std::uint64_t path, std::uint64_t flags) {
  Violation violation;
  violation.mode = "trap";
  violation.pid = 1;
  violation.tid = 2;
  violation.number = 257;
  violation.arch = AUDIT_ARCH_X86_64;
  const std::uint64_t args[] = {static_cast<std::uint64_t>(-100), path, flags, 0x1b6};
  memcpy(violation.args, args, sizeof(args));
  violation.pc = 0x401000;
  violation.sp = 0x7000;
  return violation;
}

std::string Format(const Violation& violation, Memory& memory, Objects& objects) {
  char line[kRecordSize];
  const std::size_t size = FormatRecord(violation, memory, objects, line);
  return std::string(line, size);
}

TEST(Record, NamesCallArgumentsAndPlaces) {
  if (sizeof(void*) != 8) GTEST_SKIP() << "64 bits only";
  FakeMemory memory;
  FakeObjects objects;
  memory.pages[0x1000] = std::string("/etc/passwd\0rest", 16);
  const std::string line = Format(OpenAt(0x1000, 0x80241), memory, objects);
  EXPECT_EQ(line.back(), '\n');
  const auto json = nlohmann::json::parse(line);
  EXPECT_EQ(json["call"], "openat");
  EXPECT_EQ(json["arguments"], "dirfd=AT_FDCWD, pathname=\"/etc/passwd\", flags=O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC, mode=438");
  EXPECT_EQ(json["backtrace"][0], "program+0x1000");
}

TEST(Record, FollowsFramesOnlyUpwardsAndIntoCode) {
  FakeMemory memory;
  FakeObjects objects;
  Violation violation = OpenAt(0, 0);
  violation.fp = 0x7010;
  std::string stack(0x100, '\0');
  const auto put = [&](std::size_t at, std::uint64_t value) { memcpy(&stack[at], &value, 8); };
  put(0x10, 0x7040);
  put(0x18, 0x402000);
  put(0x40, 0x7010);  // back down: a loop
  put(0x48, 0x403000);
  memory.pages[0x7000] = stack;
  const auto json = nlohmann::json::parse(Format(violation, memory, objects));
  EXPECT_EQ(json["backtrace"], nlohmann::json({"program+0x1000", "program+0x2000", "program+0x3000"}));
}

TEST(Record, HostileBytesStayOneLineOfJson) {
  FakeMemory memory;
  FakeObjects objects;
  std::string path = "\"},\n{\"moat\":\"forged\\";
  for (int c = 1; c < 256; ++c) path += static_cast<char>(c);
  memory.pages[0x1000] = path;  // no end: cut
  objects.name = "lib\n\"evil\".so";
  const std::string line = Format(OpenAt(0x1000, ~0ULL), memory, objects);
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  const auto json = nlohmann::json::parse(line);
  EXPECT_EQ(json["moat"], "violation");
  for (const char c : line) EXPECT_TRUE((c >= 0x20 && c < 0x7f) || c == '\n');
}

TEST(Record, NeverRunsOverItsBuffer) {
  FakeMemory memory;
  FakeObjects objects;
  objects.name = std::string(400, '"');
  memory.pages[0x1000] = std::string(4096, '\xff');
  memory.pages[0x7000] = std::string();
  std::string stack;
  for (int i = 0; i < 64; ++i) {
    const std::uint64_t pair[2] = {0x7000 + 16 * (static_cast<std::uint64_t>(i) + 1), 0x400000U + static_cast<std::uint64_t>(i)};
    stack.append(reinterpret_cast<const char*>(pair), 16);
  }
  memory.pages[0x7000] = stack;
  Violation violation = OpenAt(0x1000, ~0ULL);
  violation.fp = 0x7000;
  const std::string line = Format(violation, memory, objects);
  EXPECT_LE(line.size(), kRecordSize);
  EXPECT_FALSE(nlohmann::json::parse(line)["backtrace"].empty());
}

TEST(Record, OtherArchitecturesAndUnknownCalls) {
  FakeMemory memory;
  FakeObjects objects;
  Violation violation = OpenAt(0, 0);
  violation.number = 100000;
  EXPECT_EQ(nlohmann::json::parse(Format(violation, memory, objects))["call"], "100000");
  violation.arch = AUDIT_ARCH_I386;
  EXPECT_EQ(nlohmann::json::parse(Format(violation, memory, objects))["arch"], "0x40000003");
}

}  // namespace
}  // namespace moat::seal
