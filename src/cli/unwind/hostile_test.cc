// The unwinder against files and stacks that nobody meant well: it answers what it can, or nothing, and it ends.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <random>

#include "sys/calls.h"
#include "watch/unwinder.h"

namespace moat::watch {
namespace {

std::string Helper() { return std::string(std::getenv("MOAT_BINARY_DIR")) + "/libexec/moat/moat-unwind"; }

sys::Fd FileOf(const std::string& bytes) {
  sys::Fd file(memfd_create("object", MFD_CLOEXEC));
  EXPECT_TRUE(sys::WriteAll(file.get(), bytes, "object").ok());
  return file;
}

constexpr std::uint64_t kBase = 0x555555554000, kStack = 0x7ffc00000000;

// Code of this very program at an invented place, and words on the stack that point all over it.
Snapshot Invented(const std::string& object, std::mt19937_64& random) {
  Snapshot taken;
  taken.sp = kStack;
  taken.pc = kBase + random() % object.size();
  for (int i = 0; i < 512; ++i) {
    const std::uint64_t kinds[] = {kBase + random() % object.size(), kStack + random() % 8192, random(), 0};
    const std::uint64_t word = kinds[random() % 4];
    taken.stack.append(reinterpret_cast<const char*>(&word), sizeof(word));
  }
  taken.code.push_back({kBase, kBase + object.size(), 0, 1, "/object"});
  taken.rows.push_back({kBase, kBase + object.size(), 0, 0, 0});
  return taken;
}

std::string Self() {
  char path[4096] = {};
  EXPECT_GT(readlink("/proc/self/exe", path, sizeof(path) - 1), 0);
  auto bytes = sys::ReadFile(path, 256U << 20);
  return bytes.ok() ? *bytes : "";
}

void ExpectBounded(const std::string& object, std::mt19937_64& random) {
  std::vector<Snapshot> snapshots;
  for (int i = 0; i < 4; ++i) snapshots.push_back(Invented(object, random));
  std::vector<sys::Fd> files;
  files.push_back(FileOf(object));
  const auto stacks = Unwind(Helper(), snapshots, files);
  ASSERT_TRUE(stacks.ok()) << stacks.error().ToString();
  ASSERT_EQ(stacks->size(), snapshots.size());
  for (const auto& stack : *stacks) {
    EXPECT_LE(stack.size(), unwind::kMaxFrames);
    for (const UnwoundFrame& frame : stack) EXPECT_LE(frame.name.size(), 4 * unwind::kMaxName);
  }
}

TEST(Hostile, StacksThatPointAllOver) {
  std::mt19937_64 random(1);
  const std::string object = Self();
  ASSERT_FALSE(object.empty());
  for (int i = 0; i < 3; ++i) ExpectBounded(object, random);
}

TEST(Hostile, AnObjectWithFlippedHeads) {
  std::mt19937_64 random(2);
  const std::string object = Self();
  for (int i = 0; i < 8; ++i) {
    std::string changed = object;
    for (int flips = 0; flips < 6; ++flips) changed[random() % 1024] ^= static_cast<char>(1 << random() % 8);
    ExpectBounded(changed, random);
  }
}

TEST(Hostile, AnObjectWhoseTablesAreTrash) {
  std::mt19937_64 random(3);
  const std::string object = Self();
  for (int i = 0; i < 4; ++i) {
    std::string changed = object;
    for (std::size_t at = 1024; at < changed.size(); at += 1 + random() % 64) changed[at] = static_cast<char>(random());
    ExpectBounded(changed, random);
  }
  ExpectBounded(object.substr(0, 700), random);
  ExpectBounded(std::string(4096, '\xff'), random);
}

// What it would say if it had been taken over is read as carefully as anything else.
TEST(Hostile, WhatItSaysIsBounded) {
  std::string said;
  for (int i = 0; i < 100; ++i) said += "1 a\n";
  EXPECT_TRUE(ReadFrames(said + ".\n", 1).front().empty()) << "more frames than there can be";
  const auto one = ReadFrames("12 f\x1b[31m+0x1\nab\n.\n34 cut", 2);
  ASSERT_EQ(one.size(), 2U);
  ASSERT_EQ(one[0].size(), 2U);
  EXPECT_EQ(one[0][0].address, 0x12U);
  EXPECT_EQ(one[0][0].name.find('\x1b'), std::string::npos);
  EXPECT_EQ(one[0][1].name, "");
  EXPECT_TRUE(one[1].empty());
  EXPECT_EQ(ReadFrames("x\n.\n", 1).front().size(), 0U);
  EXPECT_EQ(ReadFrames(".\n.\n.\n.\n", 2).size(), 2U);
}

TEST(Hostile, WithoutAHelperThereIsAnError) {
  std::mt19937_64 random(4);
  std::vector<sys::Fd> files;
  EXPECT_FALSE(Unwind("/nonexistent/moat-unwind", {Invented("x", random)}, files).ok());
}

}  // namespace
}  // namespace moat::watch
