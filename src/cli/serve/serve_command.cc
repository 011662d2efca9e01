#include "cli/serve/serve_command.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <new>

#include "cli/say.h"
#include "serve/daemon.h"
#include "sys/ballast.h"
#include "sys/calls.h"

namespace moat::serve_tool {
namespace {

using cli::Fail;

constexpr std::size_t kBallast = 8U << 20;

constexpr char kUsage[] = R"(moat serve [--take-over] [--ready-fd N] [CONFIG]
moat serve --metrics [CONFIG]

Runs jobs for others, by profile, behind a queue: docs/pool.md. CONFIG is /etc/moat/pool.toml by default.

  --take-over    takes the socket and the clients of the daemon that serves at CONFIG's socket; that one
                 finishes its jobs and goes. Nobody is refused meanwhile. Without one: as ever
  --metrics      prints what the daemon at CONFIG's socket counts, as Prometheus reads it: for root and its own user
  --ready-fd N   writes a line to descriptor N, and closes it, when the doors are open

SIGTERM: takes no more jobs, finishes those it has, and goes; the second one cancels them. SIGHUP:
reads CONFIG anew. The log is on standard error, a line of JSON for each event.
)";

int PrintMetrics(const std::string& config) {
  const auto text = serve::AskForMetrics(config);
  if (!text.ok()) return Fail(text.error());
  const Status printed = sys::WriteAll(STDOUT_FILENO, *text, "standard output");
  return printed.ok() ? 0 : Fail(printed.error());
}

struct Options {
  enum class What : unsigned char { kServe, kMetrics, kHelp } what = What::kServe;
  std::string config;
  int ready_fd = -1;
  serve::DaemonStart start = serve::DaemonStart::kAnew;
};

Result<Options> Parse(const std::vector<std::string>& args) {
  Options options;
  for (std::size_t i = 0; i < args.size(); ++i) {
    if (args[i] == "--help" || args[i] == "-h") {
      options.what = Options::What::kHelp;
    } else if (args[i] == "--metrics") {
      options.what = Options::What::kMetrics;
    } else if (args[i] == "--take-over") {
      options.start = serve::DaemonStart::kTakeOver;
    } else if (args[i] == "--ready-fd" && i + 1 < args.size()) {
      char* end = nullptr;
      const long number = std::strtol(args[++i].c_str(), &end, 10);
      if (*end != '\0' || number < 1 || number > 1'000'000) return PolicyError("--ready-fd wants the number of a descriptor");
      options.ready_fd = static_cast<int>(number);
    } else if (args[i].rfind('-', 0) == 0 || !options.config.empty()) {
      return WithFix(PolicyError("`" + args[i] + "` is not understood"), "`moat serve --help`");
    } else {
      options.config = args[i];
    }
  }
  if (options.config.empty()) options.config = "/etc/moat/pool.toml";
  return options;
}

int Serve(const Options& options) {
  observe::Log log(STDERR_FILENO);
  const serve::DaemonHooks hooks{log, [&options] {
                                   if (options.ready_fd < 0) return;
                                   (void)!write(options.ready_fd, "ready\n", 6);
                                   close(options.ready_fd);
                                 }};
  sys::Ballast::Load(kBallast);
  try {
    const Status ran = serve::RunDaemon(options.config, hooks, options.start);
    return ran.ok() ? 0 : Fail(ran.error());
  } catch (const std::bad_alloc&) {  // with its reserve: its clients learn it by the connections that break
    return Fail(SystemError("malloc", ENOMEM, "the daemon"));
  }
}

}  // namespace

int ServeCommand(const std::vector<std::string>& args) {
  const auto options = Parse(args);
  if (!options.ok()) return Fail(options.error());
  switch (options->what) {
    case Options::What::kHelp: return std::fputs(kUsage, stdout) < 0 ? cli::kMoatFailed : 0;
    case Options::What::kMetrics: return PrintMetrics(options->config);
    case Options::What::kServe: break;
  }
  return Serve(*options);
}

}  // namespace moat::serve_tool
