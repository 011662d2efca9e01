#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "learn/estimate.h"
#include "learn/files.h"
#include "learn/grain.h"
#include "learn/remarks.h"
#include "learn/scan.h"
#include "learn/write.h"
#include "policy/diff.h"
#include "policy/when.h"
#include "policy/testing.h"
#include "watch/rules.h"

namespace moat::learn {
namespace {

Run RunOf(std::initializer_list<std::pair<std::string, std::string>> calls, std::initializer_list<const char*> files = {}) {
  learn::Run run;
  for (const auto& call : calls) run.calls[call] = {2, "/usr/bin/x"};
  for (const char* file : files) run.files[file] = FileUse::kRead;
  run.memory = 20 << 20;
  run.wall = 300'000'000;
  return run;
}

Observations ThreeRuns() {
  Observations seen;
  seen.inputs = {"a", "b", "c"};
  seen.Add(0, RunOf({{"read", ""}, {"ioctl", "cmd == TCGETS"}}, {"/usr/share/fonts/a.ttf", "/usr/share/gs/1/a"}));
  seen.Add(1, RunOf({{"read", ""}, {"ioctl", "cmd == TCGETS"}, {"mmap", "prot == PROT_READ"}}));
  seen.Add(2, RunOf({{"read", ""}, {"pipe2", ""}, {"mmap", "prot == PROT_EXEC|PROT_READ"}}));
  return seen;
}

policy::ReadProfile Profiles() {
  return policy::FromMemory({{"default", "moat = 1\n[syscalls]\ndefault = \"EPERM\"\nallow = [\"@sockets\"]\n"}});
}

bpf::Action Ask(const policy::Model& model, std::string_view name, std::initializer_list<std::uint64_t> args) {
  seccomp_data data{};
  data.arch = bpf::AuditArch(bpf::NativeAbi());
  data.nr = static_cast<int>(bpf::FindSyscall(bpf::NativeAbi(), name)->number);
  std::copy(args.begin(), args.end(), data.args);
  return watch::Rules::Of(model)->Judge(data).action;
}

TEST(Learn, WritesAPolicyThatAllowsWhatWasSeenAndItsSiblings) {
  const std::string text = Written(ThreeRuns(), "x {in}");
  auto model = policy::Parse(text, "learned.toml", Profiles());
  ASSERT_TRUE(model.ok()) << policy::ErrorOf(model) << "\n" << text;
  EXPECT_EQ(Ask(*model, "read", {}), bpf::Allow());
  EXPECT_EQ(Ask(*model, "pread64", {}), bpf::Allow()) << "of the same harmless group";
  EXPECT_EQ(Ask(*model, "pipe", {}), bpf::Allow()) << "another libc's pipe2";
  EXPECT_EQ(Ask(*model, "tgkill", {1, 1, 6}), bpf::Allow()) << "abort() was not seen, and is needed";
  EXPECT_EQ(Ask(*model, "fcntl", {0, 3}), bpf::Allow()) << "F_GETFL was not seen, and is libc's own";
  EXPECT_NE(Ask(*model, "fcntl", {0, 8}), bpf::Allow()) << "F_SETOWN";
  EXPECT_EQ(Ask(*model, "ioctl", {0, 0x5401}), bpf::Allow());
  EXPECT_NE(Ask(*model, "ioctl", {0, 0x5412}), bpf::Allow()) << "another value";
  EXPECT_EQ(Ask(*model, "mmap", {0, 0, 5}), bpf::Allow());
  EXPECT_NE(Ask(*model, "mmap", {0, 0, 7}), bpf::Allow()) << "writable and executable";
  EXPECT_NE(Ask(*model, "socket", {2, 1, 0}), bpf::Allow()) << "nothing of the base's lists";
  EXPECT_NE(text.find("4 times, 2 inputs (a, b), by x"), std::string::npos) << text;
  EXPECT_NE(text.find("\"@fonts\""), std::string::npos);
  EXPECT_NE(text.find("\"/usr/share/gs?\""), std::string::npos);
}

// What an argument was never given stays refused, one by one and together; what libc takes of itself does not.
TEST(Learn, ArgumentsAreToldApart) {
  Observations seen = ThreeRuns();
  seen.Add(2, RunOf({{"fcntl", "cmd == F_SETLK"}, {"socket", "domain == AF_UNIX && type == SOCK_STREAM"},
                     {"setsockopt", "level == SOL_SOCKET && optname == SO_REUSEADDR"},
                     {"setsockopt", "level == IPPROTO_TCP && optname == TCP_NODELAY"},
                     {"clone", "flags == CLONE_VM|CLONE_THREAD"}}));
  auto model = policy::Parse(Written(seen, "x"), "learned.toml", Profiles());
  ASSERT_TRUE(model.ok()) << policy::ErrorOf(model) << "\n" << Written(seen, "x");
  EXPECT_EQ(Ask(*model, "fcntl", {0, 6}), bpf::Allow());
  EXPECT_EQ(Ask(*model, "fcntl", {0, 3}), bpf::Allow()) << "F_GETFL";
  EXPECT_NE(Ask(*model, "fcntl", {0, 8}), bpf::Allow()) << "F_SETOWN";
  EXPECT_NE(Ask(*model, "socket", {38, 5, 0}), bpf::Allow()) << "AF_ALG";
  EXPECT_NE(Ask(*model, "socket", {17, 3, 0}), bpf::Allow()) << "AF_PACKET";
  EXPECT_EQ(Ask(*model, "setsockopt", {0, 1, 2}), bpf::Allow());
  EXPECT_EQ(Ask(*model, "setsockopt", {0, 6, 1}), bpf::Allow());
  EXPECT_NE(Ask(*model, "setsockopt", {0, 6, 2}), bpf::Allow()) << "the level of one with the name of another";
  EXPECT_EQ(Ask(*model, "clone", {0x10100}), bpf::Allow());
  EXPECT_NE(Ask(*model, "clone", {17}), bpf::Allow()) << "a process, where only threads were seen";
}

TEST(Learn, EveryValueOfNoiseIsAConstant) {
  for (const bpf::SyscallInfo& call : bpf::Syscalls(bpf::NativeAbi())) {
    for (const std::string_view value : NoiseOf(call.name)) EXPECT_TRUE(policy::FindConstant(value).has_value()) << value;
  }
  EXPECT_FALSE(NoiseOf("fcntl").empty());
}

TEST(Remarks, AreWrittenAnewAndReadBack) {
  auto model = policy::Parse(Written(ThreeRuns(), "x"), "learned.toml", Profiles());
  ASSERT_TRUE(model.ok());
  Object object{"/usr/bin/x", {}};
  object.code.imports = {"ptrace", "symlink", "read", "ioctl"};
  auto undecided = Undecided(*model, ThreeRuns(), {object});
  ASSERT_TRUE(undecided.ok());
  std::vector<std::string> calls;
  for (const Reachable& each : *undecided) calls.push_back(each.call);
  EXPECT_EQ(calls, (std::vector<std::string>{"ptrace", "symlink"})) << "the riskiest first; read is allowed, ioctl was seen";

  About about{Estimated(3, {}), *undecided, {"x", "{in}", "a b\\ \n"}, {"kernel 1", "ab12 of /usr/bin/x"}};
  const std::string text = WithRemarks("# mine\nmoat = 1\n", about);
  EXPECT_EQ(text.rfind("# mine\nmoat = 1\n", 0), 0u);
  EXPECT_EQ(CommandOf(text), about.command);
  EXPECT_EQ(MadeWith(text), about.made);
  EXPECT_NE(UnseenOf(text).find("3 inputs"), std::string::npos);
  EXPECT_EQ(WithRemarks(text, about), text) << "no second set of them";
}

TEST(Learn, ADangerousCallIsARemarkAndNoGrant) {
  Observations seen = ThreeRuns();
  learn::Run run;
  run.dangerous["ptrace(request=PTRACE_TRACEME)"] = 1;
  seen.Add(2, run);
  const std::string text = Written(seen, "x");
  EXPECT_NE(text.find("# refused while learning, and not granted here: ptrace"), std::string::npos);
  auto model = policy::Parse(text, "learned.toml", Profiles());
  ASSERT_TRUE(model.ok());
  EXPECT_NE(Ask(*model, "ptrace", {}), bpf::Allow());
}

TEST(Learn, MergingKeepsWhatPeopleWroteAndAddsTheRest) {
  const std::string before = Written(ThreeRuns(), "x");
  std::string edited = "# ours\n" + before;
  edited.replace(edited.find("wall = \"11s\""), 12, "wall = \"77s\"");
  Observations more = ThreeRuns();
  more.Add(1, RunOf({{"ioctl", "cmd == FIONREAD"}, {"socketpair", "domain == AF_UNIX && type == SOCK_STREAM"}, {"prctl", "option == PR_SET_NAME"}},
                    {"/opt/tool/x"}));
  auto merged = Merged(edited, "p.toml", more, Profiles());
  ASSERT_TRUE(merged.ok()) << merged.error().ToString();
  EXPECT_EQ(merged->rfind("# ours\n", 0), 0u);
  EXPECT_NE(merged->find("wall = \"77s\""), std::string::npos);
  EXPECT_NE(merged->find("\"/opt/tool?\""), std::string::npos) << *merged;
  auto model = policy::Parse(*merged, "p.toml", Profiles());
  ASSERT_TRUE(model.ok()) << policy::ErrorOf(model);
  EXPECT_EQ(Ask(*model, "ioctl", {0, 0x541b}), bpf::Allow());
  EXPECT_NE(Ask(*model, "ioctl", {0, 0x5412}), bpf::Allow());
  EXPECT_EQ(Ask(*model, "socketpair", {1, 1}), bpf::Allow());
  EXPECT_EQ(Ask(*model, "prctl", {15}), bpf::Allow());
  EXPECT_NE(Ask(*model, "prctl", {4}), bpf::Allow()) << "a call that is new comes with its rule";
  EXPECT_EQ(*Merged(*merged, "p.toml", more, Profiles()), *merged) << "nothing more to learn";
}

TEST(Learn, WhatEnoughInputsNeededIsLetThrough) {
  const std::string text = LearningPolicy(ThreeRuns(), 2, {}, Groups::kYes);
  auto model = policy::Parse(text, "learn.toml", Profiles());
  ASSERT_TRUE(model.ok()) << policy::ErrorOf(model);
  EXPECT_EQ(Ask(*model, "read", {}), bpf::Allow());
  EXPECT_EQ(Ask(*model, "ioctl", {0, 0x5401}), bpf::Allow());
  EXPECT_EQ(Ask(*model, "pipe2", {}).kind, bpf::ActionKind::kNotify);
  EXPECT_EQ(Ask(*model, "openat", {}).kind, bpf::ActionKind::kNotify) << "which file is the question";
}

TEST(Estimate, InputsWithSomethingOfTheirOwn) {
  // Of 10 inputs, one alone needs something; two share another thing.
  const Estimate estimate = Estimated(10, {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {3}, {4, 5}});
  EXPECT_EQ(estimate.alone, 1u);
  EXPECT_NEAR(estimate.next, 0.1, 1e-9);
  EXPECT_NEAR(estimate.bound, 0.394, 0.001);
  EXPECT_NEAR(estimate.unseen, 0.45, 0.001);
  EXPECT_EQ(estimate.surprised, 0u) << "3 ran among the first";
  EXPECT_EQ(Estimated(10, {{0, 7}, {8}, {9, 8}}).surprised, 2u) << "8 and 9 need what none of the first five showed";
  EXPECT_NEAR(UpperBound(0, 100), 0.0295, 0.0005) << "the rule of three";
  EXPECT_EQ(UpperBound(0, 0), 1.0);
}

// Inputs drawn from a known population: the bound covers the true chance in most of the draws.
TEST(Estimate, TheBoundHoldsOnAKnownPopulation) {
  std::uint32_t state = 12345;
  const auto draw = [&] { return (state = state * 1664525U + 1013904223U) >> 8; };
  constexpr unsigned kRare = 40, kInputs = 60, kOneIn = 200;
  int covered = 0;
  for (int trial = 0; trial < 200; ++trial) {
    std::vector<std::vector<unsigned>> entries(kRare);
    for (unsigned input = 0; input < kInputs; ++input) {
      for (unsigned i = 0; i < kRare; ++i) {
        if (draw() % kOneIn == 0) entries[i].push_back(input);
      }
    }
    double none = 1;  // that the next input needs none of the unseen
    for (const auto& who : entries) none *= who.empty() ? 1 - 1.0 / kOneIn : 1;
    covered += 1 - none <= Estimated(kInputs, entries).bound ? 1 : 0;
  }
  EXPECT_GE(covered, 180) << "of 200";
}

TEST(Scan, TrashIsRefusedAndNothingIsReadPastTheEnd) {
  EXPECT_FALSE(Scan("").ok());
  EXPECT_FALSE(Scan("#!/bin/sh\n").ok());
  std::string head(64, '\xff');
  head.replace(0, 5, "\x7f" "ELF\x02");
  EXPECT_TRUE(Scan(head).ok()) << "sections far outside are no sections";
}

// What the beginning tells is what the whole tells, and of trash it is nothing.
TEST(Scan, TheBuildIdStandsAtTheBeginning) {
  char self[4096] = {};
  ASSERT_GT(readlink("/proc/self/exe", self, sizeof(self) - 1), 0);
  std::ostringstream bytes;
  bytes << std::ifstream(self, std::ios::binary).rdbuf();
  const std::string file = bytes.str();
  const auto whole = Scan(file);
  ASSERT_TRUE(whole.ok());
  EXPECT_EQ(BuildIdOf(std::string_view(file).substr(0, 16384)), whole->build_id);
  for (std::size_t size = 0; size < 2048; size += 7) {
    const std::string part = BuildIdOf(std::string_view(file).substr(0, size));
    EXPECT_TRUE(part.empty() || whole->build_id.rfind(part, 0) == 0) << size;
  }
  EXPECT_EQ(BuildIdOf("#!/bin/sh\n"), "");
}

TEST(Scan, ImportsBecomeCallsByRisk) {
  Code code;
  code.imports = {"pthread_create", "ptrace", "printf", "system"};
  code.numbers = {165};
  std::vector<std::string> calls;
  for (const Reachable& each : CallsOf(code, "/usr/bin/x")) calls.push_back(each.call);
  EXPECT_EQ(calls, (std::vector<std::string>{"clone", "ptrace", "execve", "mount"}));
  EXPECT_TRUE(CallsOf(code, "/lib/libc.so.6").empty());
}

}  // namespace
}  // namespace moat::learn
