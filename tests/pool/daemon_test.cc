// The daemon as its clients see it, and what they can do to it.
#include "pool/daemon.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <random>
#include <sstream>

#include "pool/frames.h"
#include "pool/testing.h"
#include "serve/local_protocol.h"
#include "serve/testing.h"

namespace moat::pool::testing {
namespace {

// ---- jobs ----

TEST(Daemon, RunsJobsOfBothKinds) {
  Daemon daemon;
  PoolClient client = daemon.Connect();
  EXPECT_EQ(Do(client, "echo hello").answer, "hello");
  EXPECT_EQ(Do(client, "exit 7").report.exit_code, 7);
  const sys::Fd in = FileWith("content"), out = FileWith(""), log = FileWith("");
  PoolJob job = GuestJob("copy");
  job.inputs = {{in.get(), ""}};
  job.outputs = {out.get()};
  EXPECT_EQ(Do(client, job).report.exit_code, 0);
  EXPECT_EQ(ContentOf(out), "content");

  job = {};
  job.profile = "cat";
  const std::string path = daemon.folder().File("in.txt", "from a file");
  const sys::Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  job.inputs = {{file.get(), "named.txt"}};
  job.arguments = {"{in}", "-"};
  job.request = " and from a request";
  const PoolResult done = Do(client, job);
  EXPECT_EQ(done.answer, "from a file and from a request") << done.report.Summary();
  EXPECT_FALSE(done.report.enforced.empty());
  job.outputs = {out.get()};
  EXPECT_EQ(Do(client, job).answer, "");
  EXPECT_EQ(ContentOf(out).substr(7), "from a file and from a request");
  job.arguments = {"/nonexistent"};
  job.log = log.get();
  EXPECT_EQ(Do(client, job).report.exit_code, 1);
  EXPECT_NE(ContentOf(log).find("No such file"), std::string::npos);
}

TEST(Daemon, ManyJobsAreOnTheirWayAtOnce) {
  Daemon daemon;
  PoolClient client = daemon.Connect();
  std::map<std::uint64_t, int> codes;
  for (int i = 0; i < 50; ++i) {
    auto id = client.Submit(GuestJob("exit " + std::to_string(i)));
    ASSERT_TRUE(id.ok());
    codes[*id] = i;
  }
  for (int i = 0; i < 50; ++i) {
    auto done = client.Next();
    ASSERT_TRUE(done.ok()) << done.error().ToString();
    EXPECT_EQ(done->report.exit_code, codes.at(done->id)) << done->why;
    codes.erase(done->id);
  }
  EXPECT_TRUE(codes.empty());
}

TEST(Daemon, WhatDoesNotFitIsTold) {
  Daemon daemon;
  PoolClient client = daemon.Connect();
  PoolJob job = GuestJob("exit 0");
  job.profile = "nobody";
  PoolResult done = Do(client, job);
  EXPECT_EQ(done.outcome, PoolOutcome::kRefused);
  EXPECT_NE(done.why.find("no such profile"), std::string::npos) << done.why;
  job = GuestJob("exit 0");
  job.arguments = {"x"};
  EXPECT_EQ(Do(client, job).outcome, PoolOutcome::kInvalid);
  const sys::Fd folder(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC)), memory(open("/proc/self/mem", O_RDWR | O_CLOEXEC));
  job = GuestJob("exit 0");
  job.inputs = {{folder.get(), ""}};
  EXPECT_EQ(Do(client, job).outcome, PoolOutcome::kInvalid);
  job.inputs.clear();
  job.outputs = {memory.get()};
  EXPECT_EQ(Do(client, job).outcome, PoolOutcome::kInvalid);
  job = GuestJob(std::string(40'000, 'x'));
  EXPECT_EQ(Do(client, job).outcome, PoolOutcome::kInvalid);
  job.profile = "cat";
  job.request.clear();
  job.outputs = {folder.get(), folder.get()};
  EXPECT_EQ(Do(client, job).outcome, PoolOutcome::kInvalid);
  // The daemon writes there, with its own rights: it would do what the client may not.
  int pair[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair), 0);
  const sys::Fd one(pair[0]), other(pair[1]), score(open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC));
  for (const int fd : {folder.get(), memory.get(), score.get(), one.get()}) {
    job.outputs = {fd};
    job.log = -1;
    EXPECT_EQ(Do(client, job).outcome, PoolOutcome::kInvalid) << fd;
    job.outputs.clear();
    job.log = fd;
    EXPECT_EQ(Do(client, job).outcome, PoolOutcome::kInvalid) << fd;
  }
  EXPECT_EQ(Do(client, "exit 0").report.exit_code, 0);
}

TEST(Daemon, ProgramsTakeArgumentsWhereTheirProfileSaysSo) {
  Daemon daemon("running = 2", "arguments = true\n");
  PoolClient client = daemon.Connect();
  const sys::Fd file = FileWith("x");
  PoolJob job = GuestJob("words");
  job.arguments = {"--page", "1"};
  job.inputs = {{file.get(), "a.fig"}};
  EXPECT_EQ(Do(client, job).answer, "[--page][1](a.fig)");
}

TEST(Daemon, LimitsAndDenialsAreTold) {
  Daemon daemon("running = 2", "wall = \"20s\"\nmemory = \"16M\"\n");
  PoolClient client = daemon.Connect();
  PoolJob job = GuestJob("spin");
  job.wall = std::chrono::milliseconds(50);
  PoolResult done = Do(client, job);
  EXPECT_EQ(done.report.cause, Cause::kWall) << done.report.detail;
  done = Do(client, "fill");
  EXPECT_EQ(done.report.cause, Cause::kMemory) << done.report.detail;
  EXPECT_LT(done.report.memory_peak, 40U << 20);
  done = Do(client, "try socket");
  EXPECT_EQ(done.report.cause, Cause::kDenied);
  ASSERT_EQ(done.report.denials.size(), 1U);
  EXPECT_EQ(done.report.denials[0].call, "socket");
  job = {};
  job.profile = "cat";
  job.wall = std::chrono::milliseconds(200);
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const sys::Fd read_end(ends[0]), write_end(ends[1]);
  daemon.Write("running = 2", "", "[profile.sleep]\npolicy = \"default\"\ncommand = [\"sleep\", \"60\"]\n");
  daemon.Reload(R"("event":"reload","profiles":)");
  job.profile = "sleep";
  done = Do(client, job);
  EXPECT_EQ(done.report.cause, Cause::kWall) << done.report.detail;
}

// ---- the queue ----

TEST(Daemon, AFullQueueRefusesAndSaysWhenToComeBack) {
  Daemon daemon("running = 1", "running = 1\nwaiting = 2\n");
  Holder holder(daemon);
  PoolClient client = daemon.Connect();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(client.Submit(GuestJob("exit 0")).ok());
  auto refused = client.Next();
  ASSERT_TRUE(refused.ok());
  EXPECT_EQ(refused->outcome, PoolOutcome::kRefused) << refused->why;
  EXPECT_GE(refused->retry_after, std::chrono::seconds(1));
  EXPECT_EQ(holder.Release().report.exit_code, 0);
  for (int i = 0; i < 2; ++i) {
    auto done = client.Next();
    ASSERT_TRUE(done.ok());
    EXPECT_EQ(done->report.exit_code, 0);
  }
}

TEST(Daemon, WhatWaitedTooLongIsNeverStarted) {
  Daemon daemon("running = 1", "running = 1\n");
  Holder holder(daemon);
  PoolClient client = daemon.Connect();
  const sys::Fd out = FileWith("untouched"), in = FileWith("x");
  PoolJob job = GuestJob("copy");
  job.inputs = {{in.get(), ""}};
  job.outputs = {out.get()};
  job.start_within = std::chrono::milliseconds(30);
  const PoolResult done = Do(client, job);
  EXPECT_EQ(done.outcome, PoolOutcome::kExpired) << done.why;
  EXPECT_EQ(holder.Release().report.exit_code, 0);
  EXPECT_EQ(ContentOf(out), "untouched");
}

TEST(Daemon, CancelsWhatWaitsAndWhatRuns) {
  Daemon daemon("running = 1", "running = 1\n");
  Holder holder(daemon);
  PoolClient client = daemon.Connect();
  auto waiting = client.Submit(GuestJob("exit 0"));
  ASSERT_TRUE(waiting.ok());
  ASSERT_TRUE(client.Cancel(*waiting).ok());
  auto done = client.Next();
  ASSERT_TRUE(done.ok());
  EXPECT_EQ(done->report.cause, Cause::kCancelled);
  ASSERT_TRUE(holder.client().Cancel(1).ok());
  auto held = holder.client().Next();
  ASSERT_TRUE(held.ok());
  EXPECT_EQ(held->report.cause, Cause::kCancelled) << held->report.detail;
  ASSERT_TRUE(client.Cancel(12345).ok());  // nobody
  EXPECT_EQ(Do(client, "exit 0").report.exit_code, 0);
}

TEST(Daemon, AClientThatGoesTakesItsJobsAlong) {
  Daemon daemon("running = 1", "running = 1\n");
  {
    Holder holder(daemon);
    ASSERT_TRUE(holder.client().Submit(GuestJob("spin")).ok());
  }
  PoolClient client = daemon.Connect();
  EXPECT_EQ(Do(client, "exit 0").report.exit_code, 0);  // the only lane is free
}

// ---- hostile clients ----

std::string SubmitBytes(std::uint64_t id, const std::string& request, const std::string& profile = "guest") {
  serve::SubmitFrame head;
  head.id = id;
  head.profile_size = static_cast<std::uint32_t>(profile.size());
  head.request_size = request.size();
  return std::string(BytesOf(head)) + profile + request;
}

TEST(HostileClient, GarbageIsHungUpOn) {
  Daemon daemon;
  std::mt19937 random(11);
  std::vector<std::string> frames = {"x", std::string(100'000, 'x'), std::string(sizeof(serve::SubmitFrame), '\0'),
                                     SubmitBytes(1, "exit 0") + "more", SubmitBytes(1, "exit 0").substr(0, 90)};
  for (int i = 0; i < 30; ++i) {
    std::string bytes = SubmitBytes(1, "exit 0");
    bytes[4 + random() % (sizeof(serve::SubmitFrame) - 4)] ^= static_cast<char>(1U << 7);
    frames.push_back(bytes);
  }
  int hung_up = 0;
  for (const std::string& bytes : frames) {
    const sys::Fd raw = RawConnection(daemon);
    (void)!send(raw.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    hung_up += IsHungUp(raw) ? 1 : 0;  // else it was a job after all
  }
  EXPECT_GE(hung_up, 5);
  PoolClient client = daemon.Connect();
  EXPECT_EQ(Do(client, "exit 0").report.exit_code, 0);
}

TEST(HostileClient, DescriptorsThatWereNotAnnouncedAreClosed) {
  Daemon daemon;
  const std::string folder = "/proc/" + std::to_string(daemon.process().pid()) + "/fd";
  const auto open_there = [&] {
    return std::distance(std::filesystem::directory_iterator(folder), std::filesystem::directory_iterator());
  };
  PoolClient client = daemon.Connect();
  EXPECT_EQ(Do(client, "exit 0").report.exit_code, 0);
  const auto before = open_there();
  constexpr int kConnections = 20;
  for (int i = 0; i < kConnections; ++i) {
    const sys::Fd raw = RawConnection(daemon);
    const std::vector<int> fds(60, 0);
    EXPECT_TRUE(SendFrame(raw.get(), SubmitBytes(1, "exit 0"), {}, fds).ok());
    EXPECT_TRUE(IsHungUp(raw));
  }
  EXPECT_EQ(Do(client, "exit 0").report.exit_code, 0);
  EXPECT_LT(open_there(), before + kConnections);  // workers come and go, but not one for each
}

// Who closes the last descriptor of such a socket waits for an hour: the daemon, were it that. Not a child that ends.
TEST(HostileClient, ASocketThatLingersHoldsUpNobody) {
  Daemon daemon;
  PoolClient client = daemon.Connect();
  serve::SubmitFrame head;
  head.inputs = 1;
  head.profile_size = 3;
  const std::string job = std::string(BytesOf(head)) + "cat";
  for (const std::string before : {"", "garbage"}) {
    for (const std::string& frame : {job, std::string("y")}) {
      const sys::Fd raw = RawConnection(daemon);
      serve::testing::Lingering lingering;
      int gate[2];
      ASSERT_EQ(pipe2(gate, O_CLOEXEC), 0);
      const pid_t child = fork();
      if (child == 0) {
        close(gate[1]);
        char byte;
        while (read(gate[0], &byte, 1) != 0) continue;  // until the other descriptor is closed
        const int fds[] = {lingering.ours.get()};
        if (!before.empty()) (void)SendFrame(raw.get(), before, {}, {}).ok();
        (void)SendFrame(raw.get(), frame, {}, fds).ok();
        _exit(0);
      }
      lingering.ours.Close();
      close(gate[0]);
      close(gate[1]);
      ASSERT_EQ(waitpid(child, nullptr, 0), child);
      EXPECT_EQ(Do(client, "exit 0").report.exit_code, 0) << before << frame.size();
    }
  }
}

TEST(HostileClient, TheSameNumberTwiceIsHungUpOn) {
  Daemon daemon("running = 1", "running = 1\n");
  Holder holder(daemon);
  const sys::Fd raw = RawConnection(daemon);
  for (int i = 0; i < 2; ++i) EXPECT_GT(send(raw.get(), SubmitBytes(1, "exit 0").data(), SubmitBytes(1, "exit 0").size(), MSG_NOSIGNAL), 0);
  EXPECT_TRUE(IsHungUp(raw));
}

TEST(HostileClient, OneThatNeverReadsHoldsUpNobody) {
  Daemon daemon("running = 4", "waiting = 2000\nwaiting_per_caller = 1000\n");
  const sys::Fd raw = RawConnection(daemon);
  const std::string echo = "echo " + std::string(30'000, 'x');
  // Until the daemon does not take any more from it.
  std::uint64_t sent = 0;
  for (; sent < 5'000; ++sent) {
    const std::string bytes = SubmitBytes(sent, echo);
    struct pollfd entry{raw.get(), POLLOUT, 0};
    if (poll(&entry, 1, 500) == 0) break;
    if (send(raw.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno != EAGAIN) break;
  }
  EXPECT_LT(sent, 5'000U);
  PoolClient client = daemon.Connect();
  EXPECT_EQ(Do(client, "exit 0").report.exit_code, 0);
}

TEST(HostileClient, LargeAnswersThatNobodyReadsFillNoMemory) {
  Daemon daemon("running = 2", "", "[profile.large]\npolicy = \"default\"\ncommand = [\"head\", \"-c\", \"50000000\", \"/dev/zero\"]\n");
  const sys::Fd raw = RawConnection(daemon);
  for (std::uint64_t number = 1; number <= 7; ++number) {
    const std::string bytes = SubmitBytes(number, "", "large");
    ASSERT_GT(send(raw.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), 0);
  }
  struct pollfd entry{raw.get(), POLLRDHUP, 0};
  EXPECT_EQ(poll(&entry, 1, 120'000), 1) << "350 MB lie there";
}

// More than that in all, of which there never is much: others are there already when one is read.
TEST(LargeAnswers, OfWhoReadsThemAreHowEverManyHeLikes) {
  Daemon daemon("running = 4", "", "[profile.large]\npolicy = \"default\"\ncommand = [\"head\", \"-c\", \"20000000\", \"/dev/zero\"]\n");
  PoolClient client = daemon.Connect();
  PoolJob job;
  job.profile = "large";
  constexpr int kAll = 20, kAtOnce = 5;
  for (int i = 0; i < kAll + kAtOnce; ++i) {
    if (i < kAll) {
      ASSERT_TRUE(client.Submit(job).ok());
    }
    if (i < kAtOnce) continue;
    auto done = client.Next();
    ASSERT_TRUE(done.ok()) << i << ": " << done.error().ToString();
    EXPECT_EQ(done->answer.size(), 20'000'000U);
  }
}

TEST(HostileClient, AThousandIdleOnesAreNoMatter) {
  struct rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  limit.rlim_cur = limit.rlim_max;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  if (limit.rlim_cur < 2'500) GTEST_SKIP() << "too few descriptors are allowed here";
  Daemon daemon;
  std::vector<sys::Fd> idle;
  for (int i = 0; i < 1'000; ++i) idle.push_back(RawConnection(daemon));
  PoolClient client = daemon.Connect();
  EXPECT_EQ(Do(client, "exit 0").report.exit_code, 0);
  for (int i = 0; i < 23; ++i) idle.push_back(RawConnection(daemon));
  EXPECT_FALSE(PoolClient::Connect(daemon.socket()).ok());  // one more than `clients`
  idle.clear();
  EXPECT_EQ(Do(client, "exit 0").report.exit_code, 0);
}

TEST(HostileClient, OtherUsersAreNotServed) {
  if (geteuid() != 0) GTEST_SKIP() << "only root becomes another user";
  Daemon daemon;
  const pid_t child = fork();
  if (child == 0) {
    if (setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0) _exit(2);
    _exit(PoolClient::Connect(daemon.socket()).ok() ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(HostileClient, AFolderThatItMayOnlyLookIntoIsNotWrittenTo) {
  if (geteuid() != 0) GTEST_SKIP() << "only root becomes another user";
  Daemon daemon;
  daemon.folder().File("pool.toml", "moat = 1\n[door.local]\nsocket = \"" + daemon.socket() +
                                        "\"\nmode = \"0666\"\nusers = [\"nobody\"]\n[profile.touch]\npolicy = \"default\"\n"
                                        "command = [\"touch\", \"{out}/result\"]\n");
  daemon.Reload(R"("event":"reload","profiles":)");
  const std::string folder = daemon.folder().Folder("results");
  const auto submit = [&] {
    PoolClient client = daemon.Connect();
    const sys::Fd open_folder(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    PoolJob job;
    job.profile = "touch";
    job.folder = open_folder.get();
    return Do(client, job).outcome;
  };
  const pid_t child = fork();
  if (child == 0) {
    if (setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0) _exit(2);
    _exit(submit() == PoolOutcome::kInvalid ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_TRUE(std::filesystem::is_empty(folder));
  EXPECT_EQ(submit(), PoolOutcome::kDone);  // the control: as root
  EXPECT_FALSE(std::filesystem::is_empty(folder));
}

// ---- what happens to its processes ----

TEST(Faults, AKilledZygoteIsReplacedAndNothingAcceptedIsLost) {
  Daemon daemon;
  PoolClient client = daemon.Connect();
  for (int round = 0; round < 3; ++round) {
    // A worker that has just been forked looks like one, for a moment.
    std::set<int> zygotes;
    do zygotes = daemon.Zygotes();
    while (zygotes.size() != 1);
    kill(*zygotes.begin(), SIGKILL);
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(client.Submit(GuestJob("exit 4")).ok());
    for (int i = 0; i < 10; ++i) {
      auto done = client.Next();
      ASSERT_TRUE(done.ok());
      EXPECT_EQ(done->report.exit_code, 4) << done->report.detail << done->why;
    }
  }
}

TEST(Faults, AKilledParkedWorkerCostsNobodyAnything) {
  Daemon daemon("running = 2", "ready = 4\n");
  PoolClient client = daemon.Connect();
  for (int round = 0; round < 5; ++round) {
    EXPECT_EQ(Do(client, "exit 4").report.exit_code, 4);
    // One that is given its job while it dies may have begun: that is another case.
    for (const int pid : daemon.Workers()) {
      const sys::Fd process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
      kill(pid, SIGKILL);
      struct pollfd entry{process.get(), POLLIN, 0};
      EXPECT_TRUE(!process.valid() || poll(&entry, 1, kPatience) == 1);
    }
    EXPECT_EQ(Do(client, "exit 4").report.exit_code, 4);
  }
}

TEST(Faults, AKilledBusyWorkerIsLostAndRetriedOnlyWhenThatIsHarmless) {
  for (const bool idempotent : {false, true}) {
    Daemon daemon("running = 1", std::string("ready = 0\nrunning = 1\n") + (idempotent ? "idempotent = true\n" : ""));
    PoolClient client = daemon.Connect();
    const sys::Fd in = FileWith("content"), out = FileWith("");
    PoolJob job = GuestJob("once");
    job.inputs = {{in.get(), ""}};
    job.outputs = {out.get()};
    ASSERT_TRUE(client.Submit(job).ok());
    while (ContentOf(out) != "started") usleep(1'000);
    const std::set<int> first = daemon.Workers();
    ASSERT_EQ(first.size(), 1U);
    kill(*first.begin(), SIGKILL);
    if (!idempotent) {
      auto done = client.Next();
      ASSERT_TRUE(done.ok());
      EXPECT_EQ(done->report.cause, Cause::kWorkerLost) << done->report.detail;
      continue;
    }
    // It runs again, from the beginning; that one is lost, too, and it is not tried a third time.
    std::set<int> second;
    do second = daemon.Workers();
    while (second.empty() || second == first);
    while (ContentOf(out) != "started") usleep(1'000);
    for (const int pid : second) kill(pid, SIGKILL);
    auto done = client.Next();
    ASSERT_TRUE(done.ok());
    EXPECT_EQ(done->report.cause, Cause::kWorkerLost) << done->report.detail;
    ASSERT_FALSE(done->report.hints.empty());
    EXPECT_NE(done->report.hints.back().find("second attempt"), std::string::npos);
  }
}

TEST(Faults, AProgramThatCannotServeHoldsUpNobodyElse) {
  Daemon daemon("running = 2", "", "[profile.broken]\nprogram = [\"" + Built("tests/pool_zygote") + "\", \"no-serve\"]\nwait = \"100ms\"\n");
  PoolClient client = daemon.Connect();
  PoolJob job = GuestJob("exit 0");
  job.profile = "broken";
  const auto broken = client.Submit(job);
  ASSERT_TRUE(broken.ok());
  ASSERT_TRUE(client.Submit(GuestJob("exit 5")).ok());
  for (int i = 0; i < 2; ++i) {  // in either order: which of the two clocks is first is the machine's
    const auto done = client.Next();
    ASSERT_TRUE(done.ok());
    if (done->id == *broken) {
      EXPECT_EQ(done->outcome, PoolOutcome::kExpired) << done->why;
    } else {
      EXPECT_EQ(done->report.exit_code, 5) << done->why;
    }
  }
}

TEST(Faults, AKilledDaemonLeavesNothingAndTheNextOneTakesOver) {
  Daemon daemon;
  std::vector<sys::Fd> processes;
  {
    Holder holder(daemon);
    for (const int pid : daemon.Children()) processes.emplace_back(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    ASSERT_GE(processes.size(), 2U) << "the program, the worker that holds, and those that are parked just then";
    daemon.process().Signal(SIGKILL);
    EXPECT_FALSE(holder.client().Next().ok());
  }
  for (const sys::Fd& process : processes) {
    struct pollfd entry{process.get(), POLLIN, 0};
    EXPECT_EQ(poll(&entry, 1, kPatience), 1);
  }
  EXPECT_TRUE(std::filesystem::exists(daemon.socket()));
  daemon.Start();
  PoolClient client = daemon.Connect();
  EXPECT_EQ(Do(client, "exit 0").report.exit_code, 0);
}

TEST(Faults, TwoDaemonsDoNotShareASocket) {
  Daemon daemon;
  testkit::Command second;
  second.argv = {Built("bin/moat"), "serve", (daemon.folder() / "pool.toml").string()};
  second.environment = testkit::OwnEnvironment();
  const testkit::Finished ended = testkit::Run(second);
  EXPECT_EQ(ended.exit_code(), 125);
  EXPECT_NE(ended.err.find("already"), std::string::npos) << ended.err;
  PoolClient client = daemon.Connect();
  EXPECT_EQ(Do(client, "exit 0").report.exit_code, 0);
}

TEST(Faults, WithoutDescriptorsItWaitsAndGoesOn) {
  Daemon daemon;
  PoolClient client = daemon.Connect();
  struct rlimit limit{}, before{};
  const int pid = daemon.process().pid();
  const std::string folder = "/proc/" + std::to_string(pid) + "/fd";
  const auto open_there = std::distance(std::filesystem::directory_iterator(folder), std::filesystem::directory_iterator());
  ASSERT_EQ(prlimit(pid, RLIMIT_NOFILE, nullptr, &before), 0);
  limit = before;
  limit.rlim_cur = static_cast<rlim_t>(open_there) + 2;
  ASSERT_EQ(prlimit(pid, RLIMIT_NOFILE, &limit, nullptr), 0);
  std::vector<sys::Fd> clients;
  for (int i = 0; i < 8; ++i) {
    sys::Fd raw(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    struct sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, daemon.socket().c_str());
    (void)connect(raw.get(), reinterpret_cast<struct sockaddr*>(&address), sizeof(address));
    clients.push_back(std::move(raw));
  }
  (void)client.Submit(GuestJob("exit 0")).ok();
  clients.clear();
  ASSERT_EQ(prlimit(pid, RLIMIT_NOFILE, &before, nullptr), 0);
  EXPECT_TRUE(client.Next().ok());
  PoolClient another = daemon.Connect();
  EXPECT_EQ(Do(another, "exit 0").report.exit_code, 0);
}

// ---- signals ----

TEST(Signals, TermFinishesWhatThereIsAndTakesNothingNew) {
  Daemon daemon("running = 1", "running = 1\n");
  Holder holder(daemon);
  PoolClient client = daemon.Connect();
  ASSERT_TRUE(client.Submit(GuestJob("exit 6")).ok());
  (void)Do(client, [] { PoolJob job = GuestJob(""); job.profile = "nobody"; return job; }());  // the one before has been read
  daemon.process().Signal(SIGTERM);
  ASSERT_TRUE(daemon.process().AwaitError(R"("event":"draining")"));
  EXPECT_FALSE(PoolClient::Connect(daemon.socket()).ok());
  ASSERT_TRUE(holder.client().Submit(GuestJob("exit 0")).ok());
  auto refused = holder.client().Next();
  ASSERT_TRUE(refused.ok());
  EXPECT_EQ(refused->outcome, PoolOutcome::kRefused);
  EXPECT_EQ(holder.Release().report.exit_code, 0);
  auto done = client.Next();
  ASSERT_TRUE(done.ok());
  EXPECT_EQ(done->report.exit_code, 6);
  EXPECT_EQ(daemon.process().Finish().exit_code(), 0);
  EXPECT_FALSE(std::filesystem::exists(daemon.socket()));
}

TEST(Signals, TheSecondTermDoesNotWait) {
  Daemon daemon("running = 1", "running = 1\n");
  Holder holder(daemon);
  daemon.process().Signal(SIGTERM);
  ASSERT_TRUE(daemon.process().AwaitError(R"("event":"draining")"));
  daemon.process().Signal(SIGTERM);
  auto done = holder.client().Next();
  ASSERT_TRUE(done.ok());
  EXPECT_EQ(done->report.cause, Cause::kCancelled);
  EXPECT_EQ(daemon.process().Finish().exit_code(), 0);
}

TEST(Signals, HangUpReadsTheConfigurationAnewWithoutLosingAJob) {
  Daemon daemon("running = 1", "running = 1\n");
  Holder holder(daemon);
  PoolClient client = daemon.Connect();
  ASSERT_TRUE(client.Submit(GuestJob("exit 6")).ok());
  PoolJob nobody = GuestJob("");
  nobody.profile = "nobody";
  auto refused = client.Submit(nobody);
  ASSERT_TRUE(refused.ok() && client.Next().ok());
  const auto before = daemon.Zygotes();
  daemon.Write("running = 2", "running = 1\nwall = \"30s\"\n", "[profile.other]\nprogram = [\"" + Built("tests/pool_zygote") + "\"]\n");
  daemon.Reload(R"("event":"reload","profiles":3})");
  nobody.profile = "other";
  nobody.request = "exit 9";
  ASSERT_TRUE(client.Submit(nobody).ok());
  auto other = client.Next();
  ASSERT_TRUE(other.ok());
  EXPECT_EQ(other->report.exit_code, 9) << other->why;
  EXPECT_EQ(holder.Release().report.exit_code, 0);
  auto done = client.Next();
  ASSERT_TRUE(done.ok());
  EXPECT_EQ(done->report.exit_code, 6);
}

TEST(Signals, AMistakeInTheConfigurationChangesNothing) {
  Daemon daemon;
  PoolClient client = daemon.Connect();
  daemon.Write("runing = 1");
  daemon.Reload(R"("changed":"nothing")");
  EXPECT_NE(daemon.process().err().find("did you mean `running`"), std::string::npos);
  daemon.Write("running = 1", "", "[profile.x]\npolicy = \"no-such-policy\"\ncommand = [\"cat\"]\n");
  daemon.Reload("no-such-policy");
  const std::string part = daemon.folder().File("part.toml", "moat = 1\nbase = \"default\"\n[mode]\nenforce = \"5%\"\n");
  daemon.Write("running = 1", "", "[profile.x]\npolicy = \"" + part + "\"\ncommand = [\"cat\"]\n");
  daemon.Reload("a daemon enforces all of them");
  EXPECT_EQ(Do(client, "exit 3").report.exit_code, 3);
}

TEST(Signals, AProfileThatGoesFinishesWhatItHas) {
  Daemon daemon("running = 1", "running = 1\n");
  Holder holder(daemon);
  PoolClient client = daemon.Connect();
  ASSERT_TRUE(client.Submit(GuestJob("exit 6")).ok());
  PoolJob nobody = GuestJob("");
  nobody.profile = "nobody";
  ASSERT_TRUE(client.Submit(nobody).ok() && client.Next().ok());
  daemon.folder().File("pool.toml", "moat = 1\n[door.local]\nsocket = \"" + daemon.socket() +
                                        "\"\nmode = \"0666\"\n[profile.cat]\npolicy = \"default\"\ncommand = [\"cat\"]\n");
  daemon.Reload(R"("event":"reload","profiles":1})");
  ASSERT_TRUE(client.Submit(GuestJob("exit 0")).ok());
  auto refused = client.Next();
  ASSERT_TRUE(refused.ok());
  EXPECT_EQ(refused->outcome, PoolOutcome::kRefused);
  EXPECT_EQ(holder.Release().report.exit_code, 0);
  auto done = client.Next();
  ASSERT_TRUE(done.ok());
  EXPECT_EQ(done->report.exit_code, 6);
}

// ---- the command ----

TEST(Submit, IsAJobOnTheCommandLine) {
  Daemon daemon;
  const std::string in = daemon.folder().File("in", "content");
  testkit::Command command;
  command.environment = testkit::OwnEnvironment();
  const auto submit = [&](std::vector<std::string> words) {
    command.argv = {Built("bin/moat"), "submit", "--socket", daemon.socket()};
    command.argv.insert(command.argv.end(), words.begin(), words.end());
    return testkit::Run(command);
  };
  EXPECT_EQ(submit({"--request", "echo hi", "guest"}).out, "hi");
  EXPECT_EQ(submit({"--request", "exit 9", "guest"}).exit_code(), 9);
  const std::string out = (daemon.folder() / "out").string(), report = (daemon.folder() / "report").string();
  EXPECT_EQ(submit({"--request", "copy", "-i", in, "-o", out, "--report", report, "guest"}).exit_code(), 0);
  EXPECT_EQ(testkit::ReadFile(out), "content");
  auto read = Report::FromJson(testkit::ReadFile(report));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->policy_name, "guest");
  command.input = "echo from stdin";
  EXPECT_EQ(submit({"--request", "-", "guest"}).out, "from stdin");
  command.input.clear();
  EXPECT_EQ(submit({"-i", in, "cat", "--", "{in}"}).out, "content");
  const testkit::Finished spun = submit({"--request", "spin", "--wall", "50ms", "guest"});
  EXPECT_EQ(spun.exit_code(), 137);
  EXPECT_NE(spun.err.find("wall clock limit"), std::string::npos);
  EXPECT_EQ(submit({"nobody"}).exit_code(), 125);
  EXPECT_EQ(submit({}).exit_code(), 125);
  EXPECT_EQ(submit({"--priority", "urgent", "guest"}).exit_code(), 125);
  EXPECT_EQ(submit({"--help"}).exit_code(), 0);
}

}  // namespace
}  // namespace moat::pool::testing
