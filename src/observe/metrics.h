// What is counted: for Prometheus as text, for the dashboard and `moat top` as numbers. Names and
// labels are in docs/http.md. Labels come from the configuration and from our own tables; what a
// guest could make many of (denied calls) is bounded, and the rest is counted as "other".
//
// Threads: any.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "moat/report.h"

namespace moat::observe {

enum class Phase : unsigned char { kReceive, kQueue, kRun, kAnswer };
std::string_view PhaseName(Phase phase);

struct PhaseHistogram {
  std::string profile;
  Phase phase = Phase::kRun;
  std::vector<double> bounds;          // seconds, upper; the last bucket has none
  std::vector<std::uint64_t> buckets;  // jobs, each for itself; one more than bounds
  std::uint64_t count = 0;
  double sum = 0;
};

struct ProfileLoad {
  std::string profile;
  std::uint64_t queued = 0, running = 0;
  std::uint64_t capacity = 0;     // that can run at the same time
  std::uint64_t warm_misses = 0;  // jobs that found nothing prepared, since the start
};

class Metrics {
 public:
  Metrics();
  ~Metrics();

  void CountJob(const std::string& profile, const Report& report);
  void CountNotStarted(const std::string& profile, std::string_view why);  // "expired", "dropped", "failed"
  void CountRefusal(std::string_view why);  // "busy", "quota", "too-large", "token" ...
  void CountRequest(int status);
  void CountWebhook(std::string_view result);
  void CountUploaded(std::uint64_t bytes);
  void Observe(const std::string& profile, Phase phase, std::uint64_t nanoseconds);
  void SetLoad(const std::vector<ProfileLoad>& load);
  void SetConnections(std::uint64_t open);
  // Of the pool: who is connected, what is prepared, how often a program was started anew.
  void SetClients(std::uint64_t connected);
  void SetPrepared(const std::string& profile, std::uint64_t ready, std::uint64_t restarts);
  void SetLostLines(std::uint64_t lines);
  void SetGivenUp(std::uint64_t clients);
  void SetFilters(std::uint64_t installed, std::uint64_t waits);
  void SetStore(std::uint64_t jobs, std::uint64_t bytes);

  std::string Text() const;  // text/plain; version=0.0.4
  std::vector<PhaseHistogram> Histograms() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace moat::observe
