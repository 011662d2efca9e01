#include "watch/rules.h"

#include <gtest/gtest.h>

#include "policy/testing.h"
#include "watch/words.h"

namespace moat::watch {
namespace {

seccomp_data CallOf(std::string_view name, std::initializer_list<std::uint64_t> args) {
  const bpf::SyscallInfo* call = bpf::FindSyscall(bpf::NativeAbi(), name);
  seccomp_data data{};
  data.arch = bpf::AuditArch(bpf::NativeAbi());
  data.nr = static_cast<int>(call->number);
  std::copy(args.begin(), args.end(), data.args);
  return data;
}

bpf::Action Ask(const std::string& text, const seccomp_data& data) {
  auto model = policy::Parse(text, "test.toml", {});
  EXPECT_TRUE(model.ok()) << policy::ErrorOf(model);
  return Rules::Of(*model)->Judge(data).action;
}

constexpr const char* kPolicy = R"(moat = 1
[syscalls]
default = "EPERM"
allow = ["@io"]  # kept
[[syscalls.rule]]
call = "setsockopt"
when = "level == SOL_SOCKET"
do = "EACCES"
reason = "a test"
)";

TEST(Rules, NamesTheLineThatDecides) {
  auto model = policy::Parse(kPolicy, "test.toml", {});
  ASSERT_TRUE(model.ok());
  const Rules rules = *Rules::Of(*model);
  EXPECT_NE(rules.Judge(CallOf("setsockopt", {3, 1, 2})).rule.find("test.toml:5"), std::string::npos);
  EXPECT_NE(rules.Judge(CallOf("ptrace", {})).rule.find("test.toml:3"), std::string::npos);
  seccomp_data future = CallOf("read", {});
  future.nr = 9999;
  EXPECT_NE(rules.Judge(future).rule.find("`unknown`"), std::string::npos);
  future.arch = 0x40000003;
  EXPECT_NE(rules.Judge(future).rule.find("another ABI"), std::string::npos);
}

// For every call of the table: what the edit promises holds, and only for those arguments.
TEST(Rules, EveryEditKeepsItsWord) {
  for (const bpf::SyscallInfo& call : bpf::Syscalls(bpf::NativeAbi())) {
    seccomp_data data = CallOf(call.name, {5, 6, 7, 8, 9, 10});
    const std::string edit = NarrowestEdit(data);
    if (call.tier >= 4) {
      EXPECT_EQ(edit, "") << call.name;
      continue;
    }
    // A refusal of the policy's own stands behind it, where there is anything left for it to decide.
    const std::string refusal = "[[syscalls.rule]]\ncall = \"" + std::string(call.name) + "\"\ndo = \"EACCES\"\nreason = \"a test\"\n";
    const std::string refusing = kPolicy + (edit.find("when") != std::string::npos ? refusal : "");
    const std::string edited = ApplyEdit(refusing, edit);
    EXPECT_NE(edited.find("# kept"), std::string::npos);
    EXPECT_EQ(Ask(edited, data), bpf::Allow()) << edited;
    const unsigned telling = TellingArguments(call);
    for (unsigned i = 0; i < 6; ++i) {
      if ((telling >> i & 1) == 0) continue;
      seccomp_data other = data;
      other.args[i] += 1;
      EXPECT_NE(Ask(edited, other), bpf::Allow()) << edited << " argument " << i;
    }
  }
}

TEST(Words, ValuesAreNamedByWhatTheArgumentMeans) {
  const auto* ioctl = bpf::FindSyscall(bpf::NativeAbi(), std::string_view("ioctl"));
  EXPECT_EQ(InWords(*ioctl, 1, 0x5401), "TCGETS");
  EXPECT_EQ(InWords(*ioctl, 1, 0xdeadbeef), "");
  const auto* mprotect = bpf::FindSyscall(bpf::NativeAbi(), std::string_view("mprotect"));
  EXPECT_EQ(InWords(*mprotect, 2, 5), "PROT_EXEC|PROT_READ");
  const auto* socket = bpf::FindSyscall(bpf::NativeAbi(), std::string_view("socket"));
  EXPECT_EQ(InWords(*socket, 0, 0xffffffff00000002), "AF_INET") << "the kernel reads the low word";
  const auto* openat = bpf::FindSyscall(bpf::NativeAbi(), std::string_view("openat"));
  EXPECT_EQ(InWords(*openat, 0, static_cast<std::uint64_t>(-100)), "AT_FDCWD");
  EXPECT_EQ(InWords(*openat, 2, 0x80000), "O_CLOEXEC");
  const auto* prctl = bpf::FindSyscall(bpf::NativeAbi(), std::string_view("prctl"));
  const std::uint64_t args[6] = {38, 1, 0, 0, 0, 0};
  EXPECT_EQ(Condition(*prctl, args), "option == PR_SET_NO_NEW_PRIVS");
}

}  // namespace
}  // namespace moat::watch
