// Which mounts, links and folders the file rules of a policy come to.
#include <gtest/gtest.h>

#include <algorithm>

#include "plan/emit.h"
#include "plan/testing.h"
#include "uapi/kernel.h"

namespace moat::plan {
namespace {

class LayoutTest : public testing::Test {
 protected:
  Layout LayOut(const std::string& files) {
    case_.model = PolicyOf("moat = 1\n[files]\n" + files);
    auto layout = plan::LayOut(case_.ToRequest());
    EXPECT_TRUE(layout.ok()) << layout.error().ToString();
    return layout.ok() ? *layout : Layout{};
  }
  std::string ErrorOf(const std::string& files) {
    case_.model = PolicyOf("moat = 1\n[files]\n" + files);
    const auto layout = plan::LayOut(case_.ToRequest());
    return layout.ok() ? "accepted" : layout.error().ToString();
  }
  static const Mount* MountAt(const Layout& layout, const std::string& target) {
    const auto at = std::find_if(layout.mounts.begin(), layout.mounts.end(),
                                 [&](const Mount& mount) { return mount.target == target; });
    return at == layout.mounts.end() ? nullptr : &*at;
  }
  static std::string Describe(const Layout& layout) {
    std::string text;
    for (const Mount& mount : layout.mounts) {
      text += mount.target + " " + std::to_string(static_cast<int>(mount.type)) + " " + mount.source + " " +
              std::to_string(mount.attributes) + "\n";
    }
    for (const auto& [path, link] : layout.links) text += path + " -> " + link + "\n";
    for (const std::string& folder : layout.folders) text += folder + "/\n";
    return text;
  }

  Case case_;
};

TEST_F(LayoutTest, AFileKeepsTheLinksThatLeadToIt) {
  const Layout layout = LayOut("read = [\"/usr/bin/convert\"]\n");
  EXPECT_EQ(layout.links.at("/usr/bin/convert"), "/etc/alternatives/convert");
  EXPECT_EQ(layout.links.at("/etc/alternatives/convert"), "/usr/bin/convert-im6.q16");
  const Mount* mount = MountAt(layout, "/usr/bin/convert-im6.q16");
  ASSERT_NE(mount, nullptr);
  EXPECT_FALSE(mount->is_folder);
  EXPECT_EQ(layout.HostPath("/usr/bin/convert", case_.host), "/usr/bin/convert-im6.q16");
}

TEST_F(LayoutTest, AFolderBehindALinkIsShownWhereItLies) {
  const Layout layout = LayOut("read = [\"/lib64\"]\n");
  EXPECT_EQ(layout.links.at("/lib64"), "usr/lib64");
  ASSERT_NE(MountAt(layout, "/usr/lib64"), nullptr);
}

TEST_F(LayoutTest, LinksInACircleLeadNowhere) {
  case_.host.Link("/data/a", "b").Link("/data/b", "a");
  EXPECT_NE(ErrorOf("read = [\"/data/a\"]\n").find("does not exist"), std::string::npos);
  EXPECT_EQ(MountAt(LayOut("read = [\"/data/a?\"]\n"), "/data/a"), nullptr);
}

TEST_F(LayoutTest, ALinkOutOfARuleIsNoWayToWhatTheRuleDoesNotShow) {
  case_.host.Link("/data/key", "/root/key").File("/root/key");
  const Layout layout = LayOut("read = [\"/data\"]\n");
  EXPECT_EQ(layout.HostPath("/data/key", case_.host), std::nullopt);
}

TEST_F(LayoutTest, AbsentPathsAreNamedWithTheWayOut) {
  const std::string error = ErrorOf("read = [\"/no/such\"]\n");
  EXPECT_NE(error.find("/no/such"), std::string::npos);
  EXPECT_NE(error.find("test.toml:3"), std::string::npos) << error;
  EXPECT_NE(error.find("/no/such?"), std::string::npos) << error;
}

TEST_F(LayoutTest, TheOrderOfTheLinesDoesNotMatter) {
  case_.host.Folder("/data/in/deep/er").Folder("/data/out");
  std::vector<std::string> keys = {"read = [\"/data\", \"/data/in/deep/er\"]\n", "hide = [\"/data/in/deep\", \"/data/out\"]\n",
                                   "write = [\"/data/in\"]\n"};
  std::sort(keys.begin(), keys.end());
  const std::string wanted = Describe(LayOut(keys[0] + keys[1] + keys[2]));
  while (std::next_permutation(keys.begin(), keys.end())) {
    EXPECT_EQ(Describe(LayOut(keys[0] + keys[1] + keys[2])), wanted) << keys[0] << keys[1] << keys[2];
  }
}

TEST_F(LayoutTest, TheMostSpecificRuleWins) {
  case_.host.File("/data/in/deep/er/file").File("/data/in/file");
  const Layout layout =
      LayOut("read = [\"/data\", \"/data/in/deep/er\"]\nhide = [\"/data/in/deep\"]\nwrite = [\"/data/in\"]\n");
  EXPECT_EQ(layout.Covering("/data/x").target, "/data");
  EXPECT_EQ(layout.Covering("/data/in/file").target, "/data/in");
  EXPECT_EQ(layout.Covering("/data/in/file").attributes & uapi::kMountAttrRdonly, 0U);
  EXPECT_EQ(layout.Covering("/data/in/deep/x").type, MountType::kHide);
  EXPECT_EQ(layout.Covering("/data/in/deep/er/file").type, MountType::kBind);
  EXPECT_NE(layout.Covering("/data/in/deep/er/file").attributes & uapi::kMountAttrRdonly, 0U);
  EXPECT_EQ(layout.HostPath("/data/in/deep/er/file", case_.host), "/data/in/deep/er/file");
}

TEST_F(LayoutTest, ParentsComeBeforeChildren) {
  case_.host.Folder("/data/a/b").Folder("/data-b").Folder("/data/a-b");
  const Layout layout = LayOut("hide = [\"/data/a/b\", \"/data/a-b\"]\nread = [\"/data-b\", \"/data\"]\nwrite = [\"/data/a\"]\n");
  for (std::size_t i = 0; i < layout.mounts.size(); ++i) {
    for (std::size_t k = i + 1; k < layout.mounts.size(); ++k) {
      EXPECT_FALSE(IsBelow(layout.mounts[i].target, layout.mounts[k].target))
          << layout.mounts[i].target << " before " << layout.mounts[k].target;
    }
  }
}

TEST_F(LayoutTest, APlaceThatDoesNotExistBelowAReadOnlyFolderIsMirrored) {
  case_.host.File("/app/bin/tool").Link("/app/current", "bin").File("/app/readme").Other("/app/pipe");
  const Layout layout = LayOut("read = [\"/app\"]\n[files.scratch]\n\"/app/var/cache\" = \"1M\"\n");
  const Mount* mirror = MountAt(layout, "/app");
  ASSERT_NE(mirror, nullptr);
  EXPECT_EQ(mirror->type, MountType::kBind) << "the folder that was asked for is still there, below";
  const auto mirrors = std::count_if(layout.mounts.begin(), layout.mounts.end(),
                                     [](const Mount& mount) { return mount.type == MountType::kHide; });
  EXPECT_EQ(mirrors, 1);
  EXPECT_EQ(layout.HostPath("/app/bin/tool", case_.host), "/app/bin/tool");
  EXPECT_EQ(layout.HostPath("/app/current/tool", case_.host), "/app/bin/tool");
  EXPECT_EQ(layout.HostPath("/app/readme", case_.host), "/app/readme");
  EXPECT_EQ(layout.HostPath("/app/pipe", case_.host), std::nullopt);
  EXPECT_EQ(layout.folders.count("/app/var"), 1U);
  EXPECT_EQ(layout.Covering("/app/var/cache/x").type, MountType::kScratch);
}

TEST_F(LayoutTest, AFolderTooLargeToMirrorIsRefusedWithItsLine) {
  for (int i = 0; i < 600; ++i) case_.host.File("/app/f" + std::to_string(i));
  const std::string error = ErrorOf("read = [\"/app\"]\n[files.scratch]\n\"/app/var\" = \"1M\"\n");
  EXPECT_NE(error.find("too large"), std::string::npos) << error;
  EXPECT_NE(error.find("test.toml:5"), std::string::npos) << error;
}

TEST_F(LayoutTest, AFolderOnAFileIsRefused) {
  case_.host.File("/app/data");
  const std::string error = ErrorOf("read = [\"/app\"]\n[files.scratch]\n\"/app/data\" = \"1M\"\n");
  EXPECT_NE(error.find("cannot be placed"), std::string::npos) << error;
  EXPECT_NE(error.find("test.toml:5"), std::string::npos) << error;
}

TEST_F(LayoutTest, HidingAFileIsRefused) {
  EXPECT_NE(ErrorOf("read = [\"/usr\"]\nhide = [\"/usr/share/secret/key\"]\n").find("is a file"), std::string::npos);
}

TEST_F(LayoutTest, HidingNothingIsFine) {
  EXPECT_EQ(MountAt(LayOut("read = [\"/usr\"]\nhide = [\"/usr/none\"]\n"), "/usr/none"), nullptr);
}

TEST_F(LayoutTest, WhatAWiderRuleShowsAnywayIsNotMountedTwice) {
  const Layout layout = LayOut("read = [\"/usr\", \"/usr/share\"]\n");
  EXPECT_EQ(MountAt(layout, "/usr/share"), nullptr);
  ASSERT_NE(MountAt(layout, "/usr"), nullptr);
}

TEST_F(LayoutTest, EveryBindIsNosuidAndNodev) {
  case_.host.Folder("/data");
  for (const Mount& mount : LayOut("read = [\"/usr\"]\nwrite = [\"/data\"]\n").mounts) {
    std::uint64_t wanted = uapi::kMountAttrNosuid;
    if (mount.type != MountType::kDevice) wanted |= uapi::kMountAttrNodev;
    if (mount.target == "/data") wanted |= uapi::kMountAttrNoexec;
    if (mount.target == "/usr") wanted |= uapi::kMountAttrRdonly;
    EXPECT_EQ(mount.attributes & wanted, wanted) << mount.target;
  }
}

TEST_F(LayoutTest, ADeviceMustBeOne) {
  case_.host.Remove("/dev/zero").File("/dev/zero");
  EXPECT_NE(ErrorOf("read = [\"/usr\"]\n").find("/dev/zero"), std::string::npos);
}

TEST(PathLess, IsAnOrderWithParentsFirst) {
  EXPECT_TRUE(PathLess("/a", "/a/b"));
  EXPECT_TRUE(PathLess("/a/b", "/a-b"));
  EXPECT_FALSE(PathLess("/a-b", "/a/b"));
  EXPECT_FALSE(PathLess("/a", "/a"));
}

TEST(IsBelow, KnowsWholeNamesOnly) {
  EXPECT_TRUE(IsBelow("/usr/lib", "/usr"));
  EXPECT_TRUE(IsBelow("/usr", "/usr"));
  EXPECT_TRUE(IsBelow("/usr", "/"));
  EXPECT_FALSE(IsBelow("/usrlocal", "/usr"));
}

}  // namespace
}  // namespace moat::plan
