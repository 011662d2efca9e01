// What operators, load balancers and Prometheus ask for.
#include "web/http/http_door.h"
#include "sys/calls.h"

namespace moat::web {
namespace {

constexpr std::uint64_t kProbeHolds = 2'000'000'000;

}  // namespace

// Really starts a sandbox, though not more often than every two seconds, whoever asks.
void HttpDoor::GetHealth(Response& response) {
  const std::lock_guard lock(probe_mutex_);
  if (probed_ns_ == 0 || sys::NowNs() - probed_ns_ > kProbeHolds) {
    const Status probed = parts_.probe();
    probe_error_ = probed.ok() ? "" : probed.error().ToString();
    probed_ns_ = sys::NowNs();
    if (!probed.ok()) parts_.log.Write(Level::kError, "health", {{"error", probe_error_}});
  }
  if (!probe_error_.empty()) return (void)Fail(response, 503, "no sandbox can be started; the log says why");
  response.status = 200;
  response.set_content("{\"healthy\":true}\n", "application/json");
}

void HttpDoor::GetReady(Response& response) {
  if (parts_.service.draining()) return (void)Busy(response, 503, 1000, "the daemon is ending", "draining");
  response.status = 200;
  response.set_content("{\"ready\":true}\n", "application/json");
}

void HttpDoor::GetMetrics(Response& response) {
  parts_.metrics.SetLoad(parts_.backend.Load());
  parts_.metrics.SetConnections(reactor_->connections());
  parts_.metrics.SetLostLines(parts_.log.lost());
  parts_.metrics.SetGivenUp(Stray::given_up());
  parts_.metrics.SetFilters(parts_.filters.installed(), parts_.filters.waits());
  parts_.metrics.SetStore(parts_.service.store().jobs(), parts_.service.store().bytes());
  response.status = 200;
  response.set_content(parts_.metrics.Text(), "text/plain; version=0.0.4; charset=utf-8");
}

void HttpDoor::GetStatus(Response& response) {
  const auto stay = StayAtDisk(response);
  if (stay == nullptr) return;
  auto body = StatusBody(parts_.service, parts_.metrics, parts_.backend.Load(), reactor_->connections(), parts_.explain);
  if (!body.ok()) return (void)Fail(response, 500, "the history cannot be read");
  response.status = 200;
  response.set_content(*body, "application/json");
}

}  // namespace moat::web
