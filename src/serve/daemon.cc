#include "serve/daemon.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <optional>
#include <utility>

#include "observe/metrics.h"
#include "serve/config.h"
#include "serve/dispatcher.h"
#include "serve/local_client.h"
#include "serve/local_door.h"
#include "serve/loop.h"
#include "sys/calls.h"

namespace moat::serve {
namespace {

constexpr std::size_t kMaxConfig = 1 << 20;

Result<Config> LoadConfig(const std::string& path) {
  const std::string text = MOAT_TRY(sys::ReadFile(path, kMaxConfig));
  Config config = MOAT_TRY(ReadConfig(text, path));
  if (config.socket.empty()) {
    return WithFix(PolicyError("there is no door", {path, 1, 0}), "add [door.local] with `socket`");
  }
  return config;
}

class Daemon {
 public:
  Daemon(Loop& loop, std::string path, const DaemonHooks& hooks)
      : loop_(loop), path_(std::move(path)), hooks_(hooks), dispatcher_(loop, metrics_, hooks.log) {}
  ~Daemon() { loop_.Drop(give_up_); }
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  Status Open(DaemonStart start);

 private:
  Status TakeSignals();
  void OnSignal();
  void Reload();
  void GoAway();
  void GiveUpLater();
  void OnSuccessor();
  void OnNoSuccessor();
  void OnHandedOver();
  void Leave();
  std::string Figures();
  void Say(std::string_view event, observe::LogFields fields = {}) const { hooks_.log.Write(observe::Level::kInfo, event, fields); }

  Loop& loop_;
  const std::string path_;
  const DaemonHooks& hooks_;
  observe::Metrics metrics_;
  Config config_;
  Dispatcher dispatcher_;
  std::unique_ptr<LocalDoor> door_;
  sys::Fd signals_;
  enum class Life : unsigned char { kServes, kHandsOver, kGoes } life_ = Life::kServes;
  Loop::TimerId give_up_ = 0;
};

Status Daemon::TakeSignals() {
  sigset_t taken;
  sigemptyset(&taken);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&taken, number);
  if (sigprocmask(SIG_BLOCK, &taken, nullptr) != 0) return SystemError("sigprocmask", errno);
  signals_ = sys::Fd(signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_.valid()) return SystemError("signalfd", errno);
  return loop_.Watch(signals_.get(), EPOLLIN, [this](std::uint32_t) { OnSignal(); });
}

Status Daemon::Open(DaemonStart start) {
  // Before there is any thread, which would get them else.
  MOAT_TRY(TakeSignals());
  config_ = MOAT_TRY(LoadConfig(path_));
  MOAT_TRY(dispatcher_.Configure(config_));
  std::optional<Predecessor> predecessor;
  if (start == DaemonStart::kTakeOver) predecessor = MOAT_TRY(Predecessor::Ask(config_.socket));
  if (predecessor) Say("taking-over");
  LocalDoor::Events events;
  events.succeeded = [this] { OnSuccessor(); };
  events.failed = [this] { OnNoSuccessor(); };
  events.empty = [this] { OnHandedOver(); };
  events.figures = [this] { return Figures(); };
  events.refused = [this](const char* why) { metrics_.CountRefusal(why); };
  door_ = MOAT_TRY(LocalDoor::Open(loop_, dispatcher_, config_, std::move(predecessor), std::move(events)));
  Say("open", {{"socket", config_.socket}, {"profiles", std::uint64_t{config_.profiles.size()}}});
  hooks_.ready();
  return {};
}

void Daemon::OnSignal() {
  struct signalfd_siginfo info;
  while (read(signals_.get(), &info, sizeof(info)) == static_cast<ssize_t>(sizeof(info))) {
    if (info.ssi_signo == SIGHUP) {
      Reload();
    } else {
      GoAway();
    }
  }
}

void Daemon::Reload() {
  if (life_ != Life::kServes) return;
  const auto failed = [this](const Error& error) {
    hooks_.log.Write(observe::Level::kError, "reload", {{"error", error.ToString()}, {"changed", "nothing"}});
  };
  auto config = LoadConfig(path_);
  if (!config.ok()) return failed(config.error());
  if (config->socket != config_.socket || config->socket_mode != config_.socket_mode) {
    return failed(PolicyError("another socket needs another daemon", {path_, 0, 0}));
  }
  if (Status users = door_->Configure(*config); !users.ok()) return failed(users.error());
  if (Status changed = dispatcher_.Configure(*config); !changed.ok()) {
    (void)door_->Configure(config_).ok();
    return failed(changed.error());
  }
  config_ = std::move(*config);
  Say("reload", {{"profiles", std::uint64_t{config_.profiles.size()}}});
}

void Daemon::GoAway() {
  if (std::exchange(life_, Life::kGoes) == Life::kGoes) {
    Say("cancelling", {{"why", "asked twice"}});
    return dispatcher_.CancelAll();
  }
  Say("draining");
  door_->StopListening();
  GiveUpLater();
  dispatcher_.Drain([this] { Leave(); });
}

void Daemon::GiveUpLater() {
  loop_.Drop(give_up_);
  give_up_ = loop_.At(loop_.now() + config_.drain, [this] {
    give_up_ = 0;
    Say("cancelling", {{"why", "the time of `drain` is over"}});
    dispatcher_.CancelAll();
  });
}

void Daemon::OnSuccessor() {
  if (life_ != Life::kServes) return;
  life_ = Life::kHandsOver;
  Say("handing-over");
  GiveUpLater();
}

void Daemon::OnNoSuccessor() {
  if (life_ != Life::kHandsOver) return;
  life_ = Life::kServes;
  loop_.Drop(std::exchange(give_up_, 0));
  hooks_.log.Write(observe::Level::kWarning, "taking-back", {{"why", "the other daemon is gone"}});
}

// What still runs here is nobody's: its clients went.
void Daemon::OnHandedOver() {
  if (life_ != Life::kHandsOver) return;
  life_ = Life::kGoes;
  dispatcher_.Drain([this] { Leave(); });
}

std::string Daemon::Figures() {
  dispatcher_.NoteLoad();
  metrics_.SetClients(door_->clients());
  metrics_.SetLostLines(hooks_.log.lost());
  return metrics_.Text();
}

void Daemon::Leave() {
  Say("gone");
  loop_.Stop();
}

}  // namespace

Result<std::string> AskForMetrics(const std::string& config_path) {
  const Config config = MOAT_TRY(LoadConfig(config_path));
  const sys::Fd door = MOAT_TRY(EnterLocalDoor(config.socket));
  std::vector<char> buffer(kAnswerBytes);
  return AskForFigures(door, buffer);
}

Status RunDaemon(const std::string& config_path, const DaemonHooks& hooks, DaemonStart start) {
  const std::unique_ptr<Loop> loop = MOAT_TRY(Loop::Make());
  Daemon daemon(*loop, config_path, hooks);
  MOAT_TRY(daemon.Open(start));
  return loop->Run();
}

}  // namespace moat::serve
