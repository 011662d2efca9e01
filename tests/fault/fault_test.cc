// Every op of a plan is made to fail in turn: the report names it, the program never runs and
// nothing is left behind. One ctest entry for each part of the ops: MOAT_FAULT_PART is "I/N".
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "testkit/caller_test.h"
#include "testkit/host.h"

namespace moat {
namespace {

using nlohmann::json;
using testkit::Caller;

constexpr const char* kNames[] = {"EPERM", "ENOSPC"};
constexpr int kErrnos[] = {EPERM, ENOSPC};
// Finding a plan tries out a filter: not more than this often, however many parts run at once.
constexpr auto kPace = std::chrono::milliseconds(25);

struct Setting {
  const char* profile;
  Caller caller;
  int inputs;
  std::size_t step;  // every op, or every third where the same ops are all tried elsewhere
};

class Fault : public testing::TestWithParam<Setting> {
 protected:
  void SetUp() override {
    const std::string against = testkit::ReasonAgainst(GetParam().caller);
    if (!against.empty()) GTEST_SKIP() << against;
    // What a launcher leaves behind becomes a child of this process, where it is seen.
    ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
    if (GetParam().caller == Caller::kUser && ::geteuid() == 0) folder_.GiveTo(testkit::UserId());
    for (int i = 0; i < GetParam().inputs; ++i) {
      // Readable by root alone: then a namespace for its ids is made as well.
      const mode_t mode = GetParam().caller == Caller::kRoot ? 0600 : 0644;
      inputs_.push_back(folder_.File("input" + std::to_string(i), "picture", mode));
    }
  }

  static std::vector<std::string> Program() { return {testkit::GuestPath("guest_static"), "sparse", "{out}/ran", "4096"}; }
  std::string out() const { return folder_ / "out"; }

  testkit::Moat Moat() const {
    testkit::Moat moat(GetParam().caller);
    moat.Profile(GetParam().profile).Flag("--no-cache").Output(out());
    for (const std::string& input : inputs_) moat.Input(input);
    return moat;
  }

  // The ops of the plan as the launcher will have them: templates once for each input.
  std::vector<json> Ops() const {
    testkit::Command command = Moat().ToCommand(Program());
    command.argv[1] = "plan";
    command.argv.insert(command.argv.begin() + 2, "--json");
    const testkit::Finished done = testkit::Run(command);
    EXPECT_EQ(done.exit_code(), 0) << done.err;
    const json plan = json::parse(done.out, nullptr, false);
    std::vector<json> ops;
    if (plan.is_discarded()) return ops;
    const auto& rows = plan["ops"];
    for (std::size_t i = 0; i < rows.size();) {
      std::size_t end = i;
      while (end < rows.size() && rows[end]["each_input"] && rows[end]["phase"] == rows[i]["phase"]) ++end;
      if (end == i) {
        ops.push_back(rows[i++]);
        continue;
      }
      for (std::size_t input = 0; input < inputs_.size(); ++input) ops.insert(ops.end(), rows.begin() + static_cast<long>(i), rows.begin() + static_cast<long>(end));
      i = end;
    }
    return ops;
  }

  testkit::TempDir folder_;
  std::vector<std::string> inputs_;
};

// Empty texts are null in a report.
std::string TextOf(const json& object, const char* key) {
  const auto at = object.find(key);
  return at != object.end() && at->is_string() ? at->get<std::string>() : "";
}

std::string LineOf(const json& origin) {
  if (!origin.is_object()) return "";
  const int line = origin.value("line", 0);
  return TextOf(origin, "file") + (line == 0 ? "" : ":" + std::to_string(line));
}

void ExpectNamed(const testkit::Job& job, const json& op, int which) {
  EXPECT_EQ(job.exit_code(), 125) << job;
  EXPECT_EQ(job.Cause(), "setup") << job;
  const json setup = job.report.is_object() ? job.report.value("setup", json()) : json();
  ASSERT_TRUE(setup.is_object()) << job;
  EXPECT_EQ(TextOf(setup, "stage"), op["stage"]) << job;
  EXPECT_EQ(TextOf(setup, "call"), op["call"]) << job;
  EXPECT_EQ(setup.value("errno", 0), kErrnos[which]) << job;
  EXPECT_EQ(TextOf(setup, "error"), kNames[which]) << job;
  EXPECT_EQ(TextOf(setup, "subject"), op["subject"]) << job;
  EXPECT_EQ(LineOf(setup["origin"]), op["policy_line"]) << job;
  const std::string detail = TextOf(job.report, "detail");
  for (const std::string& word : {op["call"].get<std::string>(), std::string(kNames[which])}) {
    EXPECT_NE(detail.find(word), std::string::npos) << "no `" << word << "` in " << detail;
  }
  EXPECT_EQ(job.out, "") << job;
}

std::pair<std::size_t, std::size_t> PartOf(std::size_t count) {
  const char* part = std::getenv("MOAT_FAULT_PART");
  unsigned index = 0, parts = 1;
  if (part != nullptr && std::sscanf(part, "%u/%u", &index, &parts) == 2 && index < parts) {
    return {count * index / parts, count * (index + 1) / parts};
  }
  return {0, count};
}

TEST_P(Fault, OfEachOpIsReportedAndLeavesNothing) {
  const std::vector<json> ops = Ops();
  ASSERT_GT(ops.size(), 100U);
  const auto [begin, end] = PartOf(ops.size());
  const auto mounts = testkit::MountTable();
  auto next = std::chrono::steady_clock::now();
  for (std::size_t i = begin; i < end && !HasFatalFailure(); i += GetParam().step) {
    std::this_thread::sleep_until(next);
    next = std::chrono::steady_clock::now() + kPace;
    const int which = static_cast<int>(i % 2);
    SCOPED_TRACE("op " + std::to_string(i) + " of " + GetParam().profile + ": " + ops[i]["phase"].get<std::string>() + " " +
                 ops[i]["text"].get<std::string>() + ", " + kNames[which]);
    testkit::RunningJob running =
        Moat().Flag("--inject", std::to_string(i) + ":" + std::to_string(kErrnos[which])).Start(Program());
    const pid_t launcher = running.pid();
    const testkit::Job job = running.Finish();
    if (ops[i]["tolerates"] == kNames[which] || ops[i]["best_effort"] || ops[i]["optional"]) {
      EXPECT_EQ(job.exit_code(), 0) << job;
      EXPECT_TRUE(std::filesystem::remove(std::filesystem::path(out()) / "ran")) << job;
    } else {
      ASSERT_NO_FATAL_FAILURE(ExpectNamed(job, ops[i], which));
    }
    EXPECT_EQ(testkit::FilesBelow(out()), std::set<std::string>()) << "the program ran, or a file was left";
    EXPECT_EQ(::waitpid(-1, nullptr, __WALL), -1) << "a process outlived its launcher";
    EXPECT_EQ(errno, ECHILD);
    EXPECT_EQ(testkit::CgroupsOfLauncher(launcher), std::set<std::string>());
    EXPECT_EQ(testkit::MountTable(), mounts);
  }
}

TEST_P(Fault, WithoutOneTheProgramRuns) {
  const testkit::Job job = Moat().Run(Program());
  EXPECT_EQ(job.exit_code(), 0) << job;
  EXPECT_TRUE(std::filesystem::exists(std::filesystem::path(out()) / "ran")) << job;
}

INSTANTIATE_TEST_SUITE_P(Plans, Fault,
                         testing::Values(Setting{"default", Caller::kRoot, 0, 1}, Setting{"imagemagick", Caller::kRoot, 1, 1},
                                         Setting{"default", Caller::kUser, 2, 3}),
                         [](const auto& setting) {
                           return std::string(setting.param.profile) + "_" + testkit::NameOf(setting.param.caller);
                         });

}  // namespace
}  // namespace moat
