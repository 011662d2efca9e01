#include "cli/tool/roles.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "base/safe_text.h"
#include "base/text.h"
#include "seal/inspect.h"
#include "sys/calls.h"

namespace moat::tool {
namespace {

// The flags line of fdinfo, octal.
Result<int> FlagsOf(const std::string& process, int fd) {
  const std::string text = MOAT_TRY(sys::ReadFile(process + "/fdinfo/" + base::SignedNumber(fd), 1U << 16));
  const std::size_t at = text.find("flags:");
  if (at == std::string::npos) return SystemError("read", EPROTO, process + "/fdinfo");
  return static_cast<int>(std::strtol(text.c_str() + at + 6, nullptr, 8));
}

Status AddRole(const std::string& process, int fd, Seal& seal, std::vector<std::string>& words) {
  const std::string name = process + "/fd/" + base::SignedNumber(fd);
  struct stat facts;
  char link[4096];
  const ssize_t length = readlink(name.c_str(), link, sizeof(link));
  if (stat(name.c_str(), &facts) != 0 || length < 0) return SystemError("stat", errno, name);
  const std::string path(link, static_cast<std::size_t>(length));
  const int flags = MOAT_TRY(FlagsOf(process, fd));
  const std::string what = "descriptor " + base::SignedNumber(fd) + " (" + base::Printable(path) + ")";
  const bool plain = S_ISREG(facts.st_mode) || S_ISFIFO(facts.st_mode) || S_ISCHR(facts.st_mode);
  // Standard streams may be sockets: whoever started us chose them.
  if (!plain && !(fd < 3 && S_ISSOCK(facts.st_mode))) {
    return WithFix(PolicyError("the program holds " + what + ": whoever has it reaches beyond a seal"),
                   "run it in a jail: moat run");
  }
  const int mode = flags & O_ACCMODE;
  const bool reads = mode != O_WRONLY, writes = mode != O_RDONLY;
  struct statfs system;
  if (writes && fd > 2 && statfs(name.c_str(), &system) == 0 && seal::GivesOrders(static_cast<long>(system.f_type))) {
    return PolicyError("the program holds " + what + " for writing: what is written there is an order to the kernel");
  }
  if (reads) seal.Read(fd);
  if (writes) seal.Write(fd);
  if (S_ISREG(facts.st_mode)) {
    seal.Seek(fd);
    if (reads) seal.Map(fd);
  }
  words.push_back(base::SignedNumber(fd) + (reads ? writes ? " read write " : " read " : " write ") + path);
  return {};
}

}  // namespace

Status AddRoles(pid_t pid, Seal& seal, std::vector<std::string>& words) {
  const std::string process = "/proc/" + base::Number(static_cast<std::uint64_t>(pid));
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(process + "/fd", error)) {
    MOAT_TRY(AddRole(process, std::atoi(entry.path().filename().c_str()), seal, words));
  }
  if (error) return SystemError("open", error.value(), process + "/fd");
  return {};
}

}  // namespace moat::tool
