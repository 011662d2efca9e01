#include "watch/words.h"

#include "base/text.h"
#include "policy/constants.h"

namespace moat::watch {
namespace {

enum class Style : std::uint8_t { kOne, kBits };

// What the values of an argument are called. The first row that fits decides; "" is any call.
struct Meaning {
  std::string_view call, argument, group, prefix;
  Style style;
};
constexpr Meaning kMeanings[] = {
    {"ioctl", "cmd", "ioctl", "", Style::kOne},
    {"fcntl", "cmd", "fcntl", "F_", Style::kOne},
    {"prctl", "option", "prctl", "PR_", Style::kOne},
    {"arch_prctl", "option", "arch_prctl", "ARCH_", Style::kOne},
    {"socket", "domain", "family", "AF_", Style::kOne},
    {"socketpair", "domain", "family", "AF_", Style::kOne},
    {"socket", "type", "socket-type", "SOCK_", Style::kBits},
    {"socketpair", "type", "socket-type", "SOCK_", Style::kBits},
    {"setsockopt", "level", "sockopt", "SOL_", Style::kOne},
    {"getsockopt", "level", "sockopt", "SOL_", Style::kOne},
    {"setsockopt", "optname", "sockopt", "SO_", Style::kOne},
    {"getsockopt", "optname", "sockopt", "SO_", Style::kOne},
    {"clone", "flags", "clone", "CLONE_", Style::kBits},
    {"unshare", "", "clone", "CLONE_", Style::kBits},
    {"setns", "", "clone", "CLONE_", Style::kBits},
    {"madvise", "advice", "madvise", "MADV_", Style::kOne},
    {"", "prot", "mmap", "PROT_", Style::kBits},
    {"mmap", "flags", "mmap", "MAP_", Style::kBits},
    {"mremap", "flags", "mmap", "MREMAP_", Style::kBits},
    {"memfd_create", "flags", "memfd", "MFD_", Style::kBits},
    {"open", "flags", "open", "O_", Style::kBits},
    {"openat", "flags", "open", "O_", Style::kBits},
    {"personality", "persona", "personality", "", Style::kBits},
    {"seccomp", "operation", "seccomp", "SECCOMP_SET_", Style::kOne},
    {"ptrace", "request", "ptrace", "PTRACE_", Style::kOne},
    {"prlimit64", "resource", "rlimit", "RLIMIT_", Style::kOne},
    {"getrlimit", "resource", "rlimit", "RLIMIT_", Style::kOne},
    {"setrlimit", "resource", "rlimit", "RLIMIT_", Style::kOne},
    {"sched_setscheduler", "policy", "scheduler", "SCHED_", Style::kOne},
    {"", "clockid", "clock", "CLOCK_", Style::kOne},
    {"", "sig", "signal", "SIG", Style::kOne},
    {"", "signum", "signal", "SIG", Style::kOne},
    {"lseek", "whence", "seek", "SEEK_", Style::kOne},
    {"mount", "mountflags", "mount", "MS_", Style::kBits},
    {"getrandom", "flags", "random", "GRND_", Style::kBits},
    {"epoll_ctl", "op", "epoll", "EPOLL_CTL", Style::kOne},
    {"", "dirfd", "at", "AT_FDCWD", Style::kOne},
    {"", "olddirfd", "at", "AT_FDCWD", Style::kOne},
    {"", "newdirfd", "at", "AT_FDCWD", Style::kOne},
};

const Meaning* FindMeaning(std::string_view call, std::string_view argument) {
  for (const Meaning& meaning : kMeanings) {
    const bool same_call = meaning.call.empty() || meaning.call == call;
    if (same_call && (meaning.argument.empty() || meaning.argument == argument)) return &meaning;
  }
  return nullptr;
}

bool Belongs(const policy::Constant& constant, const Meaning& meaning) {
  // ioctl's are in several groups, by what they are for.
  const bool in_group = constant.group.substr(0, meaning.group.size()) == meaning.group;
  return in_group && constant.name.substr(0, meaning.prefix.size()) == meaning.prefix;
}

std::uint64_t Width(bpf::ArgKind kind, std::uint64_t value) { return bpf::Is32Bit(kind) ? value & 0xffffffffU : value; }

std::string_view One(const Meaning& meaning, bpf::ArgKind kind, std::uint64_t value) {
  const auto abi = static_cast<std::size_t>(bpf::NativeAbi());
  for (const policy::Constant& constant : policy::Constants()) {
    if (Belongs(constant, meaning) && Width(kind, constant.values[abi]) == value) return constant.name;
  }
  return {};
}

// The largest constants first, so that O_SYNC is not read as O_DSYNC and a rest.
std::string Bits(const Meaning& meaning, bpf::ArgKind kind, std::uint64_t value) {
  const auto abi = static_cast<std::size_t>(bpf::NativeAbi());
  std::string text;
  while (value != 0) {
    const policy::Constant* best = nullptr;
    for (const policy::Constant& constant : policy::Constants()) {
      const std::uint64_t bits = Width(kind, constant.values[abi]);
      if (!Belongs(constant, meaning) || bits == 0 || (value & bits) != bits) continue;
      if (best == nullptr || __builtin_popcountll(bits) > __builtin_popcountll(Width(kind, best->values[abi]))) best = &constant;
    }
    if (best == nullptr) return {};
    text += (text.empty() ? "" : "|") + std::string(best->name);
    value &= ~Width(kind, best->values[abi]);
  }
  return text;
}

// Which arguments make a call one thing or another. A descriptor, a size or an address never do.
struct Telling {
  std::string_view call;
  std::string_view arguments[2];
};
constexpr Telling kTelling[] = {
    {"ioctl", {"cmd", ""}},           {"fcntl", {"cmd", ""}},         {"prctl", {"option", ""}},
    {"arch_prctl", {"option", ""}},   {"socket", {"domain", "type"}}, {"socketpair", {"domain", "type"}},
    {"setsockopt", {"level", "optname"}}, {"getsockopt", {"level", "optname"}}, {"madvise", {"advice", ""}},
    {"personality", {"persona", ""}}, {"ptrace", {"request", ""}},    {"seccomp", {"operation", ""}},
    {"prlimit64", {"resource", ""}},  {"mprotect", {"prot", ""}},     {"mmap", {"prot", ""}},
    {"clone", {"flags", ""}},         {"sched_setscheduler", {"policy", ""}}, {"memfd_create", {"flags", ""}},
};

std::string Octal(std::uint64_t value) {
  std::string digits;
  for (; value != 0; value >>= 3) digits.insert(digits.begin(), static_cast<char>('0' + (value & 7)));
  return "0o" + (digits.empty() ? "0" : digits);
}

std::string Value(const bpf::SyscallInfo& call, unsigned argument, std::uint64_t value) {
  std::string text = InWords(call, argument, value);
  if (!text.empty() && text[0] != '0' && text.find('x') == std::string::npos) return text;
  const bpf::ArgKind kind = call.args[argument].kind;
  if (bpf::IsSigned(kind) && bpf::Is32Bit(kind)) return base::SignedNumber(static_cast<std::int32_t>(value));
  return base::Hex(Width(kind, value));
}

}  // namespace

std::string InWords(const bpf::SyscallInfo& call, unsigned argument, std::uint64_t value) {
  const Meaning* meaning = FindMeaning(call.name, call.args[argument].name);
  if (call.args[argument].name == "mode" && call.args[argument].kind == bpf::ArgKind::kUint) return Octal(value & 07777);
  if (meaning == nullptr) return {};
  const bpf::ArgKind kind = call.args[argument].kind;
  const std::string_view whole = One(*meaning, kind, Width(kind, value));
  if (!whole.empty() || meaning->style == Style::kOne) return std::string(whole);
  // The lowest bits of clone's flags are a signal.
  if (call.name == "clone") {
    const std::uint64_t rest = value & 0xff;
    std::string text = Bits(*meaning, kind, Width(kind, value & ~0xffULL));
    if (rest != 0) text += (text.empty() ? "" : "|") + (rest == 17 ? std::string("SIGCHLD") : base::Hex(rest));
    return text;
  }
  return Bits(*meaning, kind, Width(kind, value));
}

unsigned TellingArguments(const bpf::SyscallInfo& call) {
  unsigned bits = 0;
  for (const Telling& row : kTelling) {
    if (row.call != call.name) continue;
    for (unsigned i = 0; i < call.arg_count; ++i) {
      if (call.args[i].name == row.arguments[0] || call.args[i].name == row.arguments[1]) bits |= 1U << i;
    }
  }
  return bits;
}

std::string Condition(const bpf::SyscallInfo& call, const std::uint64_t (&args)[6], unsigned pinned) {
  const unsigned telling = TellingArguments(call) | pinned;
  std::string when;
  for (unsigned i = 0; i < call.arg_count; ++i) {
    if ((telling >> i & 1) == 0 || call.args[i].kind == bpf::ArgKind::kPointer) continue;
    when += (when.empty() ? "" : " && ") + std::string(call.args[i].name) + " == " + Value(call, i, args[i]);
  }
  return when;
}

}  // namespace moat::watch
