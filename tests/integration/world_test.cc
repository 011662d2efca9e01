// The world that a job finds itself in: complete enough to work in, and made only of what the
// policy shows.
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "testkit/caller_test.h"
#include "testkit/host.h"

namespace moat {
namespace {

namespace fs = std::filesystem;
using testkit::GuestPath;

class World : public testkit::CallerTest {
 protected:
  testkit::Moat WithPolicy(const std::string& text) {
    return AsCaller().Profile(folder_.File("policy.toml", "moat = 1\n" + text));
  }
};

// windmill#624: "No such file or directory", for a file that is there.
TEST_P(World, AMissingLoaderIsNamed) {
  const testkit::Job job = WithPolicy("[syscalls]\nallow = [\"@essential\", \"execve\", \"@io\", \"@files\", \"@memory\", \"@threads\", \"@prctl\"]\n")
                               .Run({GuestPath("guest_dynamic"), "true"});
  EXPECT_EQ(job.exit_code(), 125) << job;
  EXPECT_NE(job.err.find("ld-linux"), std::string::npos) << job;
  EXPECT_NE(job.err.find("@libs"), std::string::npos) << "and what would help: " << job;
}

TEST_P(World, AMissingInterpreterIsNamed) {
  const std::string script = folder_.File("script", "#!/no/such/interpreter\n", 0755);
  const testkit::Job job = AsCaller().Run({script});
  EXPECT_EQ(job.exit_code(), 125) << job;
  EXPECT_NE(job.err.find("/no/such/interpreter"), std::string::npos) << job;
}

// A static program needs nothing but itself.
TEST_P(World, AStaticProgramRunsInAnEmptyRoot) {
  const testkit::Job job = WithPolicy("[syscalls]\nallow = [\"@essential\", \"execve\", \"@io\", \"@files\", \"@memory\", \"@threads\", \"@prctl\"]\n")
                               .Run({GuestPath("guest_static"), "exit", "7"});
  EXPECT_EQ(job.exit_code(), 7) << job;
}

// unoconv#433
TEST_P(World, HomeAndScratchAreThereAndPrivate) {
  const std::string script =
      "set -e; mkdir -p $HOME/.config/a; touch ${TMPDIR:-/tmp}/b /tmp/c ${XDG_CACHE_HOME:-$HOME/.cache}/d; "
      "touch $XDG_CONFIG_HOME/e $XDG_DATA_HOME/f $XDG_STATE_HOME/g; : > /dev/shm/h; "
      "cd; id -un; umask 077; mkfifo /tmp/fifo; ln -s c /tmp/link; mv /tmp/b $HOME/; test -w .; ls /tmp";
  const testkit::Job job = AsCaller().Run({"sh", "-c", script});
  EXPECT_EQ(job.exit_code(), 0) << job;
  EXPECT_EQ(job.out.substr(0, job.out.find('\n')), "job") << job;
  EXPECT_FALSE(fs::exists("/tmp/c") && testkit::UidOf(::getpid()) == 0) << "written to the host's /tmp";
  const testkit::Job next = AsCaller().Run({"sh", "-c", "ls -A /tmp/c $HOME/.config /dev/shm"});
  EXPECT_EQ(next.out.find('a'), std::string::npos) << "what one job wrote the next one sees: " << next;
}

TEST_P(World, TheRestIsReadOnly) {
  for (const char* path : {"/", "/usr", "/usr/bin", "/etc", "/dev", "/proc", "/in", "/home", "/var"}) {
    const testkit::Job job = AsCaller().Run({"touch", std::string(path) + "/new"});
    EXPECT_NE(job.exit_code(), 0) << path;
  }
  EXPECT_FALSE(fs::exists("/usr/new"));
}

TEST_P(World, AccountsAndSecretsOfTheHostAreNotThere) {
  const testkit::Job job = AsCaller().Run(
      {"sh", "-c", "wc -l < /etc/passwd; cat /etc/shadow /etc/machine-id; ls -A /root /home /run /srv /boot /sys /mnt"});
  EXPECT_LE(std::atoi(job.out.c_str()), 3) << job;
  EXPECT_EQ(job.out.find("root:$"), std::string::npos);
}

// isolate#106
TEST_P(World, LoopbackWorksWhereItIsAskedFor) {
  for (const char* host : {"127.0.0.1", "::1"}) {
    const testkit::Job on = AsCaller().Flag("--network", "loopback").Run({GuestPath("guest_static"), "loopback", host});
    EXPECT_EQ(on.exit_code(), 0) << on;
    const testkit::Job off = AsCaller().Run({GuestPath("guest_static"), "loopback", host});
    EXPECT_NE(off.exit_code(), 0) << off;
  }
  const testkit::Job outside = AsCaller().Flag("--network", "loopback").Run({GuestPath("guest_static"), "tcp", "1.1.1.1", "80"});
  EXPECT_NE(outside.exit_code(), 0) << outside;
}

// OpenSandbox#1772: a place that the host does not have, on what is shown read-only.
TEST_P(World, PlacesThatDoNotExistAreMadeInsideOnly) {
  const std::string data = folder_.Folder("data");
  folder_.File("data/text", "shown\n");
  for (const char* place : {"/opt/new/place", "/usr/share/moat-test-place/deep"}) {
    const testkit::Job job = WithPolicy("base = \"default\"\n[files]\nread = [{ from = \"" + data + "\", to = \"" + place + "\" }]\n")
                                 .Run({"cat", std::string(place) + "/text"});
    EXPECT_EQ(job.out, "shown\n") << place << "\n" << job;
    EXPECT_FALSE(fs::exists(place)) << "made on the host";
  }
  EXPECT_FALSE(fs::exists("/usr/share/moat-test-place"));
}

// sandbox-runtime#263
TEST_P(World, TheMostSpecificPathWinsInAnyOrder) {
  folder_.Folder("a/b/c", 0777);
  folder_.File("a/x", "hidden\n");
  folder_.File("a/b/y", "shown\n");
  const std::string a = (folder_ / "a").string();
  std::vector<std::string> lines = {"read = [\"" + folder_.path().string() + "\", \"" + a + "/b\"]", "hide = [\"" + a + "\"]",
                                    "write = [\"" + a + "/b/c\"]"};
  std::sort(lines.begin(), lines.end());
  do {
    std::string policy = "base = \"default\"\n[files]\n";
    for (const std::string& line : lines) policy += line + "\n";
    const testkit::Job job = WithPolicy(policy).Run(
        {"sh", "-c", "ls -A " + a + "; cat " + a + "/b/y; touch " + a + "/b/z; echo new > " + a + "/b/c/made"});
    EXPECT_EQ(job.out, "b\nshown\n") << policy << job;
    EXPECT_FALSE(fs::exists(a + "/b/z")) << policy;
    EXPECT_EQ(testkit::ReadFile(a + "/b/c/made"), "new\n") << policy << job;
    fs::remove(a + "/b/c/made");
  } while (std::next_permutation(lines.begin(), lines.end()));
}

TEST_P(World, TheWorkingFolderIsTheOutputOrScratch) {
  EXPECT_EQ(AsCaller().Run({"pwd"}).out, "/tmp\n");
  EXPECT_EQ(AsCaller().Output(folder_ / "out").Run({"pwd"}).out, "/out\n");
  EXPECT_EQ(AsCaller().Flag("--cwd", "/usr").Run({"pwd"}).out, "/usr\n");
}

MOAT_AS_BOTH_CALLERS(World);

// Another name for /dev/null, as long as a test needs it.
class DeviceNode {
 public:
  explicit DeviceNode(const std::string& name) : path_("/dev/moat-test-" + std::to_string(::getpid()) + "-" + name) {
    EXPECT_EQ(::mknod(path_.c_str(), S_IFCHR | 0666, ::makedev(1, 3)), 0) << path_;
    EXPECT_EQ(::chmod(path_.c_str(), 0666), 0);
  }
  ~DeviceNode() { ::unlink(path_.c_str()); }
  DeviceNode(const DeviceNode&) = delete;
  DeviceNode& operator=(const DeviceNode&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// nsjail#237
class Devices : public testkit::RootTest {};

TEST_F(Devices, AListedOneIsUsableAndAnUnlistedOneAbsent) {
  const DeviceNode gpu("gpu0"), other("gpu1");
  const testkit::Job job = testkit::Moat().Flag("--no-cache").Flag("--device", gpu.path()).Run(
      {"sh", "-c", "echo gone > " + gpu.path() + " && wc -c < " + gpu.path() + " && test ! -e " + other.path()});
  EXPECT_EQ(job.exit_code(), 0) << job;
  EXPECT_EQ(job.out, "0\n");
}

TEST_F(Devices, AMissingOneIsAnErrorUnlessItMayBeMissing) {
  const testkit::Job job = testkit::Moat().Flag("--device", "/dev/no-such-device").Run({"true"});
  EXPECT_EQ(job.exit_code(), 125) << job;
  EXPECT_NE(job.err.find("/dev/no-such-device"), std::string::npos) << job;
  EXPECT_EQ(testkit::Moat().Flag("--device", "/dev/no-such-device?").Run({"true"}).exit_code(), 0);
}

TEST_F(Devices, AFileIsNoDevice) {
  const testkit::Job job = testkit::Moat().Flag("--device", folder_.File("file", "x")).Run({"true"});
  EXPECT_EQ(job.exit_code(), 125) << job;
}

}  // namespace
}  // namespace moat
