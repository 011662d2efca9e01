// The bytes of a plan: shared texts, alignment, relocation, order by phase.
#include "plan/blob.h"

#include <gtest/gtest.h>

#include <asm/unistd.h>

#include "plan/plan.h"

namespace moat::plan {
namespace {

TEST(Blob, EqualTextsAreOne) {
  Blob blob;
  const abi::Offset usr = blob.Text("/usr");
  EXPECT_EQ(blob.Text("/usr"), usr);
  EXPECT_NE(blob.Text("/usr/"), usr);
  const abi::Offset empty = blob.Text("");
  EXPECT_NE(empty, 0U) << "0 is no text at all";
  EXPECT_EQ(Plan(blob.Finish()).Text(usr), "/usr");
}

TEST(Blob, StructuresAreAlignedWhateverTextsLieBefore) {
  Blob blob;
  for (const char* text : {"a", "bc", "def", "ghij"}) {
    blob.Text(text);
    EXPECT_EQ(blob.Struct(std::uint64_t{1}) % 8, 0U);
    EXPECT_EQ(blob.Int() % 8, 0U);
  }
}

TEST(Blob, RelocatedWordsHoldTheirTargetAndAreListed) {
  Blob blob;
  const abi::Offset target = blob.Struct(std::uint64_t{42});
  const abi::Offset where = blob.Struct(std::uint64_t{0});
  blob.Relocate(where, target);
  const Plan plan(blob.Finish());
  ASSERT_EQ(plan.header().relocation_count, 1U);
  const auto* rows = reinterpret_cast<const abi::Offset*>(plan.bytes().data() + plan.header().relocations);
  EXPECT_EQ(rows[0], where);
  EXPECT_EQ(*reinterpret_cast<const std::uint64_t*>(plan.bytes().data() + where), target);
}

TEST(Blob, EqualOriginsAreOneRow) {
  Blob blob;
  EXPECT_EQ(blob.OriginIndex({}), 0U);
  const abi::Index first = blob.OriginIndex({"a.toml", 3, 1});
  EXPECT_NE(first, 0U);
  EXPECT_EQ(blob.OriginIndex({"a.toml", 3, 1}), first);
  EXPECT_NE(blob.OriginIndex({"a.toml", 4, 1}), first);
}

TEST(Blob, OpsAreSortedByPhaseAndKeepTheirOrderInIt) {
  Blob blob;
  blob.At(abi::Phase::kProgram, abi::Stage::kExec);
  blob.Add(__NR_execve, {});
  blob.At(abi::Phase::kPrepare, abi::Stage::kRootfs);
  blob.For("x", {"a.toml", 1, 1});
  blob.Add(__NR_mkdirat, {});
  blob.At(abi::Phase::kSetup, abi::Stage::kSpawn);
  blob.Add(abi::Pseudo::kSpawn, {});
  blob.At(abi::Phase::kPrepare, abi::Stage::kRootfs);
  blob.Add(__NR_symlinkat, {});
  const Plan plan(blob.Finish());
  ASSERT_EQ(plan.header().op_count, 4U);
  EXPECT_EQ(plan.ops()[0].number, __NR_mkdirat);
  EXPECT_EQ(plan.ops()[1].number, __NR_symlinkat);
  EXPECT_EQ(plan.ops()[1].subject, 0U) << "At() forgets subject and origin";
  EXPECT_EQ(plan.ops()[1].origin, 0U);
  EXPECT_EQ(plan.ops()[3].number, __NR_execve);
  const auto begin = [&](abi::Phase phase) { return plan.header().phase_begin[static_cast<unsigned>(phase)]; };
  EXPECT_EQ(begin(abi::Phase::kBirth), 0U);
  EXPECT_EQ(begin(abi::Phase::kPrepare), 0U);
  EXPECT_EQ(begin(abi::Phase::kSetup), 2U);
  EXPECT_EQ(begin(abi::Phase::kProgram), 3U);
  EXPECT_EQ(plan.header().phase_begin[abi::kPhases], 4U);
}

TEST(Blob, AnEmptyPlanHoldsTogether) {
  const Plan plan((Blob().Finish()));
  EXPECT_EQ(plan.header().op_count, 0U);
  EXPECT_EQ(plan.header().size, plan.bytes().size());
  EXPECT_EQ(plan.header().phase_begin[abi::kPhases], 0U);
}

}  // namespace
}  // namespace moat::plan
