// From the [syscalls] section and the network mode to a filter's rules.
#include "plan/filter_spec.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cerrno>

#include "plan/testing.h"
#include "policy/load.h"

namespace moat::plan {
namespace {

bpf::Action Ask(const policy::Model& model, std::string_view call, std::vector<std::uint64_t> args = {}) {
  const auto spec = FilterSpecOf(model, bpf::NativeAbi());
  EXPECT_TRUE(spec.ok()) << spec.error().ToString();
  const bpf::SyscallInfo* info = bpf::FindSyscall(bpf::NativeAbi(), call);
  if (!spec.ok() || info == nullptr) return {};
  seccomp_data data{};
  data.nr = static_cast<int>(info->number);
#if defined(__x86_64__)
  data.arch = 0xc000003e;
#else
  data.arch = 0xc00000b7;
#endif
  for (std::size_t i = 0; i < args.size(); ++i) data.args[i] = args[i];
  return bpf::Interpret(*spec, data);
}

TEST(FilterSpec, ListsAndRulesDecideInOrder) {
  const policy::Model model = PolicyOf(kSmallPolicy);
  EXPECT_EQ(Ask(model, "read"), bpf::Allow());
  EXPECT_EQ(Ask(model, "ioctl", {0, 0x5401}), bpf::Allow());
  EXPECT_EQ(Ask(model, "ioctl", {0, 0x5412}), bpf::Errno(EPERM));  // TIOCSTI
  EXPECT_EQ(Ask(model, "ptrace"), bpf::Errno(EPERM));
}

TEST(FilterSpec, NumbersOfTheFutureGetTheirOwnAnswer) {
  const auto spec = FilterSpecOf(PolicyOf(kSmallPolicy), bpf::NativeAbi());
  ASSERT_TRUE(spec.ok());
  EXPECT_EQ(spec->unknown_action, bpf::Errno(ENOSYS));
  EXPECT_EQ(spec->default_action, bpf::Errno(EPERM));
  EXPECT_EQ(spec->foreign_action, bpf::KillProcess());
}

TEST(FilterSpec, WithoutNetworkOnlyLocalSocketsExist) {
  const policy::Model model = Shipped("default");
  EXPECT_EQ(Ask(model, "socket", {AF_UNIX, SOCK_STREAM, 0}), bpf::Allow());
  for (const int domain : {AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_ALG, AF_VSOCK}) {
    EXPECT_EQ(Ask(model, "socket", {static_cast<std::uint64_t>(domain), SOCK_STREAM, 0}).kind, bpf::ActionKind::kErrno)
        << domain;
  }
}

TEST(FilterSpec, LoopbackAddsTcpAndUdpAndNoMore) {
  policy::Model model = Shipped("default");
  ASSERT_TRUE(policy::ApplyFlag(model, "network", "loopback").ok());
  EXPECT_EQ(Ask(model, "socket", {AF_INET, SOCK_STREAM, 0}), bpf::Allow());
  EXPECT_EQ(Ask(model, "socket", {AF_INET6, SOCK_DGRAM, 0}), bpf::Allow());
  EXPECT_EQ(Ask(model, "socket", {AF_INET, SOCK_RAW, 1}).kind, bpf::ActionKind::kErrno);
  EXPECT_EQ(Ask(model, "socket", {AF_PACKET, SOCK_RAW, 0}).kind, bpf::ActionKind::kErrno);
}

TEST(FilterSpec, EveryShippedProfileFitsIntoTheKernelsLimits) {
  for (const char* name : {"default", "imagemagick"}) {
    const auto spec = FilterSpecOf(Shipped(name), bpf::NativeAbi());
    ASSERT_TRUE(spec.ok()) << spec.error().ToString();
    const auto program = bpf::Compile(*spec);
    ASSERT_TRUE(program.ok()) << program.error().ToString();
    EXPECT_TRUE(bpf::CheckProgram(program->code).ok());
  }
}

TEST(FilterSpec, RuleIdsAreDistinctPerLine) {
  const auto spec = FilterSpecOf(PolicyOf(kSmallPolicy), bpf::NativeAbi());
  ASSERT_TRUE(spec.ok());
  for (const bpf::Rule& rule : spec->rules) EXPECT_NE(rule.id, 0U);
}

}  // namespace
}  // namespace moat::plan
