// A child process of a test: started, fed, read, and never left behind.
//
//   testkit::Command command;
//   command.argv = {"/bin/echo", "hi"};
//   EXPECT_EQ(testkit::Run(command).out, "hi\n");
//
// Forks: for single-threaded tests only.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sys/fd.h"

namespace moat::testkit {

struct Command {
  std::vector<std::string> argv;  // argv[0] is a path
  std::vector<std::string> environment;  // "NAME=value", all of it
  std::string cwd;                       // "": the test's own
  std::string input;                     // what standard input holds, then its end
  bool keep_input_open = false;          // for Process::Write
  std::optional<uid_t> as;               // uid and gid to become
  std::vector<gid_t> groups;             // supplementary ones, when the test is root
  std::map<int, int> descriptors;        // number in the child -> ours; may replace 0, 1, 2
  std::function<void()> in_child;        // right before the exec, already as that user
  // Far beyond what any test needs: it only ends what would hang for ever.
  std::chrono::milliseconds timeout = std::chrono::minutes(2);
};

struct Finished {
  int status = 0;  // of waitpid
  bool timed_out = false;
  std::string out, err;
  int exit_code() const;  // -1 when a signal ended it
  int signal() const;     // 0 when it exited
};

class Process {
 public:
  explicit Process(const Command& command);
  Process(Process&&) = default;
  Process& operator=(Process&&) = delete;
  ~Process();  // kills it when it still runs

  pid_t pid() const { return pid_; }
  bool Signal(int number) const;  // by pidfd: never somebody else
  void Write(std::string_view text);
  void CloseInput();
  // Reads until standard output holds `text`; false when it ended or took too long.
  bool AwaitOutput(std::string_view text);
  bool AwaitError(std::string_view text);  // the same of standard error
  Finished Finish();  // reads to the end of everything and reaps
  const std::string& out() const { return finished_.out; }
  const std::string& err() const { return finished_.err; }

 private:
  bool Await(const std::string& where, std::string_view text);
  bool PumpOnce();  // false when there is nothing to wait for, or the time is over
  void ReadSome(sys::Fd& from, std::string& to);
  void WriteSome();

  pid_t pid_ = -1;
  sys::Fd pidfd_, in_, out_, err_;
  std::string to_write_;
  bool keep_input_open_ = false, reaped_ = false;
  std::chrono::steady_clock::time_point deadline_;
  Finished finished_;
};

Finished Run(const Command& command);

// The environment of this process, for Command::environment.
std::vector<std::string> OwnEnvironment();

}  // namespace moat::testkit
