// What goes in: -i, its names, who may read it, and the words that stand for it.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <filesystem>

#include "testkit/caller_test.h"

namespace moat {
namespace {

namespace fs = std::filesystem;

class Files : public testkit::CallerTest {};

TEST_P(Files, InAndOutStandForPathsInside) {
  const std::string input = folder_.File("a.txt", "content\n");
  const testkit::Job job = AsCaller().Input(input).Output(folder_ / "out").Run({"sh", "-c", "echo $0 $1; cp $0 $1/copy", "{in}", "{out}"});
  EXPECT_EQ(job.exit_code(), 0) << job;
  EXPECT_EQ(job.out, "/in/a.txt /out\n");
  EXPECT_EQ(testkit::ReadFile(folder_ / "out/copy"), "content\n");
}

TEST_P(Files, SeveralInputsInOrder) {
  const std::string a = folder_.File("a", "A"), b = folder_.File("b", "B"), c = folder_.File("c", "C");
  auto moat = AsCaller().Input(c).Input(a).Input(b);
  EXPECT_EQ(moat.Run({"cat", "{in}"}).out, "CAB") << "alone it is all of them";
  EXPECT_EQ(moat.Run({"cat", "{in2}", "{in3}", "{in1}"}).out, "ABC");
  EXPECT_EQ(moat.Run({"echo", "first={in}", "second={in2}"}).out, "first=/in/c second=/in/a\n");
  EXPECT_EQ(moat.Run({"ls", "/in"}).out, "a\nb\nc\n");
}

// Field 4 of proc_pid_mountinfo(5). Before Linux 6.15 an overlay takes no detached mounts, and the report says so.
TEST_P(Files, TheMountTableDoesNotTellWhereAnInputLies) {
  struct utsname host {};
  ASSERT_EQ(uname(&host), 0);
  const bool can_hide = std::stof(host.release) >= 6.15F;
  folder_.Folder("place-of-inputs");
  const std::string open_to_all = folder_.File("place-of-inputs/a", "A"), own = folder_.File("place-of-inputs/b", "B");
  ASSERT_EQ(chmod(open_to_all.c_str(), 0644), 0);
  ASSERT_EQ(chmod(own.c_str(), 0600), 0);
  if (::geteuid() == 0) {
    ASSERT_EQ(::chown(own.c_str(), testkit::UserId(), testkit::UserId()), 0);
  }
  const testkit::Job job = AsCaller().Input(open_to_all).Input(own).Run({"cat", "{in}", "/proc/self/mountinfo"});
  EXPECT_EQ(job.out.substr(0, 2), "AB") << job;
  EXPECT_NE(job.out.find(" /in/b ro,"), std::string::npos) << job.out;
  EXPECT_EQ(job.out.find("place-of-inputs") == std::string::npos, can_hide) << job.out;
  for (const auto& input : job.report["inputs"]) EXPECT_EQ(input["path_hidden"], can_hide) << input;
}

// An overlay opens with the rights of its maker: sysfs tells those of root more than those of the job.
TEST_P(Files, AnInputIsReadWithTheRightsOfTheJob) {
  std::string device;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/sys/bus/pci/devices", ignored)) device = entry.path() / "config";
  if (device.empty()) GTEST_SKIP() << "no device has a configuration to read";
  const testkit::Job job = AsCaller().Input(fs::canonical(device)).Run({"sh", "-c", "head -c 256 {in} | wc -c"});
  EXPECT_EQ(job.out, "64\n") << job;
  EXPECT_EQ(job.report["inputs"][0]["path_hidden"], false);
}

TEST_P(Files, AnInputMayHaveAnotherNameInside) {
  const std::string input = folder_.File("upload-0815.tmp", "content");
  const testkit::Job job = AsCaller().Input(input + "=photo.png").Run({"sh", "-c", "echo {in}; ls /in; cat {in}"});
  EXPECT_EQ(job.out, "/in/photo.png\nphoto.png\ncontent") << job;
}

TEST_P(Files, AnEqualsSignInTheFilesOwnNameIsPartOfIt) {
  const std::string input = folder_.File("a=b", "content");
  EXPECT_EQ(AsCaller().Input(input).Run({"cat", "/in/a=b"}).out, "content");
}

TEST_P(Files, OddNamesArriveAsTheyAre) {
  for (const char* name : {"with space", "new\nline", "-rf", "{in}", "$HOME", "\xff\xfe", "ünïcode", "a;b", "..."}) {
    const std::string input = folder_.File(name, "content");
    const testkit::Job job = AsCaller().Input(input).Run({"cat", "--", "{in}"});
    EXPECT_EQ(job.out, "content") << name << "\n" << job;
  }
}

TEST_P(Files, TwoOfTheSameNameAreRefusedWithAWayOut) {
  folder_.Folder("x");
  folder_.Folder("y");
  const std::string first = folder_.File("x/same", "1"), second = folder_.File("y/same", "2");
  const testkit::Job job = AsCaller().Input(first).Input(second).Run({"cat", "{in}"});
  EXPECT_EQ(job.exit_code(), 125) << job;
  EXPECT_NE(job.err.find("=NAME"), std::string::npos) << job;
  EXPECT_EQ(AsCaller().Input(first).Input(second + "=other").Run({"cat", "{in}"}).out, "12");
}

TEST_P(Files, NamesThatLeadElsewhereAreRefused) {
  const std::string input = folder_.File("a", "content");
  for (const char* name : {"../x", "/etc/x", "..", ".", "", "x/y"}) {
    const testkit::Job job = AsCaller().Input(input + "=" + name).Run({"true"});
    EXPECT_EQ(job.exit_code(), 125) << "`" << name << "`\n" << job;
  }
}

TEST_P(Files, OnlyRegularFilesAreInputs) {
  const std::string fifo = folder_ / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0666), 0);
  for (const std::string& path : {folder_.Folder("folder"), fifo, std::string("/dev/zero"), (folder_ / "absent").string(), std::string()}) {
    const testkit::Job job = AsCaller().Input(path).Run({"echo", "ran"});
    EXPECT_EQ(job.exit_code(), 125) << path << "\n" << job;
    EXPECT_EQ(job.out, "");
  }
}

// In a folder that strangers write to, a link would show the job what only the caller may read.
TEST_P(Files, ALinkInPlaceOfTheFileIsRefused) {
  folder_.File("target", "content");
  fs::create_symlink("target", folder_ / "link");
  const testkit::Job job = AsCaller().Input(folder_ / "link").Run({"cat", "/in/link"});
  EXPECT_EQ(job.exit_code(), 125) << job;
  EXPECT_NE(job.err.find("symbolic link"), std::string::npos) << job;
  fs::create_directory(folder_ / "real");
  folder_.File("real/file", "behind a link");
  fs::create_directory_symlink("real", folder_ / "folder");
  EXPECT_EQ(AsCaller().Input(folder_ / "folder/file").Run({"cat", "/in/file"}).out, "behind a link");
}

TEST_P(Files, WhatNobodyMayReadIsToldBeforeTheStart) {
  const std::string path = folder_.File("locked", "content", 0);
  const testkit::Job job = AsCaller().Input(path).Run({"cat", "/in/locked"});
  EXPECT_EQ(job.exit_code(), 125) << job;
  EXPECT_EQ(job.Cause(), "setup") << job;
}

TEST_P(Files, InputsAreReadOnly) {
  const std::string input = folder_.File("a", "content", 0666);
  const testkit::Job job =
      AsCaller().Input(input).Run({"sh", "-c", "echo x > {in}; echo y >> {in}; rm -f {in}; mv {in} /tmp/; chmod 777 {in}; touch /in/new"});
  EXPECT_NE(job.exit_code(), 0) << job;
  EXPECT_EQ(testkit::ReadFile(input), "content");
  struct stat facts {};
  ASSERT_EQ(::stat(input.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0666U);
}

TEST_P(Files, WhatNobodyMayReadIsNoInput) {
  const std::string secret = folder_.File("secret", "s3cr3t", 0000);
  const testkit::Job job = AsCaller().Input(secret).Run({"cat", "{in}"});
  EXPECT_EQ(job.out, "") << job;
  // Root can open it, and the job is given what its owner may do: nothing.
  EXPECT_NE(job.exit_code(), 0) << job;
  EXPECT_TRUE(is_root() || job.exit_code() == 125) << job;
}

TEST_P(Files, ALimitOfSizeIsCheckedBeforeTheStart) {
  const std::string input = folder_.File("big", std::string(5000, 'x'));
  const testkit::Job job = AsCaller().Flag("--input", "4K").Input(input).Run({"echo", "ran"});
  EXPECT_EQ(job.exit_code(), 125) << job;
  EXPECT_EQ(job.out, "");
  EXPECT_NE(job.err.find("4K"), std::string::npos) << job;
  EXPECT_EQ(AsCaller().Flag("--input", "5000B").Input(input).Run({"echo", "ran"}).out, "ran\n");
}

TEST_P(Files, ManyInputs) {
  auto moat = AsCaller();
  std::string expected;
  for (int i = 0; i < 64; ++i) {
    const std::string name = "file" + std::to_string(i);
    moat.Input(folder_.File(name, name + "\n"));
    expected += name + "\n";
  }
  const testkit::Job job = moat.Run({"cat", "{in}"});
  EXPECT_EQ(job.out, expected) << job;
  const testkit::Job more = moat.Input(folder_.File("more", "x")).Run({"echo", "ran"});
  EXPECT_EQ(more.exit_code(), 125) << more;
  EXPECT_EQ(more.out, "");
  EXPECT_NE(more.err.find("64"), std::string::npos) << "the limit is named: " << more;
}

TEST_P(Files, RelativePathsAreTheCallers) {
  folder_.File("a", "content");
  EXPECT_EQ(AsCaller().Cwd(folder_.path()).Input("a").Run({"cat", "{in}"}).out, "content");
  EXPECT_EQ(AsCaller().Cwd(folder_.path()).Input("./a").Output("out").Run({"cp", "{in}", "{out}/b"}).exit_code(), 0);
  EXPECT_EQ(testkit::ReadFile(folder_ / "out/b"), "content");
}

MOAT_AS_BOTH_CALLERS(Files);

// The job of root has an id that owns nothing; the file it is given is still its to read.
class PrivateFiles : public testkit::RootTest {};

TEST_F(PrivateFiles, AnInputOnlyItsOwnerMayRead) {
  for (const uid_t owner : {uid_t{0}, testkit::UserId()}) {
    const std::string input = folder_.File("private", "content", 0600);
    ASSERT_EQ(::chown(input.c_str(), owner, owner), 0);
    const testkit::Job job = testkit::Moat().Input(input).Run({"sh", "-c", "cat {in}; stat -c %u {in}"});
    EXPECT_EQ(job.out, "content1000\n") << owner << "\n" << job;
    struct stat facts {};
    ASSERT_EQ(::stat(input.c_str(), &facts), 0);
    EXPECT_EQ(facts.st_uid, owner) << "the file itself stays as it is";
    EXPECT_EQ(facts.st_mode & 0777, 0600U);
  }
}

TEST_F(PrivateFiles, PrivateAndPublicOnesTogether) {
  const std::string open = folder_.File("open", "open\n"), closed = folder_.File("closed", "closed\n", 0400);
  EXPECT_EQ(testkit::Moat().Input(closed).Input(open).Run({"cat", "{in}"}).out, "closed\nopen\n");
}

TEST_F(PrivateFiles, AFileInAFolderThatOnlyRootMayEnter) {
  folder_.Folder("closed", 0700);
  const std::string input = folder_.File("closed/file", "content\n");
  EXPECT_EQ(testkit::Moat().Input(input).Run({"cat", "{in}"}).out, "content\n");
}

}  // namespace
}  // namespace moat
