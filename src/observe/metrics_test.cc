#include "observe/metrics.h"

#include <gtest/gtest.h>

namespace moat::observe {
namespace {

std::size_t Lines(const std::string& text, const std::string& with) {
  std::size_t count = 0;
  for (std::size_t at = text.find(with); at != std::string::npos; at = text.find(with, at + 1)) ++count;
  return count;
}

TEST(Metrics, CountWhatEnded) {
  Metrics metrics;
  Report report;
  report.cause = Cause::kWall;
  report.limits_hit = {"wall"};
  report.denials = {{"socket", "AF_INET", "p.toml:3", "", 7}};
  metrics.CountJob("thumb", report);
  metrics.CountJob("thumb", report);
  metrics.CountRequest(429);
  metrics.CountRefusal("busy");
  metrics.SetFilters(5, 2);
  metrics.SetLoad({{"thumb", 3, 2, 4, 1}});
  const std::string text = metrics.Text();
  for (const char* line : {"moat_jobs_total{cause=\"wall\",profile=\"thumb\"} 2", "moat_limit_hits_total{limit=\"wall\",profile=\"thumb\"} 2",
                           "moat_denials_total{call=\"socket\",profile=\"thumb\",rule=\"p.toml:3\"} 14",
                           "moat_http_requests_total{code=\"4xx\"} 1", "moat_refused_total{why=\"busy\"} 1",
                           "moat_jobs_queued{profile=\"thumb\"} 3", "moat_warm_misses{profile=\"thumb\"} 1",
                           "moat_filters_installed 5", "moat_filter_waits 2",
                           "# TYPE moat_jobs_total counter"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << "\n" << text;
  }
}

TEST(Metrics, HistogramsKnowTheirPhase) {
  Metrics metrics;
  metrics.Observe("thumb", Phase::kRun, 40'000);         // 40 us: the first bucket
  metrics.Observe("thumb", Phase::kRun, 1'000'000'000'000);  // the last
  metrics.Observe("thumb", Phase::kQueue, 0);
  const auto all = metrics.Histograms();
  ASSERT_EQ(all.size(), 2u);
  const PhaseHistogram& run = all[1];
  EXPECT_EQ(PhaseName(run.phase), "run");
  EXPECT_EQ(run.count, 2u);
  ASSERT_EQ(run.buckets.size(), run.bounds.size() + 1);
  EXPECT_EQ(run.buckets.front(), 1u);
  EXPECT_EQ(run.buckets.back(), 1u);
}

// A guest makes up as many denials as it likes; the series stay few, and the sum is right.
TEST(Metrics, DenialsAreBounded) {
  Metrics metrics;
  for (int i = 0; i < 5000; ++i) {
    Report report;
    report.denials = {{"ioctl", "", "rule " + std::to_string(i) + "\"\n", "", 1}};
    metrics.CountJob("p", report);
  }
  const std::string text = metrics.Text();
  EXPECT_LE(Lines(text, "moat_denials_total{"), 257u);
  EXPECT_NE(text.find("moat_denials_total{call=\"other\",profile=\"p\",rule=\"other\"} 4744"), std::string::npos);
}

}  // namespace
}  // namespace moat::observe
