// What a job of the pool costs, from its order to its result, and writes JSON to standard output:
//
//   pool_bench --build build/release --rounds 500
//
// In every round each contender runs once, in an order drawn anew. Filters are installed by zygotes and by the spawners
// of helpers, when they start; sealed workers and jails inherit theirs.
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "bench/daemon.h"
#include "bench/start.h"
#include "bench/warm_race.h"
#include "moat/pool.h"
#include "moat/sandbox.h"
#include "pool/zygote.h"

namespace moat::bench {
namespace {

using nlohmann::json;
using pool::Worker;
using pool::Zygote;

constexpr int kWarmUp = 5, kPatience = 20'000;
constexpr double kFilterPause = 10'000;  // us between jobs that install a filter
constexpr unsigned kBatch = 8;

[[noreturn]] void Fail(const std::string& why) {
  std::fprintf(stderr, "pool_bench: %s\n", why.c_str());
  std::exit(1);
}

template <typename T>
T Must(Result<T> result) {
  if (!result.ok()) Fail(result.error().ToString());
  return std::move(result).value();
}
void Must(Status status) {
  if (!status.ok()) Fail(status.error().ToString());
}

// This thread and whatever it starts from now on. -1: anywhere.
void RunOn(int processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (int i = 0; i < CPU_SETSIZE; ++i) {
    if (processor < 0 || i == processor) CPU_SET(i, &set);
  }
  if (sched_setaffinity(0, sizeof(set), &set) != 0) Fail("sched_setaffinity");
}

void AwaitEnd(const Worker& worker) {
  struct pollfd entry{worker.channel(), 0, 0};
  if (poll(&entry, 1, kPatience) != 1) Fail("a worker does not end");
}

// A zygote of the guest that the tests have, too: its request `nothing` does nothing.
class Lane {
 public:
  explicit Lane(const std::string& build) {
    zygote_ = Must(Zygote::Start({{build + "/tests/pool_zygote"}, {}, -1}));
    Must(zygote_->AwaitReady(kPatience));
  }
  void Park(unsigned count) {
    for (Worker& worker : Must(zygote_->Spawn(count))) parked_.push_back(std::move(worker));
    // The last word of the zygote's: all of them are there; they park a moment later.
    Must(zygote_->Attend(parked_.back(), kPatience));
  }
  std::size_t parked() const { return parked_.size(); }
  Worker Take() {
    Worker worker = std::move(parked_.back());
    parked_.pop_back();
    return worker;
  }
  void Run(Worker worker) {
    pool::WorkerOrder order;
    order.request = "nothing";
    Must(worker.Give(order));
    AwaitEnd(worker);
    Must(zygote_->Attend(worker, kPatience));
    const pool::WorkerEnd end = worker.Finish();
    if (!end.reaped || end.status != 0) Fail("a worker failed");
  }
  // Until its word arrives; its end, which proves what it says, comes behind.
  void RunToAnswer(Worker& worker) {
    pool::WorkerOrder order;
    order.request = "echo x";
    Must(worker.Give(order));
    struct pollfd entry{worker.channel(), POLLIN, 0};
    if (poll(&entry, 1, kPatience) != 1) Fail("a worker does not answer");
  }
  Worker SpawnOne() { return std::move(Must(zygote_->Spawn(1)).front()); }

 private:
  std::unique_ptr<Zygote> zygote_;
  std::vector<Worker> parked_;
};

// `moat serve` with that guest, and with /bin/true in a jail.
class Served {
 public:
  explicit Served(const std::string& build) : folder_(Folder()) {
    std::ofstream(folder_ + "/pool.toml")
        << "moat = 1\n[daemon]\nrunning = 4\n[door.local]\nsocket = \"" << folder_ << "/s\"\n[profile.guest]\nprogram = [\"" << build
        << "/tests/pool_zygote\"]\nready = 16\nrunning = 4\n[profile.true]\npolicy = \"default\"\ncommand = [\"/bin/true\"]\nrunning = 2\n"
           "[profile.nothing]\npolicy = \"default\"\ncommand = [\"" << build << "/bench/nothing\"]\nrunning = 2\n";
    daemon_.emplace(Must(Daemon::Start(build + "/bin/moat", "serve", folder_ + "/pool.toml", "/dev/stderr")));
  }
  ~Served() {
    daemon_.reset();
    for (const char* name : {"/pool.toml", "/s"}) unlink((folder_ + name).c_str());
    rmdir(folder_.c_str());
  }
  Served(const Served&) = delete;
  Served& operator=(const Served&) = delete;
  PoolClient Connect() const { return Must(PoolClient::Connect(folder_ + "/s")); }

 private:
  static std::string Folder() {
    char name[] = "/tmp/moat-bench-XXXXXX";
    if (mkdtemp(name) == nullptr) Fail("mkdtemp");
    return name;
  }
  const std::string folder_;
  std::optional<Daemon> daemon_;
};

struct Contender {
  std::string key, name;
  bool installs_filter = false;
  std::function<void()> before;  // not timed
  std::function<void()> job;
  std::vector<double> times;
};

void RunOnClient(PoolClient& client, const std::string& profile) {
  PoolJob job;
  job.profile = profile;
  if (profile == "guest") job.request = "nothing";
  const PoolResult done = Must(client.Run(job));
  if (done.outcome != PoolOutcome::kDone || done.report.exit_code != 0) Fail("a job failed: " + done.why + done.report.detail);
}

void StartProgram(const std::vector<std::string>& argv) {
  static const Conditions kConditions{sys::Fd(open("/dev/null", O_RDWR | O_CLOEXEC)), {}};
  if (Must(StartAndWait({argv, nullptr}, kConditions)).status != 0) Fail(argv[0] + " failed");
}

void Race(std::vector<Contender>& contenders, int rounds) {
  std::mt19937 random(1);  // NOLINT: the same order every time is what is wanted
  std::vector<std::size_t> order(contenders.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  double last_filter = 0;
  for (int round = -kWarmUp; round < rounds; ++round) {
    std::shuffle(order.begin(), order.end(), random);
    for (const std::size_t i : order) {
      Contender& contender = contenders[i];
      if (contender.before) contender.before();
      usleep(1'000);  // what the one before left behind is not this one's
      if (contender.installs_filter) {
        const double wait = last_filter + kFilterPause - Now();
        if (wait > 0) usleep(static_cast<useconds_t>(wait));
        last_filter = Now();
      }
      const double begin = Now();
      contender.job();
      if (round >= 0) contender.times.push_back(Now() - begin);
    }
  }
}

double Quantile(std::vector<double> values, double part) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(part * static_cast<double>(values.size() - 1))];
}

// Jobs in a second: one process for each of `lanes` processors, with a zygote each, all pinned there.
double RateOfLanes(const std::string& build, int lanes, double seconds) {
  std::vector<std::pair<pid_t, int>> children;
  for (int lane = 0; lane < lanes; ++lane) {
    int ends[2];
    if (pipe(ends) != 0) Fail("pipe");
    const pid_t pid = fork();
    if (pid == 0) {
      RunOn(lane);
      Lane own(build);
      std::uint64_t jobs = 0;
      const double begin = Now();
      while (Now() - begin < seconds * 1e6) {
        if (own.parked() == 0) own.Park(kBatch);
        own.Run(own.Take());
        ++jobs;
      }
      const double rate = static_cast<double>(jobs) / (Now() - begin) * 1e6;
      (void)!write(ends[1], &rate, sizeof(rate));
      _exit(0);
    }
    close(ends[1]);
    children.emplace_back(pid, ends[0]);
  }
  double sum = 0;
  for (const auto& [pid, fd] : children) {
    double rate = 0;
    if (read(fd, &rate, sizeof(rate)) != static_cast<ssize_t>(sizeof(rate))) Fail("a lane failed");
    sum += rate;
    close(fd);
    waitpid(pid, nullptr, 0);
  }
  return sum;
}

// Through the daemon, by one client with some jobs on their way.
double RateOfDaemon(PoolClient& client, const std::string& profile, unsigned at_once, double seconds, unsigned most) {
  PoolJob job;
  job.profile = profile;
  if (profile == "guest") job.request = "nothing";
  unsigned jobs = 0, on_their_way = 0;
  const double begin = Now();
  for (;;) {
    const bool more = Now() - begin < seconds * 1e6 && jobs + on_their_way < most;
    while (more && on_their_way < at_once) {
      (void)Must(client.Submit(job));
      ++on_their_way;
    }
    if (on_their_way == 0) break;
    const PoolResult done = Must(client.Next());
    if (done.outcome != PoolOutcome::kDone || done.report.exit_code != 0) Fail("a job failed: " + done.why + done.report.detail);
    --on_their_way;
    ++jobs;
  }
  return jobs / (Now() - begin) * 1e6;
}

std::vector<Contender> Field(const std::string& build, Lane& lane, PoolClient& client, Sandbox& sandbox, Sandbox& for_nothing) {
  const std::string nothing = build + "/bench/nothing";
  std::vector<Contender> field;
  const auto add = [&](std::string key, std::string name, bool filter, std::function<void()> before, std::function<void()> job) {
    field.push_back({std::move(key), std::move(name), filter, std::move(before), std::move(job), {}});
  };
  auto taken = std::make_shared<Worker>();
  add("posix-spawn", "`posix_spawn` of /bin/true", false, {}, [] { StartProgram({"/bin/true"}); });
  add("parked", "parked worker, same processor", false, [&lane, taken] {
    if (lane.parked() == 0) lane.Park(kBatch);
    *taken = lane.Take();
  }, [&lane, taken] { lane.Run(std::move(*taken)); });
  add("answer", "parked worker, same processor, until its answer is there", false, [&lane, taken] {
    if (lane.parked() == 0) lane.Park(kBatch);
    *taken = lane.Take();
  }, [&lane, taken] { lane.RunToAnswer(*taken); });
  add("zygote", "sealed fork of a zygote, same processor", false, {}, [&lane] { lane.Run(lane.SpawnOne()); });
  add("daemon", "parked worker through `moat serve`", false, {}, [&client] { RunOnClient(client, "guest"); });
  add("jail", "/bin/true in a warm jail through `moat serve`", true, {}, [&client] { RunOnClient(client, "true"); });
  add("library", "/bin/true in a warm jail, `Sandbox::Run`", true, {}, [&sandbox] {
    if (Must(sandbox.Run({"/bin/true"})).exit_code != 0) Fail("the library failed");
  });
  add("spawn-nothing", "`posix_spawn` of a program that does nothing, without a C library", false, {}, [nothing] { StartProgram({nothing}); });
  add("jail-nothing", "the same in a warm jail through `moat serve`", true, {}, [&client] { RunOnClient(client, "nothing"); });
  add("library-nothing", "the same in a warm jail, `Sandbox::Run`", true, {}, [&for_nothing, nothing] {
    if (Must(for_nothing.Run({nothing})).exit_code != 0) Fail("the library failed");
  });
  if (const std::string bwrap = FindProgram("bwrap"); !bwrap.empty()) {
    add("bwrap", "/bin/true in `bwrap --unshare-all`", false, {}, [bwrap] {
      StartProgram({bwrap, "--unshare-all", "--ro-bind", "/", "/", "/bin/true"});
    });
  }
  return field;
}

// One job behind the other, without a pause: caches are warm, as under load.
std::vector<Contender> Hot(Lane& lane, int rounds) {
  std::vector<Contender> hot(2);
  hot[0].key = "parked-hot";
  hot[0].name = "parked worker, same processor, one job behind the other";
  hot[1].key = "zygote-hot";
  hot[1].name = "sealed fork of a zygote, same processor, one job behind the other";
  for (int i = 0; i < 4 * rounds; ++i) {
    if (lane.parked() == 0) lane.Park(kBatch);
    Worker worker = lane.Take();
    double begin = Now();
    lane.Run(std::move(worker));
    hot[0].times.push_back(Now() - begin);
    begin = Now();
    lane.Run(lane.SpawnOne());
    hot[1].times.push_back(Now() - begin);
  }
  return hot;
}

int Main(const std::string& build, int rounds, double seconds) {
  json results;
  {
    const Served daemon(build);
    PoolClient client = daemon.Connect();
    auto policy = Must(Policy::Load("default"));
    Sandbox sandbox(policy);
    Command nothing;
    nothing.argv = {"/bin/true"};
    Must(sandbox.Prepare(nothing, 1));  // its helper runs anywhere, as the daemon does
    Sandbox for_nothing(policy);  // a helper has jails of one program ready
    nothing.argv = {build + "/bench/nothing"};
    Must(for_nothing.Prepare(nothing, 1));
    RunOn(0);
    Lane lane(build);
    std::vector<Contender> field = Field(build, lane, client, sandbox, for_nothing);
    Race(field, rounds);
    for (Contender& each : Hot(lane, rounds)) field.push_back(std::move(each));
    for (const Contender& each : field) {
      results["rows"].push_back({{"key", each.key}, {"name", each.name}, {"p50_us", Quantile(each.times, 0.5)},
                                 {"p99_us", Quantile(each.times, 0.99)}, {"least_us", Quantile(each.times, 0)}});
    }
    RunOn(-1);
    results["daemon_rate"] = RateOfDaemon(client, "guest", 16, seconds, ~0U);
    results["jail_rate"] = RateOfDaemon(client, "true", 4, seconds, ~0U);
    results["nothing_rate"] = RateOfDaemon(client, "nothing", 4, seconds, ~0U);
  }
  results["warm"] = RaceWarm(build, std::max(1, rounds / 5));
  const int processors = static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
  results["lane_rate"] = RateOfLanes(build, 1, seconds);
  results["lanes_rate"] = RateOfLanes(build, processors, seconds);
  results["processors"] = processors;
  results["rounds"] = rounds;
  std::printf("%s\n", results.dump(2).c_str());
  return 0;
}

}  // namespace
}  // namespace moat::bench

int main(int argc, char** argv) {
  std::string build;
  int rounds = 300;
  double seconds = 3;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--build") == 0) build = argv[i + 1];
    if (std::strcmp(argv[i], "--rounds") == 0) rounds = std::max(1, std::atoi(argv[i + 1]));
    if (std::strcmp(argv[i], "--seconds") == 0) seconds = std::max(0.1, std::atof(argv[i + 1]));
  }
  if (build.empty()) {
    std::fprintf(stderr, "pool_bench --build DIR [--rounds N] [--seconds S]\n");
    return 2;
  }
  return moat::bench::Main(build, rounds, seconds);
}
