#include "run/arrival.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/text.h"
#include "run/tree_walk.h"
#include "sys/calls.h"
#include "uapi/syscall.h"

namespace moat::run {
namespace {

constexpr std::string_view kPrefix = ".moat-", kSuffix = ".part";
constexpr unsigned kNames = 64;   // used at the same time, before chance has to help
constexpr unsigned kAlways = 4;   // looked at even if there is no such name

std::string NameOf(std::uint64_t number) {
  return std::string(kPrefix) + base::Number(number) + std::string(kSuffix);
}

bool IsStill(int folder, const std::string& name, const struct stat& file) {
  struct stat now;
  return fstatat(folder, name.c_str(), &now, AT_SYMLINK_NOFOLLOW) == 0 && now.st_dev == file.st_dev && now.st_ino == file.st_ino;
}

// Only the holder of the lock removes the name, or gives it up: so it stays what was locked.
bool Lock(int folder, const std::string& name, const sys::Fd& fd) {
  struct stat facts;
  if (fstat(fd.get(), &facts) != 0) return false;
  if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) return errno != EWOULDBLOCK;  // no locks here: as good as it gets
  return IsStill(folder, name, facts);
}

enum class Found : unsigned char { kNothing, kRemoved, kKept };

// A file of ours that nobody holds. Anything else of that name was planted, and stays.
Found RemoveUnlessHeld(int folder, const std::string& name) {
  struct stat facts;
  if (fstatat(folder, name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0) return errno == ENOENT ? Found::kNothing : Found::kKept;
  if (!S_ISREG(facts.st_mode) || facts.st_uid != geteuid() || facts.st_nlink != 1) return Found::kKept;
  auto fd = sys::openat2(folder, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, kConfined);
  if (!fd.ok()) return fd.error().error_number == ENOENT ? Found::kNothing : Found::kKept;
  if (flock(fd->get(), LOCK_EX | LOCK_NB) != 0 || !IsStill(folder, name, facts)) return Found::kKept;
  return unlinkat(folder, name.c_str(), 0) == 0 ? Found::kRemoved : Found::kKept;
}

// Of a file without a name. AT_EMPTY_PATH would need a capability before Linux 6.10.
int Link(const sys::Fd& fd, int folder, const std::string& name) {
  const std::string self = "/proc/self/fd/" + base::Number(static_cast<std::uint64_t>(fd.get()));
  if (linkat(AT_FDCWD, self.c_str(), folder, name.c_str(), AT_SYMLINK_FOLLOW) == 0) return 0;
  if (errno != ENOENT) return errno;
  return linkat(fd.get(), "", folder, name.c_str(), AT_EMPTY_PATH) == 0 ? 0 : errno;
}

}  // namespace

Arrival::Arrival(Arrival&& other) noexcept
    : folder_(other.folder_), mode_(other.mode_), fd_(std::move(other.fd_)), name_(std::exchange(other.name_, {})) {}

Arrival& Arrival::operator=(Arrival&& other) noexcept {
  if (this != &other) {
    Drop();
    folder_ = other.folder_;
    mode_ = other.mode_;
    fd_ = std::move(other.fd_);
    name_ = std::exchange(other.name_, {});
  }
  return *this;
}

Arrival::~Arrival() { Drop(); }

void Arrival::Drop() {
  if (!name_.empty()) unlinkat(folder_, name_.c_str(), 0);
  name_.clear();
}

Result<Arrival> Arrival::Open(int folder, mode_t mode, Way way) {
  Arrival arrival;
  arrival.folder_ = folder;
  arrival.mode_ = mode;
  if (way == Way::kNameless) {
    auto nameless = sys::openat2(folder, ".", O_TMPFILE | O_WRONLY, uapi::kResolveBeneath, mode);
    if (nameless.ok()) {
      arrival.fd_ = std::move(nameless).value();
      return arrival;
    }
    const int error = nameless.error().error_number;
    if (error != EOPNOTSUPP && error != EISDIR && error != EINVAL) return nameless.error();
  }
  MOAT_TRY(arrival.TakeName());
  return arrival;
}

// EEXIST: not that one.
Status Arrival::TryName(const std::string& name) {
  if (fd_.valid()) {
    const int error = Link(fd_, folder_, name);
    if (error != 0) return SystemError("linkat", error, name);
    name_ = name;
    return {};
  }
  const std::uint64_t flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY;
  sys::Fd fd = MOAT_TRY(sys::openat2(folder_, name.c_str(), flags, kConfined, mode_));
  // Somebody may have taken it for one that was left, in between.
  if (!Lock(folder_, name, fd)) return SystemError("flock", EEXIST, name);
  fd_ = std::move(fd);
  name_ = name;
  return {};
}

Status Arrival::TakeName() {
  if (fd_.valid()) flock(fd_.get(), LOCK_EX | LOCK_NB);  // before others can see it
  for (unsigned i = 0; i < kNames; ++i) {
    const std::string name = NameOf(i);
    Status taken = TryName(name);
    if (!taken.ok() && taken.error().error_number == EEXIST && RemoveUnlessHeld(folder_, name) == Found::kRemoved) taken = TryName(name);
    if (taken.ok() || taken.error().error_number != EEXIST) return taken;
  }
  std::uint64_t number = 0;
  uapi::Syscall(__NR_getrandom, &number, sizeof(number), 0);
  return TryName(NameOf(number));
}

Status Arrival::Publish(const std::string& name) {
  if (name_.empty()) {
    const int error = Link(fd_, folder_, name);
    if (error == 0) return {};
    if (error != EEXIST) return SystemError("linkat", error, name);
    MOAT_TRY(TakeName());
  }
  if (renameat(folder_, name_.c_str(), folder_, name.c_str()) != 0) return SystemError("renameat", errno, name);
  name_.clear();
  return {};
}

void RemoveLeftArrivals(int folder) {
  for (unsigned i = 0; i < kNames; ++i) {
    if (RemoveUnlessHeld(folder, NameOf(i)) == Found::kNothing && i + 1 >= kAlways) return;
  }
}

bool IsArrivalName(std::string_view name) {
  if (name.size() <= kPrefix.size() + kSuffix.size() || name.substr(0, kPrefix.size()) != kPrefix) return false;
  if (name.substr(name.size() - kSuffix.size()) != kSuffix) return false;
  const std::string_view digits = name.substr(kPrefix.size(), name.size() - kPrefix.size() - kSuffix.size());
  return digits.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace moat::run
