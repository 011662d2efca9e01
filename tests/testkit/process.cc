#include "testkit/process.h"

#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <csignal>
#include <cstring>

extern char** environ;

namespace moat::testkit {
namespace {

using Clock = std::chrono::steady_clock;

// Above every number that a test asks for.
constexpr int kParkedFd = 700;

std::vector<char*> Pointers(const std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

[[noreturn]] void Die(const char* what) {
  const std::string line = std::string("test child: ") + what + ": " + std::strerror(errno) + "\n";
  (void)!::write(2, line.data(), line.size());
  ::_exit(126);
}

// First out of the way, then into place: no source can be overwritten by a target.
void PlaceDescriptors(const std::map<int, int>& wanted) {
  std::map<int, int> parked;
  for (const auto& [number, ours] : wanted) {
    parked[number] = ::fcntl(ours, F_DUPFD_CLOEXEC, kParkedFd);
    if (parked[number] < 0) Die("fcntl");
  }
  for (const auto& [number, ours] : parked) {
    if (::dup2(ours, number) < 0) Die("dup2");
  }
}

void Become(const Command& command) {
  if (::geteuid() != 0) return;
  if (::setgroups(command.groups.size(), command.groups.data()) != 0) Die("setgroups");
  if (!command.as) return;
  const uid_t uid = *command.as;
  if (::setresgid(uid, uid, uid) != 0 || ::setresuid(uid, uid, uid) != 0) Die("setresuid");
}

[[noreturn]] void Child(const Command& command, const std::map<int, int>& descriptors) {
  PlaceDescriptors(descriptors);
  Become(command);
  if (!command.cwd.empty() && ::chdir(command.cwd.c_str()) != 0) Die("chdir");
  if (command.in_child) command.in_child();
  ::execve(command.argv[0].c_str(), Pointers(command.argv).data(), Pointers(command.environment).data());
  Die(command.argv[0].c_str());
}

void MakePipe(sys::Fd& read_end, sys::Fd& write_end) {
  int ends[2] = {-1, -1};
  EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  read_end = sys::Fd(ends[0]);
  write_end = sys::Fd(ends[1]);
}

int MillisecondsUntil(Clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 1 << 30));
}

// How many times as long as elsewhere things may take: an emulated processor is slow.
int Patience() {
  const char* text = std::getenv("MOAT_TEST_PATIENCE");
  return text != nullptr ? std::max(1, std::atoi(text)) : 1;
}

}  // namespace

int Finished::exit_code() const { return WIFEXITED(status) ? WEXITSTATUS(status) : -1; }
int Finished::signal() const { return WIFSIGNALED(status) ? WTERMSIG(status) : 0; }

Process::Process(const Command& command)
    : to_write_(command.input), keep_input_open_(command.keep_input_open), deadline_(Clock::now() + command.timeout * Patience()) {
  sys::Fd in, out, err;
  MakePipe(in, in_);
  MakePipe(out_, out);
  MakePipe(err_, err);
  // What a daemon logs is read when it has ended, and it does not wait for its reader.
  ::fcntl(err_.get(), F_SETPIPE_SZ, 1 << 20);
  std::map<int, int> descriptors = command.descriptors;
  descriptors.emplace(0, in.get());  // emplace: what the test asked for wins
  descriptors.emplace(1, out.get());
  descriptors.emplace(2, err.get());
  // Not fork: a sanitizer starts a thread of its own in that child, which could then enter no
  // user namespace.
  pid_ = ::_Fork();
  if (pid_ == 0) Child(command, descriptors);
  EXPECT_GT(pid_, 0);
  pidfd_ = sys::Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  EXPECT_TRUE(pidfd_.valid());
  for (const sys::Fd* end : {&in_, &out_, &err_}) EXPECT_EQ(::fcntl(end->get(), F_SETFL, O_NONBLOCK), 0);
  if (to_write_.empty() && !keep_input_open_) in_.Close();
}

Process::~Process() {
  if (pid_ <= 0 || reaped_ || !pidfd_.valid()) return;
  Signal(SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

bool Process::Signal(int number) const {
  return ::syscall(SYS_pidfd_send_signal, pidfd_.get(), number, nullptr, 0) == 0;
}

void Process::Write(std::string_view text) {
  to_write_ += text;
  WriteSome();
}

void Process::CloseInput() {
  keep_input_open_ = false;
  if (to_write_.empty()) in_.Close();
}

void Process::ReadSome(sys::Fd& from, std::string& to) {
  char block[65536];
  const ssize_t count = ::read(from.get(), block, sizeof(block));
  if (count > 0) {
    to.append(block, static_cast<std::size_t>(count));
  } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
    from.Close();
  }
}

void Process::WriteSome() {
  // A reader that is gone is no matter of the test process: no SIGPIPE for it.
  struct sigaction ignore {}, before {};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &ignore, &before);
  const ssize_t count = in_.valid() ? ::write(in_.get(), to_write_.data(), to_write_.size()) : -1;
  const bool gone = in_.valid() && count < 0 && errno == EPIPE;
  ::sigaction(SIGPIPE, &before, nullptr);
  if (count > 0) to_write_.erase(0, static_cast<std::size_t>(count));
  if (gone) to_write_.clear();
  if (gone || (to_write_.empty() && !keep_input_open_)) in_.Close();
}

bool Process::PumpOnce() {
  struct pollfd polls[3] = {{out_.get(), POLLIN, 0}, {err_.get(), POLLIN, 0},
                            {to_write_.empty() ? -1 : in_.get(), POLLOUT, 0}};
  if (!out_.valid() && !err_.valid()) return false;
  const int ready = ::poll(polls, 3, MillisecondsUntil(deadline_));
  if (ready == 0) {
    finished_.timed_out = true;
    return false;
  }
  if (polls[0].revents != 0) ReadSome(out_, finished_.out);
  if (polls[1].revents != 0) ReadSome(err_, finished_.err);
  if (polls[2].revents != 0) WriteSome();
  return true;
}

bool Process::Await(const std::string& where, std::string_view text) {
  while (where.find(text) == std::string::npos) {
    if (!PumpOnce()) return where.find(text) != std::string::npos;
  }
  return true;
}

bool Process::AwaitOutput(std::string_view text) { return Await(finished_.out, text); }
bool Process::AwaitError(std::string_view text) { return Await(finished_.err, text); }

Finished Process::Finish() {
  CloseInput();
  while (PumpOnce()) {
  }
  struct pollfd ended = {pidfd_.get(), POLLIN, 0};
  if (!finished_.timed_out && ::poll(&ended, 1, MillisecondsUntil(deadline_)) == 0) finished_.timed_out = true;
  if (finished_.timed_out) Signal(SIGKILL);
  EXPECT_FALSE(finished_.timed_out) << "a child did not end in time; it said: " << finished_.out << finished_.err;
  EXPECT_EQ(::waitpid(pid_, &finished_.status, 0), pid_);
  reaped_ = true;
  return finished_;
}

Finished Run(const Command& command) { return Process(command).Finish(); }

std::vector<std::string> OwnEnvironment() {
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) variables.emplace_back(*variable);
  return variables;
}

}  // namespace moat::testkit
