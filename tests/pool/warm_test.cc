// Jails that were made ahead of their jobs: each is for one job, gets its inputs late, and is as closed as
// one that was made for it. The attacks of src/attack from within them.
#include <fcntl.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "attack/battery.h"
#include "attack/table.h"
#include "moat/sandbox.h"
#include "policy/load.h"
#include "pool/daemon.h"
#include "profile/find_profile.h"
#include "testkit/host.h"
#include "testkit/moat.h"

namespace moat::pool::testing {
namespace {

// More than are ever kept ahead, so that some jobs have jails that were made while others ran.
constexpr int kJobs = 12;

std::string ProfileOf(const std::string& name, const std::string& command) {
  return "[profile." + name + "]\npolicy = \"default\"\nrunning = 1\nready = 1\narguments = true\ncommand = [" + command + "]\n";
}

PoolJob JobOf(const std::string& profile, std::vector<std::string> arguments) {
  PoolJob job;
  job.profile = profile;
  job.arguments = std::move(arguments);
  return job;
}

TEST(WarmJails, AreForOneJobEach) {
  Daemon daemon("running = 4", "", ProfileOf("sh", "\"/bin/sh\", \"-c\""));
  PoolClient client = daemon.Connect();
  // What it finds of others, then what it leaves to others.
  const std::string script =
      "ls -A /tmp | grep -v '^[.]shm$' | grep -v '^[.]home$'; ls -A /dev/shm; ls -A \"$HOME\" | grep -v '^[.]cache$' | "
      "grep -v '^[.]config$' | grep -v '^[.]local$'; for p in /proc/[0-9]*; do echo ${p#/proc/}; done | sort -n | head -1; "
      "echo left > /tmp/left; echo left > /dev/shm/left; echo left > $HOME/left; sleep 100 & echo over";
  for (int i = 0; i < kJobs; ++i) {
    const PoolResult done = Do(client, JobOf("sh", {script}));
    EXPECT_EQ(done.report.exit_code, 0) << done.report.Summary();
    EXPECT_EQ(done.answer, "1\nover\n") << "job " << i;
  }
}

TEST(WarmJails, GetTheirInputsLateAndStayClosed) {
  Daemon daemon("running = 4", "", ProfileOf("sh", "\"/bin/sh\", \"-c\""));
  PoolClient client = daemon.Connect();
  const std::string script =
      "cat /in/* 2>/dev/null; for f in /in/new /new /etc/new /in/a; do (echo x > $f) 2>/dev/null && echo open $f; done; echo closed";
  for (int i = 0; i < kJobs; ++i) {
    PoolJob job = JobOf("sh", {script});
    std::vector<sys::Fd> files;
    std::string expected;
    for (int k = 0; k < i % 3; ++k) {
      const std::string text = "input " + std::to_string(i) + "." + std::to_string(k) + "\n";
      const std::string path = daemon.folder().File("f" + std::to_string(i) + "." + std::to_string(k), text, k == 0 ? 0600 : 0644);
      files.emplace_back(open(path.c_str(), O_RDONLY | O_CLOEXEC));
      job.inputs.push_back({files.back().get(), std::string(1, static_cast<char>('a' + k))});
      expected += text;
    }
    const PoolResult done = Do(client, job);
    EXPECT_EQ(done.answer, expected + "closed\n") << "job " << i << ": " << done.report.Summary();
  }
}

// Whoever waits for a job holds nothing of the others': the end of a stream is the end of its job's.
TEST(WarmJails, HoldNobodyElsesStreams) {
  Sandbox::Options options;
  options.launcher = Built("bin/moat");
  auto policy = Policy::Load("default");
  ASSERT_TRUE(policy.ok()) << policy.error().ToString();
  Sandbox sandbox(*policy, options);
  Command command;
  command.argv = {"/bin/cat"};
  command.in = Stream::Text("to the end");
  command.out = Stream::Capture();
  for (int i = 0; i < kJobs; ++i) {
    ASSERT_TRUE(sandbox.Prepare(command, 1).ok());
    auto outcome = sandbox.Run(command);
    ASSERT_TRUE(outcome.ok()) << outcome.error().ToString();
    EXPECT_EQ(outcome->out, "to the end");
    EXPECT_EQ(outcome->report.cause, Cause::kExit) << outcome->report.Summary();
  }
}

TEST(WarmJails, WithstandTheProbes) {
  if (::geteuid() != 0) GTEST_SKIP() << "the controls need root";
  const std::string probe = Built("libexec/moat/moat-probe");
  const auto model = policy::Load("default", policy::ProfilesIn({testkit::SourceFolder() + "/profiles"}));
  ASSERT_TRUE(model.ok()) << model.error().ToString();
  auto battery = attack::Battery::Plant(probe);
  ASSERT_TRUE(battery.ok()) << battery.error().ToString();
  Daemon daemon("running = 4", "", ProfileOf("probe", "\"" + probe + "\""));
  // A helper that starts during a probe is taken for what the probe has left, and ended: then no jail would be warm.
  PoolClient client = daemon.Connect();
  EXPECT_EQ(Do(client, JobOf("probe", {})).outcome, PoolOutcome::kDone);
  attack::Target pool{"pool", [&](const attack::Entry&, const std::vector<std::string>& words, attack::SpawnRequest& request) {
                        request.argv = {Built("bin/moat"), "submit", "--socket", daemon.socket(), "probe", "--"};
                        request.argv.insert(request.argv.end(), words.begin() + 1, words.end());
                        return Status{};
                      },
                      [](const attack::Entry&, const attack::Spawned& spawned) {
                        const bool denied = spawned.err.find("denied, with death") != std::string::npos;
                        return denied ? attack::Answer{attack::Fate::kClosed, "denied, with death"} : attack::ReadAnswer(spawned);
                      }};
  unsigned closed = 0;
  for (const attack::Entry& entry : attack::Entries()) {
    // Those that a filter stops as well: it is an inherited one. The battery of tests/escape has them all. The rest is
    // witnessed outside, where this command's own processes would be looked for.
    if (entry.severity != attack::Severity::kCritical || entry.witness != attack::Witness::kNone) continue;
    const auto answer = battery->Try(entry, pool);
    ASSERT_TRUE(answer.ok()) << answer.error().ToString();
    bool stated = false;
    for (const auto& exception : model->attack_allow) stated = stated || exception.name == entry.name;
    EXPECT_TRUE(answer->fate != attack::Fate::kOpen || stated) << entry.name << ": to " << entry.attempt << "\n" << answer->text;
    EXPECT_NE(answer->fate, attack::Fate::kUnclear) << entry.name << ": " << answer->text;
    if (answer->fate == attack::Fate::kClosed) ++closed;
  }
  EXPECT_GT(closed, 10U);
}

}  // namespace
}  // namespace moat::pool::testing
