#include "attack/targets.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <memory>
#include <utility>

#include "attack/probe/probe.h"
#include "sys/calls.h"

namespace moat::attack {
namespace {

namespace fs = std::filesystem;

// Small enough to be reached at once, and told to the probes that fill memory.
constexpr const char* kMemoryLimit = "64M";
constexpr const char* kMemoryWord = "memory.limit=64";
constexpr int kReportNumber = 60;
constexpr uid_t kNobody = 65534;
constexpr const char* kUnified = "/sys/fs/cgroup/unified";

void Append(std::vector<std::string>& list, const std::vector<std::string>& more) { list.insert(list.end(), more.begin(), more.end()); }

// In a copy of this process, whose memory has all that the probe needs.
void AttackFromWithin(const std::string& name, const std::vector<std::string>& words, const std::function<Status()>& seal) {
  const inside::Probe* probe = inside::FindProbe(name.c_str());
  if (probe == nullptr) _exit(64);
  std::vector<char*> canaries;
  for (const std::string& word : words) canaries.push_back(const_cast<char*>(word.c_str()));
  canaries.push_back(nullptr);
  inside::Prepare(canaries.data(), inside::Side::kInside);
  const Status sealed = seal();
  if (!sealed.ok()) {
    const std::string text = sealed.error().ToString() + "\n";
    (void)!write(2, text.data(), text.size());
    _exit(65);
  }
  _exit(inside::Tell(probe->attack()) ? 0 : 66);
}

std::string JsonString(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

// The "args" of a runtime's configuration: from "[" to the "]" behind it.
Result<std::string> WithArguments(const std::string& config, const std::vector<std::string>& argv) {
  const std::size_t key = config.find("\"args\"");
  const std::size_t begin = config.find('[', key), end = config.find(']', begin);
  if (key == std::string::npos || end == std::string::npos) return HostError("a configuration without \"args\"");
  std::string list;
  for (const std::string& word : argv) list += (list.empty() ? "" : ", ") + JsonString(word);
  std::string out = config;
  out.replace(begin, end - begin + 1, "[" + list + "]");
  for (std::size_t at = out.find("\"terminal\": true"); at != std::string::npos; at = out.find("\"terminal\": true")) {
    out.replace(at, 16, "\"terminal\": false");
  }
  return out;
}

// Between the quotes behind "KEY": of a report that the launcher wrote, whose text is escaped.
std::string Field(const std::string& json, const std::string& key) {
  const std::string head = "\"" + key + "\": \"";
  const std::size_t at = json.find(head);
  if (at == std::string::npos) return "";
  const std::size_t begin = at + head.size();
  return json.substr(begin, json.find('"', begin) - begin);
}

// The launcher tells for certain what ended a job.
Answer JudgeByReport(const sys::Fd& report, const Entry& entry, const Spawned& spawned) {
  const auto text = ::lseek(report.get(), 0, SEEK_SET) == 0 ? sys::ReadAll(report, 4 << 20, "report") : Result<std::string>(std::string());
  const std::string cause = text.ok() ? Field(*text, "cause") : "", detail = text.ok() ? Field(*text, "detail") : "";
  if (cause == "denied" || (cause == "memory" && FillsMemory(entry))) return {Fate::kClosed, "killed: " + cause + ": " + detail};
  if (cause == "wall" && entry.witness == Witness::kTime) return {Fate::kClosed, "ended: " + detail};
  if (cause == "setup" && FillsMemory(entry)) return {Fate::kNotApplicable, "no limit of memory for such a caller: " + detail};
  Answer answer = ReadAnswer(spawned);
  if (!cause.empty()) answer.text += " (" + cause + ": " + detail + ")";
  return answer;
}

// The folder of results, whose word gets another value.
std::string TakeResults(std::vector<std::string>& words, std::string_view instead) {
  for (std::string& word : words) {
    if (word.rfind(kResultsWord, 0) != 0) continue;
    std::string folder = word.substr(kResultsWord.size());
    if (!folder.empty()) word = std::string(kResultsWord) + std::string(instead);
    return folder;
  }
  return "";
}

// In the child, behind all that a careless caller does there.
void Become(SpawnRequest& spawn, uid_t id, const std::string& home) {
  spawn.in_child = [careless = std::move(spawn.in_child), id, home] {
    if (careless) careless();
    if (::setresgid(id, id, id) != 0 || ::setresuid(id, id, id) != 0 || ::chdir(home.c_str()) != 0) ::_exit(66);
  };
  std::erase_if(spawn.environment, [](const std::string& variable) { return variable.rfind("HOME=", 0) == 0; });
  spawn.environment.push_back("HOME=" + home);
}

// crun refuses hosts that mount both versions of control groups. Root can hide one from it.
void HideUnified(SpawnRequest& spawn) {
  if (::geteuid() != 0 || ::access(kUnified, F_OK) != 0) return;
  spawn.in_child = [careless = std::move(spawn.in_child)] {
    if (careless) careless();
    if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::umount2(kUnified, MNT_DETACH) != 0) {
      ::_exit(66);
    }
  };
}

Status Replace(const std::string& path, const std::string& text) {
  const sys::Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!fd.valid()) return SystemError("open", errno, path);
  return sys::WriteAll(fd.get(), text, path);
}

}  // namespace

Target Jail(const Battery& battery, JailRequest request) {
  Target target;
  target.name = !request.name.empty() ? request.name : request.without.empty() ? request.policy : "without " + request.without;
  if (request.as) target.caller = *request.as;
  const Canaries& planted = battery.canaries();
  const auto report = std::make_shared<sys::Fd>();
  target.judge = [report](const Entry& entry, const Spawned& spawned) { return JudgeByReport(*report, entry, spawned); };
  target.prepare = [&planted, report, request = std::move(request)](const Entry& entry, std::vector<std::string> words,
                                                                   SpawnRequest& spawn) -> Status {
    *report = sys::Fd(::memfd_create("report", MFD_CLOEXEC));
    spawn.descriptors.emplace_back(kReportNumber, report->get());
    spawn.argv = {request.launcher, "run", "-p", request.policy, "--read", planted.shown_folder(), "-i", planted.input_file(),
                  "--env", "HARMLESS=" + planted.argument_secret(), "--report", "fd:" + std::to_string(kReportNumber)};
    if (!request.without.empty()) Append(spawn.argv, {"--without", request.without});
    if (FillsMemory(entry)) Append(spawn.argv, {"--memory", kMemoryLimit});
    if (entry.witness == Witness::kTime) Append(spawn.argv, {"--wall", "1s"});
    const std::string results = TakeResults(words, "{out}");
    if (!results.empty()) Append(spawn.argv, {"-o", results});
    if (request.as) Become(spawn, *request.as, request.home);
    spawn.argv.emplace_back("--");
    Append(spawn.argv, words);
    if (FillsMemory(entry)) spawn.argv.emplace_back(kMemoryWord);
    return {};
  };
  return target;
}

Target Sealed(std::string name, std::function<Status()> seal) {
  Target target;
  target.name = std::move(name);
  target.prepare = [seal = std::move(seal)](const Entry& entry, const std::vector<std::string>& words, SpawnRequest& spawn) -> Status {
    spawn.environment.clear();
    // The seal is the caller's own: it declares what it keeps, so nothing careless is left to it.
    spawn.descriptors.clear();
    spawn.in_child = [&entry, words, seal] { AttackFromWithin(std::string(entry.name), {words.begin() + 2, words.end()}, seal); };
    return {};
  };
  return target;
}

Target Command(std::string name, std::vector<std::string> prefix, Who who) {
  Target target;
  target.name = std::move(name);
  const bool drops = who == Who::kNobody && ::geteuid() == 0;
  if (drops) target.caller = kNobody;
  target.prepare = [prefix = std::move(prefix), drops](const Entry&, const std::vector<std::string>& words, SpawnRequest& spawn) -> Status {
    spawn.argv = prefix;
    Append(spawn.argv, words);
    spawn.argv.emplace_back(kMemoryWord);
    if (drops) Become(spawn, kNobody, "/");
    return {};
  };
  return target;
}

Target Bare() { return Command("bare", {}, Who::kNobody); }

Result<Target> Crun(const std::string& crun, const std::string& folder) {
  const std::string bundle = folder + "/bundle";
  std::error_code error;
  for (const char* name : {"", "/rootfs", "/rootfs/usr", "/rootfs/proc", "/rootfs/sys", "/rootfs/dev", "/rootfs/tmp", "/rootfs/etc"}) {
    fs::create_directories(bundle + name, error);
  }
  SpawnRequest spec;
  spec.argv = {crun, "spec"};
  spec.environment = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"};
  spec.in_child = [bundle] {
    if (::chdir(bundle.c_str()) != 0) ::_exit(66);
  };
  const Spawned made = MOAT_TRY(Spawn(spec));
  const sys::Fd file(::open((bundle + "/config.json").c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return HostError("`crun spec` wrote no configuration: " + made.err);
  const std::string config = MOAT_TRY(sys::ReadAll(file, 1 << 20, "config.json"));
  Target target;
  target.name = "crun";
  target.prepare = [=](const Entry& entry, const std::vector<std::string>& words, SpawnRequest& spawn) -> Status {
    // The probe is all that the container needs: it is static.
    std::error_code failed;
    fs::copy_file(words[0], bundle + "/rootfs/probe", fs::copy_options::overwrite_existing, failed);
    std::vector<std::string> arguments = words;
    arguments[0] = "/probe";
    TakeResults(arguments, "");
    arguments.emplace_back(kMemoryWord);
    const std::string written = MOAT_TRY(WithArguments(config, arguments));
    MOAT_TRY(Replace(bundle + "/config.json", written));
    spawn.argv = {crun, "--cgroup-manager=disabled", "run", "-b", bundle, "moat-attack-" + std::to_string(::getpid()) + "-" + std::string(entry.name)};
    HideUnified(spawn);
    return {};
  };
  return target;
}

std::vector<std::string> UsualCommand(const std::string& name, const std::string& tool) {
  if (name == "bwrap") {
    // As strict as its manual knows how to be; the probe's folder is shown, or it could not start.
    return {tool, "--unshare-all", "--die-with-parent", "--new-session", "--clearenv", "--cap-drop", "ALL", "--ro-bind", "/usr", "/usr",
            "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64", "--symlink", "usr/bin", "/bin", "--proc", "/proc",
            "--dev", "/dev", "--tmpfs", "/tmp"};
  }
  if (name == "nsjail") return {tool, "-Mo", "--quiet", "--chroot", "/", "--user", "65534", "--group", "65534", "--"};
  if (name == "firejail") return {tool, "--quiet", "--"};
  return {};
}

}  // namespace moat::attack
