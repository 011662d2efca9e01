#include "program/serve.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "program/failure.h"
#include "program/files.h"
#include "program/run.h"
#include "raster/raster.h"

namespace program {
namespace {

using Clock = std::chrono::steady_clock;
using nlohmann::ordered_json;

constexpr std::size_t kLongestRequest = 1 << 20, kMostSaid = 4096;

// One request that runs. Dropping it ends it.
struct Job {
  std::uint64_t request = 0;
  pid_t pid = -1;
  File ended, said;  // a pidfd; what it says on standard error
  std::string text;
  Clock::time_point began;

  Job() = default;
  Job(Job&& other) noexcept { *this = std::move(other); }
  Job& operator=(Job&& other) noexcept {
    std::swap(request, other.request);
    std::swap(pid, other.pid);
    std::swap(ended, other.ended);
    std::swap(said, other.said);
    std::swap(text, other.text);
    std::swap(began, other.began);
    return *this;
  }
  ~Job() {
    if (pid <= 0) return;
    kill(pid, SIGKILL);
    while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
};

// In the forked process: nothing of the server's is left, neither its requests nor its answers.
[[noreturn]] void BeChild(Command command, int said, pid_t server) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != server) _exit(kSystemCode);
  const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0 || dup2(nothing, STDOUT_FILENO) < 0 || dup2(said, STDERR_FILENO) < 0) _exit(kSystemCode);
  if (close_range(3, ~0U, 0) != 0) _exit(kSystemCode);
  _exit(Run(std::move(command)));
}

class Server {
 public:
  explicit Server(const Command& options) : options_(options) {}

  int Loop() {
    for (;;) {
      while (jobs_.size() < options_.jobs && TakeRequest()) {
      }
      if (broken_) return kSystemCode;
      if (ended_ && jobs_.empty() && input_.empty()) return 0;
      if (input_.size() > kLongestRequest) return kUsageCode;
      Wait();
    }
  }

 private:
  // The next whole line, if there is one; the last may lack its end.
  bool TakeRequest() {
    std::size_t end = input_.find('\n');
    if (end == std::string::npos) {
      if (!ended_ || input_.empty()) return false;
      end = input_.size();
    }
    const std::string line = input_.substr(0, end);
    input_.erase(0, end + 1);
    if (line.find_first_not_of(" \t\r") != std::string::npos) Begin(++requests_, line);
    return true;
  }

  void Begin(std::uint64_t request, const std::string& line) {
    auto command = Understand(line);
    if (const Answer* answer = std::get_if<Answer>(&command)) {
      return Tell({{"request", request}, {"code", answer->code}, {"said", Printable(answer->text)}});
    }
    auto job = Fork(std::get<Command>(std::move(command)));
    if (!job.ok()) return Tell({{"request", request}, {"code", kSystemCode}, {"said", "system: " + job.error().ToString()}});
    job.value().request = request;
    jobs_.push_back(std::move(job.value()));
  }

  static std::variant<Command, Answer> Understand(const std::string& line) {
    const ordered_json json = ordered_json::parse(line, nullptr, false);
    std::vector<std::string> words = {"renderserver"};
    if (!json.is_array()) return Answer{"a request is a JSON array of words", kUsageCode};
    for (const auto& word : json) {
      if (!word.is_string()) return Answer{"a request is a JSON array of words", kUsageCode};
      words.push_back(word.get<std::string>());
    }
    std::vector<const char*> pointers;
    for (const std::string& word : words) pointers.push_back(word.c_str());
    auto command = Parse(static_cast<int>(pointers.size()), pointers.data());
    if (std::holds_alternative<Answer>(command)) return command;
    if (std::get<Command>(command).kind != Command::Kind::kRender) return Answer{"a request is to render", kUsageCode};
    for (const Picture& picture : std::get<Command>(command).pictures) {
      if (picture.path == "-") return Answer{"standard output is for the answers", kUsageCode};
    }
    return command;
  }

  static moat::Result<Job> Fork(Command command) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return moat::SystemError("pipe2", errno);
    Job job;
    job.said = File(ends[0]);
    const File theirs(ends[1]);
    fcntl(job.said.get(), F_SETFL, O_NONBLOCK);
    job.began = Clock::now();
    const pid_t server = getpid(), pid = fork();
    if (pid < 0) return moat::SystemError("fork", errno);
    if (pid == 0) BeChild(std::move(command), theirs.get(), server);
    job.pid = pid;
    job.ended = File(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    if (!job.ended.open()) return moat::SystemError("pidfd_open", errno);
    return job;
  }

  void Wait() {
    std::vector<pollfd> fds;
    for (const Job& job : jobs_) {
      fds.push_back({job.ended.get(), POLLIN, 0});
      fds.push_back({job.said.get(), POLLIN, 0});
    }
    if (!ended_ && jobs_.size() < options_.jobs) fds.push_back({STDIN_FILENO, POLLIN, 0});
    if (poll(fds.data(), fds.size(), UntilTheFirstIsLate()) < 0) return;  // a signal; all is asked again
    if (fds.size() % 2 == 1 && fds.back().revents != 0) ReadInput();
    for (std::size_t i = jobs_.size(); i-- > 0;) {
      Job& job = jobs_[i];
      if (fds[2 * i + 1].revents != 0) Hear(job);
      if (Clock::now() - job.began >= options_.most) kill(job.pid, SIGKILL);
      if (fds[2 * i].revents == 0) continue;
      End(job);
      jobs_.erase(jobs_.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }

  int UntilTheFirstIsLate() const {
    if (jobs_.empty()) return -1;
    auto first = Clock::time_point::max();
    for (const Job& job : jobs_) first = std::min(first, job.began + options_.most);
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(first - Clock::now()).count();
    // Killed, and not yet gone: its end wakes us.
    return left > 0 ? static_cast<int>(std::min<std::int64_t>(left, 1'000'000)) : 100;
  }

  void ReadInput() {
    char bytes[65536];
    const ssize_t got = read(STDIN_FILENO, bytes, sizeof(bytes));
    if (got > 0) input_.append(bytes, static_cast<std::size_t>(got));
    if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN)) ended_ = true;
  }

  // The process may have been taken over: it is heard out, and little of it is kept.
  static void Hear(Job& job) {
    char bytes[4096];
    const ssize_t got = read(job.said.get(), bytes, sizeof(bytes));
    if (got > 0) job.text.append(bytes, std::min(static_cast<std::size_t>(got), kMostSaid - std::min(kMostSaid, job.text.size())));
    if (got == 0) job.said = File();
  }

  void End(Job& job) {
    while (job.said.open() && job.text.size() < kMostSaid) {
      const std::size_t before = job.text.size();
      Hear(job);
      if (job.text.size() == before) break;
    }
    int status = 0;
    while (waitpid(job.pid, &status, 0) < 0 && errno == EINTR) {
    }
    job.pid = -1;
    ordered_json answer = {{"request", job.request}};
    if (WIFSIGNALED(status)) answer["signal"] = WTERMSIG(status);
    if (WIFEXITED(status)) answer["code"] = WEXITSTATUS(status);
    constexpr std::string_view kName = "renderserver: ";
    std::string said = job.text.compare(0, kName.size(), kName) == 0 ? job.text.substr(kName.size()) : job.text;
    while (!said.empty() && said.back() == '\n') said.pop_back();
    if (!said.empty()) answer["said"] = said;
    const std::chrono::duration<double, std::milli> took = Clock::now() - job.began;
    answer["milliseconds"] = std::round(took.count() * 1000) / 1000;
    Tell(answer);
  }

  void Tell(const ordered_json& answer) {
    const std::string line = answer.dump(-1, ' ', true, ordered_json::error_handler_t::replace) + "\n";
    if (!WriteAll(File(STDOUT_FILENO), line.data(), line.size(), "standard output").ok()) broken_ = true;
  }

  const Command options_;
  std::vector<Job> jobs_;
  std::string input_;
  std::uint64_t requests_ = 0;
  bool ended_ = false, broken_ = false;
};

}  // namespace

int Serve(const Command& options) {
  raster::Prewarm();
  return Server(options).Loop();
}

}  // namespace program
