// A program that serves: each request is a word that says what to do, or to try.
//
//   pool_zygote [apart] [memory] [errno] [kill] [stray] [shared] [thread] [threads] [no-serve]
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "moat/worker.h"
#include "pool/keeper_call.h"
#include "pool/worker_protocol.h"

namespace {

using moat::WorkerJob;

int g_count = 0;
int g_mapped = -1;
char* volatile g_nowhere = nullptr;
std::string g_secret_of_a_job;

int Copy(WorkerJob& job) {
  char buffer[4096];
  for (std::size_t i = 0; i < job.inputs().size(); ++i) {
    for (ssize_t got; (got = read(job.inputs()[i].fd, buffer, sizeof(buffer))) > 0;) {
      if (write(job.outputs()[0], buffer, static_cast<std::size_t>(got)) != got) return 2;
    }
  }
  return 0;
}

int Spin(WorkerJob&);

// Who comes by HTTP says nothing but what is in the input.
int CopyOrSpin(WorkerJob& job) {
  char begin[4] = {};
  const ssize_t got = job.inputs().empty() ? 0 : pread(job.inputs()[0].fd, begin, 4, 0);
  return got == 4 && std::memcmp(begin, "spin", 4) == 0 ? Spin(job) : Copy(job);
}

int Sizes(WorkerJob& job) {
  std::string text;
  for (const auto& input : job.inputs()) text += std::to_string(input.size) + " ";
  return job.Answer(text).ok() ? 0 : 2;
}

// Arguments in brackets, then names of inputs.
int Words(WorkerJob& job) {
  std::string text;
  for (const std::string_view argument : job.arguments()) text += "[" + std::string(argument) + "]";
  for (const auto& input : job.inputs()) text += "(" + std::string(input.name) + ")";
  return job.Answer(text).ok() ? 0 : 2;
}

// Every job must find the program as it was at Serve.
int Clean(WorkerJob& job) {
  const bool clean = g_count == 0 && g_secret_of_a_job.empty();
  g_count = 1;
  g_secret_of_a_job = "left by a job";
  return job.Answer(clean ? "clean" : "dirty").ok() ? 0 : 2;
}

int Fill(WorkerJob&) {
  std::vector<char*> all;
  for (;;) {
    all.push_back(new char[1 << 20]);
    std::memset(all.back(), 1, 1 << 20);
  }
}

int Grow(WorkerJob& job) {
  const std::string block(1 << 16, 'x');
  for (;;) {
    if (write(job.outputs()[0], block.data(), block.size()) <= 0) return 3;
  }
}

int Flood(WorkerJob&) {
  const std::string block(1000, 'x');
  for (int i = 0; i < 100; ++i) (void)!write(moat::pool::kChannelFd, block.data(), block.size());
  return 0;
}

int Spin(WorkerJob&) {
  for (;;) __asm__ volatile("");
}

// The place of the keeper's number, and what is in it now.
int Number(WorkerJob& job) {
  const auto place = reinterpret_cast<std::uintptr_t>(&moat::pool::internal::g_keeper_number);
  return job.Answer(std::to_string(place) + " " + std::to_string(moat::pool::internal::g_keeper_number)).ok() ? 0 : 2;
}

// Says where the number was, and stays, so that somebody can look through its memory.
int Wait(WorkerJob& job) {
  const int code = Number(job);
  char byte;
  return read(job.inputs()[0].fd, &byte, 1) >= 0 ? code : 2;
}

// Says in its log that it has begun, and stays until its input ends.
int Hold(WorkerJob& job) {
  char byte = '.';
  if (write(2, &byte, 1) != 1) return 3;
  return read(job.inputs()[0].fd, &byte, 1) == 0 ? 0 : 2;
}

// Says in its output that it has begun, and stays.
int Once(WorkerJob& job) {
  if (write(job.outputs()[0], "started", 7) != 7) return 3;
  for (;;) __asm__ volatile("");
}

int ThreadsWork(WorkerJob& job) {
  int sum = 0;
  std::thread([&] { sum += 1; }).join();
  return job.Answer("threads " + std::to_string(sum)).ok() ? 0 : 2;
}

int MapFont(WorkerJob& job) {
  void* memory = mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE, g_mapped, 0);
  if (memory == MAP_FAILED) return 2;
  return job.Answer({static_cast<const char*>(memory), 4}).ok() ? 0 : 2;
}

int MapInput(WorkerJob& job) {
  void* memory = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, job.inputs()[0].fd, 0);
  if (memory == MAP_FAILED) return 2;
  static_cast<char*>(memory)[0] = 'X';  // a copy
  return job.Answer({static_cast<const char*>(memory), 4}).ok() ? 0 : 2;
}

long Attempt(const std::string& what, WorkerJob& job) {
  char byte = 0;
  struct iovec part{&byte, 1};
  struct msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  const long pid = syscall(SYS_getpid);
  const long clone_flags = CLONE_PARENT | CLONE_PIDFD | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;
  int number[8] = {};
  if (what == "clone") return syscall(SYS_clone, clone_flags, 0L, number, number, 0L, 0L);
  if (what == "clone-guess") return syscall(SYS_clone, clone_flags, 0L, number, number, 0L, 0x6d6f61746e6f6e63L);
  if (what == "keeper-clone") return moat::pool::KeeperCall(SYS_clone, static_cast<std::uint64_t>(clone_flags), 0UL, number, number, 0UL);
  if (what == "keeper-recvmsg") return moat::pool::KeeperCall(SYS_recvmsg, moat::pool::kChannelFd, &message, 0);
  if (what == "fork") return syscall(SYS_fork);
  if (what == "recvmsg") return recvmsg(moat::pool::kChannelFd, &message, 0);
  if (what == "sendmsg") return sendmsg(moat::pool::kChannelFd, &message, 0);
  if (what == "read-channel") return read(moat::pool::kChannelFd, &byte, 1);
  if (what == "read-output") return read(job.outputs()[0], &byte, 1);
  if (what == "write-input") return write(job.inputs()[0].fd, &byte, 1);
  if (what == "map-shared") return mmap(nullptr, 4096, PROT_WRITE, MAP_SHARED, job.inputs()[0].fd, 0) == MAP_FAILED ? -1 : 0;
  if (what == "map-output") return mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE, job.outputs()[0], 0) == MAP_FAILED ? -1 : 0;
  if (what == "dup") return dup(job.inputs()[0].fd);
  if (what == "dup3") return syscall(SYS_dup3, job.outputs()[0], job.inputs()[0].fd, 0);
  if (what == "close-channel") return close(moat::pool::kChannelFd);
  if (what == "close-range") return syscall(SYS_close_range, 0, ~0U, 0);
  if (what == "open") return open("/etc/passwd", O_RDONLY);
  if (what == "socket") return socket(AF_INET, SOCK_STREAM, 0);
  if (what == "kill-zygote") return kill(getppid(), SIGKILL);
  if (what == "kill-all") return kill(-1, SIGKILL);
  if (what == "stop-self") return static_cast<long>(syscall(SYS_tgkill, pid, pid, SIGSTOP));
  if (what == "sigsys-self") return static_cast<long>(syscall(SYS_tgkill, pid, pid, SIGSYS));
  if (what == "kill-by-pidfd") return syscall(SYS_pidfd_send_signal, moat::pool::kSelfFd, SIGKILL, nullptr, 0);
  if (what == "abort-group") return syscall(SYS_pidfd_send_signal, moat::pool::kSelfFd, SIGABRT, nullptr, 4);
  if (what == "pidfd-open") return syscall(SYS_pidfd_open, getppid(), 0);
  if (what == "fetch-fd") return syscall(SYS_pidfd_getfd, moat::pool::kSelfFd, 0, 0);
  if (what == "memory-of-parent") return syscall(SYS_process_vm_readv, getppid(), &part, 1, &part, 1, 0);
  if (what == "ptrace") return syscall(SYS_ptrace, 16, getppid(), 0, 0);
  if (what == "death-signal") return syscall(SYS_prctl, 1, 0, 0, 0, 0);
  if (what == "dumpable") return syscall(SYS_prctl, 4, 1, 0, 0, 0);
  if (what == "raise-limit") return syscall(SYS_prlimit64, 0, 2, number, nullptr);
  if (what == "executable") return mprotect(reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(&g_count) & ~4095UL), 4096, 7);
  if (what == "unshare") return unshare(CLONE_NEWUSER);
  if (what == "execve") return execl("/bin/true", "true", nullptr);
  if (what == "seccomp") return syscall(SYS_seccomp, 0, 0, 0);
  throw std::runtime_error("no such attempt: " + what);
}

using Handler = int (*)(WorkerJob&);
const std::map<std::string, Handler> kHandlers = {
    {"", CopyOrSpin}, {"copy", Copy}, {"sizes", Sizes}, {"words", Words}, {"clean", Clean}, {"fill", Fill}, {"grow", Grow},
    {"flood", Flood}, {"spin", Spin},
    {"number", Number}, {"wait", Wait}, {"hold", Hold}, {"once", Once}, {"threads", ThreadsWork}, {"font", MapFont}, {"map", MapInput}};

int Handle(WorkerJob& job) {
  const std::string request(job.request());
  if (const auto found = kHandlers.find(request); found != kHandlers.end()) return found->second(job);
  if (request.rfind("exit ", 0) == 0) return std::atoi(request.c_str() + 5);
  if (request.rfind("echo ", 0) == 0) return job.Answer(request.substr(5)).ok() ? 0 : 2;
  if (request == "log") return write(2, "said to 2\n", 10) == 10 && write(1, "said to 1\n", 10) == 10 ? 0 : 2;
  if (request == "long") return job.Answer(std::string(moat::kMaxWorkerAnswer + 1, 'x')).ok() ? 0 : 4;
  if (request == "twice") return job.Answer("one").ok() && !job.Answer("two").ok() ? 0 : 2;
  if (request == "abort") std::abort();
  if (request == "throw") throw std::runtime_error("a bad day");
  if (request == "bad-alloc") throw std::bad_alloc();
  if (request == "segv") std::memset(g_nowhere, 1, 1);
  if (request == "nothing") return 0;
  if (request == "uid") return job.Answer(std::to_string(geteuid())).ok() ? 0 : 2;
  if (request.rfind("try ", 0) == 0) {
    const long result = Attempt(request.substr(4), job);
    return job.Answer(result < 0 ? "refused" : "done").ok() ? 0 : 2;
  }
  return 99;
}

int OpenFont() {
  const int file = memfd_create("font", 0);
  (void)!write(file, "font", 4);
  if (dup2(file, 20) != 20) return -1;
  close(file);
  return 20;
}

}  // namespace

int main(int argc, char** argv) {
  moat::ServeOptions options;
  const auto has = [&](const char* word) {
    for (int i = 1; i < argc; ++i) {
      if (std::strcmp(argv[i], word) == 0) return true;
    }
    return false;
  };
  if (has("no-serve")) return 7;
  if (has("apart")) options.walls = moat::ServeWalls::kSealedApart;
  if (has("errno")) options.seal.OnViolation(moat::SealViolation::kErrno);
  if (has("kill")) options.seal.OnViolation(moat::SealViolation::kKill);
  if (has("threads")) options.seal.Threads(moat::SealThreads::kNew);
  if (has("role")) options.seal.Read(0);
  if (has("stray")) (void)!open("/", O_RDONLY | O_DIRECTORY);
  if (has("shared")) (void)!mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (has("shared-reading")) {
    const int file = memfd_create("shared", 0);
    if (ftruncate(file, 4096) != 0 || mmap(nullptr, 4096, PROT_READ, MAP_SHARED, file, 0) == MAP_FAILED) return 3;
    close(file);
  }
  std::thread idle;
  if (has("thread")) idle = std::thread([] { pause(); });
  if (!has("strict")) options.seal.Memory().Time();
  g_mapped = OpenFont();
  options.seal.Map(g_mapped);
  options.memory = 32 << 20;
  options.file_size = 1 << 20;
  const moat::Error error = moat::Serve(Handle, options);
  std::fprintf(stderr, "%s\n", error.ToString().c_str());
  _exit(1);
}
