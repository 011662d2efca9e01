#include "pool/zygote.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/safe_text.h"
#include "pool/frames.h"
#include "sys/calls.h"
#include "uapi/syscall.h"

namespace moat::pool {
namespace {

class SpawnSetup {
 public:
  SpawnSetup() {
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
  }
  ~SpawnSetup() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
  SpawnSetup(const SpawnSetup&) = delete;
  SpawnSetup& operator=(const SpawnSetup&) = delete;

  // 0, 1, 2 and the socket, nothing else; signals as in a new process.
  void Fill(int null, int log, int socket) {
    posix_spawn_file_actions_adddup2(&actions, null, 0);
    posix_spawn_file_actions_adddup2(&actions, log, 1);
    posix_spawn_file_actions_adddup2(&actions, log, 2);
    posix_spawn_file_actions_adddup2(&actions, socket, kServeDescriptor);
    posix_spawn_file_actions_addclosefrom_np(&actions, kServeDescriptor + 1);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
  }

  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
};

std::vector<char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// Above those that the program gets, so that none of the moves overwrites one that is still to come.
Result<sys::Fd> Above(int fd) {
  const int copy = fcntl(fd, F_DUPFD_CLOEXEC, kServeDescriptor + 1);
  if (copy < 0) return SystemError("fcntl", errno, "F_DUPFD_CLOEXEC");
  return sys::Fd(copy);
}

// When the whole host is out of memory, jobs go before whoever has them done: as `oom_score` of a jail says by
// default. Workers inherit it. One that keeps its /proc to itself stays as it is: this is no wall.
void GoFirst(int pid) { (void)sys::WriteFile("/proc/" + std::to_string(pid) + "/oom_score_adj", "500").ok(); }

Error Gone() { return SystemError("recvmsg", EPIPE, "a zygote that is gone"); }

}  // namespace

Result<std::unique_ptr<Zygote>> Zygote::Start(const ZygoteProgram& program) {
  if (program.argv.empty() || program.argv[0].empty() || program.argv[0][0] != '/') {
    return PolicyError("a zygote is a program with an absolute path");
  }
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return SystemError("socketpair", errno);
  std::unique_ptr<Zygote> zygote(new Zygote);
  zygote->socket_ = sys::Fd(ends[0]);
  const sys::Fd theirs(ends[1]);
  const sys::Fd opened = MOAT_TRY(sys::open("/dev/null", O_RDWR));
  const sys::Fd null = MOAT_TRY(Above(opened.get()));
  const sys::Fd log = MOAT_TRY(Above(program.log >= 0 ? program.log : opened.get()));
  const sys::Fd socket = MOAT_TRY(Above(theirs.get()));
  SpawnSetup setup;
  setup.Fill(null.get(), log.get(), socket.get());
  const int error = posix_spawn(&zygote->pid_, program.argv[0].c_str(), &setup.actions, &setup.attributes,
                                Pointers(program.argv).data(), Pointers(program.environment).data());
  if (error != 0) return SystemError("posix_spawn", error, program.argv[0]);
  // Nobody but us waits for it: the number is still its own.
  auto process = sys::pidfd_open(zygote->pid_);
  if (!process.ok()) {
    kill(zygote->pid_, SIGKILL);
    waitpid(zygote->pid_, nullptr, 0);
    return std::move(process).error();
  }
  zygote->process_ = std::move(*process);
  GoFirst(zygote->pid_);
  return zygote;
}

Zygote::~Zygote() {
  if (!process_.valid()) return;
  uapi::Syscall(__NR_pidfd_send_signal, process_.get(), SIGKILL, nullptr, 0);
  siginfo_t info;
  while (waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(process_.get()), &info, WEXITED) != 0 && errno == EINTR) {
  }
}

Status Zygote::Listen() {
  std::array<char, sizeof(WorkerFrame) + kMaxWhy> buffer;
  static_assert(sizeof(buffer) >= sizeof(ZygoteHello) && sizeof(buffer) >= sizeof(SpawnAnswer));
  for (;;) {
    auto frame = ReceiveFrame(socket_.get(), buffer, Wait::kNo);
    if (!frame.ok()) {
      if (frame.error().error_number == EAGAIN) return {};
      return std::move(frame).error();
    }
    if (frame->size == 0) return Gone();
    if (!frame->whole) return HostError("a zygote talks nonsense");
    MOAT_TRY(Hear({buffer.data(), frame->size}, std::move(frame->fds)));
  }
}

Status Zygote::Hear(std::string_view frame, std::vector<sys::Fd> fds) {
  WorkerFrame kind{};
  if (frame.size() >= sizeof(kind)) std::memcpy(&kind, frame.data(), sizeof(kind));
  if (kind == WorkerFrame::kSpawned && ready_) return HearSpawned(frame, std::move(fds));
  if (kind == WorkerFrame::kCannotServe && !ready_) {
    return HostError("the program cannot serve: " + base::Printable(frame.substr(sizeof(kind))));
  }
  if (kind != WorkerFrame::kHello || ready_ || frame.size() != sizeof(hello_)) return HostError("a zygote talks nonsense");
  std::memcpy(&hello_, frame.data(), sizeof(hello_));
  hello_.version[sizeof(hello_.version) - 1] = '\0';
  if (hello_.protocol != kWorkerProtocol || std::strcmp(hello_.version, MOAT_VERSION) != 0) {
    return WithFix(HostError(std::string("the program was built with moat ") + base::Printable(hello_.version) + ", this is " MOAT_VERSION),
                   "build it anew");
  }
  ready_ = true;
  return {};
}

Status Zygote::HearSpawned(std::string_view frame, std::vector<sys::Fd> fds) {
  SpawnAnswer answer;
  if (frame.size() != sizeof(answer) || ordered_.empty()) return HostError("a zygote talks nonsense");
  std::memcpy(&answer, frame.data(), sizeof(answer));
  const std::vector<std::uint64_t> serials = std::move(ordered_.front());
  ordered_.pop_front();
  std::size_t next = 0;
  if (answer.count != serials.size()) return HostError("a zygote talks nonsense");
  for (std::size_t i = 0; i < serials.size(); ++i) {
    Birth& birth = births_[serials[i]];
    birth.pid_or_error = answer.pids[i];
    if (answer.pids[i] <= 0) continue;
    if (next == fds.size()) return HostError("a zygote talks nonsense");
    birth.pidfd = sys::Pidfd(fds[next++].Release());
  }
  return {};
}

Status Zygote::WaitForWords(int milliseconds) {
  struct pollfd entry{socket_.get(), POLLIN, 0};
  int ready;
  do ready = poll(&entry, 1, milliseconds);
  while (ready < 0 && errno == EINTR);
  if (ready == 0) return HostError("a zygote does not say a word");
  return Listen();
}

Status Zygote::AwaitReady(int milliseconds) {
  const std::uint64_t until = sys::NowNs() + static_cast<std::uint64_t>(milliseconds) * 1'000'000;
  while (!ready_) {
    const std::uint64_t now = sys::NowNs();
    if (now >= until) return HostError("the program does not begin to serve", "it has to call moat::Serve");
    MOAT_TRY(WaitForWords(static_cast<int>((until - now) / 1'000'000) + 1));
  }
  return {};
}

Result<std::vector<Worker>> Zygote::Spawn(unsigned count) {
  std::vector<Worker> workers;
  while (workers.size() < count) {
    const std::size_t now = std::min<std::size_t>(count - workers.size(), kMaxBatch);
    std::vector<sys::Fd> theirs;
    std::vector<int> fds;
    std::vector<std::uint64_t> serials;
    for (std::size_t i = 0; i < now; ++i) {
      int ends[2];
      if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return SystemError("socketpair", errno);
      serials.push_back(++last_serial_);
      workers.emplace_back(last_serial_, sys::Fd(ends[0]));
      theirs.emplace_back(ends[1]);
      fds.push_back(ends[1]);
    }
    SpawnOrder order;
    order.count = static_cast<std::uint32_t>(now);
    MOAT_TRY(SendFrame(socket_.get(), BytesOf(order), {}, fds, Wait::kNo));
    ordered_.push_back(std::move(serials));
  }
  return workers;
}

Status Zygote::Attend(Worker& worker, int milliseconds) {
  if (worker.born()) return {};
  if (births_.find(worker.serial()) == births_.end()) MOAT_TRY(Listen());
  while (births_.find(worker.serial()) == births_.end()) MOAT_TRY(WaitForWords(milliseconds));
  const auto found = births_.find(worker.serial());
  worker.Born(found->second.pid_or_error, std::move(found->second.pidfd));
  births_.erase(found);
  return {};
}

}  // namespace moat::pool
