#include "profile/find_profile.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace moat::policy {
namespace {

class FindProfileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "/moat-profiles-XXXXXX";
    folder_ = mkdtemp(name.data());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string Write(const std::string& name, const std::string& text, mode_t mode = 0644) {
    const std::string path = folder_ + "/" + name;
    std::ofstream(path) << text;
    chmod(path.c_str(), mode);
    return path;
  }
  std::string Find(const std::string& name) {
    const Result<SourceText> found = FindProfile(name, {"/nonexistent", folder_});
    std::string text = found.ok() ? "read " + found->path : found.error().ToString();
    for (std::size_t at; (at = text.find(folder_)) != std::string::npos;)
      text.replace(at, folder_.size(), "DIR");
    return text;
  }

  std::string folder_;
};

TEST_F(FindProfileTest, ByNameAndByPath) {
  const std::string path = Write("thumbs.toml", "moat = 1\n");
  EXPECT_EQ(Find("thumbs"), "read DIR/thumbs.toml");
  EXPECT_EQ(Find(path), "read DIR/thumbs.toml");
  EXPECT_EQ(FindProfile(path, {})->text, "moat = 1\n");
  EXPECT_EQ(ListProfiles({folder_}), std::vector<std::string>{"thumbs"});
}

TEST_F(FindProfileTest, TheFirstFolderWins) {
  Write("a.toml", "first");
  const std::string second = folder_ + "/second";
  std::filesystem::create_directory(second);
  Write("second/a.toml", "second");
  EXPECT_EQ(FindProfile("a", {folder_, second})->text, "first");
}

TEST_F(FindProfileTest, WhatIsNotThere) {
  Write("thumbs.toml", "moat = 1\n");
  EXPECT_EQ(Find("thumb"), "there is no profile `thumb` in /nonexistent, DIR; did you mean `thumbs`?");
  EXPECT_EQ(Find("other"),
            "there is no profile `other` in /nonexistent, DIR; a policy of your own is given by path: "
            "`./other.toml`");
  EXPECT_EQ(Find(folder_ + "/gone.toml"),
            "the policy cannot be read: `DIR/gone.toml`: open: ENOENT (no such file or directory)");
  EXPECT_EQ(Find(""), "an empty name for a policy");
  EXPECT_EQ(
      Find("Thumbs"),
      "`Thumbs` is not the name of a profile; names have small letters, digits and `-`; a file is given by "
      "path: `./Thumbs`");
}

TEST_F(FindProfileTest, WhatIsNoPolicyFile) {
  std::filesystem::create_directory(folder_ + "/folder.toml");
  EXPECT_EQ(Find(folder_ + "/folder.toml"), "`DIR/folder.toml` is a folder, not a policy");
  ASSERT_EQ(mkfifo((folder_ + "/fifo.toml").c_str(), 0600), 0);
  EXPECT_EQ(Find(folder_ + "/fifo.toml"), "`DIR/fifo.toml` is not a regular file, not a policy");
  Write("large.toml", std::string((1 << 20) + 1, ' '));
  EXPECT_EQ(Find("large"), "`DIR/large.toml` is over 1M: not a policy");
  Write("limit.toml", std::string(1 << 20, ' '));
  EXPECT_EQ(Find("limit"), "read DIR/limit.toml");
}

TEST_F(FindProfileTest, WhoCanChangeIt) {
  Write("open.toml", "moat = 1\n", 0666);
  EXPECT_EQ(Find("open"),
            "`DIR/open.toml` can be changed by every user of this host; chmod o-w DIR/open.toml");
  Write("group.toml", "moat = 1\n", 0664);
  EXPECT_EQ(Find("group"), "read DIR/group.toml") << "our own file, our own group";
  if (geteuid() != 0) return;  // only root can give a file away
  const std::string path = Write("theirs.toml", "moat = 1\n", 0644);
  ASSERT_EQ(chown(path.c_str(), 12345, 12345), 0);
  EXPECT_EQ(Find("theirs"), "read DIR/theirs.toml");
  ASSERT_EQ(chmod(path.c_str(), 0664), 0);
  EXPECT_EQ(
      Find("theirs"),
      "`DIR/theirs.toml` belongs to another user and can be changed by its group; chmod g-w DIR/theirs.toml");
}

TEST_F(FindProfileTest, LinksOnlyByPath) {
  Write("real.toml", "moat = 1\n");
  std::filesystem::create_symlink("real.toml", folder_ + "/link.toml");
  EXPECT_EQ(Find(folder_ + "/link.toml"), "read DIR/link.toml");
  EXPECT_NE(Find("link"), "read DIR/link.toml");
}

}  // namespace
}  // namespace moat::policy
