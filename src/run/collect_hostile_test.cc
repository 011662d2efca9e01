// What a hostile guest tries with its output folder, and what somebody else may have planted
// in the caller's.
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <functional>

#include "run/collect.h"
#include "run/testing.h"

namespace moat::run {
namespace {

using std::filesystem::create_directories;
using std::filesystem::create_directory;
using std::filesystem::create_symlink;
using std::filesystem::exists;

double Seconds(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

class CollectHostileTest : public CollectTest {
 protected:
  // Runs `work` in a child, for what changes the process; it answers with what is wrong.
  static std::string InChild(const std::function<std::string()>& work) {
    int ends[2];
    EXPECT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      const std::string answer = work();
      if (::write(ends[1], answer.data(), answer.size()) < 0) ::_exit(1);
      ::_exit(0);
    }
    ::close(ends[1]);
    std::string answer;
    char buffer[4096];
    for (ssize_t n; (n = ::read(ends[0], buffer, sizeof(buffer))) > 0;) answer.append(buffer, static_cast<size_t>(n));
    ::close(ends[0]);
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    return answer;
  }
  // Mounts that end with the child.
  static bool OwnMounts() {
    return ::unshare(CLONE_NEWNS) == 0 && ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
  }
};

#define REQUIRE_ROOT() \
  if (::geteuid() != 0) GTEST_SKIP() << "needs root"

TEST_F(CollectHostileTest, LinksAreNamedNotFollowed) {
  create_directory(guest_ / "d");
  Write(guest_ / "d/f", "x");
  create_symlink("/etc/passwd", guest_ / "absolute");
  create_symlink("../../../../etc/passwd", guest_ / "climbing");
  create_symlink("d", guest_ / "folder");
  create_symlink("nowhere", guest_ / "dangling");
  create_symlink("/proc/self/root", guest_ / "d/magic");
  const Collected collected = Run();
  for (const char* name : {"absolute", "climbing", "folder", "dangling", "d/magic"}) {
    EXPECT_EQ(Refusal(collected, name), "symbolic link") << name;
  }
  EXPECT_EQ(EntriesIn(caller_), 1u);
  EXPECT_EQ(EntriesIn(caller_ / "d"), 1u);
}

TEST_F(CollectHostileTest, NothingIsWaitedForOrOpenedForItsEffects) {
  ASSERT_EQ(::mkfifo((guest_ / "fifo").c_str(), 0666), 0);
  const sys::Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  struct sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, (guest_ / "socket").c_str(), sizeof(address.sun_path) - 1);
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<struct sockaddr*>(&address), sizeof(address)), 0);
  const Collected collected = Run();
  EXPECT_EQ(Refusal(collected, "fifo"), "FIFO");
  EXPECT_EQ(Refusal(collected, "socket"), "socket");
  EXPECT_EQ(EntriesIn(caller_), 0u);
}

TEST_F(CollectHostileTest, DevicesAreNamed) {
  REQUIRE_ROOT();
  ASSERT_EQ(::mknod((guest_ / "null").c_str(), S_IFCHR | 0666, makedev(1, 3)), 0);
  ASSERT_EQ(::mknod((guest_ / "disk").c_str(), S_IFBLK | 0666, makedev(254, 0)), 0);
  const Collected collected = Run();
  EXPECT_EQ(Refusal(collected, "null"), "character device");
  EXPECT_EQ(Refusal(collected, "disk"), "block device");
  EXPECT_EQ(EntriesIn(caller_), 0u);
}

TEST_F(CollectHostileTest, PrivilegesStayBehind) {
  Write(guest_ / "tool", "x", 06755);
  Write(guest_ / "open", "x", 0666);
  create_directory(guest_ / "sticky");
  ASSERT_EQ(::chmod((guest_ / "sticky").c_str(), 03777), 0);
  const Collected collected = Run();
  EXPECT_EQ(ModeOf(caller_ / "tool"), 0755u);
  EXPECT_EQ(ModeOf(caller_ / "open"), 0644u);
  EXPECT_EQ(ModeOf(caller_ / "sticky"), 0755u);
  EXPECT_EQ(Output(collected, "tool")->changes,
            (std::vector<std::string>{"set-user-id bit removed", "set-group-id bit removed"}));
  EXPECT_EQ(Output(collected, "open")->changes, (std::vector<std::string>{"write permission of others removed"}));
  EXPECT_EQ(Output(collected, "sticky")->changes.size(), 3u);
}

TEST_F(CollectHostileTest, OwnersAndAttributesStayBehind) {
  REQUIRE_ROOT();
  Write(guest_ / "f", "x", 0755);
  ASSERT_EQ(::chown((guest_ / "f").c_str(), 12345, 12345), 0);
  // VFS_CAP_REVISION_2 with CAP_SYS_ADMIN, effective.
  const unsigned char capability[20] = {1, 0, 0, 2, 0, 0, 0x20, 0};
  const std::string file = guest_ / "f";
  ASSERT_EQ(::setxattr(file.c_str(), "security.capability", capability, sizeof(capability), 0), 0);
  ASSERT_EQ(::setxattr(file.c_str(), "trusted.moat", "x", 1, 0), 0);
  Run();
  EXPECT_EQ(::listxattr((caller_ / "f").c_str(), nullptr, 0), 0);
  EXPECT_EQ(Facts(caller_ / "f").st_uid, ::geteuid());
}

// Without CAP_DAC_OVERRIDE, the owner's right to change a mode has to do.
TEST_F(CollectHostileTest, ModeZeroKeepsNothingBack) {
  create_directory(guest_ / "d");
  Write(guest_ / "d/f", "inside", 0);
  ASSERT_EQ(::chmod((guest_ / "d").c_str(), 0), 0);
  if (::geteuid() == 0) {
    for (const auto& path : {guest_, caller_}) ASSERT_EQ(::chown(path.c_str(), 65534, 65534), 0);
    ASSERT_EQ(::chown((guest_ / "d").c_str(), 65534, 65534), 0);
    ASSERT_EQ(::chown((guest_ / "d/f").c_str(), 65534, 65534), 0);
  }
  EXPECT_EQ(InChild([&]() -> std::string {
              if (::geteuid() == 0 && (::setgid(65534) != 0 || ::setuid(65534) != 0)) return "setuid";
              const Collected collected = Run();
              return collected.refused.empty() ? "" : collected.refused[0].why;
            }),
            "");
  EXPECT_EQ(Read(caller_ / "d/f"), "inside");
}

TEST_F(CollectHostileTest, HardLinksBecomeFilesOfTheirOwn) {
  Write(guest_ / "a", "shared");
  std::filesystem::create_hard_link(guest_ / "a", guest_ / "b");
  const Collected collected = Run();
  for (const char* name : {"a", "b"}) {
    EXPECT_EQ(Facts(caller_ / name).st_nlink, 1u);
    EXPECT_EQ(Read(caller_ / name), "shared");
    EXPECT_EQ(Output(collected, name)->changes,
              std::vector<std::string>{"one of 2 hard links, copied as a file of its own"});
  }
}

TEST_F(CollectHostileTest, SparseGiantsEndAtTheLimit) {
  for (const char* name : {"a", "b", "c"}) {
    Write(guest_ / name, "data");
    ASSERT_EQ(::truncate((guest_ / name).c_str(), off_t{1} << 40), 0);
  }
  Collected collected;
  EXPECT_LT(Seconds([&] { collected = Run({16 << 20, 100}); }), 5);
  EXPECT_TRUE(collected.bytes_exceeded);
  EXPECT_TRUE(Output(collected, "a")->truncated);
  EXPECT_EQ(Facts(caller_ / "a").st_size, 16 << 20);
  EXPECT_LT(Facts(caller_ / "a").st_blocks * 512, 1 << 20);
  EXPECT_EQ(EntriesIn(caller_), 1u);
  EXPECT_EQ(collected.refused.size(), 2u);
}

// Without a limit of bytes there is still one of time.
TEST_F(CollectHostileTest, SparseGiantsWithoutLimitAreQuickToo) {
  Write(guest_ / "giant", "data");
  ASSERT_EQ(::truncate((guest_ / "giant").c_str(), off_t{1} << 40), 0);
  Collected collected;
  EXPECT_LT(Seconds([&] { collected = Run(); }), 5);
  ASSERT_NE(Output(collected, "giant"), nullptr);
  EXPECT_EQ(Facts(caller_ / "giant").st_size, off_t{1} << 40);
  EXPECT_EQ(Output(collected, "giant")->sha256, "");
  EXPECT_EQ(Output(collected, "giant")->changes,
            std::vector<std::string>{"not hashed: its holes are too large"});
}

TEST_F(CollectHostileTest, ManyFilesEndAtTheLimit) {
  const sys::Fd dir = Open(guest_);
  for (int i = 0; i < 100000; ++i) {
    ASSERT_EQ(::mknodat(dir.get(), ("f" + std::to_string(i)).c_str(), S_IFREG | 0644, 0), 0);
  }
  Collected collected;
  EXPECT_LT(Seconds([&] { collected = Run({1 << 20, 1000}); }), 5);
  EXPECT_TRUE(collected.files_exceeded);
  EXPECT_EQ(collected.outputs.size(), 1000u);
  EXPECT_EQ(Refusal(collected, "."), "the limit of collected files was reached in it");
  EXPECT_EQ(EntriesIn(caller_), 1000u);
}

TEST_F(CollectHostileTest, FoldersAndRefusedOnesCountToo) {
  for (int i = 0; i < 10; ++i) {
    create_directories(guest_ / ("d" + std::to_string(i)) / "sub");
    create_symlink("x", guest_ / ("l" + std::to_string(i)));
  }
  const Collected collected = Run({1 << 20, 25});
  EXPECT_TRUE(collected.files_exceeded);
  EXPECT_EQ(collected.outputs.size(), 15u);
  EXPECT_EQ(collected.refused.size(), 11u);  // the links, and the folder where it ended
}

TEST_F(CollectHostileTest, TheReportDoesNotGrowWithTheRefused) {
  for (int i = 0; i < 1500; ++i) create_symlink("x", guest_ / std::to_string(i));
  const Collected collected = Run();
  ASSERT_EQ(collected.refused.size(), 1001u);
  EXPECT_EQ(collected.refused.back().why, "500 more, not named here");
}

// Each level by descriptor: the path is longer than any system call would take.
TEST_F(CollectHostileTest, DeepTreesEndInAName) {
  sys::Fd at = Open(guest_);
  for (int i = 0; i < 1200; ++i) {
    ASSERT_EQ(::mkdirat(at.get(), "d", 0755), 0);
    at = sys::Fd(::openat(at.get(), "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_TRUE(at.valid()) << i;
  }
  EXPECT_EQ(InChild([&]() -> std::string {
              const struct rlimit few = {160, 160};
              if (::setrlimit(RLIMIT_NOFILE, &few) != 0) return "setrlimit";
              const Collected collected = Run();
              if (collected.outputs.size() != kCollectDepth) return std::to_string(collected.outputs.size());
              if (collected.refused.size() != 1) return "refused";
              return collected.refused[0].why;
            }),
            "deeper than 64 folders");
}

TEST_F(CollectHostileTest, PathsThatNobodyCouldOpenAreRefused) {
  const std::string name(255, 'n');
  sys::Fd at = Open(guest_);
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(::mkdirat(at.get(), name.c_str(), 0755), 0);
    at = sys::Fd(::openat(at.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  const Collected collected = Run();
  EXPECT_EQ(collected.outputs.size(), 15u);
  ASSERT_EQ(collected.refused.size(), 1u);
  EXPECT_EQ(collected.refused[0].why, "its path is too long");
}

TEST_F(CollectHostileTest, TreacherousNamesAreRewrittenAndSaidSo) {
  const std::string names[] = {"a\nb", "\x1b]0;x\x07", "\xff\xfe", "-rf", "\xe2\x80\xaegpj"};
  for (const auto& name : names) Write(guest_ / name, "x");
  create_directory(guest_ / "d\n");
  Write(guest_ / "d\n/f", "x");
  create_symlink("x", guest_ / "d\n/l");
  const Collected collected = Run();
  for (const char* name : {"a%0Ab", "%1B]0;x%07", "%FF%FE", "%2Drf", "%E2%80%AEgpj", "d%0A", "d%0A/f"}) {
    ASSERT_NE(Output(collected, name), nullptr) << name;
    EXPECT_TRUE(exists(caller_ / name)) << name;
  }
  EXPECT_EQ(Output(collected, "a%0Ab")->changes, std::vector<std::string>{"renamed from \"a\\x0ab\""});
  EXPECT_EQ(Output(collected, "%FF%FE")->changes, std::vector<std::string>{"renamed from \"\\xff\\xfe\""});
  EXPECT_TRUE(Output(collected, "d%0A/f")->changes.empty());
  EXPECT_EQ(Refusal(collected, "d\n/l"), "symbolic link");  // as the guest named it
  EXPECT_EQ(EntriesIn(caller_), 6u);
}

TEST_F(CollectHostileTest, RewrittenNamesReplaceNothing) {
  Write(guest_ / "a\n", "rewritten");
  Write(guest_ / "a%0A", "honest");
  Write(guest_ / std::string(200, '\n'), "long");
  const Collected collected = Run();
  EXPECT_EQ(Read(caller_ / "a%0A"), "honest");
  EXPECT_EQ(Refusal(collected, "a\n"), "its name, once made harmless, is that of another file");
  EXPECT_EQ(Refusal(collected, std::string(200, '\n')), "its name is too long once it is made harmless");
  EXPECT_EQ(EntriesIn(caller_), 1u);
}

TEST_F(CollectHostileTest, PlantedLinksAreReplacedNotFollowed) {
  const auto sentinel = caller_ / "sentinel";
  Write(sentinel, "untouched");
  Write(guest_ / "to-file", "new"), Write(guest_ / "dangling", "new"), Write(guest_ / "to-folder", "new");
  create_directory(caller_ / "elsewhere");
  create_symlink(sentinel, caller_ / "to-file");
  create_symlink(caller_ / "elsewhere/made", caller_ / "dangling");
  create_symlink(caller_ / "elsewhere", caller_ / "to-folder");
  const Collected collected = Run();
  EXPECT_TRUE(collected.refused.empty());
  EXPECT_EQ(Read(sentinel), "untouched");
  EXPECT_EQ(EntriesIn(caller_ / "elsewhere"), 0u);
  for (const char* name : {"to-file", "dangling", "to-folder"}) {
    EXPECT_TRUE(S_ISREG(Facts(caller_ / name).st_mode)) << name;
    EXPECT_EQ(Read(caller_ / name), "new");
  }
}

TEST_F(CollectHostileTest, PlantedThingsInTheWayOfFoldersAreRefused) {
  for (const char* name : {"link", "dangling", "file", "real"}) {
    create_directory(guest_ / name);
    Write(guest_ / name / "f", "x");
  }
  create_directory(caller_ / "elsewhere");
  create_symlink(caller_ / "elsewhere", caller_ / "link");
  create_symlink("nowhere", caller_ / "dangling");
  Write(caller_ / "file", "old");
  const Collected collected = Run();
  for (const char* name : {"link", "dangling", "file"}) {
    EXPECT_EQ(Refusal(collected, name), "the destination has something else than a folder under its name") << name;
  }
  EXPECT_FALSE(collected.error.has_value());
  EXPECT_EQ(EntriesIn(caller_ / "elsewhere"), 0u);
  EXPECT_EQ(Read(caller_ / "file"), "old");
  EXPECT_TRUE(exists(caller_ / "real/f"));
}

TEST_F(CollectHostileTest, FoldersInTheWayOfFilesAreRefused) {
  Write(guest_ / "f", "x");
  create_directory(caller_ / "f");
  Write(caller_ / "f/kept", "old");
  const Collected collected = Run();
  EXPECT_EQ(Refusal(collected, "f"), "the destination has a folder under its name");
  EXPECT_EQ(EntriesIn(caller_), 1u);
  EXPECT_EQ(EntriesIn(caller_ / "f"), 1u);
}

TEST_F(CollectHostileTest, MountPointsAreNotEntered) {
  REQUIRE_ROOT();
  for (const char* name : {"theirs", "ours"}) create_directory(guest_ / name);
  create_directory(caller_ / "ours");
  EXPECT_EQ(InChild([&]() -> std::string {
              if (!OwnMounts()) return "unshare";
              if (::mount("none", (guest_ / "theirs").c_str(), "tmpfs", 0, nullptr) != 0) return "mount";
              if (::mount("none", (caller_ / "ours").c_str(), "tmpfs", 0, nullptr) != 0) return "mount";
              const Collected collected = Run();
              return Refusal(collected, "theirs") + ", " + Refusal(collected, "ours");
            }),
            "mount point, the destination has a mount point under its name");
}

TEST_F(CollectHostileTest, FullDestinationIsTheHostsError) {
  REQUIRE_ROOT();
  Write(guest_ / "1", std::string(10000, 'a'));
  Write(guest_ / "2", std::string(200000, 'b'));
  Write(guest_ / "3", "c");
  EXPECT_EQ(InChild([&]() -> std::string {
              if (!OwnMounts()) return "unshare";
              if (::mount("none", caller_.c_str(), "tmpfs", 0, "size=64k") != 0) return "mount";
              const Collected collected = Run();
              if (!collected.error || collected.error->error_number != ENOSPC) return "no error";
              if (collected.outputs.size() != 1 || collected.outputs[0].name != "1") return "outputs";
              if (Read(caller_ / "1").size() != 10000) return "not whole";
              if (EntriesIn(caller_) != 1) return "left something behind";
              return Refusal(collected, "2").substr(0, 34);
            }),
            "the host failed: pwrite64: ENOSPC ");
}

TEST_F(CollectHostileTest, NoDescriptorIsLeftOpen) {
  create_directories(guest_ / "a/b/c");
  create_symlink("x", guest_ / "a/l");
  Write(guest_ / "a/b/f", "x");
  const std::size_t before = EntriesIn("/proc/self/fd");
  Run();
  EXPECT_EQ(EntriesIn("/proc/self/fd"), before);
}

}  // namespace
}  // namespace moat::run
