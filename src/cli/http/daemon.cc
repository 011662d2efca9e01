#include "cli/http/daemon.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>

#include "base/safe_text.h"
#include "base/sha256.h"
#include "cli/http/hand_over.h"
#include "cli/say.h"
#include "cli/tool/in_words.h"
#include "moat/sandbox.h"
#include "sys/ballast.h"
#include "sys/calls.h"
#include "web/http/door.h"
#include "web/http/listen.h"
#include "web/http/webhooks.h"
#include "web/install_rate.h"
#include "web/local_backend.h"
#include "web/pool_backend.h"
#include "web/switch_backend.h"

namespace moat::http_tool {
namespace {

using cli::Fail;

constexpr std::size_t kMaxConfig = 1U << 20;
constexpr std::size_t kBallast = 8U << 20;
constexpr int kDrainMs = 30'000, kLookMs = 20, kRetireMs = 1000;

constexpr char kUsage[] = R"(moat http [--take-over] [--ready-fd N] [--check] [CONFIG]
moat http --new-token

Runs jobs for others over HTTP, by profile, with a durable queue and a dashboard: docs/http.md.
CONFIG is /etc/moat/http.toml by default.

  --take-over    takes the socket and the connections of the daemon that uses the same spool, when that one
                 has answered what it was asked and is gone. Without one: as ever
  --ready-fd N   writes the port (0 for a unix socket) to descriptor N and closes it when the door is open
  --check        reads CONFIG and its policies, and says what is wrong with them
  --new-token    prints a token for a caller, and the line for the configuration that knows it

SIGTERM: takes no more jobs, gives those that run 30 s, and goes; the second one does not wait. What was
accepted for later is on the disk and runs after the next start. SIGHUP: reads CONFIG anew. The log is
on standard error.
)";

int NewToken() {
  const std::string token = "moat_" + web::NewId() + web::NewId();
  std::printf("%s\n\n[[caller]]\nname = \"NAME\"\ntoken_sha256 = \"%s\"\n", token.c_str(), base::Sha256Hex(token).c_str());
  return 0;
}

struct Options {
  enum class What : unsigned char { kServe, kCheck, kHelp, kNewToken } what = What::kServe;
  std::string config = "/etc/moat/http.toml";
  int ready_fd = -1;
  bool take_over = false;
};

Result<Options> Parse(const std::vector<std::string>& args) {
  Options options;
  bool named = false;
  for (std::size_t i = 0; i < args.size(); ++i) {
    if (args[i] == "--help" || args[i] == "-h") {
      options.what = Options::What::kHelp;
    } else if (args[i] == "--check") {
      options.what = Options::What::kCheck;
    } else if (args[i] == "--take-over") {
      options.take_over = true;
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
  sigaddset(&taken, SIGHUP);
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

// What came within that time: somebody at the upgrade door too, where one is given.
enum class Signal : unsigned char { kNone, kEnd, kReload, kSuccessor };
Signal WaitForSignal(const sys::Fd& signals, int milliseconds, int door = -1) {
  pollfd both[2] = {{signals.get(), POLLIN, 0}, {door, POLLIN, 0}};
  if (poll(both, 2, milliseconds) <= 0) return Signal::kNone;
  if (both[0].revents == 0) return Signal::kSuccessor;
  signalfd_siginfo info{};
  if (read(signals.get(), &info, sizeof(info)) != sizeof(info)) return Signal::kNone;
  return info.ssi_signo == SIGHUP ? Signal::kReload : Signal::kEnd;
}

// For /healthz: a jail with the default policy that does nothing, and must do it well.
Status Probe(Sandbox& sandbox, web::InstallRate& filters) {
  (void)filters.Take(std::chrono::nanoseconds(sys::NowNs()));  // counted; seldom enough to go ahead
  Command command;
  command.argv = {"/bin/true"};
  command.out = command.err = Stream::Null();
  const Outcome outcome = MOAT_TRY(sandbox.Run(command));
  if (outcome.report.cause == Cause::kExit && outcome.report.exit_code == 0) return {};
  return HostError(outcome.report.Summary());
}

Result<std::unique_ptr<web::Backend>> MakeBackend(const web::Config& config, std::shared_ptr<web::InstallRate> filters) {
  web::LocalBackendOptions options;
  options.filters = std::move(filters);
  if (config.pool.empty()) return web::MakeLocalBackend(config, std::move(options));
  return web::MakePoolBackend(std::make_shared<const web::Config>(config));
}

Result<web::Config> Load(const std::string& path) {
  const std::string text = MOAT_TRY(sys::ReadFile(path, kMaxConfig));
  return web::ParseConfig(text, path);
}

// Tells configurations apart, with the policies that they name; those of a pool are its own.
std::string DigestOf(const web::Config& config) {
  std::string all = config.digest;
  for (const web::ProfileConfig& each : config.profiles) {
    if (each.policy.empty()) continue;
    const auto policy = Policy::Load(each.policy);
    if (policy.ok()) all += "\n" + policy->ToToml();
  }
  return base::Sha256Hex(all);
}

// The one that we were given, if it listens where it should; with port 0 anywhere.
Status CheckListener(const sys::Fd& listener, const web::ListenConfig& wanted) {
  if (wanted.port == 0 && wanted.unix_path.empty()) return {};
  if (web::PortOf(listener) == wanted.port) return {};
  return WithFix(PolicyError("the daemon that serves listens elsewhere"), "stop it, and start this one without --take-over");
}

// In the order in which they need each other; they go in the opposite one.
class Daemon {
 public:
  explicit Daemon(web::Config config) : config_(std::move(config)), log_(2) {}
  enum class Start : unsigned char { kAnew, kTakeOver };
  Status Open(Start start, const sys::Fd& signals);
  void Serve(const sys::Fd& signals);
  std::uint16_t port() const { return port_; }

 private:
  Status OpenDoor(sys::Fd listener);
  Status Reload();
  void TryReload();
  void NoteConfiguration();
  enum class Outcome : unsigned char { kStays, kGoes };
  Outcome HandOver(const sys::Fd& signals);
  Outcome PassOn(const sys::Fd& signals, Successor& successor);
  std::uint64_t Unfinished() const;
  void AwaitJobs(const sys::Fd& signals) const;

  web::LiveConfig config_;
  web::LiveTls tls_{nullptr};
  web::Log log_;
  web::Metrics metrics_;
  std::shared_ptr<web::InstallRate> filters_ = std::make_shared<web::InstallRate>();  // of all backends
  std::optional<Sandbox> probe_;
  std::unique_ptr<web::Webhooks> webhooks_;
  std::unique_ptr<web::SwitchBackend> backend_;
  std::unique_ptr<web::Service> service_;
  std::unique_ptr<web::Door> door_;
  sys::Fd listener_;  // the door's, for a successor
  std::optional<UpgradeDoor> upgrade_;
  std::unique_ptr<Successor> successor_;
  std::uint16_t port_ = 0;
};

Status Daemon::Open(Start start, const sys::Fd& signals) {
  const auto config = config_.Get();
  probe_.emplace(MOAT_TRY(Policy::Load("default")));
  tls_.Set(MOAT_TRY(web::TlsContext::Load(config->tls)));
  backend_ = std::make_unique<web::SwitchBackend>(MOAT_TRY(MakeBackend(*config_.Get(), filters_)));
  webhooks_ = MOAT_TRY(web::Webhooks::Start(config_, metrics_, log_));
  std::optional<Predecessor> predecessor;
  if (start == Start::kTakeOver) predecessor = MOAT_TRY(Predecessor::Ask(config->spool));
  sys::Fd listener;
  std::vector<Predecessor::Connection> connections;
  if (predecessor) {
    listener = predecessor->TakeListener();
    MOAT_TRY(CheckListener(listener, config->listen));
    connections = MOAT_TRY(predecessor->AwaitEnd(signals));
  } else {
    listener = MOAT_TRY(web::Listen(config->listen));
  }
  web::Webhooks* hooks = webhooks_.get();
  service_ = MOAT_TRY(web::Service::Start({config_, *backend_, metrics_, log_, [hooks](const web::StoredJob& job) { hooks->Send(job); }}));
  webhooks_->NoteIn(&service_->store());
  NoteConfiguration();
  upgrade_ = MOAT_TRY(UpgradeDoor::Open(config->spool));
  MOAT_TRY(OpenDoor(std::move(listener)));
  for (Predecessor::Connection& each : connections) door_->Adopt(std::move(each.socket), std::move(each.read));
  log_.Write(web::Level::kInfo, "open", {{"port", std::uint64_t{port_}}, {"socket", config->listen.unix_path}, {"spool", config->spool},
                                         {"adopted", std::uint64_t{connections.size()}}});
  return {};
}

Status Daemon::OpenDoor(sys::Fd listener) {
  port_ = web::PortOf(listener);
  listener_ = sys::Fd(fcntl(listener.get(), F_DUPFD_CLOEXEC, 0));
  if (!listener_.valid()) return SystemError("fcntl", errno);
  door_ = MOAT_TRY(web::Door::Open({config_, tls_, *service_, *backend_, metrics_, log_, *filters_, [this] { return Probe(*probe_, *filters_); }, tool::InWords},
                                   std::move(listener)));
  return {};
}

// All that can go wrong goes wrong before anything changes.
Status Daemon::Reload() {
  const auto now = config_.Get();
  web::Config next = MOAT_TRY(Load(now->path));
  MOAT_TRY(web::CheckReload(*now, next));
  auto secrets = MOAT_TRY(web::Webhooks::ReadSecrets(next));
  auto tls = MOAT_TRY(web::TlsContext::Load(next.tls));
  auto backend = MOAT_TRY(MakeBackend(next, filters_));
  config_.Set(std::move(next));
  tls_.Set(std::move(tls));
  webhooks_->SetSecrets(std::move(secrets));
  backend_->Replace(std::move(backend));
  service_->EndOrphans();
  NoteConfiguration();
  return {};
}

// For the dashboard, which compares it with the one before.
void Daemon::NoteConfiguration() {
  const Status noted = service_->history().NoteConfiguration(web::UnixNs(), DigestOf(*config_.Get()));
  if (!noted.ok()) log_.Write(web::Level::kError, "history", {{"error", noted.error().ToString()}});
}

void Daemon::TryReload() {
  const Status done = Reload();
  if (!done.ok()) return log_.Write(web::Level::kError, "reload", {{"error", done.error().ToString()}, {"changed", "nothing"}});
  log_.Write(web::Level::kInfo, "reload", {{"profiles", std::uint64_t{config_.Get()->profiles.size()}}});
}

std::uint64_t Daemon::Unfinished() const {
  std::uint64_t left = 0;
  for (const web::ProfileLoad& each : backend_->Load()) left += each.queued + each.running;
  return left;
}

// Until it says that it is ready everything goes on as it was.
Daemon::Outcome Daemon::HandOver(const sys::Fd& signals) {
  successor_ = upgrade_->Accept();
  if (successor_ == nullptr || !successor_->Give(listener_).ok()) return Outcome::kStays;
  for (;;) {
    const Signal came = WaitForSignal(signals, -1, successor_->channel());
    if (came == Signal::kEnd) return Outcome::kGoes;
    if (came == Signal::kReload) TryReload();
    if (came != Signal::kSuccessor) continue;
    return successor_->Hear() == Successor::Says::kReady ? PassOn(signals, *successor_) : Outcome::kStays;
  }
}

Daemon::Outcome Daemon::PassOn(const sys::Fd& signals, Successor& successor) {
  log_.Write(web::Level::kInfo, "handing-over", {});
  service_->SetHanding(web::Service::Handing::kPauses);
  door_->HandOver([&successor](const sys::Fd& socket, std::string_view read) { return successor.Pass(socket, read); });
  for (int waited = 0; waited < kDrainMs; waited += kLookMs) {
    if (door_->connections() + Unfinished() == 0 || WaitForSignal(signals, kLookMs) == Signal::kEnd) return Outcome::kGoes;
    if (successor.Hear() == Successor::Says::kNothing) continue;
    log_.Write(web::Level::kWarning, "taking-back", {{"why", "the other daemon is gone"}});
    door_->TakeBack();
    service_->SetHanding(web::Service::Handing::kGoesOn);
    return Outcome::kStays;
  }
  return Outcome::kGoes;
}

void Daemon::AwaitJobs(const sys::Fd& signals) const {
  for (int waited = 0; waited < kDrainMs; waited += kLookMs) {
    if (Unfinished() == 0 || WaitForSignal(signals, kLookMs) == Signal::kEnd) return;
  }
}

void Daemon::Serve(const sys::Fd& signals) {
  auto left = web::SwitchBackend::Left::kNone;
  for (auto outcome = Outcome::kStays; outcome == Outcome::kStays;) {
    const bool old = left == web::SwitchBackend::Left::kSome;  // backends of former configurations
    const Signal came = WaitForSignal(signals, old ? kRetireMs : -1, upgrade_->descriptor());
    if (came == Signal::kEnd) outcome = Outcome::kGoes;
    if (came == Signal::kReload) TryReload();
    if (came == Signal::kSuccessor) outcome = HandOver(signals);
    left = backend_->Retire();
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

Status Run(const Options& options) {
  const sys::Fd signals = MOAT_TRY(TakeSignals());
  web::Config config = MOAT_TRY(Load(options.config));
  if (options.what == Options::What::kCheck) {
    MOAT_TRY(MakeBackend(config, nullptr));
    MOAT_TRY(web::TlsContext::Load(config.tls));
    std::printf("%s: %zu profiles, nothing wrong\n", base::Printable(options.config).c_str(), config.profiles.size());
    return {};
  }
  RaiseDescriptors();
  sys::Ballast::Load(kBallast);
  Daemon daemon(std::move(config));
  MOAT_TRY(daemon.Open(options.take_over ? Daemon::Start::kTakeOver : Daemon::Start::kAnew, signals));
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
  try {
    const Status ran = Run(*options);
    return ran.ok() ? 0 : Fail(ran.error());
  } catch (const std::exception& error) {  // no thread, no memory
    return Fail(HostError(std::string("the daemon cannot run: ") + error.what()));
  }
}

}  // namespace moat::http_tool
