// renderserver_forking JOBS: the floor for whatever forks a process for each file. It is as warm as `serve`, and
// forks for each line of standard input, the words of a command with tabs between them, a process without any
// wall; JOBS at a time. Prints a line with the exit code of each that has ended.
#include <malloc.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "program/command.h"
#include "program/run.h"
#include "raster/raster.h"

namespace program {
namespace {

constexpr int kTrouble = 125;

[[noreturn]] void Draw(const std::string& line) {
  std::vector<std::string> words = {"renderserver"};
  for (std::size_t at = 0; at <= line.size();) {
    const std::size_t end = std::min(line.find('\t', at), line.size());
    words.push_back(line.substr(at, end - at));
    at = end + 1;
  }
  std::vector<const char*> pointers;
  for (const std::string& word : words) pointers.push_back(word.c_str());
  auto command = Parse(static_cast<int>(pointers.size()), pointers.data());
  _exit(std::holds_alternative<Answer>(command) ? kTrouble : Run(std::get<Command>(std::move(command))));
}

class Parent {
 public:
  explicit Parent(unsigned jobs) : jobs_(jobs) {}

  int Loop() {
    for (;;) {
      while (running_ < jobs_ && TakeLine()) {
      }
      if (running_ == 0) return 0;
      int status = 0;
      if (wait(&status) < 0) return kTrouble;
      --running_;
      const std::string answer = std::to_string(WIFEXITED(status) ? WEXITSTATUS(status) : kTrouble) + "\n";
      if (write(STDOUT_FILENO, answer.data(), answer.size()) < 0) return kTrouble;
    }
  }

 private:
  // Waits for one only while nothing runs.
  bool TakeLine() {
    for (std::size_t end; (end = input_.find('\n')) == std::string::npos;) {
      pollfd more{STDIN_FILENO, POLLIN, 0};
      if (poll(&more, 1, running_ == 0 ? -1 : 0) <= 0) return false;
      char bytes[65536];
      const ssize_t got = read(STDIN_FILENO, bytes, sizeof(bytes));
      if (got <= 0) return false;
      input_.append(bytes, static_cast<std::size_t>(got));
    }
    const std::size_t end = input_.find('\n');
    const std::string line = input_.substr(0, end);
    input_.erase(0, end + 1);
    const pid_t pid = fork();
    if (pid == 0) Draw(line);
    if (pid > 0) ++running_;
    return pid > 0;
  }

  const unsigned jobs_;
  unsigned running_ = 0;
  std::string input_;
};

int Main(int argc, char** argv) {
  const int jobs = argc == 2 ? std::atoi(argv[1]) : 0;
  if (jobs < 1) {
    std::fputs("renderserver_forking JOBS\n", stderr);
    return 2;
  }
  raster::Prewarm();
  malloc_trim(0);  // as `serve` does
  return Parent(static_cast<unsigned>(jobs)).Loop();
}

}  // namespace
}  // namespace program

int main(int argc, char** argv) { return program::Main(argc, argv); }
