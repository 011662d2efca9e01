// Stacks of refused calls: chains that are known, unwound; and guests whose stack says nothing.
#include <algorithm>

#include "testkit/caller_test.h"

namespace moat {
namespace {

using testkit::GuestPath;

class Stacks : public testkit::CallerTest {
 protected:
  // The frames of the refused keyctl of a guest.
  std::vector<std::string> Of(const std::string& guest, const std::string& how) {
    const std::string policy = folder_.File("policy.toml", "moat = 1\nbase = \"default\"\n[files]\nread = [{ from = \"" +
                                                               testkit::BuildFolder() + "/tests/guests\", execute = true }]\n");
    job_ = AsCaller().Profile(policy).Flag("--watch").Run({GuestPath(guest), "250", how});
    if (!job_.report.is_object()) return {};
    for (const auto& kind : job_.report["denials"]["kinds"]) {
      if (kind["call"] == "keyctl" && kind.contains("stack")) return kind["stack"].get<std::vector<std::string>>();
    }
    return {};
  }
  // Places of these functions among the frames; frames.size() for one that is not there.
  static std::vector<std::size_t> Places(const std::vector<std::string>& frames, const std::vector<std::string>& functions) {
    std::vector<std::size_t> places;
    for (const std::string& function : functions) {
      const auto at = std::find_if(frames.begin(), frames.end(), [&](const std::string& frame) { return frame.rfind(function + "+0x", 0) == 0; });
      places.push_back(static_cast<std::size_t>(at - frames.begin()));
    }
    return places;
  }

  testkit::Job job_;
};

using At = std::vector<std::size_t>;

// Frame by frame, nothing left out and nothing beside: a search of the stack does not know that.
TEST_P(Stacks, AChainWithoutFramePointersIsUnwound) {
  const auto frames = Of("guest_chain_omit", "plain");
  EXPECT_EQ(Places(frames, {"syscall", "ChainInner", "ChainInLibrary", "ChainOuter", "main"}), At({0, 1, 2, 3, 4})) << job_;
  ASSERT_FALSE(frames.empty());
  EXPECT_EQ(frames.back().rfind("_start+0x", 0), 0U) << job_;
}

TEST_P(Stacks, AChainWithFramePointersIsUnwound) {
  const auto frames = Of("guest_chain_no-omit", "plain");
  EXPECT_EQ(Places(frames, {"syscall", "ChainInner", "ChainInLibrary", "ChainOuter", "main"}), At({0, 1, 2, 3, 4})) << job_;
}

TEST_P(Stacks, AThreadsStackEndsInTheThread) {
  const auto frames = Of("guest_chain_omit", "thread");
  EXPECT_EQ(Places(frames, {"syscall", "ChainInner", "ChainInLibrary", "ChainOuter"}), At({0, 1, 2, 3})) << job_;
  EXPECT_EQ(Places(frames, {"main"}), At({frames.size()})) << job_;
}

// The verdict does not hang on it, and nothing is invented beyond what lies there.
TEST_P(Stacks, AStackThatWasWrittenOverTellsWhereItIs) {
  const auto frames = Of("guest_chain_omit", "smashed");
  EXPECT_EQ(job_.Cause(), "exit") << job_;
  EXPECT_EQ(job_.report["denials"]["count"], 1) << job_;
  EXPECT_EQ(Places(frames, {"ChainSmashed"}), At({0})) << job_;
}

MOAT_AS_BOTH_CALLERS(Stacks);

}  // namespace
}  // namespace moat
