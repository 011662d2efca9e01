// Who else has this memory: threads, and processes that were made with CLONE_VM alone, which a
// filter for all threads does not reach although they could write whatever the sealed ones run. And who
// has these descriptors (CLONE_FILES): who could put another file behind a number that was declared.
#include <linux/kcmp.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

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
// refuses when it has threads, or when anybody else uses the same memory, whatever /proc shows. When it
// does not refuse, the descriptors are the process' own as well.
Company Look() {
  if (IsFiltered()) return Company::kUnknown;
  const long answer = Syscall(__NR_unshare, CLONE_VM | CLONE_FILES);
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

Error SharedWith(const std::string& who, const char* what) {
  return WithFix(HostError("the seal cannot cover " + who + ", which shares the " + what + " of this process"),
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
  return SharedWith("another process", "memory");
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
    if (pid == self) continue;
    const bool memory = Syscall(__NR_kcmp, self, pid, KCMP_VM, 0L, 0L) == 0;
    if (!memory && Syscall(__NR_kcmp, self, pid, KCMP_FILES, 0L, 0L) != 0) continue;
    return SharedWith("process " + NameOf("/proc/", pid), memory ? "memory" : "descriptors");
  }
  return {};
}

// The kernel's own thread in this process that works for an io_uring: flags, the seventh word behind the
// name in brackets, have PF_IO_WORKER (include/linux/sched.h).
bool WorksForARing(int tid) {
  constexpr unsigned long kIoWorker = 0x10;
  auto text = sys::ReadFile(ProcPath("/proc/self/task/", tid, "/stat"), 1024);
  const std::size_t name = text.ok() ? text->rfind(')') : std::string::npos;
  if (name == std::string::npos) return false;
  const char* at = text->c_str() + name + 1;
  for (int word = 1; word < 7 && at != nullptr; ++word) at = strchr(at + 1, ' ');
  return at != nullptr && (strtoul(at, nullptr, 10) & kIoWorker) != 0;
}

// A ring may have neither a descriptor nor a mapping of its own (IORING_SETUP_REGISTERED_FD_ONLY, _NO_MMAP),
// and a thread that looks for work without system calls (_SQPOLL).
Status CheckWorkers() {
  std::string worker;
  for (int tries = 0; tries < kPatience; ++tries) {
    if (tries != 0) AMoment();
    worker.clear();
    for (const Thread& thread : MOAT_TRY(Threads())) {
      if (WorksForARing(thread.tid)) worker = thread.name;
    }
    if (worker.empty()) return {};
  }
  return WithFix(PolicyError(worker + " works for an io_uring: it does input and output without system calls"),
                 "close the ring before the seal");
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
  if (request.threads == SealThreads::kNone) return CheckAlone(company, report);
  MOAT_TRY(CheckWorkers());
  return CheckSharers(company, report);
}

}  // namespace moat::seal
