// A program becomes a zygote. docs/adr/0008-the-pool.md.
#include <linux/prctl.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <ucontext.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <span>
#include <vector>

#include "base/text.h"
#include "bpf/filter.h"
#include "moat/worker.h"
#include "pool/keeper_call.h"
#include "pool/lower.h"
#include "pool/single_job.h"
#include "pool/worker_filter.h"
#include "pool/worker_protocol.h"
#include "seal/inspect.h"
#include "seal/lock.h"
#include "seal/prove.h"
#include "seal/spec.h"
#include "seal/trap.h"
#include "uapi/syscall.h"

namespace moat::pool {
namespace {

using uapi::IsError;
using uapi::Syscall;

constexpr unsigned kSigmaskBytes = 8;
constexpr std::uint64_t kCloneFlags = CLONE_PARENT | CLONE_PIDFD;
constexpr std::uint64_t kTidFlags = CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;

// Before the lock; the pool may be gone, which the first receive will tell.
void TellPool(const void* head, std::size_t size, std::string_view text) {
  struct iovec parts[2] = {{const_cast<void*>(head), size}, {const_cast<char*>(text.data()), text.size()}};
  struct msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  Syscall(__NR_sendmsg, kServeDescriptor, &message, MSG_NOSIGNAL);
}

// Workers become children of whoever started this program: it must be the pool.
Status CheckSocket() {
  int type = 0;
  struct ucred peer{};
  socklen_t size = sizeof(type), peer_size = sizeof(peer);
  if (getsockopt(kServeDescriptor, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_SEQPACKET ||
      getsockopt(kServeDescriptor, SOL_SOCKET, SO_PEERCRED, &peer, &peer_size) != 0) {
    return WithFix(PolicyError("descriptor 3 is not the socket of a pool"), "this program is started by `moat serve`");
  }
  if (peer.pid == getppid()) return {};
  return WithFix(PolicyError("the pool is not the parent of this process"), "start the program itself, not a shell around it (`exec`)");
}

// libc keeps the thread's number where the kernel clears it at the thread's end; 0 when that cannot
// be told (musl keeps a lock there).
int* ThreadNumberOfLibc() {
  int* place = nullptr;
  if (IsError(Syscall(__NR_prctl, PR_GET_TID_ADDRESS, &place, 0L, 0L, 0L)) || place == nullptr) return nullptr;
  return *place == static_cast<int>(Syscall(__NR_gettid)) ? place : nullptr;
}

// An abort() is a signal to oneself, by a number that the filter cannot know; all other traps are
// violations.
void OnTrap(int number, siginfo_t* info, void* context) {
  if (info->si_code != 1 /* SYS_SECCOMP */ || info->si_errno != kAbortMark) seal::OnTrap(number, info, context);
  Syscall(__NR_pidfd_send_signal, kSelfFd, SIGABRT, nullptr, 0);
  auto& machine = static_cast<ucontext_t*>(context)->uc_mcontext;
#if defined(__x86_64__)
  machine.gregs[REG_RAX] = 0;
#else
  machine.regs[0] = 0;
#endif
}

Status InstallHandler() {
  struct sigaction action;
  std::memset(&action, 0, sizeof(action));
  action.sa_sigaction = OnTrap;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigfillset(&action.sa_mask);
  if (sigaction(SIGSYS, &action, nullptr) != 0) return SystemError("rt_sigaction", errno, "SIGSYS");
  return {};
}

// The process as a seal wants it. The socket is looked at by CheckSocket.
Status CheckProcess(const SealRequest& given) {
  SealRequest request = given;
  request.threads = SealThreads::kNone;
  SealReport report;
  MOAT_TRY(seal::CheckIds());
  MOAT_TRY(seal::CheckPersonality(request));
  MOAT_TRY(seal::CheckCompany(request, report));
  MOAT_TRY(seal::CheckMappings(request, report));
  MOAT_TRY(CheckNothingShared());
  MOAT_TRY(seal::CheckRoles(request, report));
  for (const int fd : {0, 1, 2, kServeDescriptor}) {
    SealRole role;
    role.fd = fd;
    request.roles.push_back(role);
  }
  return seal::HandleStrays(request, report);
}

class Zygote {
 public:
  Zygote(const WorkerHandler& handler, const ServeOptions& options) : options_(options) { plan_.handler = &handler; }

  // Everything up to the lock: what fails is an error of a process that can still tell it.
  Status Prepare();
  Status Lock();
  [[noreturn]] void Loop();

 private:
  void Fork(int channel, SpawnAnswer& answer, int (&pidfds)[kMaxBatch], unsigned& made);

  const ServeOptions& options_;
  WorkerPlan plan_;
  std::uint64_t flags_ = kCloneFlags;
  int* libc_tid_ = nullptr;
  std::vector<sock_filter> code_;
};

Status Zygote::Prepare() {
  const SealRequest& request = options_.seal.request();
  MOAT_TRY(CheckWorkerSeal(request));
  MOAT_TRY(CheckSocket());
  plan_.pool = getppid();
  libc_tid_ = ThreadNumberOfLibc();
  if (libc_tid_ != nullptr) flags_ |= kTidFlags;
  const bpf::FilterSpec spec = MOAT_TRY(BuildWorkerSpec(request, bpf::NativeAbi(), flags_));
  bpf::Program program = MOAT_TRY(bpf::Compile(spec));
  MOAT_TRY(seal::Prove(spec, program.code));
  code_ = std::move(program.code);
  SealWarmUp();
  MOAT_TRY(CheckProcess(request));
  for (const SealRole& role : request.roles) plan_.program_fds |= 1U << role.fd;
  plan_.memory = options_.memory;
  plan_.cpu_seconds = options_.cpu_seconds;
  plan_.file_size = options_.file_size;
  MOAT_TRY(PointStandardStreamsNowhere());
  // While /proc is there.
  plan_.own_memory = MOAT_TRY(OwnMemory());
  if (options_.walls == ServeWalls::kSealedApart) MOAT_TRY(StandApart());
  MOAT_TRY(GiveUpRights());
  MOAT_TRY(LowerLimits(options_.file_size));
  return InstallHandler();
}

void WipeInstructions(std::span<sock_filter> code) {
  for (sock_filter& instruction : code) {
    auto* place = reinterpret_cast<volatile std::uint64_t*>(&instruction);
    *place = 0;
  }
}

// What functions that have returned left below.
__attribute__((noinline)) void WipeStackBelow() {
  volatile char left[64 * 1024];
  for (volatile char& byte : left) byte = 0;
}

__attribute__((noinline)) Status PutNumber(std::span<sock_filter> code) {
  if (!DrawKeeperNumber()) return SystemError("getrandom", EIO, "the keeper's number");
  return PutNonce(code, internal::g_keeper_number);
}

Status Zygote::Lock() {
  MOAT_TRY(PutNumber(code_));
  const unsigned long all = ~0UL;
  Syscall(__NR_rt_sigprocmask, SIG_SETMASK, &all, &plan_.signal_mask, kSigmaskBytes);
  // Blocked, it would kill instead of running the handler; whatever it was at Serve.
  plan_.signal_mask &= ~(1UL << (SIGSYS - 1));
  Status locked = seal::Lock(code_, {});
  WipeInstructions(code_);
  WipeStackBelow();
  return locked;
}

// No allocation from here on: the seal may not allow any.
void Zygote::Fork(int channel, SpawnAnswer& answer, int (&pidfds)[kMaxBatch], unsigned& made) {
  int pidfd = -1;
#if defined(__x86_64__)
  const long pid = KeeperCall(__NR_clone, flags_, 0UL, &pidfd, libc_tid_, 0UL);
#else
  const long pid = KeeperCall(__NR_clone, flags_, 0UL, &pidfd, 0UL, libc_tid_);
#endif
  if (pid == 0) RunWorker(plan_, channel);
  answer.pids[answer.count++] = static_cast<std::int32_t>(pid);
  if (!IsError(pid)) pidfds[made++] = pidfd;
}

void SendAnswer(const SpawnAnswer& answer, const int (&pidfds)[kMaxBatch], unsigned made) {
  struct iovec part{const_cast<SpawnAnswer*>(&answer), sizeof(answer)};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMaxBatch)] = {};
  struct msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (made != 0) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * made);
    cmsghdr* rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int) * made);
    std::memcpy(CMSG_DATA(rights), pidfds, sizeof(int) * made);
  }
  KeeperCall(__NR_sendmsg, kServeDescriptor, &message, MSG_NOSIGNAL);
  for (unsigned i = 0; i < made; ++i) KeeperCall(__NR_close, pidfds[i]);
}

// The number of channels; -1 when the pool has hung up or is not what it should be.
int ReceiveOrder(int (&channels)[kMaxBatch]) {
  SpawnOrder order;
  struct iovec part{&order, sizeof(order)};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMaxBatch)] = {};
  struct msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  const long size = KeeperCall(__NR_recvmsg, kServeDescriptor, &message, MSG_CMSG_CLOEXEC);
  const cmsghdr* head = size > 0 ? CMSG_FIRSTHDR(&message) : nullptr;
  if (size != sizeof(order) || head == nullptr || head->cmsg_level != SOL_SOCKET ||
      head->cmsg_type != SCM_RIGHTS || order.kind != WorkerFrame::kSpawn ||
      order.count == 0 || order.count > kMaxBatch || head->cmsg_len != CMSG_LEN(sizeof(int) * order.count) ||
      (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
    return -1;
  }
  std::memcpy(channels, CMSG_DATA(head), sizeof(int) * order.count);
  return static_cast<int>(order.count);
}

void Zygote::Loop() {
  ZygoteHello hello;
  hello.instructions = static_cast<std::uint32_t>(code_.size());
  hello.apart = options_.walls == ServeWalls::kSealedApart ? 1 : 0;
  hello.memory = options_.memory;
  hello.cpu_seconds = options_.cpu_seconds;
  hello.file_size = options_.file_size;
  static_assert(sizeof(MOAT_VERSION) <= sizeof(hello.version));
  std::memcpy(hello.version, MOAT_VERSION, sizeof(MOAT_VERSION));
  struct iovec part{&hello, sizeof(hello)};
  struct msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  KeeperCall(__NR_sendmsg, kServeDescriptor, &message, MSG_NOSIGNAL);
  for (;;) {
    int channels[kMaxBatch], pidfds[kMaxBatch];
    const int count = ReceiveOrder(channels);
    if (count < 0) {
      for (;;) Syscall(__NR_exit_group, 0);
    }
    SpawnAnswer answer;
    unsigned made = 0;
    for (int i = 0; i < count; ++i) {
      Fork(channels[i], answer, pidfds, made);
      KeeperCall(__NR_close, channels[i]);
    }
    SendAnswer(answer, pidfds, made);
  }
}

}  // namespace
}  // namespace moat::pool

namespace moat {

Error Serve(const WorkerHandler& handler, const ServeOptions& options) {
  pool::Zygote zygote(handler, options);
  Status ready = zygote.Prepare();
  if (ready.ok()) ready = zygote.Lock();
  if (ready.ok()) zygote.Loop();
  Error error = std::move(ready).error();
  const pool::WorkerFrame kind = pool::WorkerFrame::kCannotServe;
  const std::string text = error.ToString().substr(0, pool::kMaxWhy);
  pool::TellPool(&kind, sizeof(kind), text);
  return error;
}

}  // namespace moat
