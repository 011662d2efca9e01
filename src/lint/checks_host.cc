// What a host adds: its settings, its kernel.
#include <cstdlib>

#include "bpf/syscall_table.h"
#include "lint/rule.h"

namespace moat::lint {
namespace {

// "6.18.44" -> 6018.
unsigned long Release(std::string_view text) {
  char* end = nullptr;
  const std::string copy(text);
  const unsigned long major = std::strtoul(copy.c_str(), &end, 10);
  const unsigned long minor = *end == '.' ? std::strtoul(end + 1, nullptr, 10) : 0;
  return major * 1000 + minor;
}

}  // namespace

void CheckHostHardening(const Subject& subject, Findings& findings) {
  for (const HostNote& note : *subject.host) findings.Add(note.text + (note.fix.empty() ? "" : " (" + note.fix + ")"));
}

void CheckHostNewerThanTable(const Subject& subject, Findings& findings) {
  std::string_view newest;
  for (const bpf::SyscallInfo& call : bpf::Syscalls(bpf::NativeAbi())) {
    if (Release(call.since) > Release(newest)) newest = call.since;
  }
  if (Release(subject.kernel) > Release(newest)) {
    findings.Add("Linux " + subject.kernel + ", and the newest call in the table is of " + std::string(newest));
  }
}

}  // namespace moat::lint
