#include "cli/launcher/report_sink.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "base/text.h"
#include "sys/calls.h"

namespace moat::launcher {

Result<ReportSink> ReportSink::Open(const std::string& where) {
  ReportSink sink;
  if (where.empty()) return sink;
  if (where.rfind("fd:", 0) == 0) {
    char* end = nullptr;
    const long number = strtol(where.c_str() + 3, &end, 10);
    if (*end != '\0' || end == where.c_str() + 3 || number < 0 || number > 1 << 20 ||
        fcntl(static_cast<int>(number), F_GETFD) < 0) {
      return WithFix(PolicyError("`--report " + where + "`: that descriptor is not open"), "--report fd:3 3>report.json");
    }
    sink.descriptor_ = static_cast<int>(number);
    fcntl(sink.descriptor_, F_SETFD, FD_CLOEXEC);
    return sink;
  }
  struct stat facts;
  if (stat(where.c_str(), &facts) == 0 && !S_ISREG(facts.st_mode)) {  // /dev/stderr, a FIFO ...
    const int fd = open(where.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) return SystemError("open", errno, where);
    sink.file_ = sys::Fd(fd);
    sink.descriptor_ = fd;
    return sink;
  }
  const std::size_t slash = where.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : slash == 0 ? "/" : where.substr(0, slash);
  sink.name_ = where.substr(slash == std::string::npos ? 0 : slash + 1);
  sink.temporary_ = "." + sink.name_ + "." + base::Number(static_cast<std::uint64_t>(getpid()));
  sink.folder_ = MOAT_TRY(sys::open(folder, O_RDONLY | O_DIRECTORY));
  // Nameless until it is whole, so that a killed launcher leaves nothing behind.
  auto nameless = sys::openat2(sink.folder_.get(), ".", O_TMPFILE | O_WRONLY, uapi::kResolveBeneath, 0644);
  sink.nameless_ = nameless.ok();
  sink.file_ = nameless.ok() ? std::move(nameless).value()
                             : MOAT_TRY(sys::openat2(sink.folder_.get(), sink.temporary_.c_str(),
                                                     O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, uapi::kResolveBeneath, 0644));
  return sink;
}

Status ReportSink::Write(const std::string& json) {
  if (descriptor_ >= 0) return sys::WriteAll(descriptor_, json, "report");
  if (!file_.valid()) return {};
  MOAT_TRY(sys::WriteAll(file_.get(), json, name_));
  const std::string self = "/proc/self/fd/" + base::Number(static_cast<std::uint64_t>(file_.get()));
  if (nameless_ && linkat(AT_FDCWD, self.c_str(), folder_.get(), temporary_.c_str(), AT_SYMLINK_FOLLOW) != 0) {
    return SystemError("linkat", errno, name_);
  }
  if (renameat(folder_.get(), temporary_.c_str(), folder_.get(), name_.c_str()) != 0) {
    return SystemError("rename", errno, name_);
  }
  return {};
}

}  // namespace moat::launcher
