// `moat learn` and `moat test`: a policy from runs over a corpus holds over another one, and says where it does not.
#include <csignal>
#include <filesystem>
#include <fstream>

#include "testkit/caller_test.h"

namespace moat {
namespace {

namespace fs = std::filesystem;
using testkit::GuestPath;

class Learn : public testkit::CallerTest {
 protected:
  // A folder of inputs that `sh` runs.
  std::string Corpus(const std::string& name, const std::vector<std::string>& scripts) {
    const std::string folder = folder_.Folder(name);
    for (std::size_t i = 0; i < scripts.size(); ++i) std::ofstream(folder + "/" + std::to_string(i) + ".sh") << scripts[i] << "\n";
    return folder;
  }
  testkit::Finished Ask(std::vector<std::string> words) {
    testkit::Command command = AsCaller().ToCommand({});
    words.insert(words.begin(), testkit::MoatPath());
    command.argv = std::move(words);
    command.timeout = std::chrono::minutes(2);
    return testkit::Process(command).Finish();
  }
  testkit::Finished LearnFrom(const std::string& corpus, const std::vector<std::string>& flags = {}) {
    std::vector<std::string> words = {"learn", "--corpus", corpus, "-o", policy_};
    words.insert(words.end(), flags.begin(), flags.end());
    words.insert(words.end(), {"--", "sh", "{in}", "{out}/result"});
    return Ask(words);
  }
  testkit::Finished Test(const std::string& corpus, const std::vector<std::string>& flags = {}) {
    std::vector<std::string> words = {"test", policy_, "--corpus", corpus};
    words.insert(words.end(), flags.begin(), flags.end());
    return Ask(words);
  }
  static std::vector<std::string> Plain() { return {"echo a > $1", "echo bc > $1", ": > $1", "cat $0 > $1"}; }
  // With a call that those do not make.
  static std::string Odd() { return "kill -0 $$ && echo > $1"; }

  const std::string policy_ = (folder_ / "learned.toml").string();
};

TEST_P(Learn, WhatWasLearnedHoldsAndItsCommandIsKnown) {
  const testkit::Finished learned = LearnFrom(Corpus("corpus", Plain()));
  ASSERT_EQ(learned.exit_code(), 0) << learned.err;
  EXPECT_NE(learned.out.find("learned from 4 inputs"), std::string::npos) << learned.out;
  const testkit::Finished tested = Test(Corpus("other", {"echo d > $1", "cat $0 > $1"}));
  EXPECT_EQ(tested.exit_code(), 0) << tested.out << tested.err << testkit::ReadFile(policy_);
  EXPECT_NE(tested.out.find("2 inputs, 0 stopped or hindered"), std::string::npos) << tested.out;
}

TEST_P(Learn, AnInputThatNeedsMoreFailsTheTestAndIsTold) {
  ASSERT_EQ(LearnFrom(Corpus("corpus", Plain())).exit_code(), 0);
  const std::string junit = (folder_ / "junit.xml").string();
  const testkit::Finished failed = Test(Corpus("others", {"echo d > $1", Odd()}), {"--junit", junit, "--github"});
  EXPECT_EQ(failed.exit_code(), 1) << failed.out << failed.err;
  // Addresses differ, the trouble is one.
  const std::string ask = "ulimit -p > $1";
  EXPECT_NE(Test(Corpus("asking", {ask, ask, ask})).out.find("    3 inputs: 0.sh, 1.sh, 2.sh\n"), std::string::npos);
  EXPECT_NE(failed.out.find("kill(pid="), std::string::npos) << failed.out;
  EXPECT_NE(failed.out.find("::error file="), std::string::npos) << failed.out;
  EXPECT_NE(testkit::ReadFile(junit).find("<failure message=\"kill(pid="), std::string::npos);
  EXPECT_NE(testkit::ReadFile(junit).find("tests=\"2\" failures=\"1\""), std::string::npos);
}

// No call is refused, and yet the policy was in the way: it does not show the program.
TEST_P(Learn, AFileThatThePolicyHidesFailsTheTest) {
  ASSERT_EQ(LearnFrom(Corpus("corpus", Plain())).exit_code(), 0);
  const testkit::Finished failed = Test(Corpus("others", {"echo d > $1", "flock $1 true", "flock $1 true || true"}));
  EXPECT_EQ(failed.exit_code(), 1) << failed.out << failed.err;
  EXPECT_NE(failed.out.find("/usr/bin/flock: errno ENOENT"), std::string::npos) << failed.out;
  EXPECT_NE(failed.out.find("3 inputs, 1 stopped or hindered"), std::string::npos) << "the third does without\n" << failed.out;
}

TEST_P(Learn, MergingKeepsEditsAndShowsWhatIsNew) {
  ASSERT_EQ(LearnFrom(Corpus("corpus", Plain())).exit_code(), 0);
  std::ofstream(policy_, std::ios::app) << "# ours\n";
  const std::string before = testkit::ReadFile(policy_), more = Corpus("more", {Odd(), Odd(), Odd()});
  const testkit::Finished dry = LearnFrom(more, {"--dry-run"});
  EXPECT_EQ(dry.exit_code(), 0) << dry.err;
  EXPECT_NE(dry.out.find("syscalls: + allow kill"), std::string::npos) << dry.out;
  EXPECT_EQ(testkit::ReadFile(policy_), before);
  ASSERT_EQ(LearnFrom(more).exit_code(), 0);
  EXPECT_NE(testkit::ReadFile(policy_).find("# ours\n"), std::string::npos);
  EXPECT_EQ(Test(more).exit_code(), 0);
  EXPECT_NE(LearnFrom(more).out.find("nothing to add"), std::string::npos);
}

// firecracker#1008: what abort() needs is there although no run aborted.
TEST_P(Learn, ADeathThatNobodyShowedIsStillItsOwn) {
  ASSERT_EQ(LearnFrom(Corpus("corpus", Plain())).exit_code(), 0);
  const testkit::Job job = AsCaller().Profile(policy_).Run({GuestPath("guest_dynamic"), "die", "6"});
  EXPECT_EQ(job.Cause(), "signal") << job;
  EXPECT_EQ(job.report["signal"], SIGABRT) << job;
}

TEST_P(Learn, DangerousCallsAreToldAndNeverGranted) {
  const std::string ptrace = "strace true 2> $1; true";
  const testkit::Finished learned = LearnFrom(Corpus("corpus", {ptrace, ptrace, ptrace, ptrace}));
  ASSERT_EQ(learned.exit_code(), 0) << learned.err;
  EXPECT_NE(learned.out.find("  ptrace with request == PTRACE_TRACEME, "), std::string::npos) << learned.out;
  const testkit::Job job = AsCaller().Profile(policy_).Run({GuestPath("guest_static"), "call", "101", "0", "0"});
  EXPECT_EQ(job.out, "{\"result\": -1, \"errno\": 1}\n") << job;
}

// The call itself is known after three of them; which files it names is new every time.
TEST_P(Learn, AFileThatIsOnlyLookedForIsLearnedFromEveryInput) {
  const std::vector<std::string> names = {"env", "id", "cut", "ls", "cp", "mv", "rm", "ln", "dd", "du", "wc", "tr"};
  std::vector<std::string> scripts;
  for (const std::string& name : names) scripts.push_back("test -e /usr/bin/" + name + " && echo > $1");
  const testkit::Finished learned = LearnFrom(Corpus("corpus", scripts), {"--jobs", "1"});
  ASSERT_EQ(learned.exit_code(), 0) << learned.err;
  const std::string policy = testkit::ReadFile(policy_);
  for (const std::string& name : names) EXPECT_NE(policy.find("\"/usr/bin/" + name + "?\""), std::string::npos) << name << "\n" << policy;
}

// The kernel alone opens it, and no call tells its name.
TEST_P(Learn, AScriptsInterpreterIsLearned) {
  const std::string script = "egrep -c a $0 > $1; true";
  const testkit::Finished learned = LearnFrom(Corpus("corpus", {script, script}));
  ASSERT_EQ(learned.exit_code(), 0) << learned.err;
  EXPECT_NE(testkit::ReadFile(policy_).find("\"/bin/sh?\""), std::string::npos) << testkit::ReadFile(policy_);
  const testkit::Finished tested = Test(Corpus("other", {"egrep -c a $0 > $1; true"}));
  EXPECT_EQ(tested.exit_code(), 0) << tested.out;
  EXPECT_NE(tested.out.find("0 stopped or hindered by the policy\n"), std::string::npos) << tested.out;
}

TEST_P(Learn, ResultsAreComparedWithThoseThatWereKept) {
  const std::string corpus = Corpus("corpus", Plain()), kept = (folder_ / "kept").string();
  ASSERT_EQ(LearnFrom(corpus).exit_code(), 0);
  ASSERT_EQ(Test(corpus, {"--results", kept}).exit_code(), 0);
  EXPECT_EQ(testkit::ReadFile(kept + "/0.sh/result"), "a\n");
  EXPECT_EQ(Test(corpus, {"--reference", kept}).exit_code(), 0);
  std::ofstream(kept + "/0.sh/result") << "b\n";
  const testkit::Finished differs = Test(corpus, {"--reference", kept});
  EXPECT_EQ(differs.exit_code(), 1) << differs.out;
  EXPECT_NE(differs.out.find("the result result is not that of the reference"), std::string::npos) << differs.out;
}

TEST_P(Learn, EntriesThatNobodyNeedsAreNamed) {
  const std::string corpus = Corpus("corpus", Plain());
  ASSERT_EQ(LearnFrom(corpus).exit_code(), 0);
  std::string text = testkit::ReadFile(policy_);
  text.insert(text.find("\"brk\""), "\"flock\",\n  ");
  text.insert(text.find("\"@libs\""), "\"/usr/bin/nohup\",\n  ");
  std::ofstream(policy_) << text;
  const testkit::Finished tested = Test(corpus, {"--shrink"});
  EXPECT_EQ(tested.exit_code(), 0) << tested.out << tested.err;
  EXPECT_NE(tested.out.find("no input needed flock (" + policy_ + ":"), std::string::npos) << tested.out;
  EXPECT_NE(tested.out.find("no input needed files.read /usr/bin/nohup ("), std::string::npos) << tested.out;
  EXPECT_EQ(tested.out.find("no input needed @io"), std::string::npos) << tested.out;
  EXPECT_EQ(tested.out.find("files.read /etc/"), std::string::npos) << "@libs is needed\n" << tested.out;
}

TEST_P(Learn, WhatHasChangedSinceIsTold) {
  const std::string corpus = Corpus("corpus", Plain());
  ASSERT_EQ(LearnFrom(corpus).exit_code(), 0);
  EXPECT_EQ(Test(corpus).out.find("changed since"), std::string::npos);
  std::string text = testkit::ReadFile(policy_);
  const std::size_t kernel = text.find("# made with: kernel "), id = text.find("# made with: build id ");
  ASSERT_NE(kernel, std::string::npos) << text;
  ASSERT_NE(id, std::string::npos) << text;
  text[text.find("build id ", id) + 9] ^= 1;
  text.insert(kernel + 20, "2.4-");
  std::ofstream(policy_) << text;
  const testkit::Finished doctor = Ask({"doctor", policy_});
  EXPECT_EQ(doctor.exit_code(), 1) << doctor.err;
  EXPECT_NE(doctor.out.find("  kernel 2.4-"), std::string::npos) << doctor.out;
  EXPECT_EQ(Ask({"doctor", "default"}).exit_code(), 0) << "was not learned";
  const std::string out = Test(corpus).out;
  EXPECT_NE(out.find("changed since it was learned: kernel 2.4-"), std::string::npos) << out;
  EXPECT_NE(out.find(" has changed (its build id is now "), std::string::npos) << out;
}

TEST_P(Learn, NothingIsLearnedFromRunsThatAllFail) {
  const testkit::Finished learned = LearnFrom(Corpus("corpus", {"echo oh no >&2; exit 3"}));
  EXPECT_EQ(learned.exit_code(), 125);
  EXPECT_NE(learned.err.find("not one of 1 runs exited with 0; 0.sh: exited 3, saying: oh no"), std::string::npos) << learned.err;
  EXPECT_FALSE(fs::exists(policy_));
}

MOAT_AS_BOTH_CALLERS(Learn);

}  // namespace
}  // namespace moat
