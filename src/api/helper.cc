#include "api/helper.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "api/start_process.h"
#include "sys/calls.h"
#include "uapi/syscall.h"

namespace moat::api {
namespace {

// Long for a process that has nothing to do but to say a word or to leave.
constexpr std::uint64_t kPatienceNs = 10'000'000'000;

// False after the time that is left.
bool WaitFor(int fd, std::uint64_t until) {
  for (;;) {
    const std::uint64_t now = sys::NowNs();
    struct pollfd entry{fd, POLLIN, 0};
    const int left = now >= until ? 0 : static_cast<int>((until - now) / 1'000'000) + 1;
    const int ready = poll(&entry, 1, left);
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

Error Unusable(const std::string& launcher, std::string why) {
  Error error = HostError("`" + launcher + "` cannot be used: " + std::move(why), "is moat installed completely?");
  error.subject = launcher;
  return error;
}

Status CheckHello(const sys::Fd& socket, const std::string& launcher) {
  Hello hello;
  if (!WaitFor(socket.get(), sys::NowNs() + kPatienceNs)) return Unusable(launcher, "it does not say a word");
  if (recv(socket.get(), &hello, sizeof(hello), 0) != static_cast<ssize_t>(sizeof(hello)) || hello.kind != FrameKind::kHello) {
    return Unusable(launcher, "it is no helper of this version");
  }
  hello.version[sizeof(hello.version) - 1] = '\0';
  if (hello.protocol != kProtocol || hello.plan_version != abi::kVersion || std::strcmp(hello.version, MOAT_VERSION) != 0) {
    return Unusable(launcher, std::string("it is of version ") + hello.version + ", this library of " + MOAT_VERSION);
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Helper>> Helper::Start(const std::string& launcher) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return SystemError("socketpair", errno);
  std::unique_ptr<Helper> helper(new Helper);
  helper->socket_ = sys::Fd(ends[0]);
  sys::Fd theirs(ends[1]);
  const sys::Pidfd host = MOAT_TRY(sys::pidfd_open(getpid()));
  Process process = MOAT_TRY(StartProcess(launcher, theirs, host));
  helper->process_ = std::move(process.pidfd);
  helper->pid_ = process.pid;
  theirs.Close();
  MOAT_TRY(CheckHello(helper->socket_, launcher));
  return helper;
}

Helper::~Helper() {
  HangUp();
  if (!process_.valid()) return;
  if (!WaitFor(process_.get(), sys::NowNs() + kPatienceNs)) {
    Kill();
    WaitFor(process_.get(), sys::NowNs() + kPatienceNs);
  }
  // Only where orphans come to this process is there something to reap.
  siginfo_t info;
  waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(process_.get()), &info, WEXITED | WNOHANG | __WALL);
}

void Helper::Kill() { uapi::Syscall(__NR_pidfd_send_signal, process_.get(), SIGKILL, nullptr, 0); }

Helper::Slot Helper::SlotOf(std::uint64_t plan) const {
  const auto found = std::find(plans_.begin(), plans_.end(), plan);
  if (found != plans_.end()) return {static_cast<std::uint32_t>(found - plans_.begin()), true};
  return {oldest_, false};
}

void Helper::Filled(std::uint32_t slot, std::uint64_t plan) {
  plans_[slot] = plan;
  if (slot == oldest_) oldest_ = (oldest_ + 1) % kPlanSlots;
}

}  // namespace moat::api
