#include "cli/tool/attack_command.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "attack/battery.h"
#include "attack/card.h"
#include "attack/targets.h"
#include "cli/say.h"
#include "cli/tool/attack_options.h"
#include "cli/tool/compile.h"
#include "cli/tool/weaken.h"
#include "moat/seal_policy.h"
#include "policy/exceptions.h"
#include "policy/load.h"
#include "probe/probe.h"
#include "sys/calls.h"

namespace moat::tool {
namespace {

using cli::Fail;
using cli::kMoatFailed;

// What was planted is taken away also when somebody loses patience.
volatile sig_atomic_t interrupted = 0;
void Interrupt(int) { interrupted = 1; }

void CatchInterrupts() {
  struct sigaction action {};
  action.sa_handler = Interrupt;
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) ::sigaction(number, &action, nullptr);
}

std::string FindInPath(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::string rest = path != nullptr ? path : "/usr/sbin:/usr/bin:/sbin:/bin";
  while (!rest.empty()) {
    const std::string file = rest.substr(0, rest.find(':')) + "/" + name;
    if (access(file.c_str(), X_OK) == 0) return file;
    rest.erase(0, rest.find(':') == std::string::npos ? rest.size() : rest.find(':') + 1);
  }
  return "";
}

std::string HostLine() {
  struct utsname names {};
  uname(&names);
  return std::string(names.sysname) + " " + names.release + " " + names.machine + ", as " + (geteuid() == 0 ? "root" : "an ordinary user");
}

// --- seals

Result<Seal> PresetOrPolicy(const std::string& what) {
  if (what == "stdio" || what == "pure" || what == "strict") return Seal::Preset(what, SealSelfTest::kOff);
  const Policy policy = MOAT_TRY(Policy::Load(what));
  PolicySeal made = MOAT_TRY(SealOf(policy, SealSelfTest::kOff));
  made.seal.Read(0).Write(1).Write(2);
  return made.seal;
}

Result<attack::Target> SealedTarget(const std::string& what) {
  Seal seal = MOAT_TRY(PresetOrPolicy(what));
  seal.Strays(SealStrays::kClose);
  MOAT_TRY(seal.Prepare());  // a word that does not fit is told before anything is tried
  return attack::Sealed("seal " + what, [seal]() -> Status {
    MOAT_TRY(seal.Apply());
    return {};
  });
}

// --- what is attacked

Result<attack::Target> OtherTool(const attack::Battery& battery, const std::string& name, const std::vector<std::string>& given) {
  if (!given.empty()) {
    std::vector<std::string> command = given;
    if (command[0].find('/') == std::string::npos) command[0] = FindInPath(command[0]);
    if (command[0].empty()) return HostError("`" + given[0] + "` is not installed");
    return attack::Command(name, command);
  }
  if (name == "bare") return attack::Bare();
  const std::string tool = FindInPath(name);
  if (tool.empty()) return HostError("`" + name + "` is not installed here", "install it, or give its command behind `--`");
  if (name == "crun") return attack::Crun(tool, battery.canaries().folder());
  std::vector<std::string> command = attack::UsualCommand(name, tool);
  if (command.empty()) return WithFix(PolicyError("how `" + name + "` is called is not known"), "give its command behind `--`");
  if (name != "bwrap") return attack::Command(name, command);
  const std::string folder = battery.probe().substr(0, battery.probe().rfind('/')), shown = battery.canaries().shown_folder();
  const std::string results = battery.canaries().folder() + "/results";
  command.insert(command.end(), {"--ro-bind", folder, folder, "--ro-bind", shown, shown, "--bind-try", results, results, "--"});
  return attack::Command(name, command, attack::Who::kNobody);
}

constexpr std::string_view kOnly = "only ", kNoLayers = "none of these";

// All layers but one, or but none.
std::string AllBut(std::string_view kept) {
  std::string layers;
  for (const std::string_view layer : kLayers) {
    if (layer == kept || (layer == "user" && geteuid() != 0)) continue;  // an ordinary user's jail begins with it
    layers += (layers.empty() ? "" : ",") + std::string(layer);
  }
  return layers;
}

void AddJails(const AttackOptions& options, const attack::Battery& battery, std::vector<attack::Target>& targets) {
  const auto add = [&](const std::string& without, const std::string& name) {
    targets.push_back(attack::Jail(battery, {LauncherProgram(), options.policy, without, name}));
  };
  add("", "");
  for (const std::string& layers : options.without) {
    if (layers != "user" || geteuid() == 0) add(layers, "");
  }
  if (!options.alone) return;
  for (const std::string_view layer : kLayers) {
    if (layer != "user" || geteuid() == 0) add(AllBut(layer), std::string(kOnly) + std::string(layer));
  }
  add(AllBut(""), std::string(kNoLayers));
}

Result<std::vector<attack::Target>> Targets(const AttackOptions& options, attack::Battery& battery) {
  std::vector<attack::Target> targets;
  if (!options.sealed.empty()) {
    targets.push_back(MOAT_TRY(SealedTarget(options.sealed)));
    return targets;
  }
  AddJails(options, battery, targets);
  for (const std::string& name : options.against) {
    const bool last = &name == &options.against.back();
    targets.push_back(MOAT_TRY(OtherTool(battery, name, last ? options.command : std::vector<std::string>())));
    MOAT_TRY(battery.Starts(targets.back()));
  }
  return targets;
}

bool Wanted(const AttackOptions& options, const attack::Entry& entry) {
  if (options.only.empty()) return true;
  for (const std::string& only : options.only) {
    if (entry.name == only || entry.id.substr(0, 1) == only) return true;
  }
  return false;
}

void Progress(const AttackOptions& options, std::size_t done, const attack::Entry& entry) {
  if (options.quiet || isatty(2) == 0) return;
  std::fprintf(stderr, "\r\033[K%zu/%zu %s", done, attack::Entries().size(), std::string(entry.name).c_str());
  if (done == attack::Entries().size()) std::fputs("\r\033[K", stderr);
}

Status TryAll(const AttackOptions& options, attack::Battery& battery, const std::vector<attack::Target>& targets, attack::Card& card) {
  const std::size_t jails = targets.size() - options.against.size();
  for (std::size_t i = 0; i < targets.size(); ++i) {
    card.columns.push_back({targets[i].name, i < jails ? attack::Whose::kSubjects : attack::Whose::kOthers});
    if (targets[i].name.rfind(kOnly, 0) == 0 && i < jails) card.columns.back().beside = kNoLayers;
  }
  std::size_t done = 0;
  for (const attack::Entry& entry : attack::Entries()) {
    Progress(options, ++done, entry);
    if (!Wanted(options, entry)) continue;
    for (std::size_t i = 0; i < targets.size(); ++i) {
      if (interrupted != 0) return HostError("interrupted: nothing can be said about the rest");
      card.columns[i].answers[entry.name] = MOAT_TRY(battery.Try(entry, targets[i]));
    }
  }
  return {};
}

std::string KernelRelease() {
  struct utsname names {};
  return uname(&names) == 0 ? names.release : "";
}

Status Accepted(const AttackOptions& options, attack::Card& card) {
  if (!options.sealed.empty()) return {};
  const policy::Model model = MOAT_TRY(policy::Load(options.policy, StandardProfiles()));
  for (const policy::Exception& exception : model.attack_allow) {
    if (attack::FindEntry(exception.name) == nullptr) {
      return PolicyError("there is no probe `" + exception.name + "` to accept", exception.origin);
    }
    if (policy::AppliesTo(exception, KernelRelease())) card.accepted[exception.name] = exception.reason;
  }
  return {};
}

Status WriteFile(const std::string& path, const std::string& text) {
  const sys::Fd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!fd.valid()) return SystemError("open", errno, path);
  return sys::WriteAll(fd.get(), text, path);
}

Result<attack::Card> Attack(const AttackOptions& options) {
  attack::Card card;
  card.subject = options.sealed.empty() ? options.policy : "seal " + options.sealed;
  card.sealed = !options.sealed.empty();
  card.host = HostLine();
  MOAT_TRY(Accepted(options, card));
  CatchInterrupts();
  attack::Battery battery = MOAT_TRY(attack::Battery::Plant(ProbeProgram()));
  const std::vector<attack::Target> targets = MOAT_TRY(Targets(options, battery));
  MOAT_TRY(TryAll(options, battery, targets, card));
  return card;
}

}  // namespace

int AttackCommand(const std::vector<std::string>& args) {
  const auto options = ParseAttack(args);
  if (!options.ok()) return Fail(options.error());
  if (options->help) {
    std::fputs(kAttackUsage, stdout);
    return 0;
  }
  const auto card = Attack(*options);
  if (!card.ok()) return Fail(card.error());
  if (!options->html.empty()) {
    const Status written = WriteFile(options->html, attack::PrintHtml(*card));
    if (!written.ok()) return Fail(written.error());
  }
  const std::string text = options->json ? attack::PrintJson(*card) : attack::PrintText(*card);
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (std::fflush(stdout) != 0) return kMoatFailed;
  return attack::AnyFails(*card) ? 1 : 0;
}

}  // namespace moat::tool
