#include "web/http/views.h"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace moat::web {
namespace {

using nlohmann::json;

constexpr std::uint64_t kHour = 3'600'000'000'000, kMinute = 60'000'000'000;
constexpr std::uint64_t kMostCompared = 20'000;
constexpr std::size_t kMostLive = 200, kMostRows = 50;

std::string Dump(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace) + "\n"; }

json ReportJson(const std::string& text) {
  json report = json::parse(text, nullptr, false);
  return report.is_object() ? report : json();
}

// Folders are among the outputs of a report; here they are in the files' names.
bool IsFile(const OutputFile& output) { return output.type == "file"; }

json OutputList(const Report& report, const std::string& id) {
  json list = json::array();
  for (const OutputFile& file : report.outputs) {
    if (!IsFile(file)) continue;
    list.push_back({{"name", file.name}, {"size", file.size}, {"sha256", file.sha256}, {"href", "/v1/jobs/" + id + "/outputs/" + file.name}});
  }
  return list;
}

json Summary(const StoredJob& job) {
  json view = {{"id", job.id}, {"profile", job.profile}, {"state", StateName(job.state)}, {"attempts", job.attempt},
               {"created_ns", job.created_ns}, {"finished_ns", job.finished_ns}};
  if (job.state != JobState::kDone) return view;
  view["ending"] = job.ending;
  const json report = ReportJson(job.report);
  if (report.is_object() && report.contains("cause")) view["cause"] = report["cause"];
  if (!job.why.empty()) view["why"] = job.why;
  return view;
}

json DenialJson(const HistoryDenial& each, const ExplainDenial& explain) {
  return {{"profile", each.profile}, {"call", each.denial.call}, {"rule", each.denial.rule}, {"edit", each.denial.edit},
          {"action", each.denial.action}, {"calls", each.denial.count}, {"jobs", each.jobs}, {"first_ns", each.first_ns},
          {"last_ns", each.last_ns}, {"explanation", explain ? explain(each.denial) : std::string()}};
}

json HistoryJson(const HistoryJob& job) {
  return {{"id", job.id}, {"profile", job.profile}, {"caller", job.caller}, {"cause", job.cause}, {"detail", job.detail},
          {"finished_ns", job.finished_ns}, {"queued_ns", job.queued_ns}, {"wall_ns", job.wall_ns}, {"cpu_ns", job.cpu_ns},
          {"memory_peak", job.memory_peak}, {"exit_status", job.exit_status}};
}

json SideJson(const RolloutSide& side) {
  return {{"jobs", side.jobs}, {"causes", side.causes}, {"wall_p50_ns", side.wall_p50_ns}, {"wall_p99_ns", side.wall_p99_ns},
          {"memory_p99", side.memory_p99}};
}

json RolloutJson(const Rollout& rollout) {
  json profiles = json::array();
  for (const auto& [name, sides] : rollout.profiles) {
    profiles.push_back({{"profile", name}, {"before", SideJson(sides.first)}, {"after", SideJson(sides.second)}});
  }
  return {{"since_ns", rollout.since_ns}, {"digest", rollout.digest.substr(0, 12)}, {"profiles", profiles}};
}

Status AddHistory(json& status, History& history, const ExplainDenial& explain) {
  MOAT_TRY(history.Flush());
  json recent = json::array(), denials = json::array(), limits = json::array(), causes = json::array();
  for (const HistoryJob& job : MOAT_TRY(history.Latest(kMostRows))) recent.push_back(HistoryJson(job));
  for (const HistoryDenial& each : MOAT_TRY(history.Denials(kMostRows))) denials.push_back(DenialJson(each, explain));
  for (const HistoryLimit& each : MOAT_TRY(history.Limits(kMostRows))) {
    limits.push_back({{"profile", each.profile}, {"limit", each.limit}, {"jobs", each.jobs}, {"last_ns", each.last_ns}});
  }
  const std::uint64_t now = UnixNs();
  for (const CauseCount& each : MOAT_TRY(history.Causes(now - std::min(now, kHour), now, kMinute))) {
    causes.push_back({{"from_ns", each.from_ns}, {"profile", each.profile}, {"cause", each.cause}, {"jobs", each.jobs}});
  }
  status["rollout"] = RolloutJson(MOAT_TRY(history.CompareRollout(kMostCompared)));
  status["recent"] = std::move(recent);
  status["denials"] = std::move(denials);
  status["limits"] = std::move(limits);
  status["causes"] = std::move(causes);
  return {};
}

json Histograms(const Metrics& metrics) {
  json all = json::array();
  for (const PhaseHistogram& each : metrics.Histograms()) {
    all.push_back({{"profile", each.profile}, {"phase", PhaseName(each.phase)}, {"bounds", each.bounds},
                   {"buckets", each.buckets}, {"count", each.count}, {"sum", each.sum}});
  }
  return all;
}

}  // namespace

std::vector<std::string> OutputNames(const Report& report) {
  std::vector<std::string> names;
  for (const OutputFile& file : report.outputs) {
    if (IsFile(file)) names.push_back(file.name);
  }
  return names;
}

std::string ErrorBody(std::string_view error, std::string_view fix, std::string_view request) {
  json body = {{"error", error}, {"request", request}};
  if (!fix.empty()) body["fix"] = fix;
  return Dump(body);
}

std::string JobBody(const StoredJob& job, std::string_view out, std::string_view err) {
  json view = Summary(job);
  if (job.state == JobState::kDone && job.ending == "ran") {
    view["report"] = ReportJson(job.report);
    view["stdout"] = out;
    view["stderr"] = err;
    auto report = Report::FromJson(job.report);
    if (report.ok()) view["outputs"] = OutputList(*report, job.id);
  }
  return Dump(view);
}

std::string JobListBody(const std::vector<StoredJob>& jobs) {
  json list = json::array();
  for (const StoredJob& job : jobs) list.push_back(Summary(job));
  return Dump({{"jobs", list}});
}

std::string EndBody(const std::string& id, const std::string& profile, const JobEnd& end, Outputs outputs) {
  return Dump({{"id", id}, {"profile", profile}, {"state", "done"}, {"ending", "ran"}, {"cause", CauseName(end.report.cause)},
               {"report", ReportJson(end.report.ToJson())}, {"stdout", end.out}, {"stderr", end.err},
               {"outputs", outputs == Outputs::kKept ? OutputList(end.report, id) : json::array()}});
}

std::string NoticeBody(const StoredJob& job) { return Dump(Summary(job)); }

Result<std::string> StatusBody(Service& service, const Metrics& metrics, const std::vector<ProfileLoad>& load,
                               std::uint64_t connections, const ExplainDenial& explain) {
  json profiles = json::array(), live = json::array();
  for (const ProfileLoad& each : load) {
    profiles.push_back({{"profile", each.profile}, {"queued", each.queued}, {"running", each.running},
                        {"capacity", each.capacity}, {"warm_misses", each.warm_misses}});
  }
  for (const LiveJob& job : service.Live()) {
    if (live.size() >= kMostLive) break;
    live.push_back({{"id", job.id}, {"profile", job.profile}, {"caller", job.caller}, {"since_ns", job.since_ns},
                    {"where", job.where == LiveJob::Where::kStored ? "stored" : "handed on"}});
  }
  json status = {{"now_ns", UnixNs()}, {"version", MOAT_VERSION}, {"draining", service.draining()}, {"connections", connections},
                 {"store", {{"jobs", service.store().jobs()}, {"bytes", service.store().bytes()}}},
                 {"profiles", profiles}, {"live", live}, {"histograms", Histograms(metrics)}};
  MOAT_TRY(AddHistory(status, service.history(), explain));
  return Dump(status);
}

}  // namespace moat::web
