#include "run/inputs.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/safe_text.h"
#include "base/text.h"
#include "base/units.h"
#include "run/covered_path.h"
#include "sys/calls.h"
#include "uapi/kernel.h"

namespace moat::run {
namespace {

using uapi::IsError;
using uapi::Syscall;

Error InputError(std::string message, const std::string& path, std::string fix = {}) {
  Error error = PolicyError("input `" + base::Printable(path) + "`: " + std::move(message));
  error.subject = path;
  error.fix = std::move(fix);
  error.origin.file = "command line";
  return error;
}

// A copy of the caller's descriptor, else opened without blocking on a FIFO and without
// following /proc's magic links, or a link in place of the file: whoever uploaded it may have
// made that, to be shown what only the caller may read.
Result<sys::Fd> OpenOrCopy(const std::string& path, int given) {
  if (given < 0) {
    return sys::openat2(AT_FDCWD, path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, uapi::kResolveNoMagiclinks);
  }
  const long copy = Syscall(__NR_fcntl, given, F_DUPFD_CLOEXEC, 3);
  if (IsError(copy)) return SystemError("fcntl", static_cast<int>(-copy), path);
  return sys::Fd(static_cast<int>(copy));
}

Result<sys::Fd> OpenInput(const std::string& path, int given, const abi::LimitsRow& limits, struct stat& facts) {
  auto opened = OpenOrCopy(path, given);
  if (!opened.ok()) {
    Error error = InputError("cannot be opened", path);
    if (opened.error().error_number == ELOOP) error = InputError("is a symbolic link", path, "name the file that it leads to");
    error.call = opened.error().call;
    error.error_number = opened.error().error_number;
    return error;
  }
  facts = MOAT_TRY(sys::fstat(*opened, path));
  if (!S_ISREG(facts.st_mode)) return InputError("not a regular file", path, "use [files] read for folders");
  if (static_cast<std::uint64_t>(facts.st_size) > limits.input) {
    return InputError("larger than the limit `input` of " + base::FormatSize(limits.input), path, "raise --input");
  }
  if ((facts.st_mode & (S_IRUSR | S_IROTH)) == 0) {
    return InputError("nobody but root may read it, and no job is root", path, "chmod u+r it");
  }
  return opened;
}

Result<sys::MountFd> ReadOnlyMount(const sys::Fd& file, const std::string& path) {
  const long tree = Syscall(__NR_open_tree, file.get(), "", uapi::kOpenTreeClone | uapi::kOpenTreeCloexec | uapi::kAtEmptyPath);
  if (IsError(tree)) return SystemError("open_tree", static_cast<int>(-tree), path);
  sys::MountFd mount(static_cast<int>(tree));
  const uapi::MountAttr attributes{kInputAttributes, 0, uapi::kMsPrivate, 0};
  const long set = Syscall(__NR_mount_setattr, mount.get(), "", uapi::kAtEmptyPath, &attributes, sizeof(attributes));
  if (IsError(set)) return SystemError("mount_setattr", static_cast<int>(-set), path);
  return mount;
}

// A user namespace that exists only to say "the owner of this file is the job". The process
// in it does nothing and is gone once its namespace is held by descriptor.
class IdNamespace {
 public:
  static Result<IdNamespace> Make(const struct stat& facts, const abi::Slots& slots) {
    uapi::CloneArgs args{};
    args.flags = uapi::kCloneNewUser;
    args.exit_signal = SIGCHLD;
    const long launcher = Syscall(__NR_getpid);
    const long pid = Syscall(__NR_clone3, &args, sizeof(args));
    if (pid == 0) Wait(launcher);
    if (IsError(pid)) return SystemError("clone3", static_cast<int>(-pid), "a user namespace for an idmapped mount");
    auto made = Describe("/proc/" + base::Number(static_cast<std::uint64_t>(pid)), facts, slots);
    Syscall(__NR_kill, pid, SIGKILL);
    Syscall(__NR_wait4, pid, nullptr, 0, nullptr);
    return made;
  }
  int get() const { return fd_.get(); }

 private:
  // Every signal is blocked here: without its own death the child would outlive a launcher
  // that is killed meanwhile, for ever.
  [[noreturn]] static void Wait(long launcher) {
    Syscall(__NR_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    while (Syscall(__NR_getppid) == launcher) Syscall(__NR_pause);
    for (;;) Syscall(__NR_exit_group, 0);
  }
  static Result<IdNamespace> Describe(const std::string& process, const struct stat& facts, const abi::Slots& slots) {
    MOAT_TRY(sys::WriteFile(process + "/uid_map", base::Number(facts.st_uid) + " " + slots.uid_text + " 1"));
    MOAT_TRY(sys::WriteFile(process + "/gid_map", base::Number(facts.st_gid) + " " + slots.gid_text + " 1"));
    IdNamespace made;
    made.fd_ = MOAT_TRY(sys::openat2(AT_FDCWD, (process + "/ns/user").c_str(), O_RDONLY, 0));
    return made;
  }
  sys::Fd fd_;
};

// Lets the job read a file that only its owner may read, without changing the file and
// without giving the job the owner's uid. mount_setattr(2), "ID-mapped mounts".
Status MapOwner(const sys::MountFd& mount, int ids, const std::string& path) {
  const uapi::MountAttr attributes{uapi::kMountAttrIdmap, 0, 0, static_cast<std::uint64_t>(ids)};
  const long set = Syscall(__NR_mount_setattr, mount.get(), "", uapi::kAtEmptyPath, &attributes, sizeof(attributes));
  if (!IsError(set)) return {};
  Error error = InputError("only its owner may read it, and its file system does not support id-mapped mounts", path,
                           "chmod o+r it, or put it on ext4, xfs, btrfs or tmpfs");
  error.call = "mount_setattr";
  error.error_number = static_cast<int>(-set);
  return error;
}

bool MayRead(const struct stat& facts, const abi::Slots& slots) {
  return (facts.st_mode & S_IROTH) != 0 || facts.st_uid == static_cast<uid_t>(slots.job_uid);
}

struct Shown {
  sys::MountFd mount;
  bool path_hidden = false;
};

Result<Shown> Show(const sys::Fd& file, const struct stat& facts, const abi::Slots& slots, const std::string& path, CoveredPath& cover) {
  IdNamespace owner;
  if (!MayRead(facts, slots)) owner = MOAT_TRY(IdNamespace::Make(facts, slots));
  sys::MountFd covered = cover.Mount(file, facts, owner.get());
  if (covered.valid()) return Shown{std::move(covered), true};
  Shown shown{MOAT_TRY(ReadOnlyMount(file, path)), false};
  if (owner.get() >= 0) MOAT_TRY(MapOwner(shown.mount, owner.get(), path));
  return shown;
}

std::string BaseName(const std::string& path) { return path.substr(path.rfind('/') + 1); }

// PATH or PATH=NAME. A file whose own name has a "=" in it wins.
struct Named {
  std::string path, name;
};
Named SplitName(const std::string& text) {
  struct stat facts;
  const std::size_t equals = text.rfind('=');
  if (equals == std::string::npos || lstat(text.c_str(), &facts) == 0) return {text, BaseName(text)};
  return {text.substr(0, equals), text.substr(equals + 1)};
}

Status CheckName(const std::string& name, const std::string& path, const std::vector<std::string>& taken) {
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos) return InputError("has no file name", path);
  if (name.size() >= abi::kNameMax) return InputError("its name is too long", path);
  if (std::find(taken.begin(), taken.end(), name) != taken.end()) {
    return InputError("another input has the same name", path, "give one of them another: -i " + base::Printable(path) + "=NAME");
  }
  return {};
}

}  // namespace

Result<Inputs> Inputs::Open(LivePlan& plan, const Job& job) {
  Inputs inputs;
  std::vector<std::string> names;
  CoveredPath cover;
  const std::string folder(plan.Text(plan.header().input_dir));
  for (std::size_t i = 0; i < job.inputs.size(); ++i) {
    const auto [path, name] =
        i < job.input_names.size() ? Named{job.inputs[i], job.input_names[i]} : SplitName(job.inputs[i]);
    MOAT_TRY(CheckName(name, path, names));
    struct stat facts{};
    const sys::Fd file = MOAT_TRY(OpenInput(path, i < job.input_fds.size() ? job.input_fds[i] : -1, plan.header().limits, facts));
    abi::InputSlot& slot = plan.input(i);
    Shown shown = MOAT_TRY(Show(file, facts, plan.slots(), path, cover));
    slot.mount_fd = shown.mount.get();
    inputs.mounts_.push_back(std::move(shown.mount));
    const std::string target = (folder + "/" + name).substr(1);
    if (target.size() >= sizeof(slot.target)) return InputError("its path inside is too long", path);
    std::memcpy(slot.target, target.c_str(), target.size() + 1);
    names.push_back(name);
    inputs.inside_.push_back(folder + "/" + name);
    inputs.files_.push_back({name, static_cast<std::uint64_t>(facts.st_size), shown.path_hidden});
  }
  return inputs;
}

}  // namespace moat::run
