#include "cli/launcher/report_sink.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "sys/calls.h"

namespace moat::launcher {
namespace {

// /dev/stderr and its like are links that lead to a descriptor, whatever is behind it: the link
// must not be replaced by a file. Other names in /dev, below /dev/shm say, are files like any.
bool IsNameOfDescriptor(const std::string& where) {
  struct stat link;
  const bool in_a_system_folder = where.rfind("/dev/", 0) == 0 || where.rfind("/proc/", 0) == 0;
  return in_a_system_folder && lstat(where.c_str(), &link) == 0 && S_ISLNK(link.st_mode);
}

// The descriptor may be one that does not block: the caller's choice, and not to be changed.
Status WriteWaiting(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = write(fd, bytes.data(), bytes.size());
    if (n >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(n));
    } else if (errno == EAGAIN) {
      struct pollfd ready{fd, POLLOUT, 0};
      poll(&ready, 1, -1);
    } else if (errno != EINTR) {
      return SystemError("write", errno, "report");
    }
  }
  return {};
}

}  // namespace

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
  const bool there = stat(where.c_str(), &facts) == 0;
  if ((there && !S_ISREG(facts.st_mode)) || IsNameOfDescriptor(where)) return OpenSpecial(where);
  MOAT_TRY(sink.OpenFile(where));
  return sink;
}

// Something that is written into, and not replaced: a terminal, a pipe, a device.
Result<ReportSink> ReportSink::OpenSpecial(const std::string& where) {
  // A FIFO without a reader would keep the job waiting for ever.
  const int fd = open(where.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (fd < 0 && errno == ENXIO) return WithFix(SystemError("open", ENXIO, where), "start its reader first");
  if (fd < 0) return SystemError("open", errno, where);
  ReportSink sink;
  sink.file_ = sys::Fd(fd);
  sink.descriptor_ = fd;
  return sink;
}

Status ReportSink::OpenFile(const std::string& where) {
  const std::size_t slash = where.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : slash == 0 ? "/" : where.substr(0, slash);
  name_ = where.substr(slash == std::string::npos ? 0 : slash + 1);
  if (name_.empty() || name_ == "." || name_ == "..") return PolicyError("`--report " + where + "`: that is no file");
  folder_ = MOAT_TRY(sys::open(folder, O_RDONLY | O_DIRECTORY));
  // A name that cannot be had is told now, and not when the work is done.
  struct stat facts;
  if (fstatat(folder_.get(), name_.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0 && errno != ENOENT) {
    return SystemError("newfstatat", errno, where);
  }
  run::RemoveLeftArrivals(folder_.get());
  arrival_ = MOAT_TRY(run::Arrival::Open(folder_.get(), 0644));
  return {};
}

Status ReportSink::Write(const std::string& json) {
  if (descriptor_ >= 0) return WriteWaiting(descriptor_, json);
  if (!arrival_.fd().valid()) return {};
  MOAT_TRY(sys::WriteAll(arrival_.fd().get(), json, name_));
  return arrival_.Publish(name_);
}

}  // namespace moat::launcher
