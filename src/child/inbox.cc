#include "child/inbox.h"

#include "child/room.h"
#include "uapi/syscall.h"

namespace moat::child {
namespace {

using uapi::IsError;

constexpr int kSigkill = 9;
constexpr unsigned kSigmaskBytes = 8;
constexpr short kPollin = 1;
constexpr std::uint64_t kNonblockCloexec = 04000 | 02000000;

// linux/seccomp.h
struct Notification {
  std::uint64_t id;
  std::uint32_t pid, flags;
  std::int32_t number;
  std::uint32_t arch;
  std::uint64_t instruction;
  std::uint64_t args[6];
};
static_assert(sizeof(Notification) == 80);
constexpr std::uint64_t kReceive = 0xc0502100;  // SECCOMP_IOCTL_NOTIF_RECV
struct Answer {
  std::uint64_t id;
  std::int64_t value;
  std::int32_t error;
  std::uint32_t flags;
};
static_assert(sizeof(Answer) == 24);
constexpr std::uint64_t kSend = 0xc0182101;  // SECCOMP_IOCTL_NOTIF_SEND
constexpr std::uint32_t kContinue = 1;       // SECCOMP_USER_NOTIF_FLAG_CONTINUE
#if defined(__x86_64__)
constexpr std::uint32_t kNativeArch = 0xc000003e;  // AUDIT_ARCH_X86_64
#else
constexpr std::uint32_t kNativeArch = 0xc00000b7;  // AUDIT_ARCH_AARCH64
#endif

struct Poll {
  std::int32_t fd;
  short events, revents;
};

void Note(abi::Shared* shared, const Notification& asked) {
  ++shared->denials;
  const auto number = static_cast<std::uint32_t>(asked.number);
  for (std::uint32_t i = 0; i < shared->denial_rows; ++i) {
    abi::DenialRow& row = shared->denied[i];
    if (row.number != number || row.arch != asked.arch) continue;
    ++row.count;
    return;
  }
  if (shared->denial_rows == abi::kDenialRows) return;
  abi::DenialRow& row = shared->denied[shared->denial_rows];
  row.number = number;
  row.arch = asked.arch;
  for (int i = 0; i < 6; ++i) row.args[i] = asked.args[i];
  row.count = 1;
  ++shared->denial_rows;
}

// unix(7), as the kernel reads it.
struct Rights {
  std::uint64_t length;
  std::int32_t level, type, fd, pad;
};
static_assert(sizeof(Rights) == 24);
struct Part {
  const void* bytes;
  std::uint64_t size;
};
struct Message {
  void* name;
  std::uint32_t name_size, pad;
  Part* parts;
  std::uint64_t part_count;
  void* control;
  std::uint64_t control_size;
  std::uint32_t flags, end_pad;
};
static_assert(sizeof(Message) == 56);
constexpr std::int32_t kSolSocket = 1, kScmRights = 1;
constexpr unsigned kNoSignal = 0x4000;

}  // namespace

void HandOver(const Caller& call, std::int32_t watcher, std::int32_t listener) {
  const char word = 'L';
  Part part{&word, 1};
  Rights rights{20, kSolSocket, kScmRights, listener, 0};
  Message message{nullptr, 0, 0, &part, 1, &rights, sizeof(rights), 0, 0};
  if (listener >= 0) call(__NR_sendmsg, watcher, &message, kNoSignal);
  call(__NR_close, listener);
}

Inbox::Inbox(const Caller& call, abi::Shared* shared, std::int32_t listener, Watch watch)
    : call_(call), shared_(shared), listener_(listener), watch_(watch) {
  if (listener_ < 0) return;
  const unsigned long all = ~0UL;
  signals_ = static_cast<std::int32_t>(call_(__NR_signalfd4, -1, &all, kSigmaskBytes, kNonblockCloexec));
  if (signals_ >= 0) return;
  // Nobody listens then: what the filter would ask about fails (ENOSYS) instead.
  call_(__NR_close, listener_);
  listener_ = -1;
}

int Inbox::Wait(const KernelTimespec* patience) {
  if (listener_ < 0) {
    const unsigned long all = ~0UL;
    if (signals_ >= 0) call_(__NR_close, signals_);
    signals_ = -1;
    const long number = call_(__NR_rt_sigtimedwait, &all, nullptr, patience, kSigmaskBytes);
    return IsError(number) ? 0 : static_cast<int>(number);
  }
  Poll polls[2] = {{signals_, kPollin, 0}, {listener_, kPollin, 0}};
  KernelTimespec left = patience != nullptr ? *patience : KernelTimespec{};
  if (call_(__NR_ppoll, polls, 2, patience != nullptr ? &left : nullptr, nullptr, 0) <= 0) return 0;
  if ((polls[1].revents & kPollin) != 0) {
    TakeOne();
  } else if (polls[1].revents != 0) {  // nobody is left who could ask
    call_(__NR_close, listener_);
    listener_ = -1;
  }
  return polls[0].revents != 0 ? TakeSignal() : 0;
}

void Inbox::TakeRest() {
  for (int most = 0; listener_ >= 0 && most < 1000; ++most) {
    Poll asked{listener_, kPollin, 0};
    const KernelTimespec at_once{0, 0};
    if (call_(__NR_ppoll, &asked, 1, &at_once, nullptr, 0) <= 0 || (asked.revents & kPollin) == 0) return;
    if (!TakeOne()) return;
  }
}

// A call that is allowed anyway: the kernel goes on with it, once what will come of it is noted.
// A denied call is never answered: who made it waits in it until it is dead. A signal may take it out of
// there before, without the call; the kill does not depend on that.
bool Inbox::TakeOne() {
  Notification asked{};
  if (IsError(call_(__NR_ioctl, listener_, kReceive, &asked))) return false;
  if (watch_ == Watch::kAllocations && asked.number == __NR_fallocate && asked.arch == kNativeArch) {
    NoteUnmet(call_, shared_, static_cast<std::int32_t>(asked.pid), asked.args);
    Answer answer{asked.id, 0, 0, kContinue};
    call_(__NR_ioctl, listener_, kSend, &answer);  // fails when the caller is gone
    return true;
  }
  Note(shared_, asked);
  if (asked.pid > 1) call_(__NR_kill, static_cast<int>(asked.pid), kSigkill);
  return true;
}

int Inbox::TakeSignal() {
  struct {
    std::uint32_t number;
    unsigned char rest[124];
  } info;
  return call_(__NR_read, signals_, &info, sizeof(info)) == sizeof(info) ? static_cast<int>(info.number) : 0;
}

}  // namespace moat::child
