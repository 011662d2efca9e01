// Who else has this memory: threads, and processes that were made with CLONE_VM alone, which a
// filter for all threads does not reach although they could write whatever the sealed ones run.
#include <linux/kcmp.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>

#include "base/safe_text.h"
#include "base/text.h"
#include "seal/inspect.h"
#include "sys/calls.h"
#include "uapi/syscall.h"

namespace moat::seal {
namespace {

using uapi::IsError;
using uapi::Syscall;

enum class Company { kNone, kSome, kUnknown };

// The kernel does nothing when a process whose memory is its own asks for memory of its own, and
// refuses when it has threads, or when anybody else uses the same memory, whatever /proc shows.
Company Look() {
  if (IsFiltered()) return Company::kUnknown;
  const long answer = Syscall(__NR_unshare, CLONE_VM);
  return answer == 0 ? Company::kNone : answer == -EINVAL ? Company::kSome : Company::kUnknown;
}

std::string NameOf(const char* folder, int number) {
  std::string name;
  if (auto text = sys::ReadFile(ProcPath(folder, number, "/comm"), 64); text.ok()) name = *text;
  while (!name.empty() && name.back() == '\n') name.pop_back();
  return base::Number(static_cast<std::uint64_t>(number)) + " (" + base::Printable(name) + ")";
}

Result<std::string> OtherThreads() {
  std::string others;
  const long self = Syscall(__NR_gettid);
  for (const Thread& thread : MOAT_TRY(Threads())) {
    if (thread.tid != self) others += (others.empty() ? "" : ", ") + thread.name;
  }
  return others;
}

Error SharedWith(const std::string& who) {
  return WithFix(HostError("the seal cannot cover " + who + ", which shares the memory of this process"),
                 "let it end or execute its program first; no vfork or posix_spawn may be on its way");
}

// A thread that has been joined is still there for a moment.
constexpr int kPatience = 40;
void AMoment() {
  const struct timespec moment = {0, 50000};
  nanosleep(&moment, nullptr);
}

// Nobody at all may be there. Behind a filter only threads can be seen.
Status CheckAlone(Company company, SealReport& report) {
  std::string others;
  for (int tries = 0; tries < kPatience; ++tries) {
    if (tries != 0) AMoment();
    if (tries != 0 && company == Company::kSome) company = Look();
    if (company == Company::kNone) return {};
    others = MOAT_TRY(OtherThreads());
    if (company == Company::kUnknown && others.empty()) {
      report.notes.emplace_back("whether a process shares this memory cannot be seen from behind a filter");
      return {};
    }
  }
  if (!others.empty()) {
    return WithFix(PolicyError("the seal is for one thread, and there is also " + others), "end them, or allow them by .Threads()");
  }
  return SharedWith("another process");
}

// Among threads the kernel's short answer says nothing: each process that can be seen is compared.
Status CheckSharers(Company company, SealReport& report) {
  const long self = Syscall(__NR_getpid);
  const bool compares = company != Company::kUnknown && Syscall(__NR_kcmp, self, self, KCMP_VM, 0L, 0L) == 0;
  if (!compares) {
    report.notes.emplace_back("whether a process shares this memory was not looked for: there is a filter, or no kcmp");
    return {};
  }
  for (const int pid : MOAT_TRY(NumbersIn("/proc"))) {
    if (pid == self || Syscall(__NR_kcmp, self, pid, KCMP_VM, 0L, 0L) != 0) continue;
    return SharedWith("process " + NameOf("/proc/", pid));
  }
  return {};
}

}  // namespace

Result<std::vector<Thread>> Threads() {
  std::vector<Thread> threads;
  for (const int tid : MOAT_TRY(NumbersIn("/proc/self/task"))) threads.push_back({tid, "thread " + NameOf("/proc/self/task/", tid)});
  return threads;
}

Status CheckCompany(const SealRequest& request, SealReport& report) {
  const Company company = Look();
  if (company == Company::kNone) return {};
  return request.threads == SealThreads::kNone ? CheckAlone(company, report) : CheckSharers(company, report);
}

}  // namespace moat::seal
