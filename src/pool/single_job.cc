#include "pool/single_job.h"

#include <fcntl.h>
#include <linux/prctl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>

#include "pool/keeper_call.h"
#include "pool/worker_protocol.h"
#include "uapi/syscall.h"

namespace moat::pool {
namespace {

using uapi::IsError;
using uapi::Syscall;

constexpr unsigned kSigmaskBytes = 8;
constexpr int kNotSetUp = 125;
constexpr int kParking = 64;  // where descriptors wait whose own place is another one's goal
static_assert(kParking + static_cast<int>(kMaxWorkerFds) < kFdLimit);

[[noreturn]] void End(int code) {
  for (;;) Syscall(__NR_exit_group, code & 0xff);
}

// write(2): the filter lets a worker do nothing else with its channel.
bool Tell(WorkerFrame kind, std::string_view body) {
  struct iovec parts[2] = {{&kind, sizeof(kind)}, {const_cast<char*>(body.data()), body.size()}};
  const long sent = Syscall(__NR_writev, kChannelFd, parts, 2);
  return sent == static_cast<long>(sizeof(kind) + body.size());
}

// The frame and what came with it. Not on the stack: it is large.
struct Received {
  JobOrder order;
  char request[kMaxWorkerRequest];  // and the words behind it
  std::size_t body_size = 0;
  int fds[kMaxWorkerFds];
  std::size_t fd_count = 0;
  WorkerJob::Input inputs[kMaxWorkerInputs];
  int outputs[kMaxWorkerOutputs];
  std::string_view arguments[kMaxWorkerArguments];
};
Received g_received;  // written to in workers only

// All that is open and not the worker's own: what the zygote holds for others.
void CloseTheRest(std::uint32_t keep) {
  for (int fd = 3; fd < kProgramFds;) {
    if ((keep >> fd & 1) != 0) {
      ++fd;
      continue;
    }
    int last = fd;
    while (last + 1 < kProgramFds && (keep >> (last + 1) & 1) == 0) ++last;
    KeeperCall(__NR_close_range, fd, last, 0);
    fd = last + 1;
  }
  KeeperCall(__NR_close_range, kProgramFds, kChannelFd - 1, 0);
  KeeperCall(__NR_close_range, kFirstFreeFd, ~0U, 0);
}

void TakeOwnPlaces(const WorkerPlan& plan, int channel) {
  KeeperCall(__NR_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0);
  // A pool that was gone before that sends nothing.
  if (Syscall(__NR_getppid) != plan.pool) End(0);
  const long self = KeeperCall(__NR_pidfd_open, Syscall(__NR_getpid), 0);
  if (IsError(self) || IsError(KeeperCall(__NR_dup3, channel, kChannelFd, 0)) ||
      IsError(KeeperCall(__NR_dup3, static_cast<int>(self), kSelfFd, 0))) {
    End(kNotSetUp);
  }
  CloseTheRest(plan.program_fds);
}

// A page that is shared with the zygote is copied when it is first written to: better while nobody waits.
__attribute__((noinline)) void TouchStack() {
  constexpr std::size_t kPage = 4096;
  volatile char below[4 * kPage];
  for (std::size_t i = 0; i < sizeof(below); i += kPage) below[i] = 0;
}
void TouchAhead(Received& got) {
  TouchKeeperNumber();
  TouchStack();
  *reinterpret_cast<volatile std::size_t*>(&got.fd_count) = 0;
  *reinterpret_cast<volatile char*>(got.request) = 0;
}

[[noreturn]] void Misfit() {
  Tell(WorkerFrame::kRefused, "a worker was sent a job that does not fit");
  End(kNotSetUp);
}

// False when the pool has hung up: nobody wants this worker.
bool Await(Received& got) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMaxWorkerFds)];
  struct iovec parts[2] = {{&got.order, sizeof(got.order)}, {got.request, sizeof(got.request)}};
  struct msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  const long size = KeeperCall(__NR_recvmsg, kChannelFd, &message, MSG_CMSG_CLOEXEC);
  if (size <= 0) return false;
  const cmsghdr* head = CMSG_FIRSTHDR(&message);
  if (head != nullptr && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS) {
    got.fd_count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    std::memcpy(got.fds, CMSG_DATA(head), got.fd_count * sizeof(int));
  }
  const JobOrder& order = got.order;
  got.body_size = static_cast<std::size_t>(size) - sizeof(order);  // of nothing, if it does not fit
  const bool fits = static_cast<std::size_t>(size) >= sizeof(order) && order.kind == WorkerFrame::kJob &&
                    order.inputs <= kMaxWorkerInputs && order.outputs <= kMaxWorkerOutputs && order.has_log <= 1 &&
                    order.arguments <= kMaxWorkerArguments && (order.input_names == 0 || order.input_names == order.inputs) &&
                    order.request_size <= static_cast<std::size_t>(size) - sizeof(order) &&
                    got.fd_count == order.inputs + order.outputs + order.has_log &&
                    (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0;
  if (fits) return true;
  Misfit();
}

bool Move(int from, int to) { return from == to || !IsError(KeeperCall(__NR_dup3, from, to, 0)); }

// The kernel has put them anywhere; the filter knows them by their places.
bool PlaceDescriptors(Received& got) {
  const std::size_t inputs = got.order.inputs, files = inputs + got.order.outputs;
  for (std::size_t i = 0; i < got.fd_count; ++i) {
    const int parked = kParking + static_cast<int>(i);
    if (got.fds[i] < kProgramFds || got.fds[i] >= kParking) continue;
    if (!Move(got.fds[i], parked)) return false;
    KeeperCall(__NR_close, got.fds[i]);
    got.fds[i] = parked;
  }
  for (std::size_t i = 0; i < got.fd_count; ++i) {
    const bool is_input = i < inputs;
    const int place = is_input ? kInputFds + static_cast<int>(i) : kOutputFds + static_cast<int>(i - inputs);
    if (i < files) {
      if (!Move(got.fds[i], place)) return false;
    } else if (!Move(got.fds[i], 1) || !Move(got.fds[i], 2)) {
      return false;
    }
    KeeperCall(__NR_close, got.fds[i]);
    if (i >= files) continue;
    if (is_input) {
      struct stat facts;
      got.inputs[i].fd = place;
      if (!IsError(Syscall(__NR_fstat, place, &facts)) && S_ISREG(facts.st_mode)) {
        got.inputs[i].size = static_cast<std::uint64_t>(facts.st_size);
      }
    } else {
      got.outputs[i - inputs] = place;
    }
  }
  return true;
}

bool Limit(int resource, std::uint64_t first, std::uint64_t second, std::uint64_t base, std::uint64_t grace) {
  const std::uint64_t least = std::min(first, second);
  if (least == kNoWorkerLimit || least > kNoWorkerLimit - base - grace) return true;
  const std::uint64_t limit[2] = {base + least, base + least + grace};
  return !IsError(KeeperCall(__NR_prlimit64, 0, resource, limit, nullptr));
}

bool LowerForJob(const WorkerPlan& plan, const JobOrder& order) {
  // A program that ignores SIGXCPU is killed a second later.
  return Limit(RLIMIT_DATA, plan.memory, order.memory, plan.own_memory, 0) &&
         Limit(RLIMIT_CPU, plan.cpu_seconds, order.cpu_seconds, 0, 1) &&
         (order.file_size >= plan.file_size || Limit(RLIMIT_FSIZE, order.file_size, order.file_size, 0, 0));
}

// False when a text does not end where it should.
bool TakeTexts(Received& got) {
  std::string_view rest(got.request + got.order.request_size, got.body_size - got.order.request_size);
  const auto take = [&](std::string_view& to) {
    const std::size_t end = rest.find('\0');
    if (end == std::string_view::npos) return false;
    to = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    return true;
  };
  for (std::size_t i = 0; i < got.order.arguments; ++i) {
    if (!take(got.arguments[i])) return false;
  }
  for (std::size_t i = 0; i < got.order.input_names; ++i) {
    if (!take(got.inputs[i].name)) return false;
  }
  return rest.empty();
}

[[noreturn]] void RunHandler(const WorkerPlan& plan, Received& got) {
  if (!TakeTexts(got)) Misfit();
  WorkerJob job({got.request, static_cast<std::size_t>(got.order.request_size)}, {got.inputs, got.order.inputs},
                {got.outputs, got.order.outputs}, {got.arguments, got.order.arguments});
  try {
    End((*plan.handler)(job));
  } catch (const std::bad_alloc&) {
    Tell(WorkerFrame::kOutOfMemory, {});
    End(1);
  } catch (const std::exception& error) {
    const std::string_view what = error.what();
    Tell(WorkerFrame::kUncaught, what.substr(0, kMaxWhy));
  } catch (...) {
    Tell(WorkerFrame::kUncaught, "an exception of an unknown kind");
  }
  std::abort();
}

}  // namespace

void RunWorker(const WorkerPlan& plan, int channel) {
  TakeOwnPlaces(plan, channel);
  TouchAhead(g_received);
  if (!Await(g_received)) End(0);
  if (!PlaceDescriptors(g_received) || !LowerForJob(plan, g_received.order)) {
    Tell(WorkerFrame::kRefused, "a worker could not take the descriptors or limits of its job");
    End(kNotSetUp);
  }
  KeeperCall(__NR_rt_sigprocmask, SIG_SETMASK, &plan.signal_mask, nullptr, kSigmaskBytes);
  ForgetKeeperNumber();
  // From here on this is the job.
  RunHandler(plan, g_received);
}

}  // namespace moat::pool

namespace moat {

Status WorkerJob::Answer(std::string_view bytes) {
  if (answered_) return PolicyError("a job answers once");
  if (bytes.size() > kMaxWorkerAnswer) {
    return WithFix(PolicyError("an answer of over 32 KiB"), "write it to an output");
  }
  answered_ = true;
  if (!pool::Tell(pool::WorkerFrame::kAnswer, bytes)) return SystemError("writev", EIO, "the answer of a job");
  return {};
}

}  // namespace moat
