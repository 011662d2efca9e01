#include "bench/start.h"

#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

#include "sys/calls.h"

namespace moat::bench {
namespace {

// Enters another mount namespace for the moment of the start. The caller has one thread.
class Visit {
 public:
  explicit Visit(const sys::Fd* where) {
    if (where == nullptr) return;
    home_ = sys::Fd(open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC));
    if (home_.valid() && setns(where->get(), CLONE_NEWNS) != 0) home_ = sys::Fd();
  }
  ~Visit() {
    if (home_.valid()) setns(home_.get(), CLONE_NEWNS);
  }
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;

 private:
  sys::Fd home_;
};

std::vector<char*> Pointers(const std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

class Streams {
 public:
  Streams(int in, int out, int err) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_adddup2(&actions_, in, 0);
    posix_spawn_file_actions_adddup2(&actions_, out, 1);
    posix_spawn_file_actions_adddup2(&actions_, err, 2);
  }
  ~Streams() { posix_spawn_file_actions_destroy(&actions_); }
  Streams(const Streams&) = delete;
  Streams& operator=(const Streams&) = delete;
  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_;
};

Result<std::string> Content(const sys::Fd& file) {
  lseek(file.get(), 0, SEEK_SET);
  return sys::ReadAll(file, 1 << 20, "output");
}

}  // namespace

double Now() {
  struct timespec time {};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

Result<Timed> StartAndWait(const Program& program, const Conditions& conditions, int out, int err) {
  const int null = conditions.null.get();
  const Streams streams(null, out >= 0 ? out : null, err >= 0 ? err : null);
  const std::vector<char*> argv = Pointers(program.argv), envp = Pointers(conditions.environment);
  Timed timed;
  pid_t pid = 0;
  int error = 0;
  double begin = 0;
  {
    const Visit visit(program.namespaces);
    begin = Now();
    error = posix_spawn(&pid, argv[0], streams.get(), nullptr, argv.data(), envp.data());
  }
  if (error != 0) return SystemError("posix_spawn", error, program.argv[0]);
  while (waitpid(pid, &timed.status, 0) < 0) {
    if (errno != EINTR) return SystemError("waitpid", errno);
  }
  timed.microseconds = Now() - begin;
  return timed;
}

Result<Said> Ask(const Program& program, const Conditions& conditions) {
  const sys::Fd out(memfd_create("out", MFD_CLOEXEC)), err(memfd_create("err", MFD_CLOEXEC));
  if (!out.valid() || !err.valid()) return SystemError("memfd_create", errno);
  const Timed timed = MOAT_TRY(StartAndWait(program, conditions, out.get(), err.get()));
  return Said{timed.status, MOAT_TRY(Content(out)), MOAT_TRY(Content(err))};
}

std::string FindProgram(const std::string& name) {
  for (const char* folder : {"/usr/local/bin/", "/usr/bin/", "/bin/", "/usr/sbin/"}) {
    if (access((folder + name).c_str(), X_OK) == 0) return folder + name;
  }
  return {};
}

}  // namespace moat::bench
