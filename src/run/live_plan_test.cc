// A plan made ready for a job: templates expanded, words relocated, damaged blobs refused.
#include "run/live_plan.h"

#include <asm/unistd.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <random>
#include <set>
#include <thread>

#include "plan/testing.h"

namespace moat::run {
namespace {

std::string PlanBytes(plan::Collect collect = plan::Collect::kYes) {
  plan::Case test;
  test.collect = collect;
  test.facts = plan::ModernRoot(plan::Hierarchy::kV2);
  auto plan = test.Compile();
  EXPECT_TRUE(plan.ok()) << plan.error().ToString();
  return plan.ok() ? plan->bytes() : std::string();
}

abi::Header HeaderOf(const std::string& bytes) {
  abi::Header header;
  std::memcpy(&header, bytes.data(), sizeof(header));
  return header;
}

Job WithInputs(std::size_t count) {
  Job job;
  for (std::size_t i = 0; i < count; ++i) job.inputs.push_back("/some/file" + std::to_string(i));
  return job;
}

std::size_t CountTemplates(const std::string& bytes) {
  const abi::Header header = HeaderOf(bytes);
  std::size_t count = 0;
  for (abi::Index i = 0; i < header.op_count; ++i) {
    abi::Op op;
    std::memcpy(&op, bytes.data() + header.ops + i * sizeof(op), sizeof(op));
    count += (op.flags & abi::kPerInput) != 0 ? 1 : 0;
  }
  return count;
}

class Expansion : public testing::TestWithParam<std::size_t> {};

TEST_P(Expansion, RepeatsTheTemplatesForEachInput) {
  const std::size_t inputs = GetParam();
  const std::string bytes = PlanBytes();
  const std::size_t templates = CountTemplates(bytes), before = HeaderOf(bytes).op_count;
  ASSERT_GT(templates, 0U);
  auto live = LivePlan::Make(bytes, WithInputs(inputs));
  ASSERT_TRUE(live.ok());
  EXPECT_EQ(live->header().op_count, before - templates + templates * inputs);
  EXPECT_EQ(live->slots().input_count, inputs);
}

TEST_P(Expansion, KeepsThePhasesTogether) {
  auto live = LivePlan::Make(PlanBytes(), WithInputs(GetParam()));
  ASSERT_TRUE(live.ok());
  const abi::Header& header = live->header();
  EXPECT_EQ(header.phase_begin[0], 0U);
  EXPECT_EQ(header.phase_begin[abi::kPhases], header.op_count);
  for (unsigned phase = 0; phase < abi::kPhases; ++phase) {
    for (abi::Index i = header.phase_begin[phase]; i < header.phase_begin[phase + 1]; ++i) {
      EXPECT_EQ(static_cast<unsigned>(live->op(i).phase), phase) << "op " << i;
    }
  }
  EXPECT_EQ(live->op(header.phase_begin[static_cast<unsigned>(abi::Phase::kProgram)] - 1).number, static_cast<std::uint16_t>(abi::Pseudo::kSpawn));
}

TEST_P(Expansion, GivesEachInputSlotsOfItsOwn) {
  const std::size_t inputs = GetParam();
  auto live = LivePlan::Make(PlanBytes(), WithInputs(inputs));
  ASSERT_TRUE(live.ok());
  const abi::Header& header = live->header();
  const auto in_slot = [&](std::uint64_t word, std::size_t input) {
    const std::size_t begin = header.inputs + input * sizeof(abi::InputSlot);
    return word >= begin && word < begin + sizeof(abi::InputSlot);
  };
  std::vector<std::size_t> uses(inputs);
  for (abi::Index i = 0; i < header.op_count; ++i) {
    const abi::Op& op = live->op(i);
    if ((op.flags & abi::kPerInput) == 0) continue;
    std::set<std::size_t> named;
    for (std::size_t input = 0; input < inputs; ++input) {
      for (int a = 0; a < 6; ++a) {
        if (op.kinds[a] != abi::Kind::kValue && in_slot(op.args[a], input)) named.insert(input);
      }
      if (in_slot(op.result, input)) named.insert(input);
    }
    // The root is opened and closed around each of them, and belongs to none.
    if (op.number == __NR_mount_setattr) continue;
    EXPECT_EQ(named.size(), 1U) << "op " << i << " belongs to one input";
    for (const std::size_t input : named) ++uses[input];
  }
  for (std::size_t input = 0; input < inputs; ++input) EXPECT_EQ(uses[input], CountTemplates(PlanBytes()) - 2) << input;
}

INSTANTIATE_TEST_SUITE_P(Inputs, Expansion, testing::Values(0, 1, 3, abi::kMaxInputs));

// The memory that jails of one spawner have in turn.
TEST(Berths, HaveNothingOfThePlanBefore) {
  const std::string bytes = PlanBytes();
  const auto checked = CheckedPlan::Check(bytes);
  ASSERT_TRUE(checked.ok());
  auto berths = Berths::Make(*checked, abi::kMaxInputs, 1);
  ASSERT_TRUE(berths.ok());
  const unsigned char* place = nullptr;
  {
    auto first = LivePlan::Make(*checked, WithInputs(2), &*berths);
    ASSERT_TRUE(first.ok()) << first.error().ToString();
    EXPECT_TRUE(first->inherits());
    place = first->bytes();
    std::memcpy(first->room(), "a secret of the first job", 26);
    first->shared().denials = 7;
    EXPECT_FALSE(LivePlan::Make(*checked, WithInputs(0), &*berths).ok()) << "there is one";
  }
  auto second = LivePlan::Make(*checked, WithInputs(0), &*berths);
  ASSERT_TRUE(second.ok()) << second.error().ToString();
  EXPECT_EQ(second->bytes(), place);
  for (std::size_t i = 0; i < 4096; ++i) ASSERT_EQ(second->room()[i], 0) << i;
  EXPECT_EQ(second->shared().denials, 0U);
}

// As pid 1 of a jail that was made ahead reads on while its job comes: nothing that it reads is written, in whatever order
// its machine sees that. The thread sanitizer sees it on every one.
TEST(LivePlan, IsReadWhileItIsFittedToAJob) {
  const std::string bytes = PlanBytes();
  const auto checked = CheckedPlan::Check(bytes);
  ASSERT_TRUE(checked.ok());
  const auto job = static_cast<unsigned>(abi::Phase::kJob);
  auto live = LivePlan::Copy(*checked, 3);
  ASSERT_TRUE(live.ok());
  std::atomic<bool> reads{false}, fitted{false};
  std::thread pid1([&, memory = live->bytes()] {
    const auto& header = *reinterpret_cast<const abi::Header*>(memory);
    for (bool last = false; !last; reads = true) {
      last = fitted.load(std::memory_order_relaxed);  // orders nothing
      const auto* ops = reinterpret_cast<const abi::Op*>(memory + header.ops);
      for (abi::Index i = header.phase_begin[0]; i < header.phase_begin[job]; ++i) ASSERT_LT(static_cast<unsigned>(ops[i].phase), job) << "op " << i;
    }
  });
  while (!reads) std::this_thread::yield();
  EXPECT_TRUE(live->Fit(WithInputs(3)).ok());
  fitted.store(true, std::memory_order_relaxed);
  pid1.join();
}

TEST(LivePlan, RefusesTooManyInputs) {
  EXPECT_FALSE(LivePlan::Make(PlanBytes(), WithInputs(abi::kMaxInputs + 1)).ok());
}

TEST(LivePlan, RelocatedWordsAreAddresses) {
  const std::string bytes = PlanBytes();
  const abi::Header header = HeaderOf(bytes);
  ASSERT_GT(header.relocation_count, 0U);
  auto live = LivePlan::Make(bytes, {});
  ASSERT_TRUE(live.ok());
  bool filter_found = false;
  for (abi::Index i = 0; i < header.relocation_count; ++i) {
    abi::Offset where = 0;
    std::memcpy(&where, bytes.data() + header.relocations + i * sizeof(where), sizeof(where));
    std::uint64_t was = 0, is = 0;
    std::memcpy(&was, bytes.data() + where, sizeof(was));
    std::memcpy(&is, live->bytes() + where, sizeof(is));
    EXPECT_EQ(is, reinterpret_cast<std::uint64_t>(live->bytes()) + was);
    filter_found = filter_found || was == header.filter;
  }
  EXPECT_TRUE(filter_found) << "seccomp(2) is given the filter by address";
}

TEST(LivePlan, TheFaultIsWhereTheInterpreterLooks) {
  Job job;
  job.fault = {7, 28};
  auto live = LivePlan::Make(PlanBytes(), job);
  ASSERT_TRUE(live.ok());
  EXPECT_EQ(live->slots().fail_op, 7U);
  EXPECT_EQ(live->slots().fail_errno, 28);
  auto plain = LivePlan::Make(PlanBytes(), {});
  ASSERT_TRUE(plain.ok());
  EXPECT_EQ(plain->slots().fail_op, abi::kNoOp);
}

TEST(LivePlan, EveryOpHasAName) {
  auto live = LivePlan::Make(PlanBytes(), WithInputs(1));
  ASSERT_TRUE(live.ok());
  for (abi::Index i = 0; i < live->header().op_count; ++i) {
    EXPECT_FALSE(live->CallName(live->op(i).number).empty()) << i;
    EXPECT_FALSE(live->StageName(live->op(i).stage).empty()) << i;
  }
}

// Reads whatever the engine reads before a job starts. Never beyond the plan's memory: the
// sanitizers, or a fault, would say so.
void Use(LivePlan& live) {
  const abi::Header& header = live.header();
  std::size_t length = live.Text(header.exec_path).size() + live.Text(header.input_dir).size() + std::strlen(header.policy_hash);
  for (abi::Index i = 0; i < header.op_count; ++i) {
    const abi::Op& op = live.op(i);
    length += live.CallName(op.number).size() + live.StageName(op.stage).size() + live.Text(op.subject).size();
    length += live.Text(live.Rows<abi::OriginRow>(header.origins)[op.origin].file).size();
    for (int a = 0; a < 6; ++a) {
      if (op.kinds[a] != abi::Kind::kValue) length += live.bytes()[op.args[a]];
    }
  }
  for (abi::Index i = 0; i < header.layer_count; ++i) length += live.Text(live.Rows<abi::LayerRow>(header.layers)[i].name).size();
  for (abi::Index i = 0; i < header.env_count; ++i) length += live.Text(live.Rows<abi::EnvRow>(header.env)[i].name).size();
  for (abi::Index i = 0; i < header.cgroup_count; ++i) live.Int(live.Rows<abi::CgroupRow>(header.cgroups)[i].fd);
  for (abi::Index i = 0; i < header.scratch_count; ++i) live.Int(live.Rows<abi::ScratchRow>(header.scratches)[i].fd);
  EXPECT_LT(length, std::size_t{1} << 30);
}

TEST(DamagedPlan, TruncatedAnywhereItIsRefused) {
  const std::string bytes = PlanBytes();
  for (std::size_t size = 0; size < bytes.size(); size += size < 1024 ? 1 : 97) {
    EXPECT_FALSE(LivePlan::Make(std::string_view(bytes).substr(0, size), {}).ok()) << size;
  }
  EXPECT_FALSE(LivePlan::Make(bytes + "x", {}).ok());
}

TEST(DamagedPlan, EachWordOfTheHeaderMayLie) {
  const std::string bytes = PlanBytes();
  for (std::size_t at = 0; at < sizeof(abi::Header); at += 4) {
    for (const std::uint32_t lie : {0U, 1U, 7U, static_cast<std::uint32_t>(bytes.size()) - 1, static_cast<std::uint32_t>(bytes.size()),
                                    0x7fffffffU, 0xfffffff8U, ~0U}) {
      std::string damaged = bytes;
      std::memcpy(damaged.data() + at, &lie, sizeof(lie));
      auto live = LivePlan::Make(damaged, WithInputs(1));
      if (live.ok()) Use(*live);
    }
  }
}

TEST(DamagedPlan, OtherFormatsAreRefused) {
  for (const std::size_t at : {offsetof(abi::Header, magic), offsetof(abi::Header, version), offsetof(abi::Header, size)}) {
    std::string damaged = PlanBytes();
    damaged[at] = static_cast<char>(damaged[at] + 1);
    EXPECT_FALSE(LivePlan::Make(damaged, {}).ok()) << at;
  }
}

TEST(DamagedPlan, ReferencesBeyondTheEndAreRefused) {
  const std::string bytes = PlanBytes();
  const abi::Header header = HeaderOf(bytes);
  for (abi::Index i = 0; i < header.op_count; ++i) {
    abi::Op op;
    std::memcpy(&op, bytes.data() + header.ops + i * sizeof(op), sizeof(op));
    op.origin = header.origin_count;
    std::string damaged = bytes;
    std::memcpy(damaged.data() + header.ops + i * sizeof(op), &op, sizeof(op));
    EXPECT_FALSE(LivePlan::Make(damaged, {}).ok()) << "origin of op " << i;
    std::memcpy(&op, bytes.data() + header.ops + i * sizeof(op), sizeof(op));
    op.kinds[0] = abi::Kind::kInt32;
    op.args[0] = bytes.size() & ~std::size_t{3};
    std::memcpy(damaged.data() + header.ops + i * sizeof(op), &op, sizeof(op));
    EXPECT_FALSE(LivePlan::Make(damaged, {}).ok()) << "argument of op " << i;
  }
}

TEST(DamagedPlan, AnyFlippedBitsAreRefusedOrHarmless) {
  const std::string bytes = PlanBytes();
  std::mt19937 random(20240917);
  for (int round = 0; round < 3000; ++round) {
    std::string damaged = bytes;
    for (unsigned flips = 1 + random() % 4; flips > 0; --flips) {
      damaged[random() % damaged.size()] ^= static_cast<char>(1U << random() % 8);
    }
    auto live = LivePlan::Make(damaged, WithInputs(round % 3));
    if (live.ok()) Use(*live);
  }
}

// What is forked once pid 1 is born has neither another job's words nor a way to write them.
TEST(LivePlanMemory, IsNotThatOfLaterChildren) {
  auto live = LivePlan::Make(PlanBytes(), WithInputs(1));
  ASSERT_TRUE(live.ok()) << live.error().ToString();
  const auto seen_by_a_child = [&] {
    const pid_t child = fork();
    if (child == 0) {
      unsigned char there = 0;
      const bool plan = mincore(live->bytes(), 1, &there) == 0, shared = mincore(&live->shared(), 1, &there) == 0;
      _exit((plan ? 1 : 0) + (shared ? 2 : 0));
    }
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    return WEXITSTATUS(status);
  };
  EXPECT_EQ(seen_by_a_child(), 3) << "pid 1";
  ASSERT_TRUE(live->KeepFromLaterChildren().ok());
  EXPECT_EQ(seen_by_a_child(), 0);
}

}  // namespace
}  // namespace moat::run
