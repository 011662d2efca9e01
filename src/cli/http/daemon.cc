#include "cli/http/daemon.h"

#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include "base/safe_text.h"
#include "base/sha256.h"
#include "cli/tool/in_words.h"
#include "moat/sandbox.h"
#include "sys/calls.h"
#include "web/http/door.h"
#include "web/http/listen.h"
#include "web/http/webhooks.h"
#include "web/local_backend.h"
#include "web/pool_backend.h"

namespace moat::http_tool {
namespace {

constexpr int kFailed = 125;
constexpr std::size_t kMaxConfig = 1U << 20;
constexpr int kDrainMs = 30'000;

constexpr char kUsage[] = R"(moat http [--ready-fd N] [--check] [CONFIG]
moat http --new-token

Runs jobs for others over HTTP, by profile, with a durable queue and a dashboard: docs/http.md.
CONFIG is /etc/moat/http.toml by default.

  --ready-fd N   writes the port (0 for a unix socket) to descriptor N and closes it when the door is open
  --check        reads CONFIG and its policies, and says what is wrong with them
  --new-token    prints a token for a caller, and the line for the configuration that knows it

SIGTERM: takes no more jobs, gives those that run 30 s, and goes; the second one does not wait. What was
accepted for later is on the disk and runs after the next start. The log is on standard error.
)";

int Fail(const Error& error) {
  std::fprintf(stderr, "moat: %s\n", base::Printable(error.ToString()).c_str());
  return kFailed;
}

int NewToken() {
  const std::string token = "moat_" + web::NewId() + web::NewId();
  std::printf("%s\n\n[[caller]]\nname = \"NAME\"\ntoken_sha256 = \"%s\"\n", token.c_str(), base::Sha256Hex(token).c_str());
  return 0;
}

struct Options {
  enum class What : unsigned char { kServe, kCheck, kHelp, kNewToken } what = What::kServe;
  std::string config = "/etc/moat/http.toml";
  int ready_fd = -1;
};

Result<Options> Parse(const std::vector<std::string>& args) {
  Options options;
  bool named = false;
  for (std::size_t i = 0; i < args.size(); ++i) {
    if (args[i] == "--help" || args[i] == "-h") {
      options.what = Options::What::kHelp;
    } else if (args[i] == "--check") {
      options.what = Options::What::kCheck;
    } else if (args[i] == "--new-token") {
      options.what = Options::What::kNewToken;
    } else if (args[i] == "--ready-fd" && i + 1 < args.size()) {
      options.ready_fd = std::atoi(args[++i].c_str());
      if (options.ready_fd < 3) return PolicyError("--ready-fd wants the number of a descriptor");
    } else if (args[i].rfind('-', 0) == 0 || named) {
      return WithFix(PolicyError("`" + args[i] + "` is not understood"), "`moat http --help`");
    } else {
      options.config = args[i];
      named = true;
    }
  }
  return options;
}

// Before there is any thread, which would get them else.
Result<sys::Fd> TakeSignals() {
  sigset_t taken;
  sigemptyset(&taken);
  sigaddset(&taken, SIGTERM);
  sigaddset(&taken, SIGINT);
  if (sigprocmask(SIG_BLOCK, &taken, nullptr) != 0) return SystemError("sigprocmask", errno);
  sys::Fd signals(signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals.valid()) return SystemError("signalfd", errno);
  signal(SIGPIPE, SIG_IGN);
  return signals;
}

// A descriptor for each connection and some for each job: as many as we may have.
void RaiseDescriptors() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// Whether a signal came within that time.
enum class Signal : unsigned char { kNone, kCame };
Signal WaitForSignal(const sys::Fd& signals, int milliseconds) {
  pollfd one = {signals.get(), POLLIN, 0};
  if (poll(&one, 1, milliseconds) != 1) return Signal::kNone;
  signalfd_siginfo info{};
  (void)!read(signals.get(), &info, sizeof(info));
  return Signal::kCame;
}

// For /healthz: a jail with the default policy that does nothing, and must do it well.
Status Probe(Sandbox& sandbox) {
  Command command;
  command.argv = {"/bin/true"};
  command.out = command.err = Stream::Null();
  const Outcome outcome = MOAT_TRY(sandbox.Run(command));
  if (outcome.report.cause == Cause::kExit && outcome.report.exit_code == 0) return {};
  return HostError(outcome.report.Summary());
}

Result<std::unique_ptr<web::Backend>> MakeBackend(const web::Config& config) {
  if (config.pool.empty()) return web::MakeLocalBackend(config, {});
  return web::MakePoolBackend(config);
}

// In the order in which they need each other; they go in the opposite one.
class Daemon {
 public:
  explicit Daemon(web::Config config) : config_(std::move(config)), log_(2) {}
  Status Open();
  void Serve(const sys::Fd& signals);
  std::uint16_t port() const { return port_; }

 private:
  void AwaitJobs(const sys::Fd& signals) const;

  web::Config config_;
  web::Log log_;
  web::Metrics metrics_;
  std::optional<Sandbox> probe_;
  std::unique_ptr<web::Webhooks> webhooks_;
  std::unique_ptr<web::Backend> backend_;
  std::unique_ptr<web::Service> service_;
  std::unique_ptr<web::Door> door_;
  std::uint16_t port_ = 0;
};

Status Daemon::Open() {
  probe_.emplace(MOAT_TRY(Policy::Load("default")));
  backend_ = MOAT_TRY(MakeBackend(config_));
  webhooks_ = MOAT_TRY(web::Webhooks::Start(config_, metrics_, log_));
  web::Webhooks* hooks = webhooks_.get();
  service_ = MOAT_TRY(web::Service::Start({config_, *backend_, metrics_, log_, [hooks](const web::StoredJob& job) { hooks->Send(job); }}));
  webhooks_->NoteIn(&service_->store());
  sys::Fd listener = MOAT_TRY(web::Listen(config_.listen));
  port_ = web::PortOf(listener);
  door_ = MOAT_TRY(web::Door::Open({config_, *service_, *backend_, metrics_, log_, [this] { return Probe(*probe_); }, tool::InWords},
                                   std::move(listener)));
  log_.Write(web::Level::kInfo, "open", {{"port", std::uint64_t{port_}}, {"socket", config_.listen.unix_path}, {"spool", config_.spool}});
  return {};
}

void Daemon::AwaitJobs(const sys::Fd& signals) const {
  for (int waited = 0; waited < kDrainMs; waited += 100) {
    std::uint64_t left = 0;
    for (const web::ProfileLoad& each : backend_->Load()) left += each.queued + each.running;
    if (left == 0 || WaitForSignal(signals, 100) == Signal::kCame) return;
  }
}

void Daemon::Serve(const sys::Fd& signals) {
  while (WaitForSignal(signals, -1) != Signal::kCame) {
  }
  log_.Write(web::Level::kInfo, "draining", {});
  door_->StopAccepting();
  service_->Drain();
  AwaitJobs(signals);
  door_.reset();
  backend_.reset();  // cancels what is left; all have ended then
  webhooks_->NoteIn(nullptr);
  service_.reset();
  webhooks_.reset();
  log_.Write(web::Level::kInfo, "gone", {});
}

Result<web::Config> Load(const std::string& path) {
  const std::string text = MOAT_TRY(sys::ReadFile(path, kMaxConfig));
  return web::ParseConfig(text, path);
}

Status Run(const Options& options) {
  const sys::Fd signals = MOAT_TRY(TakeSignals());
  web::Config config = MOAT_TRY(Load(options.config));
  if (options.what == Options::What::kCheck) {
    MOAT_TRY(MakeBackend(config));
    std::printf("%s: %zu profiles, nothing wrong\n", base::Printable(options.config).c_str(), config.profiles.size());
    return {};
  }
  RaiseDescriptors();
  Daemon daemon(std::move(config));
  MOAT_TRY(daemon.Open());
  if (options.ready_fd >= 0) {
    const std::string port = std::to_string(daemon.port()) + "\n";
    (void)!write(options.ready_fd, port.data(), port.size());
    close(options.ready_fd);
  }
  daemon.Serve(signals);
  return {};
}

}  // namespace

int HttpCommand(const std::vector<std::string>& args) {
  const auto options = Parse(args);
  if (!options.ok()) return Fail(options.error());
  if (options->what == Options::What::kNewToken) return NewToken();
  if (options->what == Options::What::kHelp) {
    std::fputs(kUsage, stdout);
    return 0;
  }
  const Status ran = Run(*options);
  return ran.ok() ? 0 : Fail(ran.error());
}

}  // namespace moat::http_tool
