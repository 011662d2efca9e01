// Programs that were started before there was a job for them: each is for one job, which is its own in all that
// it finds and leaves; and where one cannot wait, the job starts as ever. From within, the attacks of src/attack.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "attack/battery.h"
#include "attack/table.h"
#include "policy/load.h"
#include "pool/daemon.h"
#include "profile/find_profile.h"
#include "testkit/host.h"
#include "testkit/moat.h"

namespace moat::pool::testing {
namespace {

constexpr int kJobs = 8;

std::string Words(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "\"\"\"" : ", \"\"\"") + word + "\"\"\"";
  return "[" + text + "]";
}

std::string Profile(const std::string& name, const std::vector<std::string>& command, const std::string& more = "",
                    const std::string& policy = "default") {
  return "[profile." + name + "]\npolicy = \"" + policy + "\"\nrunning = 1\nready = 1\nwarm = \"input\"\ncommand = " + Words(command) +
         "\n" + more + "\n";
}

class Ahead {
 public:
  explicit Ahead(const std::string& profiles) : daemon_("running = 4", "", profiles), client_(daemon_.Connect()) {}

  Daemon& daemon() { return daemon_; }
  PoolResult Run(const std::string& profile, const std::string& input, const std::vector<std::string>& arguments = {}) {
    PoolJob job;
    job.profile = profile;
    job.arguments = arguments;
    const std::string path = daemon_.folder().File("f" + std::to_string(++files_), input);
    const sys::Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    job.inputs = {{file.get(), "called.by.its.caller"}};
    return Do(client_, job);
  }
  PoolResult RunText(const std::string& profile, const std::string& text) {
    PoolJob job;
    job.profile = profile;
    job.request = text;
    return Do(client_, job);
  }
  // Jobs, until one of them found its program where it is said to wait. What all of them answer is for `check`.
  template <typename Job, typename Check>
  void Until(const std::string& warm, Job&& run, Check&& check) {
    for (int i = 0;; ++i) {
      const PoolResult done = run(i);
      ASSERT_EQ(done.outcome, PoolOutcome::kDone) << done.why;
      ASSERT_NE(done.report.warm, "") << "the job was not of a warm profile";
      check(i, done);
      if (::testing::Test::HasFatalFailure() || done.report.warm == warm) return;
      if (done.report.warm == "untraced") GTEST_SKIP() << "pid 1 of a job may not trace here";
    }
  }

 private:
  Daemon daemon_;
  PoolClient client_;
  unsigned files_ = 0;
};

TEST(AheadOfJobs, WaitForTheirInput) {
  Ahead ahead(Profile("guest-in", {Built("tests/guests/guest_ahead"), "{in}"}) + Profile("static", {Built("tests/guests/guest_ahead_static"), "{in}"}));
  for (const char* profile : {"guest-in", "static"}) {
    ahead.Until("input", [&](int i) { return ahead.Run(profile, "content " + std::to_string(i)); },
                [&](int i, const PoolResult& done) {
                  EXPECT_EQ(done.answer, "content " + std::to_string(i)) << done.report.Summary();
                  EXPECT_EQ(done.report.cause, Cause::kExit);
                });
  }
}

TEST(AheadOfJobs, WaitForTheirStandardInput) {
  Ahead ahead(Profile("text", {Built("tests/guests/guest_ahead"), "-"}));
  ahead.Until("input", [&](int i) { return ahead.RunText("text", "text " + std::to_string(i)); },
              [&](int i, const PoolResult& done) { EXPECT_EQ(done.answer, "text " + std::to_string(i)) << done.report.Summary(); });
}

TEST(AheadOfJobs, ThreadsOfConstructorsGoOnWithTheJob) {
  const std::string guests = Built("tests/guests");
  testkit::TempDir folder;
  const std::string shows = folder.File("guests.toml", "moat = 1\nbase = \"default\"\n[files]\nread = [\"" + guests + "\"]\n");
  Ahead ahead(Profile("thread", {guests + "/guest_ahead_thread", "{in}"}) + Profile("early", {guests + "/guest_ahead_early", "{in}"}, "", shows));
  for (const char* profile : {"thread", "early"}) {
    ahead.Until("process", [&](int i) { return ahead.Run(profile, "content " + std::to_string(i)); },
                [&](int i, const PoolResult& done) {
                  EXPECT_EQ(done.answer, "content " + std::to_string(i) + "alive") << profile << ": " << done.report.Summary();
                });
  }
}

TEST(AheadOfJobs, AShellWaitsBeforeItsFirstProcess) {
  Ahead ahead(Profile("shell", {"/bin/sh", "-c", "cat \"$0\"; echo $((1 + 1))", "{in}"}));
  ahead.Until("process", [&](int i) { return ahead.Run("shell", "content " + std::to_string(i) + "\n"); },
              [&](int i, const PoolResult& done) { EXPECT_EQ(done.answer, "content " + std::to_string(i) + "\n2\n") << done.report.Summary(); });
}

// It would be found with a result that no job asked for.
TEST(AheadOfJobs, WhoDoesNotWaitIsNotStartedAhead) {
  Ahead ahead(Profile("early", {"/bin/sh", "-c", "echo early; exit 3"}));
  for (int i = 0; i < kJobs; ++i) {
    const PoolResult done = ahead.RunText("early", "");
    EXPECT_EQ(done.answer, "early\n") << done.report.Summary();
    EXPECT_EQ(done.report.exit_code, 3);
    EXPECT_TRUE(done.report.warm == "cold" || done.report.warm == "starting" || done.report.warm == "untraced") << done.report.warm;
  }
}

TEST(AheadOfJobs, AJobThatSaysMoreStartsAsEver) {
  Ahead ahead(Profile("more", {Built("tests/guests/guest_ahead"), "{in}"}, "arguments = true"));
  ahead.Until("input", [&](int i) { return ahead.Run("more", std::to_string(i)); },
              [&](int i, const PoolResult& done) {
                EXPECT_EQ(done.answer, std::to_string(i));
                const PoolResult other = ahead.Run("more", "content", {"{in}", "{in}"});
                EXPECT_EQ(other.answer, "contentcontentcontent") << other.report.Summary();
                EXPECT_EQ(other.report.warm, "cold");
              });
}

constexpr const char* kPython = "/usr/bin/python3";

TEST(AheadOfJobs, NothingOfAJobIsFoundByAnother) {
  if (!std::filesystem::exists(kPython)) GTEST_SKIP() << "no python3";
  // What it finds of others, what is drawn by chance once for each process, and its own words; then what it leaves.
  const std::string script =
      "import json, re, zlib, os, sys\n"
      "environment = sorted(os.environ)\n"
      "text = open(sys.argv[1]).read()\n"
      "found = [f for d in ('/tmp', '/dev/shm', os.environ['HOME']) for f in os.listdir(d) if not f.startswith('.')]\n"
      "others = [p for p in os.listdir('/proc') if p.isdigit() and int(p) not in (1, os.getpid())]\n"
      "print(json.dumps([text, found, others, hash('moat'), sys.argv[2:], environment]))\n"
      "for d in ('/tmp', '/dev/shm', os.environ['HOME']): open(d + '/left', 'w').write(text)\n"
      "os.environ['LEFT'] = text\n"
      "if os.fork() == 0: os.execlp('sleep', 'sleep', '100')\n";
  Ahead ahead(Profile("py", {kPython, "-c", script, "{in}", "a word"}, "environment = [\"MINE=1\"]"));
  std::set<std::string> hashes;
  int jobs = 0;
  while (jobs < kJobs && !::testing::Test::HasFatalFailure() && !::testing::Test::IsSkipped()) {
    ahead.Until("input", [&](int) { return ahead.Run("py", "content " + std::to_string(++jobs)); },
                [&](int, const PoolResult& done) {
                  const std::string head = "[\"content " + std::to_string(jobs) + "\", [], [], ";
                  ASSERT_EQ(done.answer.substr(0, head.size()), head) << done.report.Summary();
                  const std::string rest = done.answer.substr(head.size());
                  hashes.insert(rest.substr(0, rest.find(',')));
                  EXPECT_NE(rest.find("[\"a word\"]"), std::string::npos) << rest;
                  EXPECT_NE(rest.find("\"MINE\""), std::string::npos) << rest;
                  EXPECT_EQ(rest.find("LEFT"), std::string::npos) << rest;
                });
  }
  if (::testing::Test::IsSkipped()) return;
  EXPECT_GT(hashes.size(), 1U) << "the seed of one process";
}

TEST(AheadOfJobs, ConvertMakesOfAPictureWhatItMakesCold) {
  if (!std::filesystem::exists("/usr/bin/convert")) GTEST_SKIP() << "ImageMagick is not installed";
  Ahead ahead(Profile("picture", {"convert", "{in}", "-resize", "9x7!", "ppm:-"}, "", "imagemagick"));
  std::string picture = "P6 31 23 255\n";
  for (unsigned i = 0; i < 31 * 23 * 3; ++i) picture += static_cast<char>(i * 7);
  std::string cold;
  ahead.Until("input", [&](int) { return ahead.Run("picture", picture); },
              [&](int, const PoolResult& done) {
                EXPECT_EQ(done.answer.substr(0, 2), "P6") << done.report.Summary();
                if (cold.empty()) cold = done.answer;
                EXPECT_EQ(done.answer, cold);
              });}

TEST(AheadOfJobs, ResultsAreCollectedFromTheFolder) {
  Ahead ahead(Profile("folder", {"/bin/sh", "-c", ". \"$0\"", "{in}", "{out}/result"}, "inputs = [\"script\"]"));
  PoolClient client = ahead.daemon().Connect();
  const std::string script = ahead.daemon().folder().File("script", "echo \"$0 $1 $(pwd)\" > \"$1\"");
  const sys::Fd file(open(script.c_str(), O_RDONLY | O_CLOEXEC));
  for (std::string warm; warm != "input";) {
    testkit::TempDir results;
    const sys::Fd folder(open((results / "").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    PoolJob job;
    job.profile = "folder";
    job.inputs = {{file.get(), ""}};
    job.folder = folder.get();
    const PoolResult done = Do(client, job);
    ASSERT_EQ(done.report.outputs.size(), 1U) << done.why << done.report.Summary();
    std::ifstream result(results / "result");
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(result), {}), "/in/script /out/result /out\n");
    warm = done.report.warm;
    if (warm == "untraced") GTEST_SKIP() << "pid 1 of a job may not trace here";
  }
}

// Shells of ours that were started with this word.
std::vector<int> Marked(const std::string& mark) {
  std::vector<int> pids;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    char bytes[512];
    const sys::Fd file(open((entry.path() / "cmdline").c_str(), O_RDONLY | O_CLOEXEC));
    const ssize_t size = file.valid() ? read(file.get(), bytes, sizeof(bytes)) : -1;  // it may be gone by now
    const std::string words(bytes, size > 0 ? static_cast<std::size_t>(size) : 0);
    const bool is_shell = words.rfind(std::string("/bin/sh\0-c", 10), 0) == 0 && words.find(mark) != std::string::npos;
    if (is_shell) pids.push_back(std::stoi(entry.path().filename().string()));
  }
  return pids;
}

// Its process dies while nobody has a job.
TEST(AheadOfJobs, OneThatIsKilledIsReplaced) {
  const std::string mark = "mark-" + std::to_string(getpid());
  Ahead ahead(Profile("killed", {"/bin/sh", "-c", ". \"$0\"", "{in}", mark}));
  for (int round = 0; round < 2; ++round) {
    ahead.Until("input", [&](int i) { return ahead.Run("killed", "echo " + std::to_string(i) + "; exit 5"); },
                [&](int i, const PoolResult& done) {
                  EXPECT_EQ(done.answer, std::to_string(i) + "\n");
                  EXPECT_EQ(done.report.exit_code, 5) << done.report.Summary();
                });
    if (::testing::Test::IsSkipped()) return;
    for (const int pid : Marked(mark)) {
      ::kill(pid, SIGKILL);
      while (::kill(pid, 0) == 0) usleep(1000);  // until its parent has seen it
    }
  }
}

// Whoever asked for one may never come again.
TEST(AheadOfJobs, OneThatNobodyWantsEnds) {
  const std::string mark = "unwanted-" + std::to_string(getpid());
  std::string profile = Profile("unwanted", {"/bin/sh", "-c", ". \"$0\"", "{in}", mark});
  profile.replace(profile.find("ready = 1"), 9, "ready = 0");
  Ahead ahead(profile);
  ahead.Until("input", [&](int) { return ahead.Run("unwanted", "echo $1"); },
              [&](int, const PoolResult& done) { EXPECT_EQ(done.answer, mark + "\n") << done.report.Summary(); });
  while (!Marked(mark).empty()) usleep(10'000);
}

TEST(AheadOfJobs, AnotherCommandIsAnotherProgram) {
  const auto with = [](const std::string& word) { return Profile("changing", {"/bin/sh", "-c", ". \"$0\"", "{in}", word}); };
  Ahead ahead(with("old"));
  const auto answers = [&](const std::string& word) {
    ahead.Until("input", [&](int) { return ahead.Run("changing", "echo $1"); },
                [&](int, const PoolResult& done) { EXPECT_EQ(done.answer, word + "\n") << done.report.Summary(); });
  };
  answers("old");
  ahead.daemon().Write("running = 4", "", with("new"));
  ahead.daemon().Reload(R"("event":"reload","profiles":)");
  answers("new");
}

TEST(AheadOfJobs, LimitsAreTheJobs) {
  Ahead ahead(Profile("limited", {"/bin/sh", "-c", ". \"$0\"", "{in}"}, "wall = \"300ms\""));
  ahead.Until("input", [&](int) { return ahead.Run("limited", "while :; do :; done"); },
              [&](int, const PoolResult& done) { EXPECT_EQ(done.report.cause, Cause::kWall) << done.report.Summary(); });
}

TEST(AheadOfJobs, WithstandTheProbes) {
  if (::geteuid() != 0) GTEST_SKIP() << "the controls need root";
  const std::string probe = Built("libexec/moat/moat-probe");
  const auto model = policy::Load("default", policy::ProfilesIn({testkit::SourceFolder() + "/profiles"}));
  ASSERT_TRUE(model.ok()) << model.error().ToString();
  auto battery = attack::Battery::Plant(probe);
  ASSERT_TRUE(battery.ok()) << battery.error().ToString();
  const std::string policy = "moat = 1\nbase = \"default\"\n[files]\nread = [\"" + probe + "\"]\n";
  testkit::TempDir folder;
  Ahead ahead(Profile("probe", {"/bin/sh", "-c", ". \"$0\"", "{in}"}, "", folder.File("probe.toml", policy)));
  // A helper that starts during a probe is taken for what the probe has left, and ended.
  ahead.Until("input", [&](int) { return ahead.Run("probe", "echo there"); },
              [&](int, const PoolResult& done) { EXPECT_EQ(done.answer, "there\n") << done.report.Summary(); });
  unsigned scripts = 0, warm = 0;
  const std::string report = (folder / "report.json").string();
  attack::Target pool{"pool", [&](const attack::Entry&, const std::vector<std::string>& words, attack::SpawnRequest& request) {
                        std::string script = "exec " + probe;
                        for (std::size_t i = 1; i < words.size(); ++i) script += " '" + words[i] + "'";
                        const std::string file = folder.File("script" + std::to_string(++scripts), script);
                        request.argv = {Built("bin/moat"), "submit", "--socket", ahead.daemon().socket(), "--report", report, "-i", file, "probe"};
                        return Status{};
                      },
                      [](const attack::Entry&, const attack::Spawned& spawned) {
                        const bool denied = spawned.err.find("denied, with death") != std::string::npos;
                        return denied ? attack::Answer{attack::Fate::kClosed, "denied, with death"} : attack::ReadAnswer(spawned);
                      }};
  unsigned closed = 0;
  for (const attack::Entry& entry : attack::Entries()) {
    const bool by_filter = entry.layers.rfind("seccomp", 0) == 0;
    if (by_filter || entry.severity != attack::Severity::kCritical || entry.witness != attack::Witness::kNone) continue;
    const auto answer = battery->Try(entry, pool);
    ASSERT_TRUE(answer.ok()) << answer.error().ToString();
    if (testkit::ReadFile(report).find("\"warm\": \"input\"") != std::string::npos) ++warm;
    bool stated = false;
    for (const auto& exception : model->attack_allow) stated = stated || exception.name == entry.name;
    EXPECT_TRUE(answer->fate != attack::Fate::kOpen || stated) << entry.name << ": to " << entry.attempt << "\n" << answer->text;
    EXPECT_NE(answer->fate, attack::Fate::kUnclear) << entry.name << ": " << answer->text;
    if (answer->fate == attack::Fate::kClosed) ++closed;
  }
  EXPECT_GT(closed, 10U);
  EXPECT_GT(warm, 0U) << testkit::ReadFile(report);
}

}  // namespace
}  // namespace moat::pool::testing
