#include "attack/spawn.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "attack/survivors.h"
#include "sys/calls.h"
#include "sys/fd.h"

namespace moat::attack {
namespace {

constexpr std::size_t kMostOutput = 64 << 10;
constexpr int kFirstFree = 64;  // above every number that a caller asks for

struct Pipe {
  sys::Fd read, write;
};

Result<Pipe> MakePipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return SystemError("pipe2", errno);
  return Pipe{sys::Fd(ends[0]), sys::Fd(ends[1])};
}

std::vector<char*> Pointers(const std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// In the child. Sources are moved up first, so that no target overwrites one.
void PlaceDescriptors(std::vector<std::pair<int, int>> descriptors) {
  for (auto& [number, ours] : descriptors) ours = fcntl(ours, F_DUPFD_CLOEXEC, kFirstFree);
  for (const auto& [number, ours] : descriptors) dup2(ours, number);
}

[[noreturn]] void BecomeChild(const SpawnRequest& request, const Pipe& out, const Pipe& err, const sys::Fd& null) {
  setsid();
  std::vector<std::pair<int, int>> descriptors = {{0, null.get()}, {1, out.write.get()}, {2, err.write.get()}};
  descriptors.insert(descriptors.end(), request.descriptors.begin(), request.descriptors.end());
  PlaceDescriptors(descriptors);
  if (request.in_child) request.in_child();
  if (request.argv.empty()) _exit(0);
  const auto argv = Pointers(request.argv), environment = Pointers(request.environment);
  execve(argv[0], argv.data(), environment.data());
  _exit(127);
}

// False at the end of it.
bool ReadSome(sys::Fd& fd, std::string& text) {
  char block[4096];
  const ssize_t count = read(fd.get(), block, sizeof(block));
  if (count < 0 && errno == EINTR) return true;
  if (count <= 0) {
    fd.Close();
    return false;
  }
  text.append(block, std::min(static_cast<std::size_t>(count), kMostOutput - std::min(text.size(), kMostOutput)));
  return true;
}

using Clock = std::chrono::steady_clock;

// False: the time is up.
bool PumpUntilEnd(const sys::Fd& process, Pipe& out, Pipe& err, Spawned& spawned, Until until, Clock::time_point deadline) {
  while (true) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return false;
    struct pollfd waits[] = {{out.read.get(), POLLIN, 0}, {err.read.get(), POLLIN, 0}, {process.get(), POLLIN, 0}};
    if (until == Until::kStreamsEnd && (out.read.valid() || err.read.valid())) waits[2].fd = -1;
    if (poll(waits, 3, static_cast<int>(left)) < 0 && errno != EINTR) return false;
    if (waits[0].revents != 0) ReadSome(out.read, spawned.out);
    if (waits[1].revents != 0) ReadSome(err.read, spawned.err);
    if (waits[0].revents == 0 && waits[1].revents == 0 && waits[2].revents != 0) return true;
  }
}

void ReadRest(sys::Fd& fd, std::string& text) {
  if (fd.get() < 0) return;
  fcntl(fd.get(), F_SETFL, O_NONBLOCK);
  while (ReadSome(fd, text)) {
  }
}

}  // namespace

Result<Spawned> Spawn(const SpawnRequest& request) {
  Pipe out = MOAT_TRY(MakePipe()), err = MOAT_TRY(MakePipe());
  const sys::Fd null(open("/dev/null", O_RDONLY | O_CLOEXEC));
  Survivors survivors;
  // Not fork: a sanitizer starts a thread of its own in that child, and a seal is for one.
  const pid_t pid = _Fork();
  if (pid < 0) return SystemError("fork", errno);
  if (pid == 0) BecomeChild(request, out, err, null);
  const sys::Fd process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (request.until == Until::kStreamsEnd) out.write.Close();  // else kept, to look at it afterwards
  err.write.Close();
  Spawned spawned;
  spawned.timed_out = !PumpUntilEnd(process, out, err, spawned, request.until, Clock::now() + request.timeout);
  spawned.nonblocking = out.write.valid() && (fcntl(out.write.get(), F_GETFL) & O_NONBLOCK) != 0;
  // Its session is its own, and its number is not free before it is reaped: nobody else is hit.
  if (spawned.timed_out) {
    kill(-pid, SIGKILL);
    kill(pid, SIGKILL);
  }
  while (waitpid(pid, &spawned.status, 0) < 0 && errno == EINTR) {
  }
  spawned.survivors = survivors.End();
  out.write.Close();
  ReadRest(out.read, spawned.out);
  ReadRest(err.read, spawned.err);
  return spawned;
}

}  // namespace moat::attack
