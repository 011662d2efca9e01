// What the job sees and may change.
#include <algorithm>
#include <set>

#include "base/units.h"
#include "lint/filter.h"
#include "lint/rule.h"
#include "policy/files.h"
#include "policy/paths.h"
#include "policy/scalars.h"

namespace moat::lint {

using policy::FileAccess;
using policy::FileRule;
using policy::IsWithin;
using policy::Quote;

namespace {

constexpr std::string_view kHomes[] = {"/home", "/root"};
constexpr std::string_view kRuns[] = {"/run", "/var/run"};
constexpr std::string_view kShared[] = {"/tmp", "/var/tmp", "/dev/shm", "/run/lock", "/var/lock"};
constexpr std::string_view kWide[] = {"/var", "/srv", "/opt", "/mnt", "/media", "/data", "/boot", "/nix", "/snap", "/usr/local"};
constexpr std::string_view kState[] = {"/var/lib", "/var/spool", "/var/log", "/var/backups", "/var/mail", "/var/www"};
constexpr std::string_view kSecrets[] = {
    "/etc/shadow", "/etc/gshadow", "/etc/sudoers", "/etc/sudoers.d", "/etc/ssh", "/etc/ssl/private", "/etc/pki/tls/private",
    "/etc/kubernetes", "/etc/letsencrypt", "/etc/wireguard", "/etc/krb5.keytab", "/etc/NetworkManager/system-connections",
    "/var/lib/kubelet", "/var/lib/docker", "/run/secrets", "/var/run/secrets", "/etc/machine-id", "/var/lib/systemd/random-seed"};
constexpr std::string_view kSecretNames[] = {".ssh",    ".aws",       ".gnupg",   ".kube",      ".docker", ".netrc",
                                             ".pgpass", ".npmrc",     "id_rsa",   "id_ed25519", ".env",    ".git-credentials",
                                             ".vault-token", "credentials.json"};
constexpr std::string_view kSystem[] = {"/usr", "/lib", "/lib64", "/bin", "/sbin", "/boot", "/opt", "/var/lib", "/var/spool/cron", "/srv/www"};
constexpr std::string_view kSockets[] = {"/run/docker", "/run/containerd", "/run/crio", "/run/podman", "/run/dbus", "/run/systemd",
                                         "/run/user", "/tmp/.X11-unix", "/var/lib/libvirt", "/run/libvirt"};
constexpr std::string_view kFatalDevices[] = {"/dev/mem", "/dev/kmem", "/dev/port", "/dev/kmsg", "/dev/kvm", "/dev/fuse", "/dev/net",
                                              "/dev/vhost", "/dev/vsock", "/dev/vfio", "/dev/loop", "/dev/sd", "/dev/vd", "/dev/nvme",
                                              "/dev/xvd", "/dev/dm-", "/dev/mapper", "/dev/md", "/dev/uinput", "/dev/userfaultfd",
                                              "/dev/console", "/dev/tty0", "/dev/hpet", "/dev/cpu", "/dev/mei", "/dev/ipmi", "/dev/tpm"};
constexpr std::string_view kShells[] = {"/usr/bin/bash", "/usr/bin/sh", "/bin/bash", "/bin/sh", "/usr/bin/dash"};

bool FromHost(const FileRule& rule) { return rule.access == FileAccess::kRead || rule.access == FileAccess::kWrite; }

template <typename Test>
void EachSource(const Subject& subject, Test test, const std::string& what, Findings& findings) {
  for (const FileRule& rule : subject.model.files.rules) {
    if (FromHost(rule) && !policy::FromGroup(rule) && test(rule.source)) findings.Add(Quote(rule.source) + " " + what, rule.origin);
  }
}

template <typename List>
bool Is(const List& list, std::string_view path) {
  return std::find(std::begin(list), std::end(list), path) != std::end(list);
}
template <typename List>
bool Below(const List& list, std::string_view path) {
  return std::any_of(std::begin(list), std::end(list), [&](std::string_view folder) { return IsWithin(path, folder); });
}

bool EndsWith(std::string_view text, std::string_view tail) {
  return text.size() >= tail.size() && text.substr(text.size() - tail.size()) == tail;
}

bool HasSecretName(std::string_view path) {
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::string_view part = path.substr(0, path.find('/'));
    if (Is(kSecretNames, part) || EndsWith(part, ".key") || EndsWith(part, ".p12") || EndsWith(part, ".keytab")) return true;
    path.remove_prefix(part.size());
  }
  return false;
}

bool HoldsSecrets(std::string_view path) {
  const bool covers = std::any_of(std::begin(kSecrets), std::end(kSecrets), [&](std::string_view secret) { return IsWithin(secret, path); });
  // The whole of /etc and the like have rules of their own.
  return Below(kSecrets, path) || HasSecretName(path) || (covers && !Is(kWide, path) && path != "/etc" && !Is(kRuns, path));
}

template <typename Act>
void EachWrite(const Subject& subject, Act act) {
  for (const FileRule& rule : subject.model.files.rules) {
    if (rule.access == FileAccess::kWrite) act(rule);
  }
}

std::string Folder(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

std::uint64_t ScratchTotal(const policy::Model& model, std::string& names, Origin& where) {
  std::uint64_t total = 0;
  for (const FileRule& rule : model.files.rules) {
    if (rule.access != FileAccess::kScratch) continue;
    total += rule.size;
    names += (names.empty() ? "" : " + ") + rule.target;
    if (where.empty()) where = rule.origin;
  }
  return total;
}

}  // namespace

void CheckFilesHome(const Subject& subject, Findings& findings) {
  EachSource(subject, [](std::string_view path) { return Is(kHomes, path) || path == "/root" || IsWithin(path, "/root"); },
             "is a home, or all of them", findings);
}
void CheckFilesHomePart(const Subject& subject, Findings& findings) {
  EachSource(subject, [](std::string_view path) { return path != "/home" && IsWithin(path, "/home"); }, "lies in somebody's home", findings);
}
void CheckFilesRun(const Subject& subject, Findings& findings) {
  EachSource(subject, [](std::string_view path) { return Is(kRuns, path); }, "is where services keep their sockets", findings);
}
void CheckFilesEtc(const Subject& subject, Findings& findings) {
  EachSource(subject, [](std::string_view path) { return path == "/etc"; }, "is the host's whole configuration", findings);
}
void CheckFilesSecrets(const Subject& subject, Findings& findings) {
  EachSource(subject, HoldsSecrets, "holds secrets, or tells the machine's identity", findings);
}
void CheckFilesControlSocket(const Subject& subject, Findings& findings) {
  EachSource(subject,
             [](std::string_view path) { return Below(kSockets, path) || EndsWith(path, ".sock") || EndsWith(path, ".socket"); },
             "is a socket of a service", findings);
}
void CheckFilesSharedTmp(const Subject& subject, Findings& findings) {
  EachSource(subject, [](std::string_view path) { return Is(kShared, path); }, "is shared by everybody on the host", findings);
}
void CheckFilesWide(const Subject& subject, Findings& findings) {
  EachSource(subject, [](std::string_view path) { return Is(kWide, path); }, "is a whole top-level folder", findings);
}
void CheckFilesSystemState(const Subject& subject, Findings& findings) {
  EachSource(subject, [](std::string_view path) { return Below(kState, path); }, "is state of services", findings);
}

void CheckFilesWrite(const Subject& subject, Findings& findings) {
  EachWrite(subject, [&](const FileRule& rule) { findings.Add("the job may change " + Quote(rule.source), rule.origin); });
}
void CheckFilesWriteExec(const Subject& subject, Findings& findings) {
  EachWrite(subject, [&](const FileRule& rule) {
    if (rule.execute) findings.Add(Quote(rule.source) + " can be written and run", rule.origin);
  });
}
void CheckFilesWriteSystem(const Subject& subject, Findings& findings) {
  EachWrite(subject, [&](const FileRule& rule) {
    if (Below(kSystem, rule.source)) findings.Add(Quote(rule.source) + " is the system's", rule.origin);
  });
}
void CheckFilesWriteShown(const Subject& subject, Findings& findings) {
  EachWrite(subject, [&](const FileRule& rule) {
    for (const FileRule& other : subject.model.files.rules) {
      if (other.access != FileAccess::kRead || other.source.empty()) continue;
      if (!IsWithin(other.source, rule.source) && !IsWithin(rule.source, other.source)) continue;
      findings.Add(Quote(rule.source) + " is written, and shown by " + Quote(other.source), rule.origin);
      return;
    }
  });
}
void CheckFilesWritePolicy(const Subject& subject, Findings& findings) {
  EachWrite(subject, [&](const FileRule& rule) {
    for (const std::string& source : subject.model.sources) {
      if (IsWithin(source, rule.source)) findings.Add(Quote(rule.source) + " holds the policy " + Quote(source), rule.origin);
    }
  });
}

void CheckFilesDevice(const Subject& subject, Findings& findings) {
  for (const FileRule& rule : subject.model.files.rules) {
    if (rule.access == FileAccess::kDevice) findings.Add("the device " + Quote(rule.source) + " is shown", rule.origin);
  }
}
void CheckFilesDeviceFatal(const Subject& subject, Findings& findings) {
  for (const FileRule& rule : subject.model.files.rules) {
    if (rule.access != FileAccess::kDevice) continue;
    for (const std::string_view fatal : kFatalDevices) {
      if (rule.source.compare(0, fatal.size(), fatal) == 0) findings.Add("the device " + Quote(rule.source) + " is shown", rule.origin);
    }
  }
}
void CheckFilesProcFull(const Subject& subject, Findings& findings) {
  const auto& proc = subject.model.files.proc;
  if (proc.value == policy::ProcMode::kFull) findings.Add("`proc` is \"full\"", proc.origin);
}

void CheckFilesScratchExec(const Subject& subject, Findings& findings) {
  for (const FileRule& rule : subject.model.files.rules) {
    if (rule.access == FileAccess::kScratch && rule.execute) findings.Add("programs can be run from " + Quote(rule.target), rule.origin);
  }
}
void CheckFilesScratchBeyondMemory(const Subject& subject, Findings& findings) {
  std::string names;
  Origin where;
  const std::uint64_t total = ScratchTotal(subject.model, names, where);
  const std::uint64_t memory = subject.model.limits.memory.value;
  if (total > memory) findings.Add(names + " is " + base::FormatSize(total) + ", but `memory` " + base::FormatSize(memory), where);
}
void CheckFilesScratchTightInodes(const Subject& subject, Findings& findings) {
  constexpr std::uint64_t kLargestFile = 8 << 20;
  for (const FileRule& rule : subject.model.files.rules) {
    if (rule.access != FileAccess::kScratch || rule.inodes == 0 || rule.size / rule.inodes <= kLargestFile) continue;
    findings.Add(Quote(rule.target) + " has room for few files", rule.origin);
  }
}
void CheckFilesHideNothing(const Subject& subject, Findings& findings) {
  for (const FileRule& rule : subject.model.files.rules) {
    if (rule.access != FileAccess::kHide || IsWithin(rule.target, "/proc")) continue;
    const bool shown = std::any_of(subject.model.files.rules.begin(), subject.model.files.rules.end(), [&](const FileRule& other) {
      return other.access != FileAccess::kHide && IsWithin(rule.target, other.target);
    });
    if (!shown) findings.Add(Quote(rule.target) + " is hidden, but nothing shows it", rule.origin);
  }
}
void CheckFilesShell(const Subject& subject, Findings& findings) {
  const auto filter = Filter::Of(subject.model);
  if (!filter.ok() || !filter->Ask("execve").granted) return;
  for (const FileRule& rule : subject.model.files.rules) {
    if (!FromHost(rule) || !rule.execute) continue;
    const bool shell = std::any_of(std::begin(kShells), std::end(kShells), [&](std::string_view path) { return IsWithin(path, rule.target); });
    if (shell) return findings.Add(Quote(rule.target) + " has shells", rule.origin);
  }
}

// --- rules that look at the host's files

namespace {

using Type = plan::PathFacts::Type;

// Every folder above, from the root down, then the path itself.
std::vector<std::string> Steps(const std::string& path) {
  std::vector<std::string> steps;
  for (std::size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    steps.push_back(path.substr(0, slash));
  }
  steps.push_back(path);
  return steps;
}

// Others may replace what is in it. The sticky bit keeps them from names that are there.
bool OthersWrite(const plan::PathFacts& facts) {
  constexpr std::uint32_t kGroup = 020, kWorld = 02, kSticky = 01000;
  if (facts.type != Type::kDirectory || (facts.mode & kSticky) != 0) return false;
  return (facts.mode & kWorld) != 0 || ((facts.mode & kGroup) != 0 && facts.gid != 0);
}

// "" when there is none.
std::string UntrustedStep(const plan::HostView& view, const std::vector<std::string>& steps) {
  for (const std::string& step : steps) {
    if (OthersWrite(view.Look(step))) return step;
  }
  return {};
}

}  // namespace

void CheckFilesSourceLink(const Subject& subject, Findings& findings) {
  for (const FileRule& rule : subject.model.files.rules) {
    if (!FromHost(rule) || policy::FromGroup(rule) || !rule.follow) continue;
    for (const std::string& step : Steps(rule.source)) {
      // Links that root made are the distribution's: /lib, /etc/alternatives.
      const plan::PathFacts facts = subject.view->Look(step);
      if (facts.type != Type::kSymlink || facts.uid == 0) continue;
      findings.Add(Quote(rule.source) + ": " + Quote(step) + " is a symbolic link of uid " + std::to_string(facts.uid), rule.origin);
      break;
    }
  }
}
void CheckFilesSourceUntrusted(const Subject& subject, Findings& findings) {
  for (const FileRule& rule : subject.model.files.rules) {
    if (!FromHost(rule)) continue;
    auto steps = Steps(rule.source);
    steps.pop_back();
    const std::string step = UntrustedStep(*subject.view, steps);
    if (!step.empty()) findings.Add(Quote(rule.source) + ": others can write to " + Quote(step), rule.origin);
  }
}
void CheckFilesSocketShown(const Subject& subject, Findings& findings) {
  constexpr std::uint32_t kType = 0170000, kSocket = 0140000;
  const auto is_socket = [&](const std::string& path) { return (subject.view->Look(path).mode & kType) == kSocket; };
  for (const FileRule& rule : subject.model.files.rules) {
    if (!FromHost(rule) || policy::FromGroup(rule)) continue;
    if (is_socket(rule.source)) findings.Add(Quote(rule.source) + " is a socket", rule.origin);
    // One level down: where services put theirs. Deeper, only `moat attack` looks.
    if (subject.view->Look(rule.source).type != Type::kDirectory) continue;
    for (const std::string& name : subject.view->List(rule.source)) {
      if (is_socket(rule.source + "/" + name)) findings.Add(Quote(rule.source + "/" + name) + " is a socket", rule.origin);
    }
  }
}
void CheckPolicyWritable(const Subject& subject, Findings& findings) {
  for (const std::string& source : subject.model.sources) {
    if (source.empty() || source[0] != '/') continue;
    const std::string step = UntrustedStep(*subject.view, Steps(Folder(source)));
    if (!step.empty()) findings.Add(Quote(source) + ": others can write to " + Quote(step));
  }
}

}  // namespace moat::lint
