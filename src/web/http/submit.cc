// POST /v1/jobs/PROFILE: an upload becomes a job, now or later.
#include <algorithm>
#include <cerrno>
#include <map>

#include "base/units.h"
#include "web/end_words.h"
#include "web/http/http_door.h"
#include "sys/ballast.h"
#include "sys/calls.h"

namespace moat::web {
namespace {

constexpr std::size_t kMostInputs = 64, kMostParameterBytes = 4096;
constexpr std::string_view kParameterPrefix = "p.";
constexpr unsigned kMostWaiting = 80;  // threads; see stay.h

bool Asks(const httplib::Request& request, const char* flag) {
  return request.has_param(flag) && request.get_param_value(flag) != "0" && request.get_param_value(flag) != "false";
}

bool NeedsInput(const ProfileConfig& profile) {
  return std::any_of(profile.command.begin(), profile.command.end(), [](const std::string& word) {
    return word.find("{in}") != std::string::npos || word.find("{in1}") != std::string::npos;
  });
}

std::string TooLarge(const ProfileConfig& profile) {
  return "more than the profile's `upload` of " + base::FormatSize(profile.upload);
}

}  // namespace

struct HttpDoor::Submission {
  Ask ask;
  std::map<std::string, std::string> parameters;
  std::shared_ptr<Staged> staged;
  std::uint64_t bytes = 0;  // of inputs
  enum class When : unsigned char { kNow, kLater } when = When::kNow;
  std::string field;  // the parameter that is being received; "": an input is

  // The first thing that went wrong while the body came.
  int status = 0;
  std::string error;
  bool Stop(int the_status, std::string the_error) {
    if (status != 0) return false;
    status = the_status;
    error = std::move(the_error);
    return false;
  }

  bool BeginPart(const httplib::MultipartFormData& part) {
    field.clear();
    if (part.filename.empty() && part.name.rfind(kParameterPrefix, 0) == 0) {
      field = part.name.substr(kParameterPrefix.size());
      const bool fresh = parameters.size() < kMostInputs && parameters.emplace(field, "").second;
      return fresh || Stop(400, "a parameter is given twice");
    }
    return BeginInput(part.filename.empty() ? part.name : part.filename);
  }

  bool BeginInput(const std::string& name) {
    if (staged->inputs().size() >= kMostInputs) return Stop(413, "more than 64 inputs");
    const Status added = staged->AddInput(SafeName(name));
    return added.ok() || Stop(added.error().kind == ErrorKind::kPolicy ? 400 : 507, added.error().ToString());
  }

  bool TakeBytes(const char* data, std::size_t size) {
    if (!field.empty()) {
      std::string& value = parameters[field];
      value.append(data, size);
      return value.size() <= kMostParameterBytes || Stop(413, "a parameter of more than 4K");
    }
    bytes += size;
    if (bytes > ask.profile->upload) return Stop(413, TooLarge(*ask.profile));
    if (staged->inputs().empty()) return Stop(400, "bytes before the first part");
    const Status written = staged->Write(std::string_view(data, size));
    return written.ok() || Stop(507, "there is no room for this upload");
  }
};

HttpDoor::Verdict HttpDoor::CheckAdmission(Response& response, const Admission& admission) {
  switch (admission.kind) {
    case Admission::Kind::kTaken:
      return Verdict::kGoOn;
    case Admission::Kind::kBusy:
      return Busy(response, 429, static_cast<std::uint64_t>(admission.retry_after.count()), admission.why, "busy");
    case Admission::Kind::kDraining:
      return Busy(response, 503, 1000, admission.why, "draining");
    case Admission::Kind::kUnknownProfile:
      break;
  }
  return Fail(response, 404, admission.why);
}

// What can be said before the body is read.
HttpDoor::Verdict HttpDoor::Prepare(const Request& request, Response& response, Submission& submission) {
  Ask& ask = submission.ask;
  const std::string name = request.matches[1];
  ask.profile = CurrentVisit().config->FindProfile(name);
  if (ask.profile == nullptr) return Fail(response, 404, "there is no profile `" + name + "`");
  const Caller& caller = CurrentVisit().caller;
  ask.caller = caller.name;
  ask.arrival = parts_.service.Expect(caller.name, caller.jobs);  // not later: uploads take their time
  if (ask.arrival == nullptr) {
    return Busy(response, 429, 1000, "this caller has as many unfinished jobs as it may", "quota");
  }
  const auto length = request.get_header_value<std::uint64_t>("Content-Length");
  if (!request.is_multipart_form_data() && length > ask.profile->upload) {
    parts_.metrics.CountRefusal("too-large");
    return Fail(response, 413, TooLarge(*ask.profile));
  }
  return ReadOptions(request, response, submission);
}

HttpDoor::Verdict HttpDoor::ReadOptions(const Request& request, Response& response, Submission& submission) {
  Ask& ask = submission.ask;
  const bool later = Asks(request, "async");
  submission.when = later ? Submission::When::kLater : Submission::When::kNow;
  ask.webhook = QueryOf(request, "webhook");
  if (!ask.webhook.empty() && (!later || CurrentVisit().config->FindWebhook(ask.webhook) == nullptr)) {
    return Fail(response, 400, "there is no such webhook, or the job is not asynchronous", "configure [webhook.NAME] and add ?async");
  }
  ask.wait_ns = later ? 0 : ask.profile->wait_ns;
  if (request.has_param("wait")) {
    auto wait = base::ParseDuration(request.get_param_value("wait"));
    if (!wait.ok()) return Fail(response, 400, "wait: " + wait.error().message);
    ask.wait_ns = std::max<std::int64_t>(*wait, 1);
  }
  if (request.has_param("priority")) {
    const std::string text = request.get_param_value("priority");
    const bool below = !text.empty() && text[0] == '-';
    const auto size = base::ParseCount(std::string_view(text).substr(below ? 1 : 0));
    if (!size.ok() || *size > 9) return Fail(response, 400, "priority is from -9 to 9");
    ask.priority = static_cast<int>(*size) * (below ? -1 : 1);
  }
  for (const auto& [key, value] : request.params) {
    if (key.rfind(kParameterPrefix, 0) != 0) continue;
    const bool fresh = submission.parameters.emplace(key.substr(kParameterPrefix.size()), value).second;
    if (!fresh) return Fail(response, 400, "a parameter is given twice");
  }
  return Verdict::kGoOn;
}

// Of who waits for the one output of a program that serves nothing is ever kept.
Staged::Kind HttpDoor::KindFor(const Request& request, const Submission& submission) {
  const std::string& output = submission.ask.profile->output;
  const bool passes = submission.when == Submission::When::kNow && !output.empty() && QueryOf(request, "output") == output;
  return passes ? Staged::Kind::kPassing : Staged::Kind::kFolder;
}

HttpDoor::Verdict HttpDoor::Receive(const Request& request, Response& response, const Reader& reader, Submission& submission) {
  auto staged = parts_.service.Stage(KindFor(request, submission));
  if (!staged.ok()) return Fail(response, 507, "there is no room for an upload");
  submission.staged = std::make_shared<Staged>(*std::move(staged));
  const bool has_body = request.has_header("Transfer-Encoding") || request.get_header_value<std::uint64_t>("Content-Length") > 0;
  bool whole = true;
  if (has_body && request.is_multipart_form_data()) {
    whole = reader([&](const httplib::MultipartFormData& part) { return submission.BeginPart(part); },
                   [&](const char* data, std::size_t size) { return submission.TakeBytes(data, size); });
  } else if (has_body) {
    whole = submission.BeginInput(QueryOf(request, "name")) &&
            reader([&](const char* data, std::size_t size) { return submission.TakeBytes(data, size); });
  }
  parts_.metrics.CountUploaded(submission.bytes);
  if (!whole) submission.Stop(400, "the body ended early, came too slowly or was not what its headers said");
  if (submission.staged->inputs().empty() && NeedsInput(*submission.ask.profile)) {
    submission.Stop(400, "this profile needs an input: send it as the body");
  }
  auto argv = Expand(*submission.ask.profile, submission.parameters);
  if (!argv.ok()) submission.Stop(400, argv.error().message);
  if (submission.status == 0) {
    submission.ask.argv = *std::move(argv);
    return Verdict::kGoOn;
  }
  parts_.metrics.CountRefusal(submission.status == 413 ? "too-large" : submission.status == 507 ? "no-room" : "bad-request");
  return Fail(response, submission.status, submission.error);
}

void HttpDoor::Submit(const Request& request, Response& response, const Reader& reader) {
  const Stay stay(waiting_, CurrentVisit().caller.name, kMostWaiting, CallersOf(CurrentVisit()));
  if (!stay.got()) {
    Busy(response, 503, 1000, "as many clients are being served as can be", "threads");
    return;
  }
  if (sys::Ballast::IsSpent()) {
    Busy(response, 503, 1000, "there is no memory for another job now", "memory");
    return;
  }
  const auto kept = std::make_shared<Submission>();
  Connection::Current()->KeepUntilAnswered(kept);
  Submission& submission = *kept;
  if (Prepare(request, response, submission) == Verdict::kAnswered) return;
  const std::uint64_t start = sys::NowNs();
  if (Receive(request, response, reader, submission) == Verdict::kAnswered) return;
  parts_.metrics.Observe(submission.ask.profile->name, Phase::kReceive, sys::NowNs() - start);
  if (submission.when == Submission::When::kLater) return SubmitLater(response, submission);
  SubmitNow(request, response, submission);
}

void HttpDoor::SubmitLater(Response& response, Submission& submission) {
  auto later = parts_.service.Accept(std::move(*submission.staged), submission.ask);
  if (!later.ok()) {
    parts_.log.Write(Level::kError, "accept", {{"request", CurrentVisit().request}, {"error", later.error().ToString()}});
    Fail(response, later.error().error_number == ENOSPC ? 507 : 500, "the job could not be stored, and was not accepted");
    return;
  }
  if (CheckAdmission(response, later->admission) == Verdict::kAnswered) return;
  response.status = 202;
  response.set_header("Location", "/v1/jobs/" + later->id);
  response.set_content("{\"id\":\"" + later->id + "\",\"state\":\"waiting\"}\n", "application/json");
}

void HttpDoor::SubmitNow(const Request& request, Response& response, Submission& submission) {
  auto now = std::make_shared<Service::Now>();
  const Connection* connection = Connection::Current();
  const Admission admission = parts_.service.Run(*submission.staged, submission.ask, connection->number(), now);
  if (CheckAdmission(response, admission) == Verdict::kAnswered) return;
  auto wake = Connection::Wake::kTime;
  while (wake == Connection::Wake::kTime) wake = connection->WaitFor(now->bell.descriptor(), 60'000);
  if (wake == Connection::Wake::kGone) parts_.service.Cancel(now->id);
  now->bell.Wait();  // the job uses what was uploaded: that stays until the job has ended
  const bool cancelled = now->end->kind == JobEnd::Kind::kDropped || now->end->report.cause == Cause::kCancelled;
  if (wake == Connection::Wake::kGone || (cancelled && connection->WaitFor(-1, 0) == Connection::Wake::kGone)) {
    Fail(response, 499, "the client went away");
    return;
  }
  const std::uint64_t start = sys::NowNs();
  AnswerEnd(request, response, submission, *now->end);
  parts_.metrics.Observe(submission.ask.profile->name, Phase::kAnswer, sys::NowNs() - start);
}

void HttpDoor::AnswerEnd(const Request& request, Response& response, Submission& submission, const JobEnd& end) {
  if (end.kind == JobEnd::Kind::kFailed) {
    parts_.log.Write(Level::kError, "failed", {{"request", CurrentVisit().request}, {"error", end.error.ToString()}});
    if (NoRoom(end)) {
      Busy(response, 503, 1000, "this host has no room for another job now: " + end.error.ToString(), "host");
      return;
    }
    Fail(response, 500, end.error.message);
    return;
  }
  if (end.kind != JobEnd::Kind::kRan) {
    const bool late = end.kind == JobEnd::Kind::kExpired;
    Busy(response, 503, 1000, late ? "the job waited too long and was not started" : "the job was cancelled before it was started",
         late ? "expired" : "dropped");
    return;
  }
  const std::string id = submission.staged->id();
  response.set_header("X-Moat-Job", id);
  response.set_header("X-Moat-Cause", std::string(CauseName(end.report.cause)));
  response.status = 200;
  const std::string wanted = QueryOf(request, "output");
  if (!wanted.empty()) return SendOwnOutput(response, submission, end, wanted);
  Outputs outputs = Outputs::kGone;
  if (!end.report.outputs.empty() && parts_.service.Keep(std::move(*submission.staged), submission.ask, end).ok()) {
    outputs = Outputs::kKept;
  }
  response.set_content(EndBody(id, submission.ask.profile->name, end, outputs), "application/json");
}

void HttpDoor::SendOwnOutput(Response& response, Submission& submission, const JobEnd& end, const std::string& name) {
  const std::vector<std::string> names = OutputNames(end.report);
  const bool there = std::find(names.begin(), names.end(), name) != names.end();
  if (end.report.ExitStatus() != 0 || !there) {
    // No output that could be mistaken for a good one: the report says what happened.
    response.status = 422;
    return response.set_content(EndBody(submission.staged->id(), submission.ask.profile->name, end, Outputs::kGone), "application/json");
  }
  const Staged& staged = *submission.staged;
  auto file = staged.kind() == Staged::Kind::kPassing ? staged.OpenOutput() : OpenBelow(staged.folder(), "work/out/" + name);
  if (!file.ok()) {
    Fail(response, 500, "the output cannot be read");
    return;
  }
  SendFile(response, *std::move(file), name, submission.staged);
}

}  // namespace moat::web
