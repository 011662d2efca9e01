#include "web/pool_backend.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <optional>

#include "base/sha256.h"
#include "moat/pool.h"
#include "sys/calls.h"
#include "web/lanes.h"
#include "web/spool.h"

namespace moat::web {
namespace {

constexpr std::uint64_t kLanes = 16;
constexpr std::size_t kMaxLog = 1U << 20;
constexpr std::int64_t kAskAgainMs = 1000;

class PoolRunner final : public Runner {
 public:
  explicit PoolRunner(std::shared_ptr<const Config> config) : config_(std::move(config)) {}
  JobEnd Run(Job& job, const CancelToken& cancel) override;
  bool watches_client() const override { return true; }

 private:
  Result<PoolResult> HandOver(const PoolJob& job, const CancelToken& cancel, int client);
  JobEnd Broke(const Error& error);

  std::shared_ptr<const Config> config_;
  std::optional<PoolClient> client_;
};

// Ready to read, or cancelled (a client that hangs up does that), or time is up.
enum class Woken : unsigned char { kReady, kCancelled, kTime };
Woken WaitFor(int descriptor, const CancelToken& cancel, int client, int milliseconds) {
  pollfd all[3] = {{descriptor, POLLIN, 0}, {cancel.descriptor(), POLLIN, 0}, {client, POLLRDHUP, 0}};
  const int ready = poll(all, 3, milliseconds);
  if (ready > 0 && all[0].revents != 0) return Woken::kReady;
  return ready > 0 ? Woken::kCancelled : Woken::kTime;
}

JobEnd Ending(JobEnd::Kind kind) {
  JobEnd end;
  end.kind = kind;
  return end;
}

JobEnd Failed(const Error& error) {
  JobEnd end;
  end.error = error;
  return end;
}

Result<PoolResult> PoolRunner::HandOver(const PoolJob& job, const CancelToken& cancel, int client) {
  if (!client_.has_value()) client_.emplace(MOAT_TRY(PoolClient::Connect(config_->pool)));
  const std::uint64_t id = MOAT_TRY(client_->Submit(job));
  Woken woken = Woken::kTime;
  while (woken == Woken::kTime) woken = WaitFor(client_->descriptor(), cancel, client, -1);
  if (woken == Woken::kCancelled) MOAT_TRY(client_->Cancel(id));
  return client_->Next();
}

// Without a connection nothing was handed over. With one nobody knows what became of the job.
JobEnd PoolRunner::Broke(const Error& error) {
  if (!client_.has_value()) return Failed(error);
  client_.reset();
  JobEnd end = Ending(JobEnd::Kind::kRan);
  end.report.cause = Cause::kWorkerLost;
  end.report.detail = "the pool: " + error.ToString();
  return end;
}

// A program that serves writes into descriptors: the one output that the configuration names is a file
// of ours, and told in the report as if it had been collected.
Status TellOutput(const sys::Fd& file, const std::string& name, Report& report) {
  const struct stat facts = MOAT_TRY(sys::fstat(file, name));
  base::Sha256 hash;
  char bytes[65536];
  for (off_t at = 0; at < facts.st_size;) {
    const ssize_t got = pread(file.get(), bytes, sizeof(bytes), at);
    if (got <= 0) return SystemError("pread", got < 0 ? errno : EIO, name);
    hash.Update(std::string_view(bytes, static_cast<std::size_t>(got)));
    at += got;
  }
  OutputFile output;
  output.name = name;
  output.size = static_cast<std::uint64_t>(facts.st_size);
  output.type = "file";
  output.sha256 = hash.Hex();
  report.outputs.push_back(std::move(output));
  return {};
}

JobEnd EndOf(PoolResult result, const sys::Fd& log) {
  JobEnd end = Ending(JobEnd::Kind::kRan);
  end.report = std::move(result.report);
  end.out = std::move(result.answer);
  struct stat facts {};
  if (fstat(log.get(), &facts) == 0) end.err.resize(std::min(static_cast<std::size_t>(facts.st_size), kMaxLog));
  const ssize_t got = pread(log.get(), end.err.data(), end.err.size(), 0);
  end.err.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return end;
}

PoolJob Describe(const Job& job, const sys::Fd& log, const sys::Fd& output) {
  PoolJob handed;
  handed.profile = job.profile;
  handed.label = job.id;
  handed.arguments = job.argv;
  handed.log = log.get();
  for (const JobInput& input : job.inputs) handed.inputs.push_back({input.file.get(), input.name});
  if (output.valid()) {
    handed.outputs = {output.get()};
  } else {
    handed.folder = job.outputs.get();
  }
  if (job.priority != 0) handed.priority = job.priority > 0 ? PoolPriority::kHigh : PoolPriority::kLow;
  return handed;
}

JobEnd PoolRunner::Run(Job& job, const CancelToken& cancel) {
  const ProfileConfig& profile = *config_->FindProfile(job.profile);
  const auto log = sys::memfd_create("log", MFD_CLOEXEC);
  if (!log.ok()) return Failed(log.error());
  sys::Fd output = std::move(job.output);
  if (!profile.output.empty() && !output.valid()) {
    auto made = sys::openat2(job.outputs.get(), profile.output.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW, 0, 0600);
    if (!made.ok()) return Failed(made.error());
    output = *std::move(made);
  }
  PoolJob handed = Describe(job, *log, output);
  const Status may = job.starting ? job.starting() : Status();
  if (!may.ok()) return Failed(may.error());
  for (;;) {
    const std::uint64_t now = sys::NowNs();
    if (job.start_by_ns != 0 && now >= job.start_by_ns) return Ending(JobEnd::Kind::kExpired);
    if (job.start_by_ns != 0) handed.start_within = std::chrono::nanoseconds(job.start_by_ns - now);
    auto result = HandOver(handed, cancel, job.client);
    if (!result.ok()) return Broke(result.error());
    if (result->outcome == PoolOutcome::kExpired) return Ending(JobEnd::Kind::kExpired);
    if (result->outcome == PoolOutcome::kInvalid) return Failed(PolicyError("the pool: " + result->why));
    if (result->outcome == PoolOutcome::kRefused) {
      // No such profile, then there is nothing to wait for; else its queue is full, and the job waits here.
      const auto again = std::chrono::duration_cast<std::chrono::milliseconds>(result->retry_after).count();
      if (again <= 0) return Failed(PolicyError("the pool: " + result->why));
      if (WaitFor(-1, cancel, job.client, static_cast<int>(std::min<std::int64_t>(again, kAskAgainMs))) != Woken::kCancelled) continue;
      return Ending(JobEnd::Kind::kDropped);
    }
    JobEnd end = EndOf(*std::move(result), *log);
    if (!output.valid() || end.report.ExitStatus() != 0) return end;
    const Status told = TellOutput(output, profile.output, end.report);
    return told.ok() ? std::move(end) : Failed(told.error());
  }
}

}  // namespace

Result<std::unique_ptr<Backend>> MakePoolBackend(std::shared_ptr<const Config> config) {
  std::vector<std::unique_ptr<Runner>> runners(config->jobs == 0 ? kLanes : config->jobs);
  for (auto& runner : runners) runner = std::make_unique<PoolRunner>(config);
  return MakeLanes(*config, std::move(runners));
}

}  // namespace moat::web
