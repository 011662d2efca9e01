#include "run/spawner.h"

#include <linux/filter.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "child/elsewhere.h"
#include "run/newborn.h"
#include "sys/calls.h"
#include "uapi/syscall.h"

namespace moat::run {
namespace {

using uapi::IsError;
using uapi::Syscall;

constexpr std::size_t kPage = 4096;
constexpr long kLookNs = 50'000'000;  // a spawner that is gone tells nothing

// Pages of its own for a while.
class Pages {
 public:
  Pages(std::size_t size, int kind) : size_((size + kPage - 1) / kPage * kPage) {
    void* memory = mmap(nullptr, size_, PROT_READ | PROT_WRITE, kind | MAP_ANONYMOUS, -1, 0);
    memory_ = memory == MAP_FAILED ? nullptr : memory;
  }
  ~Pages() {
    if (memory_ != nullptr) munmap(memory_, size_);
  }
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;
  void* get() const { return memory_; }
  void* Release() { return std::exchange(memory_, nullptr); }

 private:
  std::size_t size_;
  void* memory_;
};

enum class Answer : unsigned char { kCame, kGone, kNone };

// What it says when it has installed its filter.
Answer AwaitFirst(child::Orders& orders, const sys::Pidfd& pidfd, std::uint64_t patience_ns) {
  constexpr int kFutexWait = 0;
  const struct timespec look{0, kLookNs};
  for (const std::uint64_t until = sys::NowNs() + patience_ns; sys::NowNs() < until;) {
    if (__atomic_load_n(&orders.done, __ATOMIC_ACQUIRE) >= 1) return Answer::kCame;
    struct pollfd ended{pidfd.get(), POLLIN, 0};
    if (poll(&ended, 1, 0) != 0) return Answer::kGone;
    Syscall(__NR_futex, &orders.done, kFutexWait, 0, &look);
  }
  return Answer::kNone;
}

// The kernel's own word: the heading, and no socket behind it.
bool HasNoSocket(const sys::Fd& sockets) {
  char text[512];
  const long size = Syscall(__NR_pread64, sockets.get(), text, sizeof(text), 0);
  return size > 0 && static_cast<std::size_t>(size) < sizeof(text) && std::memchr(text, '\n', static_cast<std::size_t>(size)) == text + size - 1;
}

}  // namespace

Spawner::Spawner(Spawner&& other) noexcept
    : berths_(std::move(other.berths_)), orders_(std::exchange(other.orders_, nullptr)), self_(std::move(other.self_)),
      pidfd_(std::move(other.pidfd_)), listener_(std::move(other.listener_)), networks_(std::move(other.networks_)), pid_(std::exchange(other.pid_, 0)) {}

Spawner::~Spawner() {
  if (pid_ != 0) {
    constexpr int kPatienceMs = 5000;  // one that waits inside the kernel cannot be killed, and is waited for by nobody
    Syscall(__NR_kill, pid_, SIGKILL);
    struct pollfd ended{pidfd_.get(), POLLIN, 0};
    while (poll(&ended, 1, kPatienceMs) < 0 && errno == EINTR) {
    }
    Syscall(__NR_wait4, pid_, nullptr, __WALL | WNOHANG, nullptr);
  }
  if (orders_ != nullptr) munmap(orders_, kPage);
}

Result<Spawner> Spawner::Start(const CheckedPlan& plan, const OwnArguments& own, std::uint64_t patience_ns) {
  const abi::Header header = plan.header();
  Spawner spawner(MOAT_TRY(Berths::Make(plan, abi::kMaxInputs, kBerths)));
  spawner.self_ = MOAT_TRY(sys::pidfd_open(static_cast<int>(Syscall(__NR_getpid))));
  Pages orders(sizeof(child::Orders), MAP_SHARED), numbers(sizeof(child::Numbers), MAP_PRIVATE),
      filter(header.spawner_filter_count * sizeof(sock_filter), MAP_PRIVATE);
  if (orders.get() == nullptr || numbers.get() == nullptr || filter.get() == nullptr) return SystemError("mmap", ENOMEM);
  std::memcpy(filter.get(), plan.bytes().data() + header.spawner_filter, header.spawner_filter_count * sizeof(sock_filter));
  spawner.orders_ = static_cast<child::Orders*>(orders.Release());
  const child::Spawner its{spawner.orders_, static_cast<child::Numbers*>(numbers.get()), static_cast<child::Instruction*>(filter.get()),
                           static_cast<std::uint16_t>(header.spawner_filter_count), (header.flags & abi::kListens) != 0,
                           spawner.berths_.bytes(), spawner.berths_.size(), spawner.self_.get()};
  int pidfd = -1;
  uapi::CloneArgs args{};
  args.flags = uapi::kClonePidfd | uapi::kCloneClearSighand | uapi::kCloneFiles;
  args.pidfd = reinterpret_cast<std::uint64_t>(&pidfd);
  args.exit_signal = SIGCHLD;
  const long pid = Syscall(__NR_clone3, &args, sizeof(args));
  if (pid == 0) {
    for (std::size_t i = 1; i < own.size; ++i) own.bytes[i] = 0;
    child::Spawn(its);
  }
  if (IsError(pid)) return SystemError("clone3", static_cast<int>(-pid), "the spawner");
  spawner.pid_ = static_cast<int>(pid);
  spawner.pidfd_ = sys::Pidfd(pidfd);
  // No later child of ours has any of it.
  if (madvise(spawner.berths_.bytes(), spawner.berths_.size(), MADV_DONTFORK) != 0 ||
      madvise(spawner.orders_, kPage, MADV_DONTFORK) != 0) {
    return SystemError("madvise", errno, "the memory of a spawner");
  }
  spawner.orders_->asked = 1;
  switch (AwaitFirst(*spawner.orders_, spawner.pidfd_, patience_ns)) {
    case Answer::kCame: break;
    case Answer::kGone: return SystemError("clone3", ESRCH, "the spawner");
    case Answer::kNone: return SystemError("seccomp", ETIMEDOUT, "the spawner");
  }
  if (spawner.orders_->error != 0) return SystemError("seccomp", spawner.orders_->error, "the spawner");
  if (its.listens) spawner.listener_ = sys::Fd(spawner.orders_->listener);
  return spawner;
}

bool Spawner::HasEnded() const {
  struct pollfd entry{pidfd_.get(), POLLIN, 0};
  return poll(&entry, 1, 0) != 0;
}

int Spawner::NetworkFor(LivePlan& plan) {
  if ((plan.header().flags & abi::kHandsOnNetwork) == 0) return -1;
  Network& network = networks_[berths_.IndexOf(plan.bytes())];
  if (network.sockets.valid() && HasNoSocket(network.sockets)) return network.space.get();
  child::NewNetwork made;
  const int error = child::MakeNetwork(made);
  network = {sys::Fd(made.space), sys::Fd(made.sockets)};
  if (error != 0 || !HasNoSocket(network.sockets)) network = {};
  return network.space.get();
}

long Spawner::Bear(LivePlan& plan, const uapi::CloneArgs& args, sys::Pidfd& pidfd) {
  child::Orders& orders = *orders_;
  if (listener_.valid()) plan.slots().listener = listener_.get();
  plan.slots().network = NetworkFor(plan);
  orders.blob = plan.bytes();
  orders.size = plan.size();
  orders.shared = &plan.shared();
  orders.clone = args;
  orders.clone.flags |= uapi::kCloneParent;
  orders.clone.exit_signal = 0;  // that of the spawner
  orders.pidfd = -1;
  orders.clone.pidfd = reinterpret_cast<std::uint64_t>(&orders.pidfd);
  orders.pid = -ESRCH;
  const std::uint32_t wanted = orders.asked + 1;
  child::Raise(child::Caller(), &orders.asked, wanted);
  if (child::WaitFor(child::Caller(), &orders.done, wanted, pidfd_.get(), kLookNs) != 0) return -ESRCH;
  if (!IsError(orders.pid)) pidfd = sys::Pidfd(orders.pidfd);
  return orders.pid;
}

}  // namespace moat::run
