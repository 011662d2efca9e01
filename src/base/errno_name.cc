// Numbers of asm-generic/errno.h, the same on x86_64 and aarch64. A table of our own rather
// than strerror: the launcher (musl) and the tools (glibc) must say the same words.
#include "base/errno_name.h"

#include <cstddef>

namespace moat::base {
namespace {

struct Row {
  std::string_view name;
  std::string_view text;
};

// Index is the number. Empty rows: 0, and numbers that Linux never used (41, 58).
constexpr Row kRows[] = {
    {"", ""},
    {"EPERM", "not permitted"},
    {"ENOENT", "no such file or directory"},
    {"ESRCH", "no such process"},
    {"EINTR", "interrupted by a signal"},
    {"EIO", "input or output failed"},
    {"ENXIO", "no such device or address"},
    {"E2BIG", "arguments and environment too long"},
    {"ENOEXEC", "not a program this kernel can run"},
    {"EBADF", "not an open descriptor"},
    {"ECHILD", "no child process"},
    {"EAGAIN", "try again later"},
    {"ENOMEM", "out of memory"},
    {"EACCES", "permission denied"},
    {"EFAULT", "bad address"},
    {"ENOTBLK", "not a block device"},
    {"EBUSY", "device or resource busy"},
    {"EEXIST", "exists already"},
    {"EXDEV", "on different file systems"},
    {"ENODEV", "no such device"},
    {"ENOTDIR", "not a directory"},
    {"EISDIR", "is a directory"},
    {"EINVAL", "invalid argument"},
    {"ENFILE", "open files of the whole system exhausted"},
    {"EMFILE", "open files of this process exhausted"},
    {"ENOTTY", "not a terminal, or no such ioctl"},
    {"ETXTBSY", "program file is in use"},
    {"EFBIG", "file too large"},
    {"ENOSPC", "no space left"},
    {"ESPIPE", "cannot seek in a pipe"},
    {"EROFS", "read-only file system"},
    {"EMLINK", "too many links"},
    {"EPIPE", "nobody reads this pipe"},
    {"EDOM", "argument outside the domain"},
    {"ERANGE", "result out of range"},
    {"EDEADLK", "would deadlock"},
    {"ENAMETOOLONG", "name too long"},
    {"ENOLCK", "no locks left"},
    {"ENOSYS", "not implemented"},
    {"ENOTEMPTY", "directory not empty"},
    {"ELOOP", "too many symbolic links"},
    {"", ""},
    {"ENOMSG", "no message of that type"},
    {"EIDRM", "identifier removed"},
    {"ECHRNG", "channel number out of range"},
    {"EL2NSYNC", "level 2 not synchronised"},
    {"EL3HLT", "level 3 halted"},
    {"EL3RST", "level 3 reset"},
    {"ELNRNG", "link number out of range"},
    {"EUNATCH", "protocol driver not attached"},
    {"ENOCSI", "no CSI structure left"},
    {"EL2HLT", "level 2 halted"},
    {"EBADE", "invalid exchange"},
    {"EBADR", "invalid request descriptor"},
    {"EXFULL", "exchange full"},
    {"ENOANO", "no anode"},
    {"EBADRQC", "invalid request code"},
    {"EBADSLT", "invalid slot"},
    {"", ""},
    {"EBFONT", "bad font file"},
    {"ENOSTR", "not a stream"},
    {"ENODATA", "no data"},
    {"ETIME", "timer expired"},
    {"ENOSR", "out of streams"},
    {"ENONET", "not on a network"},
    {"ENOPKG", "package not installed"},
    {"EREMOTE", "object is remote"},
    {"ENOLINK", "link was cut"},
    {"EADV", "advertise error"},
    {"ESRMNT", "mounted by others"},
    {"ECOMM", "sending failed"},
    {"EPROTO", "protocol error"},
    {"EMULTIHOP", "multihop attempted"},
    {"EDOTDOT", "RFS error"},
    {"EBADMSG", "bad message"},
    {"EOVERFLOW", "value too large for its type"},
    {"ENOTUNIQ", "name not unique on the network"},
    {"EBADFD", "descriptor in a bad state"},
    {"EREMCHG", "remote address changed"},
    {"ELIBACC", "shared library not accessible"},
    {"ELIBBAD", "shared library corrupted"},
    {"ELIBSCN", "library section corrupted"},
    {"ELIBMAX", "too many shared libraries"},
    {"ELIBEXEC", "cannot execute a shared library"},
    {"EILSEQ", "invalid byte sequence"},
    {"ERESTART", "should be restarted"},
    {"ESTRPIPE", "streams pipe error"},
    {"EUSERS", "too many users"},
    {"ENOTSOCK", "not a socket"},
    {"EDESTADDRREQ", "destination address missing"},
    {"EMSGSIZE", "message too long"},
    {"EPROTOTYPE", "wrong protocol for this socket"},
    {"ENOPROTOOPT", "no such socket option"},
    {"EPROTONOSUPPORT", "protocol not supported"},
    {"ESOCKTNOSUPPORT", "socket type not supported"},
    {"EOPNOTSUPP", "operation not supported"},
    {"EPFNOSUPPORT", "protocol family not supported"},
    {"EAFNOSUPPORT", "address family not supported"},
    {"EADDRINUSE", "address in use"},
    {"EADDRNOTAVAIL", "address not available here"},
    {"ENETDOWN", "network is down"},
    {"ENETUNREACH", "network unreachable"},
    {"ENETRESET", "connection dropped by the network"},
    {"ECONNABORTED", "connection aborted"},
    {"ECONNRESET", "connection reset by the other side"},
    {"ENOBUFS", "no buffer space left"},
    {"EISCONN", "connected already"},
    {"ENOTCONN", "not connected"},
    {"ESHUTDOWN", "cannot send after shutdown"},
    {"ETOOMANYREFS", "too many references"},
    {"ETIMEDOUT", "timed out"},
    {"ECONNREFUSED", "connection refused"},
    {"EHOSTDOWN", "host is down"},
    {"EHOSTUNREACH", "host unreachable"},
    {"EALREADY", "in progress already"},
    {"EINPROGRESS", "now in progress"},
    {"ESTALE", "stale file handle"},
    {"EUCLEAN", "structure needs cleaning"},
    {"ENOTNAM", "not a XENIX named file"},
    {"ENAVAIL", "no XENIX semaphores"},
    {"EISNAM", "is a named file"},
    {"EREMOTEIO", "remote input or output failed"},
    {"EDQUOT", "quota exceeded"},
    {"ENOMEDIUM", "no medium"},
    {"EMEDIUMTYPE", "wrong medium type"},
    {"ECANCELED", "cancelled"},
    {"ENOKEY", "required key missing"},
    {"EKEYEXPIRED", "key expired"},
    {"EKEYREVOKED", "key revoked"},
    {"EKEYREJECTED", "key rejected"},
    {"EOWNERDEAD", "owner died"},
    {"ENOTRECOVERABLE", "state not recoverable"},
    {"ERFKILL", "blocked by the radio kill switch"},
    {"EHWPOISON", "memory page has a hardware error"},
};
constexpr int kCount = static_cast<int>(sizeof(kRows) / sizeof(kRows[0]));
static_assert(kCount == 134);

bool Known(int error_number) {
  return error_number > 0 && error_number < kCount && !kRows[error_number].name.empty();
}

}  // namespace

std::string_view ErrnoName(int error_number) {
  return Known(error_number) ? kRows[error_number].name : std::string_view("errno");
}

std::string_view ErrnoText(int error_number) {
  return Known(error_number) ? kRows[error_number].text : std::string_view("unknown error");
}

std::optional<int> ErrnoFromName(std::string_view name) {
  if (name.empty()) return std::nullopt;
  if (name == "EWOULDBLOCK") return 11;
  if (name == "EDEADLOCK") return 35;
  if (name == "ENOTSUP") return 95;
  for (int i = 1; i < kCount; ++i) {
    if (kRows[i].name == name) return i;
  }
  return std::nullopt;
}

}  // namespace moat::base
