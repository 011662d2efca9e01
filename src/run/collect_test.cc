// What an honest guest gets: its files, whole, with their hashes, within its limits.
#include "run/collect.h"

#include <sys/time.h>

#include <cerrno>
#include <chrono>

#include "base/sha256.h"
#include "run/testing.h"

namespace moat::run {
namespace {

using std::filesystem::create_directories;
using std::filesystem::create_directory;
using std::filesystem::exists;

TEST_F(CollectTest, EmptyFolder) {
  const Collected collected = Run();
  EXPECT_TRUE(collected.outputs.empty());
  EXPECT_TRUE(collected.refused.empty());
  EXPECT_FALSE(collected.bytes_exceeded || collected.files_exceeded || collected.error);
}

TEST_F(CollectTest, FilesAndFoldersArriveInOrder) {
  const std::string big(300000, 'x');
  create_directories(guest_ / "b/empty");
  Write(guest_ / "b/two", big);
  Write(guest_ / "c", "");
  Write(guest_ / "a.txt", "hello");
  const Collected collected = Run();
  std::string names;
  for (const auto& output : collected.outputs) names += output.name + ":" + output.type + " ";
  EXPECT_EQ(names, "a.txt:file b:directory b/empty:directory b/two:file c:file ");
  EXPECT_EQ(Read(caller_ / "a.txt"), "hello");
  EXPECT_EQ(Read(caller_ / "b/two"), big);
  EXPECT_TRUE(exists(caller_ / "b/empty"));
  EXPECT_EQ(Output(collected, "b/two")->sha256, base::Sha256Hex(big));
  EXPECT_EQ(Output(collected, "b/two")->size, big.size());
  EXPECT_EQ(Output(collected, "c")->sha256, base::Sha256Hex(""));
  EXPECT_EQ(collected.bytes, big.size() + 5);
  EXPECT_TRUE(Output(collected, "a.txt")->changes.empty());
  EXPECT_EQ(EntriesIn(caller_), 3u);
}

TEST_F(CollectTest, ModesDoNotDependOnTheUmask) {
  create_directory(guest_ / "d");
  Write(guest_ / "d/private", "", 0600);
  Write(guest_ / "tool", "", 0700);
  const mode_t before = ::umask(0077);
  Run();
  ::umask(before);
  EXPECT_EQ(ModeOf(caller_ / "d"), 0755u);
  EXPECT_EQ(ModeOf(caller_ / "d/private"), 0644u);
  EXPECT_EQ(ModeOf(caller_ / "tool"), 0755u);
}

TEST_F(CollectTest, SaneTimesAreKeptOthersAreNow) {
  Write(guest_ / "old", ""), Write(guest_ / "future", ""), Write(guest_ / "past", "");
  const auto set = [&](const char* name, std::int64_t seconds) {
    const struct timespec times[2] = {{0, 0}, {seconds, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, (guest_ / name).c_str(), times, 0), 0);
  };
  set("old", 1000000000);
  set("future", std::int64_t{1} << 39);
  set("past", -(std::int64_t{1} << 39));
  const time_t now = ::time(nullptr);
  const Collected collected = Run();
  EXPECT_EQ(Facts(caller_ / "old").st_mtim.tv_sec, 1000000000);
  EXPECT_TRUE(Output(collected, "old")->changes.empty());
  for (const char* name : {"future", "past"}) {
    EXPECT_NEAR(static_cast<double>(Facts(caller_ / name).st_mtim.tv_sec), static_cast<double>(now), 10) << name;
    EXPECT_EQ(Output(collected, name)->changes, std::vector<std::string>{"modification time replaced"});
  }
}

TEST_F(CollectTest, WhatDoesNotFitIsCutAndMarked) {
  Write(guest_ / "1", std::string(60, 'a'));
  Write(guest_ / "2", std::string(60, 'b'));
  Write(guest_ / "3", std::string(60, 'c'));
  Write(guest_ / "4", "");
  const Collected collected = Run({100, 100});
  EXPECT_TRUE(collected.bytes_exceeded);
  EXPECT_FALSE(collected.files_exceeded);
  EXPECT_EQ(collected.bytes, 100u);
  EXPECT_FALSE(Output(collected, "1")->truncated);
  EXPECT_TRUE(Output(collected, "2")->truncated);
  EXPECT_EQ(Output(collected, "2")->size, 40u);
  EXPECT_EQ(Read(caller_ / "2"), std::string(40, 'b'));
  EXPECT_EQ(Output(collected, "2")->sha256, base::Sha256Hex(std::string(40, 'b')));
  EXPECT_EQ(Refusal(collected, "3"), "the limit of collected bytes was reached before it");
  EXPECT_FALSE(exists(caller_ / "3"));
  EXPECT_TRUE(exists(caller_ / "4"));  // it takes nothing
}

TEST_F(CollectTest, ExactlyTheLimitsIsWithinThem) {
  create_directory(guest_ / "d");
  Write(guest_ / "d/f", "12345");
  const Collected collected = Run({5, 2});
  EXPECT_FALSE(collected.bytes_exceeded || collected.files_exceeded);
  EXPECT_EQ(collected.outputs.size(), 2u);
}

TEST_F(CollectTest, FilesThatWereThereAreReplacedWhole) {
  Write(guest_ / "f", "new content");
  Write(caller_ / "f", "old content");
  const sys::Fd reader = Open(caller_ / "f", O_RDONLY);
  Run();
  char buffer[32] = {};
  EXPECT_EQ(::read(reader.get(), buffer, sizeof(buffer)), 11);
  EXPECT_STREQ(buffer, "old content");  // an open reader keeps what it had
  EXPECT_EQ(Read(caller_ / "f"), "new content");
  EXPECT_EQ(EntriesIn(caller_), 1u);
}

TEST_F(CollectTest, FoldersThatWereThereKeepTheirModeAndFiles) {
  create_directory(guest_ / "d");
  Write(guest_ / "d/new", "");
  create_directory(caller_ / "d");
  Write(caller_ / "d/old", "");
  ASSERT_EQ(::chmod((caller_ / "d").c_str(), 0700), 0);
  const Collected collected = Run();
  EXPECT_TRUE(collected.refused.empty());
  EXPECT_EQ(ModeOf(caller_ / "d"), 0700u);
  EXPECT_EQ(EntriesIn(caller_ / "d"), 2u);
}

TEST_F(CollectTest, HolesStayHoles) {
  const sys::Fd file = Open(guest_ / "sparse", O_RDWR | O_CREAT);
  ASSERT_EQ(::fchmod(file.get(), 0644), 0);
  ASSERT_EQ(::pwrite(file.get(), "head", 4, 0), 4);
  ASSERT_EQ(::pwrite(file.get(), "middle", 6, 8 << 20), 6);
  ASSERT_EQ(::ftruncate(file.get(), 16 << 20), 0);
  const Collected collected = Run();
  std::string expected(16 << 20, '\0');
  expected.replace(0, 4, "head").replace(8 << 20, 6, "middle");
  EXPECT_EQ(Read(caller_ / "sparse"), expected);
  EXPECT_EQ(Output(collected, "sparse")->sha256, base::Sha256Hex(expected));
  EXPECT_LT(Facts(caller_ / "sparse").st_blocks * 512, 1 << 20);
}

TEST_F(CollectTest, NoDestinationIsAnError) {
  const sys::Fd source = Open(guest_);
  EXPECT_FALSE(Collect(source.get(), -1, {}).ok());
  EXPECT_FALSE(Collect(-1, source.get(), {}).ok());
}

// The caller has had enough: what is there is whole, the rest is named.
TEST_F(CollectTest, StopsWhenItIsAsked) {
  Write(guest_ / "a", "first");
  Write(guest_ / "b", "second");
  static int asked;
  asked = 0;
  CollectLimits limits;
  limits.stop = {[](int most) { return ++asked > most; }, 2};  // once before `a`, once in it
  const Collected collected = Run(limits);
  EXPECT_TRUE(collected.interrupted);
  ASSERT_EQ(collected.outputs.size(), 1U);
  EXPECT_EQ(Read(caller_ / "a"), "first");
  EXPECT_NE(Refusal(collected, "b"), "");
  EXPECT_EQ(EntriesIn(caller_), 1U);
}

TEST_F(CollectTest, AFileThatIsInterruptedDoesNotAppear) {
  Write(guest_ / "a", std::string(1 << 20, 'x'));
  static int asked;
  asked = 0;
  CollectLimits limits;
  limits.stop = {[](int most) { return ++asked > most; }, 3};
  const Collected collected = Run(limits);
  EXPECT_TRUE(collected.interrupted);
  EXPECT_EQ(EntriesIn(caller_), 0U);
  EXPECT_FALSE(collected.error.has_value());
}

}  // namespace
}  // namespace moat::run
