#include <utility>

#include "base/errno_name.h"
#include "base/text.h"
#include "bpf/filter.h"
#include "bpf/words.h"

namespace moat::bpf {
namespace {

std::string WithData(std::string word, std::uint32_t data) {
  return data == 0 ? std::move(word) : std::move(word) + " " + base::Number(data);
}

}  // namespace

Action Allow() { return {ActionKind::kAllow, 0}; }
Action Errno(int error_number) { return {ActionKind::kErrno, static_cast<std::uint16_t>(error_number)}; }
Action KillProcess() { return {ActionKind::kKillProcess, 0}; }

std::uint32_t Action::ToRet() const {
  switch (kind) {
    case ActionKind::kAllow:
      return SECCOMP_RET_ALLOW;
    case ActionKind::kErrno:
      return SECCOMP_RET_ERRNO | data;
    case ActionKind::kKillProcess:
      return SECCOMP_RET_KILL_PROCESS;
    case ActionKind::kTrap:
      return SECCOMP_RET_TRAP | data;
    case ActionKind::kNotify:
      return SECCOMP_RET_USER_NOTIF;
    case ActionKind::kLog:
      return SECCOMP_RET_LOG;
  }
  return SECCOMP_RET_KILL_PROCESS;  // no such kind: the strictest reading
}

std::string Action::ToString() const { return RetInWords(ToRet()); }

std::string RetInWords(std::uint32_t ret) {
  const std::uint32_t data = ret & SECCOMP_RET_DATA;
  switch (ret & SECCOMP_RET_ACTION_FULL) {
    case SECCOMP_RET_ALLOW:
      return WithData("allow", data);
    case SECCOMP_RET_KILL_PROCESS:
      return WithData("kill-process", data);
    case SECCOMP_RET_KILL_THREAD:
      return WithData("kill-thread", data);
    case SECCOMP_RET_TRAP:
      return WithData("trap", data);
    case SECCOMP_RET_USER_NOTIF:
      return WithData("notify", data);
    case SECCOMP_RET_TRACE:
      return WithData("trace", data);
    case SECCOMP_RET_LOG:
      return WithData("log", data);
    case SECCOMP_RET_ERRNO:
      break;
    default:
      return "unknown " + base::Hex(ret);
  }
  const std::string_view name = base::ErrnoName(static_cast<int>(data));
  if (name == "errno") return "errno " + base::Number(data);
  return "errno " + std::string(name);
}

}  // namespace moat::bpf
