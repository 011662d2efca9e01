// What the caller has open, set and running, and what a job may find of it: nothing.
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>

#include "testkit/caller_test.h"

namespace moat {
namespace {

using testkit::GuestPath;

class Inherited : public testkit::CallerTest {};

TEST_P(Inherited, ASecretInTheEnvironmentStaysOutside) {
  const auto moat = AsCaller().Env("AWS_SECRET_ACCESS_KEY", "s3cr3t").Env("LD_PRELOAD_OF_MINE", "s3cr3t");
  const testkit::Job env = moat.Run({"env"});
  ASSERT_EQ(env.exit_code(), 0) << env;
  EXPECT_EQ(env.out.find("s3cr3t"), std::string::npos) << env;
  EXPECT_NE(env.out.find("HOME="), std::string::npos);
  // Also not by looking at whoever is visible, the supervisor within above all.
  const testkit::Job all = moat.Run({"sh", "-c", "cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline; true"});
  EXPECT_EQ(all.out.find("s3cr3t"), std::string::npos) << all;
}

TEST_P(Inherited, OnlyWhatIsAskedForIsPassedOn) {
  const testkit::Job job =
      AsCaller().Env("WANTED", "from outside").Flag("--env", "WANTED").Flag("--env", "GIVEN=as it is").Run({"env"});
  EXPECT_NE(job.out.find("WANTED=from outside\n"), std::string::npos) << job;
  EXPECT_NE(job.out.find("GIVEN=as it is\n"), std::string::npos) << job;
}

TEST_P(Inherited, TheCallersCommandLineIsNotVisible) {
  const testkit::Job job = AsCaller()
                               .Env("SECRET", "s3cr3t")
                               .Flag("--env", "TOKEN=t0k3n")
                               .Run({"sh", "-c", "tr '\\0' ' ' < /proc/1/cmdline; cat /proc/1/environ"});
  EXPECT_EQ(job.out.find("t0k3n"), std::string::npos) << job;
  EXPECT_EQ(job.out.find("s3cr3t"), std::string::npos) << job;
  EXPECT_EQ(job.out.find("moat"), std::string::npos) << job;
}

// firejail#4845
TEST_P(Inherited, ADescriptorLeftOpenIsClosed) {
  const std::string secret = folder_.File("secret", "s3cr3t", 0600);
  const sys::Fd open(::open(secret.c_str(), O_RDONLY | O_CLOEXEC));
  const sys::Fd folder(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  auto moat = AsCaller().Descriptor(9, open.get()).Descriptor(10, folder.get());
  const testkit::Job shell = moat.Run({"sh", "-c", "head -c5 <&9"});
  EXPECT_NE(shell.exit_code(), 0) << shell;
  EXPECT_EQ(shell.out, "") << shell;
  const testkit::Job list = moat.Run({GuestPath("guest_static"), "descriptors"});
  EXPECT_EQ(list.out, "0 1 2 \n") << list;
}

TEST_P(Inherited, StandardStreamsThatAreFilesCannotBeReopened) {
  const std::string input = folder_.File("input", "for reading", 0666);
  const sys::Fd open(::open(input.c_str(), O_RDWR | O_CLOEXEC));
  auto moat = AsCaller().Descriptor(0, open.get());
  EXPECT_EQ(moat.Run({"cat"}).out, "for reading");
  EXPECT_NE(moat.Run({"sh", "-c", "echo overwritten > /proc/self/fd/0"}).exit_code(), 0);
  EXPECT_EQ(testkit::ReadFile(input), "for reading");
}

TEST_P(Inherited, IgnoredAndBlockedSignalsAreNotPassedOn) {
  auto moat = AsCaller().InChild([] {
    ::signal(SIGPIPE, SIG_IGN);
    ::signal(SIGCHLD, SIG_IGN);
    ::signal(SIGHUP, SIG_IGN);
    sigset_t all;
    ::sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, nullptr);
  });
  const testkit::Job job = moat.Run({"grep", "-E", "^Sig(Blk|Ign|Pnd):", "/proc/self/status"});
  ASSERT_EQ(job.exit_code(), 0) << job;
  for (const char* line : {"SigBlk:\t0000000000000000\n", "SigIgn:\t0000000000000000\n"}) {
    EXPECT_NE(job.out.find(line), std::string::npos) << job;
  }
}

// A terminal of the test's own: what is typed into it can be counted.
class Terminal {
 public:
  Terminal() : master_(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) {
    ::grantpt(master_.get());
    ::unlockpt(master_.get());
    name_ = ::ptsname(master_.get());
    slave_ = sys::Fd(::open(name_.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC));
    struct termios raw {};
    ::tcgetattr(slave_.get(), &raw);
    ::cfmakeraw(&raw);  // each character counts at once, not by the line
    ::tcsetattr(slave_.get(), TCSANOW, &raw);
  }
  int slave() const { return slave_.get(); }
  int Typed() const {
    int count = -1;
    ::ioctl(slave_.get(), FIONREAD, &count);
    return count;
  }

 private:
  std::string name_;
  sys::Fd master_, slave_;
};

void OwnTheTerminal() {
  ::setsid();
  ::ioctl(0, TIOCSCTTY, 0);
}

TEST_P(Inherited, ATerminalOutsideGetsNothingTyped) {
  const Terminal terminal;
  testkit::Command control;
  control.argv = {GuestPath("guest_static"), "type"};
  control.descriptors = {{0, terminal.slave()}};
  control.in_child = OwnTheTerminal;
  if (!is_root() && ::geteuid() == 0) control.as = testkit::UserId();
  EXPECT_EQ(testkit::Run(control).exit_code(), 0);
  const int typed = terminal.Typed();
  ASSERT_GT(typed, 0) << "the attack does not even work outside";
  const testkit::Job job =
      AsCaller().Descriptor(0, terminal.slave()).InChild(OwnTheTerminal).Run({GuestPath("guest_static"), "type"});
  EXPECT_NE(job.exit_code(), 0) << job;
  EXPECT_EQ(job.out.find("TIOCSTI: ok"), std::string::npos) << job;
  EXPECT_LE(terminal.Typed(), typed) << job;
}

// "@name" is abstract.
sys::Fd Listen(const std::string& name) {
  sys::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  struct sockaddr_un address {};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, name.c_str(), name.size());
  if (name[0] == '@') address.sun_path[0] = '\0';
  const auto length = static_cast<socklen_t>(offsetof(struct sockaddr_un, sun_path) + name.size());
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<struct sockaddr*>(&address), length), 0) << name;
  EXPECT_EQ(::listen(fd.get(), 8), 0);
  if (name[0] != '@') ::chmod(name.c_str(), 0777);
  return fd;
}

TEST_P(Inherited, ListenersOfTheHostAreOutOfReach) {
  const std::string path = folder_ / "x.sock", abstract = "@moat-test-" + std::to_string(::getpid());
  const sys::Fd by_path = Listen(path), by_name = Listen(abstract);
  for (const std::string& name : {path, abstract}) {
    testkit::Command control;
    control.argv = {GuestPath("guest_static"), "connect", name};
    EXPECT_EQ(testkit::Run(control).exit_code(), 0) << name << ": the attack does not even work outside";
    for (const char* mode : {"none", "loopback"}) {
      const testkit::Job job = AsCaller().Flag("--network", mode).Run({GuestPath("guest_static"), "connect", name});
      EXPECT_EQ(job.exit_code(), 1) << name << " with network " << mode << "\n" << job;
    }
  }
}

MOAT_AS_BOTH_CALLERS(Inherited);

}  // namespace
}  // namespace moat
