// What is mapped already, and how: ways around the rule that what is writable does not run.
#include <fcntl.h>
#include <linux/personality.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "base/text.h"
#include "seal/inspect.h"
#include "sys/calls.h"
#include "uapi/syscall.h"

namespace moat::seal {
namespace {

using uapi::Syscall;

// A line of /proc/self/maps: "7f00-7f01 rw-p 00000000 08:01 1234    /path".
struct Mapping {
  std::string_view range, rights, file;  // file: "08:01 1234", by which the kernel tells files apart
  bool is_ring = false;
  bool Writes() const { return rights[1] == 'w'; }
  bool Runs() const { return rights[2] == 'x'; }
  bool IsShared() const { return rights[3] == 's'; }
  bool HasFile() const { return !file.empty() && file != "00:00 0"; }
};

std::string_view Word(std::string_view& line) {
  const std::size_t end = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  return word;
}

std::vector<Mapping> Parse(std::string_view maps) {
  std::vector<Mapping> all;
  while (!maps.empty()) {
    const std::size_t end = std::min(maps.find('\n'), maps.size());
    std::string_view line = maps.substr(0, end);
    maps.remove_prefix(std::min(end + 1, maps.size()));
    Mapping mapping;
    mapping.is_ring = line.find("[io_uring]") != std::string_view::npos;
    mapping.range = Word(line);
    mapping.rights = Word(line);
    Word(line);  // offset
    const char* file = line.data();
    const std::string_view device = Word(line), inode = Word(line);
    if (mapping.rights.size() != 4 || inode.empty()) continue;
    mapping.file = {file, device.size() + 1 + inode.size()};
    all.push_back(mapping);
  }
  return all;
}

Error RunsWhatIsWritten(std::string_view where, const std::string& by) {
  return WithFix(PolicyError("memory is writable and executable at " + std::string(where) + by + ": whatever is written there runs"),
                 "make it read-only, or map it privately, first (a JIT compiler? an executable stack?)");
}

// As the kernel prints it in that file.
std::string FileOf(int fd) {
  struct stat facts;
  if (fstat(fd, &facts) != 0) return {};
  const auto two = [](unsigned number) {
    const std::string digits = base::Hex(number).substr(2);
    return digits.size() < 2 ? "0" + digits : digits;
  };
  return two(major(facts.st_dev)) + ":" + two(minor(facts.st_dev)) + " " + base::Number(facts.st_ino);
}

// Descriptors through which a sealed process can write.
Result<std::vector<int>> Outputs(const SealRequest& request) {
  std::vector<int> outputs;
  for (const SealRole& role : request.roles) {
    if (role.write) outputs.push_back(role.fd);
  }
  if (request.record_fd >= 0) outputs.push_back(request.record_fd);
  if (!request.Has(SealGrant::kAnyWrite)) return outputs;
  for (const int fd : MOAT_TRY(OpenDescriptors())) {
    if ((fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY) outputs.push_back(fd);
  }
  return outputs;
}

// The same file under a second address, or behind a descriptor that is an output. A shared mapping that
// cannot be written now is made writable by mprotect; mremap gives one that runs its second address.
Status CheckSecondWay(const std::vector<int>& outputs, const std::vector<Mapping>& all, const Mapping& code) {
  for (const Mapping& other : all) {
    if (other.IsShared() && other.file == code.file) return RunsWhatIsWritten(code.range, " by way of " + std::string(other.range));
  }
  for (const int fd : outputs) {
    if (FileOf(fd) == code.file) return RunsWhatIsWritten(code.range, " by way of descriptor " + base::SignedNumber(fd));
  }
  return {};
}

Status Implies(unsigned long persona) {
  if ((persona & READ_IMPLIES_EXEC) == 0) return {};
  return WithFix(HostError("the personality of this process makes all readable memory executable (READ_IMPLIES_EXEC)"),
                 "start it without `setarch -X`");
}

}  // namespace

Status CheckPersonality(const SealRequest& request) {
  if (request.Has(SealGrant::kNewCode) || IsFiltered()) return {};
  const long persona = Syscall(__NR_personality, 0xffffffffUL);
  return uapi::IsError(persona) ? Status{} : Implies(static_cast<unsigned long>(persona));
}

Status CheckMappings(const SealRequest& request, SealReport& report) {
  if (geteuid() == 0) report.notes.emplace_back("the process is root: a seal takes system calls away, not what files allow");
  if (auto persona = sys::ReadFile("/proc/self/personality", 64); persona.ok() && !request.Has(SealGrant::kNewCode)) {
    MOAT_TRY(Implies(strtoul(persona->c_str(), nullptr, 16)));
  }
  const std::string maps = MOAT_TRY(sys::ReadFile("/proc/self/maps", 64U << 20));
  const std::vector<Mapping> all = Parse(maps);
  const std::vector<int> outputs = MOAT_TRY(Outputs(request));
  std::size_t shared = 0;
  for (const Mapping& mapping : all) {
    if (mapping.is_ring) {
      return WithFix(PolicyError("an io_uring is mapped: its worker does input and output without system calls"),
                     "unmap and close it before the seal");
    }
    if (mapping.Writes() && mapping.IsShared() && mapping.HasFile()) ++shared;
    if (!mapping.Runs() || request.Has(SealGrant::kNewCode)) continue;
    if (mapping.Writes()) return RunsWhatIsWritten(mapping.range, "");
    if (mapping.HasFile()) MOAT_TRY(CheckSecondWay(outputs, all, mapping));
  }
  if (shared != 0) {
    report.notes.push_back(base::Number(shared) + " files are mapped writable and shared: they can be written without a system call");
  }
  return {};
}

}  // namespace moat::seal
