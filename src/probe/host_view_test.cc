#include "probe/host_view.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace moat::probe {
namespace {

using Type = plan::PathFacts::Type;

class HostViewTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "/moat-view-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    std::ofstream(folder_ + "/file") << "#!/bin/sh\nexit\n";
    ASSERT_EQ(symlink("file", (folder_ + "/link").c_str()), 0);
    ASSERT_EQ(symlink("nowhere", (folder_ + "/broken").c_str()), 0);
    ASSERT_EQ(mkfifo((folder_ + "/fifo").c_str(), 0600), 0);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string folder_;
  RealHost host_;
};

TEST_F(HostViewTest, LooksWithoutFollowing) {
  EXPECT_EQ(host_.Look(folder_).type, Type::kDirectory);
  EXPECT_EQ(host_.Look(folder_ + "/fifo").type, Type::kOther);
  EXPECT_EQ(host_.Look(folder_ + "/absent").type, Type::kAbsent);
  EXPECT_EQ(host_.Look(folder_ + "/absent").row.exists, 0u);
  const plan::PathFacts link = host_.Look(folder_ + "/link");
  EXPECT_EQ(link.type, Type::kSymlink);
  EXPECT_EQ(link.link, "file");
  EXPECT_EQ(host_.Look(folder_ + "/broken").link, "nowhere");
}

TEST_F(HostViewTest, IdentityIsThatOfStat) {
  struct stat status;
  ASSERT_EQ(stat((folder_ + "/file").c_str(), &status), 0);
  const plan::PathFacts facts = host_.Look(folder_ + "/file");
  EXPECT_EQ(facts.type, Type::kFile);
  EXPECT_EQ(facts.mode, status.st_mode);
  EXPECT_EQ(facts.uid, status.st_uid);
  EXPECT_EQ(facts.row.exists, 1u);
  EXPECT_EQ(facts.row.device, status.st_dev);
  EXPECT_EQ(facts.row.inode, status.st_ino);
  EXPECT_EQ(facts.row.size, 15u);
  EXPECT_EQ(facts.row.mtime_ns,
            static_cast<std::uint64_t>(status.st_mtim.tv_sec) * 1000000000u + static_cast<std::uint64_t>(status.st_mtim.tv_nsec));
}

TEST_F(HostViewTest, DeviceNumber) {
  const plan::PathFacts facts = host_.Look("/dev/null");
  EXPECT_EQ(facts.type, Type::kCharDevice);
  EXPECT_EQ(facts.rdev, 1ULL << 32 | 3);
}

TEST_F(HostViewTest, ListIsSorted) {
  EXPECT_EQ(host_.List(folder_), (std::vector<std::string>{"broken", "fifo", "file", "link"}));
  EXPECT_TRUE(host_.List(folder_ + "/file").empty());
  EXPECT_TRUE(host_.List(folder_ + "/absent").empty());
}

TEST_F(HostViewTest, HeadIsBoundedAndOfRegularFilesOnly) {
  EXPECT_EQ(host_.Head(folder_ + "/file", 4), "#!/b");
  EXPECT_EQ(host_.Head(folder_ + "/file", 4096), "#!/bin/sh\nexit\n");
  EXPECT_EQ(host_.Head(folder_ + "/fifo", 16), "");  // and does not wait for a writer
  EXPECT_EQ(host_.Head("/dev/zero", 16), "");
  EXPECT_EQ(host_.Head(folder_, 16), "");
  EXPECT_EQ(host_.Head(folder_ + "/absent", 16), "");
}

}  // namespace
}  // namespace moat::probe
