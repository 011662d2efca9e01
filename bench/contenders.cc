#include "bench/contenders.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <utility>

#include "base/text.h"
#include "bench/bundle.h"
#include "bench/daemon.h"
#include "moat/sandbox.h"
#include "bench/namespace_without.h"

namespace moat::bench {
namespace {

using Words = std::vector<std::string>;

constexpr const char* kUnified = "/sys/fs/cgroup/unified";

std::string FirstLine(const std::string& text) { return text.substr(0, text.find('\n')); }

// "" when the program ran; else why not.
std::string TryOnce(const Program& program, const Conditions& conditions) {
  auto said = Ask(program, conditions);
  if (!said.ok()) return said.error().ToString();
  if (said->status == 0) return {};
  const std::string why = FirstLine(said->err);
  return why.empty() ? "wait status " + std::to_string(said->status) : why;
}

class Gathering {
 public:
  explicit Gathering(const Setting& setting) : setting_(setting) {}

  void Add(Contender contender, Program program) {
    if (const std::string why = TryOnce(program, setting_.conditions); !why.empty()) return Skip(contender, why);
    const Conditions& conditions = setting_.conditions;
    contender.run = [program = std::move(program), &conditions] { return StartAndWait(program, conditions); };
    field_.contenders.push_back(std::move(contender));
  }

  // A rival that may not be installed.
  void AddTool(Contender contender, Words argv) {
    const std::string path = FindProgram(argv[0]);
    if (path.empty()) return Skip(contender, argv[0] + " is not installed");
    argv[0] = path;
    argv.push_back(setting_.program);
    Add(std::move(contender), {std::move(argv)});
  }

  void AddLibrary(Contender contender);
  void AddPool(Contender contender);
  void AddCrun(Contender contender);

  void Skip(const Contender& contender, const std::string& why) { field_.skipped.push_back({contender.name, why}); }
  Field Take() { return std::move(field_); }

 private:
  const Setting& setting_;
  Field field_;
};

void Gathering::AddLibrary(Contender contender) {
  auto policy = Policy::Load("default", {.folders = {std::filesystem::path(setting_.moat).parent_path() / "../share/moat/profiles"}});
  if (!policy.ok()) return Skip(contender, policy.error().ToString());
  SandboxOptions options;
  options.launcher = setting_.moat;
  auto sandbox = std::make_shared<Sandbox>(*policy, options);
  const auto said = std::make_shared<std::string>();  // by a job that failed
  contender.run = [sandbox, said, program = setting_.program]() -> Result<Timed> {
    Command command;
    command.argv = {program};
    command.out = command.err = Stream::Null();
    Timed timed;
    const double begin = Now();
    auto outcome = sandbox->Run(command);
    timed.microseconds = Now() - begin;
    if (!outcome.ok()) return outcome.error();
    timed.status = W_EXITCODE(outcome->report.ExitStatus(), 0);
    if (timed.status != 0) *said = outcome->report.Summary();
    return timed;
  };
  auto tried = contender.run();
  if (!tried.ok()) return Skip(contender, tried.error().ToString());
  if (tried->status != 0) return Skip(contender, said->empty() ? "it failed" : *said);
  field_.contenders.push_back(std::move(contender));
}

// A daemon that has the program's jail ready, and the client that a shell calls.
void Gathering::AddPool(Contender contender) {
  const std::string config = setting_.folder + "/pool.toml", socket = setting_.folder + "/pool.sock";
  std::ofstream(config) << "moat = 1\n[door.local]\nsocket = \"" << socket << "\"\n[profile.one]\npolicy = \"default\"\ncommand = [\""
                        << setting_.program << "\"]\n";
  auto daemon = Daemon::Start(setting_.moat, "serve", config, setting_.folder + "/pool.log");
  if (!daemon.ok()) return Skip(contender, daemon.error().ToString());
  field_.until_the_end.push_back(std::make_shared<Daemon>(std::move(daemon).value()));
  Add(std::move(contender), {{setting_.moat, "submit", "--socket", socket, "one"}});
}

// crun leaves the groups of its last container behind when it runs as here.
class GroupsGone {
 public:
  explicit GroupsGone(std::string name) : name_(std::move(name)) {}
  ~GroupsGone() {
    std::error_code error;
    for (const auto& hierarchy : std::filesystem::directory_iterator("/sys/fs/cgroup", error)) {
      rmdir((hierarchy.path() / name_).c_str());
    }
  }
  GroupsGone(const GroupsGone&) = delete;
  GroupsGone& operator=(const GroupsGone&) = delete;

 private:
  std::string name_;
};

// crun refuses hosts that mount both versions of control groups. Root can hide one from it.
void Gathering::AddCrun(Contender contender) {
  const std::string crun = FindProgram("crun");
  if (crun.empty()) return Skip(contender, "crun is not installed");
  const std::filesystem::path folder = setting_.folder;
  if (auto made = MakeBundle(crun, folder / "bundle", setting_.program, setting_.conditions); !made.ok()) {
    return Skip(contender, made.error().ToString());
  }
  // A name for each way: what a failed one leaves does not stand in the way of the next.
  int tried = 0;
  const auto words = [&](const char* manager) {
    const std::string name = "moat-bench-" + std::to_string(getpid()) + "-" + std::to_string(++tried);
    return Words{crun, "--root", folder / "state", "--cgroup-manager", manager, "run", "--bundle", folder / "bundle", name};
  };
  // Ours until the end of the program.
  static sys::Fd without_unified;
  if (access(kUnified, F_OK) == 0) {
    if (auto made = NamespaceWithout(kUnified); made.ok()) without_unified = std::move(made).value();
  }
  std::string why;
  for (const sys::Fd* where : {static_cast<const sys::Fd*>(nullptr), static_cast<const sys::Fd*>(&without_unified)}) {
    if (where != nullptr && !where->valid()) continue;
    for (const char* manager : {"cgroupfs", "disabled"}) {
      const Program program{words(manager), where};
      auto groups = std::make_shared<GroupsGone>(program.argv.back());
      why = TryOnce(program, setting_.conditions);
      if (!why.empty()) continue;
      if (where != nullptr) contender.name += ", v2 groups hidden from it";
      contender.enforces += manager == std::string_view("disabled") ? "; without control groups" : "; device rules by control group";
      field_.until_the_end.push_back(std::move(groups));
      return Add(std::move(contender), program);
    }
  }
  Skip(contender, why);
}

Words SmallView() {
  Words words = {"bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--clearenv", "--ro-bind", "/usr", "/usr"};
  for (const char* name : {"/bin", "/sbin", "/lib", "/lib64"}) {
    std::error_code error;
    const std::filesystem::path link = std::filesystem::read_symlink(name, error);
    if (!error) words.insert(words.end(), {"--symlink", link, name});
  }
  for (const char* word : {"--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"}) words.emplace_back(word);
  return words;
}

}  // namespace

Field Gather(const Setting& setting) {
  Gathering gathering(setting);
  gathering.Add({"posix-spawn", "`posix_spawn`, no jail", "nothing", {}, false}, {{setting.program}});
  gathering.Add({"moat-run", "`moat run`, a new process each time",
                 "seven namespaces, a view of its own, limits of memory, processes, files and time, a filter of all system calls, no "
                 "capabilities, streams carried and cut at limits, verdict and report",
                 {}, true},
                {{setting.moat, "run", "--", setting.program}});
  if (!setting.against.empty()) {
    gathering.Add({"moat-other", "`moat run` of another build", "the same", {}, true},
                  {{setting.against, "run", "--", setting.program}});
  }
  gathering.AddLibrary({"moat-library", "`moat::Sandbox::Run`, warm",
                        "the same as `moat run`; the caller's process and its helper stay", {}, true});
  gathering.AddPool({"moat-submit", "`moat submit`, a new process each time, to `moat serve`",
                     "the same as `moat run`; namespaces and mounts were made before, for this job alone", {}, true});
  gathering.AddTool({"bwrap-view", "`bwrap --unshare-all`, a view like moat's",
                     "seven namespaces, a view of its own, no_new_privs; root keeps the capabilities of its user namespace; no "
                     "filter, no limits, streams passed through, no report",
                     {}, false},
                    SmallView());
  gathering.AddTool({"bwrap-root", "`bwrap --unshare-all --ro-bind / /`",
                     "the same, with the whole host to be read", {}, false},
                    {"bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--clearenv", "--ro-bind", "/", "/"});
  gathering.AddCrun({"crun", "`crun run`",
                     "five namespaces (not user: root stays root), a view of its own, three capabilities, no_new_privs; its "
                     "default bundle has no filter and no limit of memory",
                     {}, false});
  gathering.AddTool({"unshare", "`unshare -Urmpfni --mount-proc`",
                     "five namespaces and a fresh /proc; the whole host stays visible, and writable to root",
                     {}, false},
                    {"unshare", "-Urmpfni", "--mount-proc"});
  return gathering.Take();
}

}  // namespace moat::bench
