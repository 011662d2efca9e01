// What a seal costs, part by part, as JSON: Apply in forked children, beside the bare system calls
// (the floor) and libseccomp (the rival); one call under the filter; a server that forks a sealed
// child per job. Twenty by twenty, as a server under load does, and a pause after each twenty: kernels
// do not like a thousand installations a second, and a processor that has slept starts cold.
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "moat/seal.h"

namespace moat::bench {
namespace {

std::uint64_t Now() {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1000000000ULL + static_cast<std::uint64_t>(now.tv_nsec);
}

void Pause() {
  static int since = 0;
  if (++since % 20 != 0) return;
  const struct timespec moment = {0, 40000000};
  nanosleep(&moment, nullptr);
}

[[noreturn]] void Die(const std::string& why) {
  std::fprintf(stderr, "seal_cost: %s\n", why.c_str());
  std::_Exit(1);
}

double Percentile(std::vector<double> values, double part) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(part * static_cast<double>(values.size() - 1))];
}

// A page that children write their answer to.
double* Shared() {
  static auto* page = static_cast<double*>(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  return page;
}

void InChild(const std::function<void()>& body) {
  const pid_t child = fork();
  if (child == 0) {
    body();
    _exit(0);
  }
  int status = 0;
  if (waitpid(child, &status, 0) != child || status != 0) Die("a child failed: " + std::to_string(status));
}

Seal Words(int in, int out) {
  Seal seal(SealSelfTest::kOff);
  seal.Read(in).Write(out).Memory().Time().Strays(SealStrays::kClose);
  return seal;
}

void RawInstall(const std::vector<std::uint64_t>& code) {
  sock_fprog program{static_cast<unsigned short>(code.size()), reinterpret_cast<sock_filter*>(const_cast<std::uint64_t*>(code.data()))};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) != 0) {
    Die("seccomp");
  }
}

// The same words by hand, as its manual would have it.
void LibSeccomp(int in, int out) {
  scmp_filter_ctx context = seccomp_init(SCMP_ACT_KILL_PROCESS);
  const auto allow = [&](int call) { (void)seccomp_rule_add(context, SCMP_ACT_ALLOW, call, 0); };
  for (const int call : {SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(rt_sigreturn), SCMP_SYS(brk), SCMP_SYS(munmap),
                         SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(futex), SCMP_SYS(clock_gettime), SCMP_SYS(nanosleep),
                         SCMP_SYS(rt_sigprocmask), SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(getppid)}) {
    allow(call);
  }
  for (const int call : {SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(pread64)}) {
    (void)seccomp_rule_add(context, SCMP_ACT_ALLOW, call, 1, SCMP_A0(SCMP_CMP_EQ, static_cast<scmp_datum_t>(in)));
  }
  for (const int call : {SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(pwrite64)}) {
    (void)seccomp_rule_add(context, SCMP_ACT_ALLOW, call, 1, SCMP_A0(SCMP_CMP_EQ, static_cast<scmp_datum_t>(out)));
  }
  (void)seccomp_rule_add(context, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
  (void)seccomp_rule_add(context, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
  if (seccomp_load(context) != 0) Die("seccomp_load");
  seccomp_release(context);
}

struct Row {
  std::string name;
  std::vector<double> values;
};

void Print(const Row& row, const char* unit, const char* end) {
  std::printf("  {\"name\": \"%s\", \"unit\": \"%s\", \"p50\": %.2f, \"p99\": %.2f}%s\n", row.name.c_str(), unit,
              Percentile(row.values, 0.5), Percentile(row.values, 0.99), end);
}

// Microseconds of `lock` inside children.
Row Lock(const char* name, int rounds, const std::function<void()>& lock) {
  Row row{name, {}};
  for (int i = 0; i < rounds; ++i) {
    InChild([&] {
      const std::uint64_t start = Now();
      lock();
      Shared()[0] = static_cast<double>(Now() - start) / 1000;
    });
    row.values.push_back(Shared()[0]);
    Pause();
  }
  return row;
}

// Nanoseconds of one call: the least of several loops, as the other work of a machine only adds.
double Least(const std::function<long()>& call) {
  constexpr int kLoops = 20, kCalls = 20000;
  double least = 1e9;
  for (int loop = 0; loop < kLoops; ++loop) {
    const std::uint64_t start = Now();
    for (int i = 0; i < kCalls; ++i) call();
    least = std::min(least, static_cast<double>(Now() - start) / kCalls);
  }
  return least;
}

Row Call(const char* name, int rounds, const PreparedSeal* seal, const std::function<long()>& call) {
  Row row{name, {}};
  for (int i = 0; i < rounds; ++i) {
    InChild([&] {
      if (seal != nullptr && !seal->Apply().ok()) Die("Apply");
      Shared()[0] = Least(call);
    });
    row.values.push_back(Shared()[0]);
    Pause();
  }
  return row;
}

// Microseconds from the fork to the end of the child.
Row Job(const char* name, int rounds, const std::function<void()>& body) {
  Row row{name, {}};
  for (int i = 0; i < rounds; ++i) {
    const std::uint64_t start = Now();
    const pid_t child = fork();
    if (child == 0) {
      body();
      syscall(SYS_exit_group, 0);
    }
    int status = 0;
    if (waitpid(child, &status, 0) != child || status != 0) Die("a job failed");
    row.values.push_back(static_cast<double>(Now() - start) / 1000);
    Pause();
  }
  return row;
}

int Main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 300;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(0, &one);
  sched_setaffinity(0, sizeof(one), &one);
  for (int fd = 3; fd < 256; ++fd) close(fd);
  const int in = open("/dev/null", O_RDONLY), out = open("/dev/null", O_WRONLY);
  dup2(in, 0);
  Shared();
  auto prepared = Words(in, out).Read(0).Write(1).Write(2).Prepare();
  if (!prepared.ok()) Die(prepared.error().ToString());
  const std::vector<std::uint64_t> code = prepared->Program(getpid());
  const auto apply = [&] {
    if (!prepared->Apply().ok()) Die("Apply");
  };
  const auto nothing = [&] { return syscall(SYS_getppid); };
  char byte;
  const auto read_call = [&] { return syscall(SYS_read, in, &byte, 1); };
  std::printf("{\"instructions\": %zu, \"rounds\": %d, \"rows\": [\n", code.size(), rounds);
  Print(Lock("Apply, prepared", rounds, apply), "us", ",");
  Print(Lock("floor: the two system calls of the same filter", rounds, [&] { RawInstall(code); }), "us", ",");
  Print(Lock("Apply, everything (compile, warm up, read /proc/self/maps)", rounds, [&] {
    if (!Words(in, out).Read(0).Write(1).Write(2).Apply().ok()) Die("Apply");
  }), "us", ",");
  Print(Lock("rival: libseccomp, rules and load", rounds, [&] { LibSeccomp(in, out); }), "us", ",");
  const int few = std::max(3, rounds / 20);
  Print(Call("getppid, bare", few, nullptr, nothing), "ns", ",");
  Print(Call("getppid, sealed (allowed whatever its arguments)", few, &*prepared, nothing), "ns", ",");
  Print(Call("read, bare", few, nullptr, read_call), "ns", ",");
  Print(Call("read, sealed (its descriptor is checked)", few, &*prepared, read_call), "ns", ",");
  Print(Job("floor: fork, exit", rounds, [] {}), "us", ",");
  Print(Job("floor: fork, the two system calls, exit", rounds, [&] { RawInstall(code); }), "us", ",");
  Print(Job("fork, Apply, exit", rounds, apply), "us", "");
  std::printf("]}\n");
  return 0;
}

}  // namespace
}  // namespace moat::bench

int main(int argc, char** argv) { return moat::bench::Main(argc, argv); }
