// One daemon takes the place of another, under clients that do not stop.
#include <sys/wait.h>

#include <cstdio>
#include <cstring>
#include <map>

#include "pool/daemon.h"
#include "pool/frames.h"
#include "serve/local_protocol.h"

namespace moat::pool::testing {
namespace {

constexpr int kUpgrades = 3;

// A process of its own that submits without a pause until it is told to stop, or nobody is there; its
// exit code says how many jobs were not what they should have been, a byte tells of each that was.
class Stream {
 public:
  using Submits = int (*)(const std::string& socket, const Stream& stream);
  Stream(const Daemon& daemon, Submits submits) {
    signal(SIGPIPE, SIG_IGN);  // who has failed is gone when it is told to stop
    int progress[2], stop[2];
    EXPECT_EQ(pipe2(progress, O_CLOEXEC), 0);
    EXPECT_EQ(pipe2(stop, O_CLOEXEC), 0);
    progress_ = sys::Fd(progress[0]);
    stop_ = sys::Fd(stop[1]);
    pid_ = fork();
    if (pid_ == 0) {
      close(stop[1]);
      progress_ = sys::Fd(progress[1]);
      stop_ = sys::Fd(stop[0]);
      _exit(submits(daemon.socket(), *this));
    }
    close(progress[1]);
    close(stop[0]);
  }
  // In the parent: until it has done as many more.
  void AwaitMore() const {
    char bytes[50];
    std::size_t got = 0;
    for (ssize_t part = 1; got < sizeof(bytes) && part > 0; got += static_cast<std::size_t>(part)) {
      part = read(progress_.get(), bytes, sizeof(bytes) - got);
    }
    EXPECT_EQ(got, sizeof(bytes));
  }
  int Stop() {
    (void)!write(stop_.get(), "x", 1);
    progress_.Close();
    int status = -1;
    EXPECT_EQ(waitpid(pid_, &status, 0), pid_);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
  }
  // In the child.
  bool GoesOn() const {
    struct pollfd entry{stop_.get(), POLLIN, 0};
    return poll(&entry, 1, 0) == 0;
  }
  bool IsGood(const Result<PoolResult>& result, int code) const {
    const bool good = result.ok() && result->outcome == PoolOutcome::kDone && result->report.exit_code == code;
    if (good) {
      (void)!write(progress_.get(), "x", 1);
    } else {
      std::fprintf(stderr, "%s\n", result.ok() ? (result->why + " " + result->report.Summary()).c_str() : result.error().ToString().c_str());
    }
    return good;
  }

 private:
  pid_t pid_ = -1;
  sys::Fd progress_, stop_;
};

// Several on their way at once.
int SubmitOverOneConnection(const std::string& socket, const Stream& stream) {
  auto client = PoolClient::Connect(socket);
  if (!client.ok()) return 100;
  std::map<std::uint64_t, int> codes;
  int on_their_way = 0;
  const auto await = [&] {
    auto result = client->Next();
    --on_their_way;
    return stream.IsGood(result, result.ok() ? codes.at(result->id) : 0);
  };
  for (int i = 0; stream.GoesOn(); ++i) {
    auto id = client->Submit(GuestJob("exit " + std::to_string(i % 100)));
    if (!id.ok()) return 101;
    codes[*id] = i % 100;
    if (++on_their_way == 8 && !await()) return 1;
  }
  while (on_their_way > 0) {
    if (!await()) return 1;
  }
  return 0;
}

int SubmitOverManyConnections(const std::string& socket, const Stream& stream) {
  while (stream.GoesOn()) {
    auto client = PoolClient::Connect(socket);
    if (!client.ok()) std::fprintf(stderr, "%s\n", client.error().ToString().c_str());
    if (!client.ok() || !stream.IsGood(client->Run(GuestJob("exit 3")), 3)) return 1;
  }
  return 0;
}

TEST(Upgrade, WhoSubmitsWithoutAPauseLosesNothing) {
  Daemon daemon("running = 4", "waiting_per_caller = 200\n");
  Stream one(daemon, SubmitOverOneConnection), many(daemon, SubmitOverManyConnections);
  for (int i = 0; i < kUpgrades; ++i) {
    one.AwaitMore();
    many.AwaitMore();
    const auto former = daemon.TakeOver();
    const testkit::Finished ended = former->Finish();
    EXPECT_EQ(ended.exit_code(), 0) << ended.err;
    EXPECT_NE(ended.err.find("handing-over"), std::string::npos) << ended.err;
  }
  one.AwaitMore();
  many.AwaitMore();
  EXPECT_EQ(one.Stop(), 0);
  EXPECT_EQ(many.Stop(), 0);
}

TEST(Upgrade, AJobThatRunsEndsWhereItBeganAndItsClientGoesOn) {
  Daemon daemon("running = 1", "running = 1\n");
  Holder holder(daemon);
  PoolClient idle = daemon.Connect();
  const auto former = daemon.TakeOver();
  EXPECT_EQ(Do(idle, "exit 5").report.exit_code, 5);  // the old one's only lane is taken
  // A job behind the one that runs waits with the socket; its cancel is behind it.
  auto next = holder.client().Submit(GuestJob("exit 6"));
  ASSERT_TRUE(next.ok());
  EXPECT_EQ(holder.Release().report.exit_code, 0);
  auto done = holder.client().Next();
  ASSERT_TRUE(done.ok()) << done.error().ToString();
  EXPECT_EQ(done->report.exit_code, 6);
  EXPECT_EQ(former->Finish().exit_code(), 0);
}

TEST(Upgrade, ARunningJobCanStillBeCancelled) {
  Daemon daemon("running = 1", "running = 1\n");
  Holder holder(daemon);
  const auto former = daemon.TakeOver();
  ASSERT_TRUE(former->AwaitError(R"("event":"handing-over")"));
  ASSERT_TRUE(holder.client().Cancel(1).ok());
  auto done = holder.client().Next();
  ASSERT_TRUE(done.ok());
  EXPECT_EQ(done->report.cause, Cause::kCancelled);
  EXPECT_EQ(former->Finish().exit_code(), 0);
}

TEST(Upgrade, WithoutAnybodyThereItStartsAsEver) {
  Daemon daemon;
  daemon.End();
  daemon.Start({"--take-over"});
  PoolClient client = daemon.Connect();
  EXPECT_EQ(Do(client, "exit 5").report.exit_code, 5);
}

serve::TakeOverFrame Words(serve::TakeOverFrame::Step step) {
  serve::TakeOverFrame frame;
  frame.step = step;
  std::strcpy(frame.version, MOAT_VERSION);
  return frame;
}

// The daemon's word with its descriptor, as a successor hears it.
sys::Fd Given(const sys::Fd& channel) {
  serve::HandOverFrame head;
  auto frame = ReceiveFrame(channel.get(), {reinterpret_cast<char*>(&head), sizeof(head)}, Wait::kYes);
  if (!frame.ok() || frame->fds.size() != 1 || head.kind != serve::LocalFrame::kHandOver) return {};
  return std::move(frame->fds.front());
}

TEST(Upgrade, ASuccessorThatDiesIsNoMatter) {
  Daemon daemon;
  PoolClient client = daemon.Connect();
  {
    const sys::Fd asks = RawConnection(daemon);
    ASSERT_TRUE(SendFrame(asks.get(), BytesOf(Words(serve::TakeOverFrame::Step::kAsk)), {}, {}).ok());
    EXPECT_TRUE(Given(asks).valid());
  }
  EXPECT_EQ(Do(client, "exit 5").report.exit_code, 5);
  Holder holder(daemon);
  {
    const sys::Fd opens = RawConnection(daemon);
    ASSERT_TRUE(SendFrame(opens.get(), BytesOf(Words(serve::TakeOverFrame::Step::kAsk)), {}, {}).ok());
    EXPECT_TRUE(Given(opens).valid());
    ASSERT_TRUE(SendFrame(opens.get(), BytesOf(Words(serve::TakeOverFrame::Step::kOpen)), {}, {}).ok());
    EXPECT_TRUE(Given(opens).valid());  // the idle client
  }
  ASSERT_TRUE(daemon.process().AwaitError(R"("event":"taking-back")"));
  EXPECT_EQ(holder.Release().report.exit_code, 0);
  EXPECT_EQ(Do(holder.client(), "exit 5").report.exit_code, 5);
  PoolClient another = daemon.Connect();
  EXPECT_EQ(Do(another, "exit 6").report.exit_code, 6);
}

TEST(Upgrade, ItsPlaceIsGivenToNobodyElse) {
  Daemon daemon;
  const sys::Fd opens = RawConnection(daemon);  // without having asked
  ASSERT_TRUE(SendFrame(opens.get(), BytesOf(Words(serve::TakeOverFrame::Step::kOpen)), {}, {}).ok());
  EXPECT_TRUE(IsHungUp(opens));
  if (geteuid() != 0) GTEST_SKIP() << "only root becomes another user";
  daemon.folder().File("pool.toml", "moat = 1\n[door.local]\nsocket = \"" + daemon.socket() +
                                        "\"\nmode = \"0666\"\nusers = [\"nobody\"]\n[profile.cat]\npolicy = \"default\"\ncommand = [\"cat\"]\n");
  daemon.Reload(R"("event":"reload","profiles":)");
  const pid_t child = fork();
  if (child == 0) {
    if (setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0) _exit(2);
    const sys::Fd asks = RawConnection(daemon);
    (void)SendFrame(asks.get(), BytesOf(Words(serve::TakeOverFrame::Step::kAsk)), {}, {}).ok();
    _exit(Given(asks).valid() ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  const sys::Fd asks = RawConnection(daemon);  // the control: as root
  ASSERT_TRUE(SendFrame(asks.get(), BytesOf(Words(serve::TakeOverFrame::Step::kAsk)), {}, {}).ok());
  EXPECT_TRUE(Given(asks).valid());
}

}  // namespace
}  // namespace moat::pool::testing
