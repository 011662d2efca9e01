// Jobs that were accepted: how they are, what they brought, that they are not wanted any more.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/units.h"
#include "web/http/archive.h"
#include "web/http/http_door.h"
#include "sys/calls.h"

namespace moat::web {
namespace {

constexpr std::size_t kChunk = 64U << 10, kMostIds = 100, kMaxStream = 1U << 20;
constexpr std::int64_t kLongestWait = 60'000'000'000;
constexpr unsigned kMostPolls = 40;

std::vector<std::string> Ids(const std::string& text) {
  std::vector<std::string> ids;
  for (std::size_t at = 0; at < text.size() && ids.size() <= kMostIds;) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    ids.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return ids;
}

std::string ReadUpTo(const Result<sys::Fd>& file) {
  if (!file.ok()) return {};
  std::string text(kMaxStream, '\0');
  const ssize_t got = pread(file->get(), text.data(), text.size(), 0);
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return text;
}

// A long poll, if not too many do that: then the answer is how it is now, and may be asked for again.
class Poll {
 public:
  Poll(StayRoom& room, std::int64_t wait_ns)
      : stay_(room, CurrentVisit().caller.name, kMostPolls, CallersOf(CurrentVisit())), wait_ns_(stay_.got() ? std::clamp<std::int64_t>(wait_ns, 0, kLongestWait) : 0) {}
  std::int64_t wait_ns() const { return wait_ns_; }

 private:
  const Stay stay_;
  const std::int64_t wait_ns_;
};

// Of the parameter `wait`: 0 without one.
Result<std::int64_t> WaitOf(const httplib::Request& request) {
  if (!request.has_param("wait")) return std::int64_t{0};
  return base::ParseDuration(request.get_param_value("wait"));
}

}  // namespace

void SendFile(httplib::Response& response, sys::Fd file, const std::string& name, std::shared_ptr<void> owner) {
  struct stat facts {};
  if (::fstat(file.get(), &facts) != 0 || !S_ISREG(facts.st_mode)) {
    response.status = 500;
    return;
  }
  response.set_header("Content-Disposition", "attachment; filename=\"" + SafeName(name.substr(name.rfind('/') + 1)) + "\"");
  response.set_header("Content-Security-Policy", "sandbox; default-src 'none'");
  if (facts.st_size == 0) return response.set_content("", "application/octet-stream");
  auto shared = std::make_shared<sys::Fd>(std::move(file));
  response.set_content_provider(
      static_cast<std::size_t>(facts.st_size), "application/octet-stream",
      [shared, owner = std::move(owner)](std::size_t offset, std::size_t length, httplib::DataSink& sink) {
        std::string bytes(std::min(length, kChunk), '\0');
        const ssize_t got = pread(shared->get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
        return got > 0 && sink.write(bytes.data(), static_cast<std::size_t>(got));
      });
}

namespace {

// Somebody else's and nobody's look the same, and take the same time.
bool IsHis(const StoredJob& job, const Caller& caller) { return job.caller == caller.name || caller.role == CallerConfig::Role::kOperator; }

}  // namespace

std::optional<StoredJob> HttpDoor::Mine(const Request& request, Response& response) {
  auto job = parts_.service.store().Find(request.matches[1]);
  const Caller& caller = CurrentVisit().caller;
  if (!job.ok()) {
    Fail(response, 500, "the store cannot be read");
    return std::nullopt;
  }
  if (job->has_value() && IsHis(**job, caller)) return std::move(*job);
  Fail(response, 404, "there is no such job, or no longer");
  return std::nullopt;
}

// Until `enough` of those that are the caller's are done, or time is up, or the client is gone.
std::vector<StoredJob> HttpDoor::WaitForJobs(const std::vector<std::string>& ids, std::int64_t wait_ns, std::size_t enough) {
  auto bell = std::make_shared<Bell>();
  parts_.service.Listen(bell);
  const Caller& caller = CurrentVisit().caller;
  const std::uint64_t until = sys::NowNs() + static_cast<std::uint64_t>(wait_ns);
  for (;;) {
    bell->Clear();
    std::vector<StoredJob> jobs;
    std::size_t done = 0;
    for (const std::string& id : ids) {
      auto job = parts_.service.store().FindBrief(id);
      if (!job.ok() || !job->has_value() || !IsHis(**job, caller)) continue;
      done += (*job)->state == JobState::kDone ? 1 : 0;
      jobs.push_back(std::move(**job));
    }
    const std::uint64_t now = sys::NowNs();
    if (done >= std::min(enough, jobs.size()) || now >= until || hands_over_) return jobs;
    const int milliseconds = static_cast<int>((until - now) / 1'000'000) + 1;
    if (Connection::Current()->WaitFor(bell->descriptor(), milliseconds) == Connection::Wake::kGone) return jobs;
  }
}

void HttpDoor::GetJob(const Request& request, Response& response) {
  const auto wait = WaitOf(request);
  if (!wait.ok()) return (void)Fail(response, 400, "wait: " + wait.error().message);
  auto stay = StayAtDisk(response);
  if (stay == nullptr) return;
  auto job = Mine(request, response);
  if (!job.has_value()) return;
  if (*wait > 0 && job->state != JobState::kDone) {
    stay.reset();
    const Poll poll(waiting_, *wait);
    (void)WaitForJobs({job->id}, poll.wait_ns(), 1);
    stay = StayAtDisk(response);
    if (stay == nullptr) return;
    job = Mine(request, response);
    if (!job.has_value()) return;
  }
  Store& store = parts_.service.store();
  response.status = 200;
  response.set_content(JobBody(*job, ReadUpTo(store.OpenResult(job->id, "stdout")), ReadUpTo(store.OpenResult(job->id, "stderr"))),
                       "application/json");
}

void HttpDoor::GetJobs(const Request& request, Response& response) {
  const Caller& caller = CurrentVisit().caller;
  const bool all = caller.role == CallerConfig::Role::kOperator;
  auto stay = StayAtDisk(response);
  if (stay == nullptr) return;
  response.status = 200;
  if (!request.has_param("ids")) {
    auto jobs = parts_.service.store().Latest(all ? "" : caller.name, kMostIds);
    if (!jobs.ok()) return (void)Fail(response, 500, "the store cannot be read");
    return response.set_content(JobListBody(*jobs), "application/json");
  }
  const std::vector<std::string> ids = Ids(request.get_param_value("ids"));
  const auto wait = WaitOf(request);
  if (ids.size() > kMostIds) return (void)Fail(response, 400, "at most 100 ids at a time");
  if (!wait.ok()) return (void)Fail(response, 400, "wait: " + wait.error().message);
  if (*wait > 0) stay.reset();
  const Poll poll(waiting_, *wait);
  const auto jobs = WaitForJobs(ids, poll.wait_ns(), QueryOf(request, "until") == "any" ? 1 : ids.size());
  response.set_content(JobListBody(jobs), "application/json");
}

// Without asking the store: a disk that is slow must not keep a job running. One whose client waits is in no
// store; only operators see it, and may end it.
HttpDoor::Verdict HttpDoor::CancelLive(const std::string& id, Response& response) {
  const Caller& caller = CurrentVisit().caller;
  const auto live = parts_.service.FindLive(id);
  if (!live.has_value()) return Verdict::kGoOn;
  const bool is_mine = live->kind == LiveJob::Kind::kAccepted && live->caller == caller.name;
  if (!is_mine && caller.role != CallerConfig::Role::kOperator) return Verdict::kGoOn;
  parts_.service.Cancel(id);
  response.status = 202;
  response.set_content("{\"id\":\"" + id + "\",\"state\":\"cancelling\"}\n", "application/json");
  return Verdict::kAnswered;
}

void HttpDoor::DeleteJob(const Request& request, Response& response) {
  if (CancelLive(request.matches[1], response) == Verdict::kAnswered) return;
  const auto stay = StayAtDisk(response);
  if (stay == nullptr) return;
  const auto job = Mine(request, response);
  if (!job.has_value()) return;
  if (job->state != JobState::kDone) {
    parts_.service.Cancel(job->id);
    response.status = 202;
    return response.set_content("{\"id\":\"" + job->id + "\",\"state\":\"cancelling\"}\n", "application/json");
  }
  const Status gone = parts_.service.store().Forget(job->id);
  if (!gone.ok()) return (void)Fail(response, 500, "the job could not be removed");
  response.status = 204;
}

void HttpDoor::GetOutput(const Request& request, Response& response) {
  auto stay = StayAtDisk(response);
  if (stay == nullptr) return;
  const auto job = Mine(request, response);
  if (!job.has_value()) return;
  const std::string name = request.matches[2];
  auto report = Report::FromJson(job->report);
  const std::vector<std::string> names = report.ok() ? OutputNames(*report) : std::vector<std::string>();
  if (std::find(names.begin(), names.end(), name) == names.end()) return (void)Fail(response, 404, "the job has no such output");
  auto file = parts_.service.store().OpenResult(job->id, "out/" + name);
  if (!file.ok()) return (void)Fail(response, 404, "the output is no longer there");
  SendFile(response, *std::move(file), name, std::move(stay));  // 200, or 206 for a range
}

void HttpDoor::GetStream(const Request& request, Response& response) {
  auto stay = StayAtDisk(response);
  if (stay == nullptr) return;
  const auto job = Mine(request, response);
  if (!job.has_value()) return;
  const std::string name = request.matches[2];
  auto file = parts_.service.store().OpenResult(job->id, name);
  if (!file.ok()) return (void)Fail(response, 404, "the job has not ended, or was never started");
  SendFile(response, *std::move(file), name, std::move(stay));  // 200, or 206 for a range
}

void HttpDoor::GetArchive(const Request& request, Response& response) {
  auto stay = StayAtDisk(response);
  if (stay == nullptr) return;
  const auto job = Mine(request, response);
  if (!job.has_value()) return;
  auto report = Report::FromJson(job->report);
  if (!report.ok()) return (void)Fail(response, 404, "the job has not ended, or was never started");
  const std::string kind = request.matches[2];
  response.status = 200;
  response.set_header("Content-Disposition", "attachment; filename=\"" + job->id + "." + kind + "\"");
  response.set_header("Content-Security-Policy", "sandbox; default-src 'none'");
  response.set_chunked_content_provider(
      kind == "tar" ? "application/x-tar" : "application/zip",
      [this, stay = std::move(stay), id = job->id, kind, names = OutputNames(*report)](std::size_t, httplib::DataSink& sink) {
        std::size_t at = 0;
        const auto next = [&]() -> Result<ArchiveFile> {
          if (at == names.size()) return ArchiveFile{};
          const std::string& name = names[at++];
          return ArchiveFile{name, MOAT_TRY(parts_.service.store().OpenResult(id, "out/" + name))};
        };
        const Status written = WriteArchive(kind == "tar" ? ArchiveKind::kTar : ArchiveKind::kZip, next,
                                            [&](std::string_view bytes) { return sink.write(bytes.data(), bytes.size()); });
        if (!written.ok()) return false;  // cut off: no last chunk, so nobody takes it for whole
        sink.done();
        return true;
      });
}

}  // namespace moat::web
