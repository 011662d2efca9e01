#include "seal/lock.h"

#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>

#include "base/text.h"
#include "uapi/syscall.h"

namespace moat::seal {
namespace {

using uapi::IsError;
using uapi::Syscall;

// struct rlimit64, the same under both C libraries.
Status Limit(int resource, std::uint64_t value, const char* name) {
  const std::uint64_t limit[2] = {value, value};
  const long result = Syscall(__NR_prlimit64, 0, resource, limit, nullptr);
  if (IsError(result)) return SystemError("prlimit64", static_cast<int>(-result), name);
  return {};
}

// The highest that this process may still set: a lower limit is not raised.
Status LimitAtMost(int resource, std::uint64_t value, const char* name) {
  std::uint64_t now[2] = {};
  const long result = Syscall(__NR_prlimit64, 0, resource, nullptr, now);
  if (IsError(result)) return SystemError("prlimit64", static_cast<int>(-result), name);
  return Limit(resource, std::min(value, now[1]), name);
}

// Those that open more, or that may wait for any of those that are open.
bool NeedsDescriptors(const SealRequest& request) {
  if (request.Has(SealGrant::kWaiting) && (request.Has(SealGrant::kAnyRead) || request.Has(SealGrant::kAnyWrite))) return true;
  for (const SealGrant grant : {SealGrant::kDescriptors, SealGrant::kReadPaths, SealGrant::kWritePaths,
                                SealGrant::kCreatePaths, SealGrant::kInternet, SealGrant::kUnixSockets}) {
    if (request.Has(grant)) return true;
  }
  return false;
}

// poll refuses to look at more descriptors than there may be.
std::uint64_t Descriptors(const SealRequest& request) {
  if (!request.Has(SealGrant::kWaiting)) return 0;
  int highest = 2;
  for (const SealRole& role : request.roles) highest = std::max(highest, role.fd);
  return static_cast<std::uint64_t>(highest) + 1;
}

}  // namespace

Status Lower(const SealRequest& request) {
  if (request.dumps == SealDumps::kOff) {
    const long result = Syscall(__NR_prctl, PR_SET_DUMPABLE, 0L, 0L, 0L, 0L);
    if (IsError(result)) return SystemError("prctl", static_cast<int>(-result), "PR_SET_DUMPABLE");
    MOAT_TRY(Limit(RLIMIT_CORE, 0, "RLIMIT_CORE"));
  }
  const bool wall = request.violation != SealViolation::kLog && request.violation != SealViolation::kReport;
  if (wall && !NeedsDescriptors(request)) MOAT_TRY(LimitAtMost(RLIMIT_NOFILE, Descriptors(request), "RLIMIT_NOFILE"));
  if (wall && request.threads != SealThreads::kNew && !request.Has(SealGrant::kProcesses)) {
    MOAT_TRY(Limit(RLIMIT_NPROC, 0, "RLIMIT_NPROC"));
  }
  if (request.file_size != ~0ULL) MOAT_TRY(LimitAtMost(RLIMIT_FSIZE, request.file_size, "RLIMIT_FSIZE"));
  return {};
}

Status Lock(std::span<const sock_filter> code, const std::vector<Thread>& threads) {
  long result = Syscall(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L);
  if (IsError(result)) return SystemError("prctl", static_cast<int>(-result), "PR_SET_NO_NEW_PRIVS");
  sock_fprog program{};
  program.len = static_cast<unsigned short>(code.size());
  program.filter = const_cast<sock_filter*>(code.data());
  result = Syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
  if (result == 0) return {};
  if (result > 0) {
    std::string name = "thread " + base::SignedNumber(result);
    for (const Thread& thread : threads) {
      if (thread.tid == result) name = thread.name;
    }
    return WithFix(HostError("the seal cannot cover " + name +
                             ": it has a system call filter of its own; no thread is sealed"),
                   "install filters before threads are started, or for all of them");
  }
  const char* fix = "the kernel must have CONFIG_SECCOMP_FILTER";
  if (result == -EPERM || result == -EACCES) fix = "a filter refuses it already: in a jail, its policy has to allow `seccomp`";
  return WithFix(SystemError("seccomp", static_cast<int>(-result)), fix);
}

Status IsLocked(const SealRequest& request) {
  if (!request.Has(SealGrant::kBasics)) return {};
  // The kernel itself would say EBADF.
  const long answer = Syscall(__NR_ioctl, -1, 0U, 0L);
  if (answer == -ENOTTY) return {};
  return BugError("the filter is installed and does not answer (" + base::SignedNumber(answer) + ")");
}

}  // namespace moat::seal
