#include "attack/battery.h"

#include <grp.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>

#include "attack/witness.h"
#include "base/text.h"

namespace moat::attack {
namespace {

// Nothing limits a control: what has not ended by then does not.
constexpr std::chrono::seconds kControlPatience{1};
constexpr gid_t kExtraGroup = 54321;  // kept by a caller that has it: a job must not

// What a careless caller leaves to its children.
void BeCareless() {
  ::umask(0);
  ::signal(SIGUSR2, SIG_IGN);
  sigset_t some;
  ::sigemptyset(&some);
  ::sigaddset(&some, SIGUSR1);
  ::sigprocmask(SIG_BLOCK, &some, nullptr);
  if (::geteuid() == 0) (void)!::setgroups(1, &kExtraGroup);
}

std::string Ending(const Spawned& spawned) {
  if (spawned.timed_out) return "no answer in time";
  if (WIFSIGNALED(spawned.status)) return "killed by SIG" + std::string(::sigabbrev_np(WTERMSIG(spawned.status)));
  return "ended with " + std::to_string(WEXITSTATUS(spawned.status)) + " and said nothing";
}

// The signal that ended it, also as a shell or a launcher tells it.
int DeadlySignal(const Spawned& spawned) {
  if (WIFSIGNALED(spawned.status)) return WTERMSIG(spawned.status);
  const int code = WEXITSTATUS(spawned.status);
  return code > 128 && code < 128 + 65 ? code - 128 : 0;
}

}  // namespace

std::string_view FateName(Fate fate) {
  switch (fate) {
    case Fate::kClosed: return "closed";
    case Fate::kOpen: return "open";
    case Fate::kNotApplicable: return "not applicable";
    case Fate::kUnclear: return "unclear";
  }
  return "?";
}

std::string_view SeverityName(Severity severity) {
  switch (severity) {
    case Severity::kLow: return "low";
    case Severity::kMedium: return "medium";
    case Severity::kHigh: return "high";
    case Severity::kCritical: return "critical";
  }
  return "?";
}

const Entry* FindEntry(std::string_view name) {
  for (const Entry& entry : Entries()) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

bool FillsMemory(const Entry& entry) { return entry.name.substr(0, 5) == "fill-"; }

Answer ReadAnswer(const Spawned& spawned) {
  const std::string line = spawned.out.substr(0, spawned.out.find('\n'));
  const std::size_t space = line.find(' ');
  const std::string word = line.substr(0, space), text = space == std::string::npos ? "" : line.substr(space + 1);
  if (word == "OPEN") return {Fate::kOpen, text};
  if (word == "CLOSED") return {Fate::kClosed, text};
  if (word == "NOT-HERE") return {Fate::kNotApplicable, text};
  const std::string said = spawned.err.substr(0, spawned.err.find('\n'));
  return {Fate::kUnclear, Ending(spawned) + (said.empty() ? "" : ": " + said)};
}

Result<Battery> Battery::Plant(const std::string& probe) { return Battery(probe, MOAT_TRY(Canaries::Plant(probe))); }

std::vector<std::string> Battery::Words(std::vector<std::string> words) const {
  words.insert(words.end(), canaries_.arguments().begin(), canaries_.arguments().end());
  return words;
}

SpawnRequest Battery::Careless() const {
  SpawnRequest request;
  request.environment = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=" + canaries_.folder(),
                         "SECRET=" + canaries_.environment_secret(), "LD_LIBRARY_PATH=/nowhere"};
  request.descriptors = {{0, canaries_.secret_descriptor()}, {9, canaries_.secret_descriptor()}, {10, canaries_.folder_descriptor()}};
  request.in_child = BeCareless;
  return request;
}

// Each time a new one: empty, and the caller's own.
Result<std::string> Battery::FreshResults(const Entry& entry, uid_t owner) const {
  if (entry.witness != Witness::kResults) return std::string();
  const std::string folder = canaries_.folder() + "/results";
  std::error_code error;
  std::filesystem::remove_all(folder, error);
  if (::mkdir(folder.c_str(), 0755) != 0) return SystemError("mkdir", errno, folder);
  if (owner != ::geteuid() && ::chown(folder.c_str(), owner, owner) != 0) return SystemError("chown", errno, folder);
  return folder;
}

const Answer& Battery::Control(const Entry& entry) {
  const auto found = controls_.find(entry.name);
  if (found != controls_.end()) return found->second;
  const auto run = [&]() -> Result<Answer> {
    const std::string results = MOAT_TRY(FreshResults(entry, ::geteuid()));
    SpawnRequest request = Careless();
    request.argv = Words({probe_, "--outside", std::string(entry.name), std::string(kResultsWord) + results});
    ArrangeFor(entry, request);
    if (entry.witness == Witness::kTime) request.timeout = kControlPatience;
    const Spawned spawned = MOAT_TRY(Spawn(request));
    return Judged(entry, ReadAnswer(spawned), spawned, results);
  };
  auto answer = run();
  if (!answer.ok()) answer = Answer{Fate::kUnclear, answer.error().ToString()};
  return controls_.emplace(entry.name, *answer).first->second;
}

Result<Answer> Battery::Try(const Entry& entry, const Target& target) {
  const Answer& control = Control(entry);
  if (control.fate != Fate::kOpen) return Answer{Fate::kNotApplicable, "outside: " + control.text};
  const std::string results = MOAT_TRY(FreshResults(entry, target.caller));
  SpawnRequest request = Careless();
  ArrangeFor(entry, request);
  MOAT_TRY(target.prepare(entry, Words({probe_, std::string(entry.name), std::string(kResultsWord) + results}), request));
  const Spawned spawned = MOAT_TRY(Spawn(request));
  Answer answer = Judged(entry, ReadAnswer(spawned), spawned, results);
  if (answer.fate == Fate::kNotApplicable) answer.text = "inside: " + answer.text;
  if (answer.fate != Fate::kUnclear) return answer;
  if (target.judge) return target.judge(entry, spawned);
  const int signal = DeadlySignal(spawned);
  if (signal == SIGSYS) return Answer{Fate::kClosed, "killed by the filter"};
  if (signal == SIGKILL && !spawned.timed_out && FillsMemory(entry)) return Answer{Fate::kClosed, "killed by the limit of memory"};
  return answer;
}

Status Battery::Starts(const Target& target) {
  const Entry& any = Entries().front();
  SpawnRequest request = Careless();
  MOAT_TRY(target.prepare(any, Words({probe_, std::string(any.name), std::string(kResultsWord)}), request));
  const Answer answer = ReadAnswer(MOAT_TRY(Spawn(request)));
  if (answer.fate != Fate::kUnclear) return {};
  return WithFix(HostError("`" + target.name + "` does not start the probe: " + answer.text), "give its command behind `--`");
}

}  // namespace moat::attack
