#include "observe/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <map>
#include <mutex>
#include <set>
#include <sstream>
#include <tuple>
#include <utility>

#include "base/text.h"

namespace moat::observe {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildGauge;
using prometheus::BuildHistogram;
using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;

constexpr std::size_t kMaxDenialSeries = 256;
constexpr std::string_view kPhases[] = {"receive", "queue", "run", "answer"};

// From what a parked worker needs to what nobody wants to wait for.
const std::vector<double> kBounds = {0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                     0.1,     0.25,   0.5,     1,      2.5,   5,      10,    30,   60,    300};

std::string CodeClass(int status) { return std::to_string(status / 100) + "xx"; }

}  // namespace

std::string_view PhaseName(Phase phase) { return kPhases[static_cast<std::size_t>(phase)]; }

struct Metrics::Impl {
  std::shared_ptr<prometheus::Registry> registry = std::make_shared<prometheus::Registry>();

  Family<Counter>& Counters(const char* name, const char* help) {
    return BuildCounter().Name(name).Help(help).Register(*registry);
  }
  Family<Gauge>& Gauges(const char* name, const char* help) {
    return BuildGauge().Name(name).Help(help).Register(*registry);
  }

  Family<Counter>& jobs = Counters("moat_jobs_total", "Jobs that ended, by cause.");
  Family<Counter>& not_started = Counters("moat_jobs_not_started_total", "Jobs that were taken and never started.");
  Family<Counter>& denials = Counters("moat_denials_total", "Calls that a policy did not allow.");
  Family<Counter>& limits = Counters("moat_limit_hits_total", "Jobs that ran into a limit.");
  Family<Counter>& refusals = Counters("moat_refused_total", "Requests that were turned away.");
  Family<Counter>& requests = Counters("moat_http_requests_total", "HTTP requests, by class of answer.");
  Family<Counter>& webhooks = Counters("moat_webhooks_total", "Results sent to webhooks.");
  Family<Counter>& uploaded = Counters("moat_uploaded_bytes_total", "Bytes of inputs received.");
  Family<Histogram>& seconds = BuildHistogram().Name("moat_job_seconds").Help("Time of a job, by phase.").Register(*registry);
  Family<Gauge>& queued = Gauges("moat_jobs_queued", "Jobs that wait.");
  Family<Gauge>& running = Gauges("moat_jobs_running", "Jobs that run.");
  Family<Gauge>& capacity = Gauges("moat_jobs_capacity", "Jobs that can run at the same time.");
  Family<Gauge>& misses = Gauges("moat_warm_misses", "Jobs that found nothing prepared, since the start.");
  Family<Gauge>& connections = Gauges("moat_http_connections", "Open connections.");
  Family<Gauge>& clients = Gauges("moat_pool_clients", "Clients at the local door.");
  Family<Gauge>& ready = Gauges("moat_pool_ready", "Workers parked ahead of jobs, or jails that may be.");
  Family<Gauge>& restarts = Gauges("moat_pool_restarts", "Starts of a program that serves, beyond the first.");
  Family<Gauge>& lost_lines = Gauges("moat_log_lines_lost", "Lines that the log did not take, since the start.");
  Family<Gauge>& given_up = Gauges("moat_clients_given_up", "Clients that were too slow while many others were, too, since the start.");
  Family<Gauge>& stored = Gauges("moat_store_jobs", "Jobs in the store.");
  Family<Gauge>& filters = Gauges("moat_filters_installed", "Seccomp filters installed for jobs, since the start.");
  Family<Gauge>& filter_waits = Gauges("moat_filter_waits", "Jobs that had to wait because of the bound on filters a second.");
  Family<Gauge>& spool = Gauges("moat_spool_bytes", "Bytes in the spool folder.");

  std::mutex mutex;
  std::set<std::tuple<std::string, std::string, std::string>> denial_series;
  std::map<std::pair<std::string, Phase>, Histogram*> histograms;

  // The label of a denial: its own while there are few.
  std::tuple<std::string, std::string, std::string> Bounded(const std::string& profile, const Denial& denial) {
    const std::lock_guard lock(mutex);
    const auto series = std::make_tuple(profile, denial.call, denial.rule);
    if (denial_series.count(series) != 0 || denial_series.size() < kMaxDenialSeries) return *denial_series.insert(series).first;
    return {profile, "other", "other"};
  }

  Histogram& HistogramOf(const std::string& profile, Phase phase) {
    const std::lock_guard lock(mutex);
    Histogram*& found = histograms[{profile, phase}];
    if (found == nullptr) {
      found = &seconds.Add({{"profile", profile}, {"phase", std::string(PhaseName(phase))}}, kBounds);
    }
    return *found;
  }
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

void Metrics::CountJob(const std::string& profile, const Report& report) {
  impl_->jobs.Add({{"profile", profile}, {"cause", std::string(CauseName(report.cause))}}).Increment();
  for (const Denial& denial : report.denials) {
    const auto [name, call, rule] = impl_->Bounded(profile, denial);
    impl_->denials.Add({{"profile", name}, {"call", call}, {"rule", rule}}).Increment(static_cast<double>(denial.count));
  }
  for (const std::string& limit : report.limits_hit) {
    impl_->limits.Add({{"profile", profile}, {"limit", limit}}).Increment();
  }
}

void Metrics::CountNotStarted(const std::string& profile, std::string_view why) {
  impl_->not_started.Add({{"profile", profile}, {"why", std::string(why)}}).Increment();
}

void Metrics::CountRefusal(std::string_view why) { impl_->refusals.Add({{"why", std::string(why)}}).Increment(); }
void Metrics::CountRequest(int status) { impl_->requests.Add({{"code", CodeClass(status)}}).Increment(); }
void Metrics::CountWebhook(std::string_view result) {
  impl_->webhooks.Add({{"result", std::string(result)}}).Increment();
}
void Metrics::CountUploaded(std::uint64_t bytes) { impl_->uploaded.Add({}).Increment(static_cast<double>(bytes)); }

void Metrics::Observe(const std::string& profile, Phase phase, std::uint64_t nanoseconds) {
  impl_->HistogramOf(profile, phase).Observe(static_cast<double>(nanoseconds) / 1e9);
}

void Metrics::SetLoad(const std::vector<ProfileLoad>& load) {
  for (const ProfileLoad& each : load) {
    impl_->queued.Add({{"profile", each.profile}}).Set(static_cast<double>(each.queued));
    impl_->running.Add({{"profile", each.profile}}).Set(static_cast<double>(each.running));
    impl_->capacity.Add({{"profile", each.profile}}).Set(static_cast<double>(each.capacity));
    impl_->misses.Add({{"profile", each.profile}}).Set(static_cast<double>(each.warm_misses));
  }
}

void Metrics::SetConnections(std::uint64_t open) { impl_->connections.Add({}).Set(static_cast<double>(open)); }
void Metrics::SetClients(std::uint64_t connected) { impl_->clients.Add({}).Set(static_cast<double>(connected)); }
void Metrics::SetPrepared(const std::string& profile, std::uint64_t ready, std::uint64_t restarts) {
  impl_->ready.Add({{"profile", profile}}).Set(static_cast<double>(ready));
  impl_->restarts.Add({{"profile", profile}}).Set(static_cast<double>(restarts));
}
void Metrics::SetLostLines(std::uint64_t lines) { impl_->lost_lines.Add({}).Set(static_cast<double>(lines)); }
void Metrics::SetGivenUp(std::uint64_t clients) { impl_->given_up.Add({}).Set(static_cast<double>(clients)); }
void Metrics::SetFilters(std::uint64_t installed, std::uint64_t waits) {
  impl_->filters.Add({}).Set(static_cast<double>(installed));
  impl_->filter_waits.Add({}).Set(static_cast<double>(waits));
}
void Metrics::SetStore(std::uint64_t jobs, std::uint64_t bytes) {
  impl_->stored.Add({}).Set(static_cast<double>(jobs));
  impl_->spool.Add({}).Set(static_cast<double>(bytes));
}

std::string Metrics::Text() const { return prometheus::TextSerializer().Serialize(impl_->registry->Collect()); }

std::vector<PhaseHistogram> Metrics::Histograms() const {
  const std::lock_guard lock(impl_->mutex);
  std::vector<PhaseHistogram> all;
  for (const auto& [key, histogram] : impl_->histograms) {
    PhaseHistogram each;
    each.profile = key.first;
    each.phase = key.second;
    each.bounds = kBounds;
    const auto collected = histogram->Collect().histogram;
    each.count = collected.sample_count;
    each.sum = collected.sample_sum;
    std::uint64_t before = 0;
    for (const auto& bucket : collected.bucket) {
      each.buckets.push_back(bucket.cumulative_count - before);
      before = bucket.cumulative_count;
    }
    all.push_back(std::move(each));
  }
  return all;
}

}  // namespace moat::observe
