#include "watch/unwinder.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "base/safe_text.h"
#include "sys/calls.h"

namespace moat::watch {
namespace {

constexpr int kPatienceMs = 30'000;  // it limits its own processor time to less

template <typename Row>
void Append(std::string& bytes, const Row& row) {
  bytes.append(reinterpret_cast<const char*>(&row), sizeof(row));
}

std::string Packed(const std::vector<Snapshot>& snapshots, std::size_t files) {
  std::string bytes;
  unwind::Head head;
  head.snapshots = static_cast<std::uint32_t>(snapshots.size());
  head.files = static_cast<std::uint32_t>(files);
  Append(bytes, head);
  for (const Snapshot& each : snapshots) {
    Append(bytes, unwind::SnapshotHead{each.pc, each.sp, static_cast<std::uint32_t>(each.rows.size()), static_cast<std::uint32_t>(each.stack.size())});
    for (const unwind::MappingRow& row : each.rows) Append(bytes, row);
    bytes += each.stack;
  }
  return bytes;
}

// The helper's descriptors, under numbers that are out of the way of those that it will have.
class Descriptors {
 public:
  Descriptors() { posix_spawn_file_actions_init(&actions_); }
  ~Descriptors() { posix_spawn_file_actions_destroy(&actions_); }
  Descriptors(const Descriptors&) = delete;
  Descriptors& operator=(const Descriptors&) = delete;

  Status Give(int fd, int number) {
    constexpr int kAbove = unwind::kFirstFile + static_cast<int>(unwind::kMaxFiles);
    sys::Fd high(fcntl(fd, F_DUPFD_CLOEXEC, kAbove));
    if (!high.valid()) return SystemError("fcntl", errno, "a descriptor for the unwinder");
    posix_spawn_file_actions_adddup2(&actions_, high.get(), number);
    held_.push_back(std::move(high));
    return {};
  }
  const posix_spawn_file_actions_t* actions() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_;
  std::vector<sys::Fd> held_;
};

Result<pid_t> Spawn(const std::string& helper, const Descriptors& descriptors) {
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  char* argv[] = {const_cast<char*>("moat-unwind"), nullptr};
  char* environment[] = {nullptr};
  pid_t pid = 0;
  const int failed = posix_spawn(&pid, helper.c_str(), descriptors.actions(), &attributes, argv, environment);
  posix_spawnattr_destroy(&attributes);
  if (failed != 0) return SystemError("posix_spawn", failed, helper);
  return pid;
}

void AwaitEnd(pid_t pid) {
  auto held = sys::pidfd_open(pid);
  pollfd ends{held.ok() ? held->get() : -1, POLLIN, 0};
  if (!held.ok() || poll(&ends, 1, kPatienceMs) != 1) kill(pid, SIGKILL);  // our child, and not yet waited for
  while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace

std::vector<std::vector<UnwoundFrame>> ReadFrames(std::string_view said, std::size_t snapshots) {
  std::vector<std::vector<UnwoundFrame>> stacks;
  std::vector<UnwoundFrame> stack;
  while (stacks.size() < snapshots) {
    const std::size_t end = said.find('\n');
    if (end == std::string_view::npos) break;  // it died in the middle of one
    const std::string line(said.substr(0, end));
    said.remove_prefix(end + 1);
    if (line == ".") {
      stacks.push_back(std::exchange(stack, {}));
      continue;
    }
    char* rest = nullptr;
    const std::uint64_t address = std::strtoull(line.c_str(), &rest, 16);
    if (rest == line.c_str() || stack.size() >= unwind::kMaxFrames) break;
    const std::string name = *rest == ' ' ? std::string(rest + 1).substr(0, unwind::kMaxName) : "";
    stack.push_back({address, base::Printable(name)});
  }
  stacks.resize(snapshots);
  return stacks;
}

Result<std::vector<std::vector<UnwoundFrame>>> Unwind(const std::string& helper, const std::vector<Snapshot>& snapshots,
                                                      const std::vector<sys::Fd>& files) {
  if (snapshots.empty()) return std::vector<std::vector<UnwoundFrame>>();
  const sys::MemFd asked = MOAT_TRY(sys::memfd_create("moat-stacks", 0));
  MOAT_TRY(sys::WriteAll(asked.get(), Packed(snapshots, files.size()), "stacks"));
  lseek(asked.get(), 0, SEEK_SET);
  const sys::MemFd said = MOAT_TRY(sys::memfd_create("moat-frames", 0));
  Descriptors descriptors;
  MOAT_TRY(descriptors.Give(asked.get(), 0));
  MOAT_TRY(descriptors.Give(said.get(), 1));
  for (std::size_t i = 0; i < files.size(); ++i) {
    MOAT_TRY(descriptors.Give(files[i].get(), unwind::kFirstFile + static_cast<int>(i)));
  }
  AwaitEnd(MOAT_TRY(Spawn(helper, descriptors)));
  lseek(said.get(), 0, SEEK_SET);
  const std::string text = MOAT_TRY(sys::ReadAll(said, unwind::kMaxSaid, "frames"));
  return ReadFrames(text, snapshots.size());
}

}  // namespace moat::watch
