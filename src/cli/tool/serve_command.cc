#include "cli/tool/serve_command.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <new>

#include "cli/say.h"
#include "serve/daemon.h"
#include "sys/ballast.h"
#include "sys/write_now.h"

namespace moat::tool {
namespace {

using cli::Fail;

constexpr std::size_t kBallast = 8U << 20;

constexpr char kUsage[] = R"(moat serve [--take-over] [--ready-fd N] [CONFIG]

Runs jobs for others, by profile, behind a queue: docs/pool.md. CONFIG is /etc/moat/pool.toml by default.

  --take-over    takes the socket and the clients of the daemon that serves at CONFIG's socket; that one
                 finishes its jobs and goes. Nobody is refused meanwhile. Without one: as ever
  --ready-fd N   writes a line to descriptor N, and closes it, when the doors are open

SIGTERM: takes no more jobs, finishes those it has, and goes; the second one cancels them. SIGHUP:
reads CONFIG anew.
)";

// For people, on standard error. Jobs do not wait for whoever reads it, or does not: lines are lost then, and
// the next one that gets through says how many.
class Sayer {
 public:
  void Say(const std::string& what) {
    std::string line = "moat serve: " + what + "\n";
    if (lost_ > 0) line = "\nmoat serve: " + std::to_string(lost_) + " lines are lost here\n" + line;
    lost_ = sys::WriteNow(STDERR_FILENO, line) == line.size() ? 0 : lost_ + 1;
  }

 private:
  unsigned long lost_ = 0;
};

}  // namespace

int ServeCommand(const std::vector<std::string>& args) {
  std::string config;
  int ready_fd = -1;
  auto start = serve::DaemonStart::kAnew;
  for (std::size_t i = 0; i < args.size(); ++i) {
    if (args[i] == "--help" || args[i] == "-h") {
      std::fputs(kUsage, stdout);
      return 0;
    }
    if (args[i] == "--take-over") {
      start = serve::DaemonStart::kTakeOver;
    } else if (args[i] == "--ready-fd" && i + 1 < args.size()) {
      char* end = nullptr;
      const long number = std::strtol(args[++i].c_str(), &end, 10);
      if (*end != '\0' || number < 1 || number > 1'000'000) return Fail(PolicyError("--ready-fd wants the number of a descriptor"));
      ready_fd = static_cast<int>(number);
    } else if (args[i].rfind('-', 0) == 0 || !config.empty()) {
      return Fail(WithFix(PolicyError("`" + args[i] + "` is not understood"), "`moat serve --help`"));
    } else {
      config = args[i];
    }
  }
  serve::DaemonHooks hooks;
  Sayer sayer;
  hooks.say = [&sayer](const std::string& line) { sayer.Say(line); };
  hooks.ready = [ready_fd] {
    if (ready_fd < 0) return;
    (void)!write(ready_fd, "ready\n", 6);
    close(ready_fd);
  };
  sys::Ballast::Load(kBallast);
  try {
    const Status ran = serve::RunDaemon(config.empty() ? "/etc/moat/pool.toml" : config, hooks, start);
    return ran.ok() ? 0 : Fail(ran.error());
  } catch (const std::bad_alloc&) {  // with its reserve: its clients learn it by the connections that break
    return Fail(SystemError("malloc", ENOMEM, "the daemon"));
  }
}

}  // namespace moat::tool
