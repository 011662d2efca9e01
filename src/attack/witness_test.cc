#include "attack/witness.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace moat::attack {
namespace {

const Answer kDone{Fate::kOpen, "done"};

class Witnessed : public testing::Test {
 protected:
  void SetUp() override { ASSERT_NE(::mkdtemp(folder_.data()), nullptr); }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  Fate Of(const char* probe, const Spawned& spawned = {}, const Answer& said = kDone) const {
    const Entry* entry = FindEntry(probe);
    return entry == nullptr ? Fate::kUnclear : Judged(*entry, said, spawned, folder_).fate;
  }
  std::string folder_ = (std::filesystem::temp_directory_path() / "witness-XXXXXX").string();
};

TEST_F(Witnessed, SurvivorsStreamsFlagsAndTime) {
  Spawned spawned;
  EXPECT_EQ(Of("left-daemon", spawned), Fate::kClosed);
  EXPECT_EQ(Of("left-holding-output", spawned), Fate::kClosed);
  EXPECT_EQ(Of("stdout-nonblocking", spawned), Fate::kClosed);
  spawned.survivors = 1;
  spawned.out = "OPEN x\nHELD\n";
  spawned.nonblocking = spawned.timed_out = true;
  EXPECT_EQ(Of("left-daemon", spawned), Fate::kOpen);
  EXPECT_EQ(Of("left-holding-output", spawned), Fate::kOpen);
  EXPECT_EQ(Of("stdout-nonblocking", spawned), Fate::kOpen);
  EXPECT_EQ(Of("stays-deaf", spawned, {Fate::kUnclear, ""}), Fate::kOpen);
}

TEST_F(Witnessed, AProbeThatGotNowhereIsBelieved) {
  EXPECT_EQ(Of("left-daemon", {}, {Fate::kClosed, "fork"}), Fate::kClosed);
  EXPECT_EQ(Of("result-link", {}, {Fate::kNotApplicable, "no folder"}), Fate::kNotApplicable);
  EXPECT_EQ(Of("stays-deaf", {}, {Fate::kUnclear, ""}), Fate::kUnclear);
}

TEST_F(Witnessed, WhatArrives) {
  const std::pair<const char*, std::function<void(const std::string&)>> kBad[] = {
      {"result-link", [](const std::string& path) { std::filesystem::create_symlink("/etc/passwd", path); }},
      {"result-folder-link", [](const std::string& path) { std::filesystem::create_symlink("/", path); }},
      {"result-fifo", [](const std::string& path) { ::mkfifo(path.c_str(), 0600); }},
      {"result-set-id", [](const std::string& path) { std::ofstream(path) << "x"; ::chmod(path.c_str(), 04755); }},
      {"result-names", [](const std::string& path) { std::ofstream(path + "\x1b") << "x"; }},
      {"result-two-names", [](const std::string& path) { std::ofstream(path) << "x"; std::filesystem::create_hard_link(path, path + "2"); }},
      {"result-sparse", [](const std::string& path) { std::ofstream(path) << "x"; (void)!::truncate(path.c_str(), 2LL << 30); }},
      {"result-locked", [](const std::string& path) { ::mkdir(path.c_str(), 0); }},
  };
  for (const auto& [probe, make] : kBad) {
    EXPECT_EQ(Of(probe), Fate::kClosed) << probe;
    make(folder_ + "/result");
    EXPECT_EQ(Of(probe), Fate::kOpen) << probe;
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directory(folder_);
    std::ofstream(folder_ + "/plain") << "an ordinary file";
  }
}

}  // namespace
}  // namespace moat::attack
