#include "cli/tool/compile.h"

#include <limits.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "base/text.h"
#include "cli/launcher/invocation.h"
#include "cli/say.h"
#include "cli/tool/weaken.h"
#include "plan/plan.h"
#include "profile/find_profile.h"
#include "policy/load.h"
#include "probe/host_view.h"
#include "probe/probe.h"
#include "sys/calls.h"

namespace moat::tool {
namespace {

using cli::Fail;
using cli::kMoatFailed;

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

// Where this program is, so many folders up.
std::string Above(int levels) {
  char self[PATH_MAX];
  const ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
  std::string path(self, length > 0 ? static_cast<std::size_t>(length) : 0);
  for (int up = 0; up < levels; ++up) path.resize(path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
  return path;
}

// libexec/moat/moat-cli -> share/moat/profiles
std::string ShippedProfiles() { return Above(3) + "/share/moat/profiles"; }

// A home that we may not look into is not ours (sudo keeps $HOME): there is nothing in it for us.
// The administrator's folder is another matter: what is kept from us there may be a stricter one.
bool MayEnter(const std::string& folder) { return access(folder.c_str(), X_OK) == 0 || errno != EACCES; }

// Where a profile's name is looked for: the administrator's, then the user's, then ours.
std::vector<std::string> ProfileFolders() {
  std::vector<std::string> folders = {"/etc/moat/profiles"};
  const std::string config = Variable("XDG_CONFIG_HOME"), home = Variable("HOME");
  const std::string own = !config.empty() ? config + "/moat/profiles" : home.empty() ? "" : home + "/.config/moat/profiles";
  if (!own.empty() && MayEnter(own)) folders.push_back(own);
  folders.push_back(ShippedProfiles());
  return folders;
}

}  // namespace

std::string ProbeProgram() { return Above(1) + "/moat-probe"; }
std::string LauncherProgram() { return Above(3) + "/bin/moat"; }

policy::ReadProfile StandardProfiles() { return policy::ProfilesIn(ProfileFolders()); }

Result<policy::Model> LoadModel(const launcher::Invocation& run) {
  const std::vector<std::string> folders = ProfileFolders();
  policy::Model model = MOAT_TRY(policy::Load(run.policy, policy::ProfilesIn(folders)));
  if (launcher::EnforcesNothing(run)) model.syscalls = MOAT_TRY(policy::Load("default", policy::ProfilesIn(folders))).syscalls;
  for (const launcher::PolicyFlag& flag : run.policy_flags) {
    if (flag.name == "enforce" && flag.value == "off") continue;
    MOAT_TRY(policy::ApplyFlag(model, flag.name, flag.value));
  }
  MOAT_TRY(policy::Validate(model));
  // A profile that appears in a folder with a higher rank makes cached plans stale.
  for (const std::string& folder : folders) model.sources.push_back(folder);
  return model;
}

namespace {

std::string WorkingFolder() {
  char path[PATH_MAX];
  return getcwd(path, sizeof(path)) != nullptr ? path : "/";
}

Result<plan::Plan> MakePlan(const launcher::Invocation& run, policy::Model& model) {
  plan::HostFacts facts = MOAT_TRY(probe::Probe());
  MOAT_TRY(Weaken(run.without, run.command.front(), ProbeProgram(), facts, model));
  const probe::RealHost view;
  const std::string shipped = ShippedProfiles();
  const plan::Request request{model, facts, view, run.command.front(), WorkingFolder(), Variable("PATH"),
                              run.output_dir.empty() ? plan::Collect::kNo : plan::Collect::kYes,
                              [&](const Origin& origin) { return origin.file.rfind(shipped + "/", 0) == 0; },
                              run.watcher >= 0 ? plan::Watched::kYes : plan::Watched::kNo};
  return plan::Compile(request);
}

void AnswerError(int fd, const Error& error) {
  const std::string text = base::Number(static_cast<std::uint64_t>(error.kind)) + '\0' + error.call + '\0' +
                           base::Number(static_cast<std::uint64_t>(error.error_number)) + '\0' + error.subject + '\0' +
                           error.message + '\0' + error.fix + '\0' + error.origin.file + '\0' +
                           base::Number(error.origin.line) + '\0' + base::Number(error.origin.column);
  (void)sys::WriteAll(fd, text, "answer").ok();
}

Result<plan::Plan> CompileFor(const std::vector<std::string>& args) {
  const launcher::Invocation run = MOAT_TRY(launcher::ParseRun(args));
  policy::Model model = MOAT_TRY(LoadModel(run));
  return MakePlan(run, model);
}

}  // namespace

int CompileCommand(const std::vector<std::string>& args) {
  if (args.empty()) return kMoatFailed;
  const int fd = std::atoi(args[0].c_str());
  auto plan = CompileFor(std::vector<std::string>(args.begin() + 1, args.end()));
  if (!plan.ok()) {
    AnswerError(fd, plan.error());
    return kMoatFailed;
  }
  return sys::WriteAll(fd, plan->bytes(), "answer").ok() ? 0 : kMoatFailed;
}

int PlanCommand(const std::vector<std::string>& args) {
  // `moat plan POLICY ...` is `moat run -p POLICY ...`; without a command, /bin/true stands in.
  std::vector<std::string> words;
  bool json = false, has_command = false;
  for (std::size_t i = 0; i < args.size(); ++i) {
    if (args[i] == "--") {
      has_command = i + 1 < args.size();
      words.insert(words.end(), args.begin() + static_cast<std::ptrdiff_t>(i), args.end());
      break;
    }
    if (args[i] == "--json") {
      json = true;
    } else if (i == 0 && args[i][0] != '-') {
      words.push_back("--policy=" + args[i]);
    } else {
      words.push_back(args[i]);
    }
  }
  if (!has_command) words.insert(words.end(), {"--", "/bin/true"});
  auto run = launcher::ParseRun(words);
  if (!run.ok()) return Fail(run.error());
  auto model = LoadModel(*run);
  if (!model.ok()) return Fail(model.error());
  auto plan = MakePlan(*run, *model);
  if (!plan.ok()) return Fail(plan.error());
  const std::string text = json ? plan::PrintJson(*plan, policy::ToToml(*model))
                                : policy::ToToml(*model) + "\n# --- plan " + std::string(60, '-') + "\n\n" + plan::Print(*plan);
  std::fwrite(text.data(), 1, text.size(), stdout);
  return std::fflush(stdout) == 0 ? 0 : kMoatFailed;
}

}  // namespace moat::tool
