// Nothing that was accepted is lost. A child does a job's whole way and is killed at each step in
// turn; the next start must find the job exactly as its client was told.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <map>

#include "web/testing.h"

namespace moat::web {
namespace {

using testing::MustOpen;
using testing::MustStage;
using testing::PrivateFolder;
using testing::Text;

// What the child has told its client, by a pipe: written only after the call came back.
constexpr char kAccepted = 'a', kDone = 'd', kForgotten = 'f';

int Way(const std::string& folder, int told, int die_at, Repeat repeat) {
  int step = 0;
  auto store = MustOpen(folder, [&](std::string_view) {
    if (step++ == die_at) raise(SIGKILL);
  });
  StoredJob job;
  job.profile = "p";
  job.argv = {"true"};
  job.repeat = repeat;
  auto accepted = store->Accept(MustStage(*store, "in.png", "the input"), job);
  if (!accepted.ok() || write(told, &kAccepted, 1) != 1) return 1;
  auto out = store->PrepareAttempt(accepted->id);
  if (!out.ok() || !store->BeginAttempt(accepted->id).ok() || !WriteNew(out->get(), "t.png", "the output").ok()) return 2;
  Report report;
  report.cause = Cause::kExit;
  report.exit_code = 3;
  if (!store->Commit(accepted->id, report, "said", "").ok() || write(told, &kDone, 1) != 1) return 3;
  if (!store->Forget(accepted->id).ok() || write(told, &kForgotten, 1) != 1) return 4;
  return 0;
}

struct Told {
  std::string words;
  int status = 0;
};

Told RunChild(const std::string& folder, int die_at, Repeat repeat) {
  int pipe_ends[2];
  EXPECT_EQ(pipe2(pipe_ends, O_CLOEXEC), 0);
  const pid_t child = fork();
  if (child == 0) _exit(Way(folder, pipe_ends[1], die_at, repeat));
  close(pipe_ends[1]);
  Told told;
  told.words = Text(sys::Fd(pipe_ends[0]));
  waitpid(child, &told.status, 0);
  return told;
}

void CheckDone(Store& store, const StoredJob& job, const Told& told) {
  auto report = Report::FromJson(job.report);
  ASSERT_TRUE(report.ok());
  if (report->cause == Cause::kWorkerLost) {
    EXPECT_EQ(told.words, std::string(1, kAccepted)) << "what was done stays done";
    return;
  }
  EXPECT_EQ(report->exit_code, 3);
  EXPECT_EQ(Text(*store.OpenResult(job.id, "out/t.png")), "the output");
  EXPECT_EQ(Text(*store.OpenResult(job.id, "stdout")), "said");
}

void Check(const std::string& folder, const Told& told, Repeat repeat) {
  auto store = MustOpen(folder);
  const auto jobs = *store->Latest("", 10);
  const bool forgotten = told.words.find(kForgotten) != std::string::npos;
  EXPECT_TRUE(!forgotten || jobs.empty());
  if (jobs.empty()) {
    // Never accepted, or forgotten: nothing is left of it, and a job that was told done may only be
    // missing because it was being forgotten.
    EXPECT_NE(told.words, std::string(1, kAccepted)) << "an accepted job is gone";
    EXPECT_TRUE(std::filesystem::is_empty(folder + "/jobs"));
    EXPECT_EQ(store->bytes(), 0u);
    return;
  }
  ASSERT_EQ(jobs.size(), 1u);
  const StoredJob job = **store->Find(jobs[0].id);
  EXPECT_EQ(job.state == JobState::kRunning, false) << "nobody runs it";
  EXPECT_EQ(Text(*store->OpenInput(job.id, "in.png")), "the input");
  if (job.state == JobState::kDone) {
    CheckDone(*store, job, told);
  } else {
    EXPECT_EQ(told.words.find(kDone), std::string::npos);
    EXPECT_TRUE(job.attempt == 0 || repeat == Repeat::kWhenLost);
    EXPECT_TRUE(store->BeginAttempt(job.id).ok());
  }
}

class Crash : public ::testing::TestWithParam<Repeat> {};

TEST_P(Crash, KilledAtEachStep) {
  int killed = 0;
  for (int step = 0;; ++step) {
    SCOPED_TRACE("step " + std::to_string(step));
    const PrivateFolder folder;
    const Told told = RunChild(folder.path(), step, GetParam());
    Check(folder.path(), told, GetParam());
    if (WIFEXITED(told.status)) {
      EXPECT_EQ(WEXITSTATUS(told.status), 0);
      EXPECT_EQ(told.words, "adf");
      break;
    }
    EXPECT_EQ(WTERMSIG(told.status), SIGKILL);
    ++killed;
  }
  EXPECT_GE(killed, 8);
}

// Twice in a row: the second start is killed while it cleans up after the first one's death.
TEST_P(Crash, KilledWhileItRecovers) {
  for (int step = 0; step < 8; ++step) {
    for (int second = 0; second < 3; ++second) {
      SCOPED_TRACE("steps " + std::to_string(step) + " and " + std::to_string(second));
      const PrivateFolder folder;
      const Told told = RunChild(folder.path(), step, GetParam());
      const pid_t child = fork();
      if (child == 0) {
        int left = second;
        MustOpen(folder.path(), [&](std::string_view) {
          if (left-- == 0) raise(SIGKILL);
        });
        _exit(0);
      }
      int status = 0;
      waitpid(child, &status, 0);
      Check(folder.path(), told, GetParam());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Repeats, Crash, ::testing::Values(Repeat::kNever, Repeat::kWhenLost));

TEST(Lost, IsRepeatedOnce) {
  const PrivateFolder folder;
  std::string id;
  {
    auto store = MustOpen(folder.path());
    StoredJob job;
    job.repeat = Repeat::kWhenLost;
    id = store->Accept(MustStage(*store, "a", "x"), job)->id;
    ASSERT_TRUE(store->BeginAttempt(id).ok());
  }
  {
    auto store = MustOpen(folder.path());
    EXPECT_EQ((*store->Find(id))->state, JobState::kWaiting);
    ASSERT_TRUE(store->BeginAttempt(id).ok());
  }
  auto store = MustOpen(folder.path());
  const auto job = *store->Find(id);
  EXPECT_EQ(job->state, JobState::kDone);
  EXPECT_EQ(Report::FromJson(job->report)->cause, Cause::kWorkerLost);
}

// A file system of one MiB, in namespaces of the child's own.
bool EnterSmallDisk(const std::string& folder) {
  const std::string uid_map = "0 " + std::to_string(geteuid()) + " 1";
  if (geteuid() != 0) {
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
    if (!sys::WriteFile("/proc/self/uid_map", uid_map).ok()) return false;
  } else if (unshare(CLONE_NEWNS) != 0) {
    return false;
  }
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return false;
  return mount("none", folder.c_str(), "tmpfs", 0, "size=1m,mode=0700") == 0;
}

constexpr int kCannot = 77;

int FillTheDisk(const std::string& folder) {
  if (!EnterSmallDisk(folder)) return kCannot;
  auto store = MustOpen(folder);
  std::map<std::string, std::string> told;
  int refused = 0;
  for (int i = 0; i < 60; ++i) {
    auto staged = store->Stage();
    const std::string text(static_cast<std::size_t>(20'000 + i), 'x');
    if (!staged.ok() || !staged->AddInput("a").ok() || !staged->Write(text).ok()) {
      ++refused;
      continue;
    }
    auto accepted = store->Accept(*std::move(staged), StoredJob());
    if (accepted.ok()) told[accepted->id] = text;
    refused += accepted.ok() ? 0 : 1;
  }
  if (told.size() < 5 || refused < 5) return 1;
  store.reset();
  store = MustOpen(folder);
  if (store->jobs() != told.size()) return 2;
  for (const auto& [id, text] : told) {
    auto input = store->OpenInput(id, "a");
    if (!input.ok() || Text(*input) != text) return 3;
  }
  // Where something was forgotten, there is room again.
  for (const auto& [id, text] : told) {
    if (!store->Forget(id).ok()) return 4;
  }
  if (store->bytes() != 0) return 5;
  return store->Accept(MustStage(*store, "a", std::string(20'000, 'y')), StoredJob()).ok() ? 0 : 6;
}

TEST(FullDisk, LosesNothingThatWasAccepted) {
  const PrivateFolder folder;
  const pid_t child = fork();
  if (child == 0) _exit(FillTheDisk(folder.path()));
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == kCannot) GTEST_SKIP() << "no file system of our own";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace moat::web
