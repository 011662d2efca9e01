#include "pool/worker_filter.h"

#include <gtest/gtest.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <sys/mman.h>

#include <array>
#include <csignal>
#include <string>
#include <vector>

#include "bpf/filter.h"
#include "bpf/syscall_table.h"
#include "pool/worker_protocol.h"
#include "seal/prove.h"

namespace moat::pool {
namespace {

constexpr std::uint64_t kFlags = 0x00009000;  // CLONE_PARENT | CLONE_PIDFD
constexpr std::uint64_t kNonce = 0x1122334455667788ULL;
using Args = std::array<std::uint64_t, 6>;

SealRequest Ordinary() { return Seal(SealSelfTest::kOff).Memory().Time().request(); }

class WorkerFilter : public testing::Test {
 protected:
  WorkerFilter() : WorkerFilter(Ordinary()) {}
  explicit WorkerFilter(const SealRequest& request) {
    auto spec = BuildWorkerSpec(request, bpf::NativeAbi(), kFlags);
    EXPECT_TRUE(spec.ok()) << spec.error().ToString();
    spec_ = *spec;
    auto program = bpf::Compile(spec_);
    EXPECT_TRUE(program.ok()) << program.error().ToString();
    EXPECT_TRUE(seal::Prove(spec_, program->code).ok());
    code_ = program->code;
    EXPECT_TRUE(PutNonce(code_, kNonce).ok());
  }
  bool Allows(const std::string& call, const Args& args) const {
    const bpf::SyscallInfo* info = bpf::FindSyscall(bpf::NativeAbi(), call);
    EXPECT_NE(info, nullptr) << call;
    seccomp_data data{};
    data.nr = static_cast<int>(info->number);
    data.arch = bpf::AuditArch(bpf::NativeAbi());
    for (int i = 0; i < 6; ++i) data.args[i] = args[static_cast<std::size_t>(i)];
    return bpf::RunChecked(code_, data).ret == SECCOMP_RET_ALLOW;
  }

  bpf::FilterSpec spec_;
  std::vector<sock_filter> code_;
};

struct KeeperCase {
  const char* call;
  Args args;
};
const KeeperCase kKeeperCalls[] = {
    {"clone", {kFlags, 0, 1, 2, 0, kNonce}},      {"recvmsg", {3, 1, 0, 0, 0, kNonce}},
    {"sendmsg", {3, 1, 0, 0, 0, kNonce}},         {"close", {5, 0, 0, 0, 0, kNonce}},
    {"close_range", {3, 31, 0, 0, 0, kNonce}},    {"dup3", {5, 48, 0, 0, 0, kNonce}},
    {"pidfd_open", {77, 0, 0, 0, 0, kNonce}},     {"prctl", {PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0, kNonce}},
    {"prlimit64", {0, 2, 1, 0, 0, kNonce}},
};

TEST_F(WorkerFilter, TheKeepersCallsWantItsNumber) {
  for (const KeeperCase& each : kKeeperCalls) {
    EXPECT_TRUE(Allows(each.call, each.args)) << each.call;
    for (const std::uint64_t wrong : {std::uint64_t{0}, kNoncePlace, kNonce + 1, kNonce & 0xffffffffU, kNonce << 32,
                                      kNonce ^ std::uint64_t{1} << 63, ~kNonce}) {
      Args args = each.args;
      args[kNonceArgument] = wrong;
      EXPECT_FALSE(Allows(each.call, args)) << each.call << " " << wrong;
    }
  }
}

TEST_F(WorkerFilter, TheNumberIsNoLicence) {
  // Every call of the table with the number in place, other arguments all zero or all ones.
  for (const bpf::SyscallInfo& info : bpf::Syscalls(bpf::NativeAbi())) {
    const std::string name(info.name);
    bool is_keepers = name == "rt_sigprocmask";
    for (const KeeperCase& each : kKeeperCalls) is_keepers = is_keepers || name == each.call;
    for (const std::uint64_t fill : {std::uint64_t{0}, ~std::uint64_t{0}}) {
      const Args with = {fill, fill, fill, fill, fill, kNonce}, without = {fill, fill, fill, fill, fill, 0};
      if (is_keepers) continue;
      EXPECT_EQ(Allows(name, with), Allows(name, without)) << name;
    }
  }
  EXPECT_FALSE(Allows("clone", {kFlags | 0x100, 0, 1, 2, 0, kNonce}));          // CLONE_VM
  EXPECT_FALSE(Allows("clone", {kFlags | 1ULL << 32, 0, 1, 2, 0, kNonce}));
  EXPECT_FALSE(Allows("clone", {kFlags, 0x7000, 1, 2, 0, kNonce}));             // a stack
  EXPECT_FALSE(Allows("prctl", {PR_SET_DUMPABLE, 1, 0, 0, 0, kNonce}));
  EXPECT_FALSE(Allows("prlimit64", {1, 2, 1, 0, 0, kNonce}));                   // of somebody else
  EXPECT_FALSE(Allows("clone3", {1, 88, 0, 0, 0, kNonce}));
}

TEST_F(WorkerFilter, DescriptorsHaveTheRolesOfTheirNumbers) {
  for (std::uint64_t fd = 0; fd < 70; ++fd) {
    const bool input = fd >= kInputFds && fd < kInputFds + 8, output = fd >= kOutputFds && fd < kOutputFds + 8;
    const bool spoken = fd == 1 || fd == 2 || fd == kChannelFd;
    EXPECT_EQ(Allows("read", {fd, 1, 1, 0, 0, 0}), input || fd == 0) << fd;
    EXPECT_EQ(Allows("pread64", {fd, 1, 1, 0, 0, 0}), input) << fd;
    EXPECT_EQ(Allows("write", {fd, 1, 1, 0, 0, 0}), output || spoken) << fd;
    EXPECT_EQ(Allows("ftruncate", {fd, 1, 0, 0, 0, 0}), output) << fd;
    EXPECT_EQ(Allows("lseek", {fd, 0, 0, 0, 0, 0}), input || output) << fd;
    EXPECT_EQ(Allows("close", {fd, 0, 0, 0, 0, 0}), input || output) << fd;
    EXPECT_EQ(Allows("mmap", {0, 4096, PROT_READ, MAP_PRIVATE, fd, 0}), input) << fd;
    EXPECT_FALSE(Allows("mmap", {0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0})) << fd;
    EXPECT_FALSE(Allows("mmap", {0, 4096, PROT_READ, MAP_SHARED, fd, 0})) << fd;
  }
}

TEST_F(WorkerFilter, OnlySigabrtAndOnlyToItself) {
  EXPECT_TRUE(Allows("pidfd_send_signal", {kSelfFd, SIGABRT, 0, 0, 0, 0}));
  EXPECT_FALSE(Allows("pidfd_send_signal", {kSelfFd, SIGKILL, 0, 0, 0, 0}));
  EXPECT_FALSE(Allows("pidfd_send_signal", {kSelfFd, SIGABRT, 0, 4, 0, 0}));  // the process group
  EXPECT_FALSE(Allows("pidfd_send_signal", {kChannelFd, SIGABRT, 0, 0, 0, 0}));
  for (const std::uint64_t pid : {1ULL, 77ULL, ~0ULL}) {
    EXPECT_FALSE(Allows("tgkill", {pid, pid, SIGABRT, 0, 0, 0}));
    EXPECT_FALSE(Allows("kill", {pid, SIGABRT, 0, 0, 0, 0}));
  }
}

TEST(WorkerSeal, WhatMakesNoSenseIsRefused) {
  const auto refused = [](const Seal& seal) { return !CheckWorkerSeal(seal.request()).ok(); };
  const Seal plain(SealSelfTest::kOff);
  EXPECT_FALSE(refused(plain));
  EXPECT_TRUE(refused(Seal(plain).Read(5)));
  EXPECT_TRUE(refused(Seal(plain).Write(5)));
  EXPECT_TRUE(refused(Seal(plain).Map(5).Seek(5)));
  EXPECT_FALSE(refused(Seal(plain).Map(5)));
  EXPECT_TRUE(refused(Seal(plain).Map(kServeDescriptor)));
  EXPECT_TRUE(refused(Seal(plain).Map(kProgramFds)));
  EXPECT_TRUE(refused(Seal(plain).AnyRead()));
  EXPECT_TRUE(refused(Seal(plain).AnyWrite()));
  EXPECT_TRUE(refused(Seal(plain).Threads(SealThreads::kExisting)));
  EXPECT_FALSE(refused(Seal(plain).Threads(SealThreads::kNew)));
  EXPECT_TRUE(refused(Seal(plain).OnViolation(SealViolation::kLog)));
  EXPECT_TRUE(refused(Seal(plain).OnViolation(SealViolation::kReport)));
  EXPECT_TRUE(refused(Seal(plain).OnViolation(SealViolation::kErrno, 0)));
  EXPECT_TRUE(refused(Seal(plain).Record(5)));
  for (const char* words : {"stdio", "rpath", "wpath", "cpath", "fattr", "flock", "inet", "unix", "proc", "exec", "prot_exec", "tty"}) {
    EXPECT_TRUE(refused(Seal(plain).Promise(words))) << words;
  }
  auto strict = Seal::Preset("strict", SealSelfTest::kOff);
  ASSERT_TRUE(strict.ok());
  EXPECT_TRUE(refused(*strict));
}

TEST(Nonce, WantsItsPlaceAndNothingButEquality) {
  std::vector<sock_filter> none = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  EXPECT_FALSE(PutNonce(none, kNonce).ok());
  std::vector<sock_filter> ordered = {
      sock_filter{BPF_JMP | BPF_JGT | BPF_K, 0, 0, static_cast<std::uint32_t>(kNoncePlace)},
      sock_filter{BPF_JMP | BPF_JEQ | BPF_K, 0, 0, static_cast<std::uint32_t>(kNoncePlace >> 32)},
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  EXPECT_FALSE(PutNonce(ordered, kNonce).ok());
  EXPECT_FALSE(PutNonce(ordered, kNoncePlace >> 32).ok());
}

}  // namespace
}  // namespace moat::pool
