// Which request goes where, and what holds for all of them.
#include <algorithm>

#include "web/http/assets.h"
#include "web/http/http_door.h"
#include "sys/calls.h"

namespace moat::web {
namespace {

constexpr std::uint64_t kSmallBody = 64U << 10;
// 80 with jobs, uploads and polls (submit.cc), 32 at the disk, 32 that wait for a client: 16 are for what is quick.
constexpr unsigned kThreads = 160, kMostAtDisk = 32;
constexpr const char* kJson = "application/json";

// Without a token, even where tokens are asked for: they tell nothing of jobs.
bool IsPublic(const std::string& path) {
  return path == "/healthz" || path == "/readyz" || path == "/openapi.json" || path == "/" || path.rfind("/dashboard.", 0) == 0;
}

bool IsForOperators(const std::string& path) { return path == "/metrics" || path == "/v1/status"; }

std::uint64_t LargestUpload(const Config& config) {
  std::uint64_t largest = 0;
  for (const ProfileConfig& profile : config.profiles) largest = std::max(largest, profile.upload);
  return largest;
}

// Headers of parts and of chunks come on top of what is counted against an upload.
std::uint64_t WithOverhead(std::uint64_t upload) { return upload + upload / 8 + (1U << 20); }

}  // namespace

Visit& CurrentVisit() {
  thread_local Visit visit;
  return visit;
}

Callers CallersOf(const Visit& visit) { return visit.config->callers.size() > 1 ? Callers::kMore : Callers::kOne; }

Library::Left Library::Process(Connection& connection) {
  bool closed = false;
  const bool went_well = process_request(connection, false, closed, nullptr);
  return went_well && !closed ? Left::kOpen : Left::kClosed;
}

std::string QueryOf(const httplib::Request& request, const char* name) {
  return request.has_param(name) ? request.get_param_value(name) : std::string();
}

Status HttpDoor::Start(sys::Fd listener) {
  SetUp();
  AddHandlers();
  AddRoutes();
  AddPages();
  Reactor::Options options;
  options.connections = parts_.config.Get()->connections;
  options.threads = kThreads;
  options.tls = &parts_.tls;
  reactor_ = MOAT_TRY(Reactor::Make(std::move(listener), options, [this](Connection& c) { return Answer(c); }));
  reactor_->Start();  // not before: what they answer asks reactor_
  return {};
}

Reactor::Next HttpDoor::Answer(Connection& connection) {
  const RequestHead head = ReadHead(connection.Head());
  CurrentVisit() = {NewId().substr(0, 16), Caller(), sys::NowNs(), parts_.config.Get()};
  const bool upload = head.method == "POST" && head.target.rfind("/v1/jobs/", 0) == 0;
  connection.BeginBody(head, upload ? WithOverhead(LargestUpload(*CurrentVisit().config)) : kSmallBody);
  if (!upload && head.length > kSmallBody) {
    constexpr std::string_view kTooLarge = "HTTP/1.1 413 Payload Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    (void)connection.write(kTooLarge.data(), kTooLarge.size());
    return Reactor::Next::kClose;
  }
  const Library::Left left = library_.Process(connection);
  // What was not read of the body would be taken for the next request.
  const bool consumed = !head.has_body || (!head.chunked && connection.BodyConsumed());
  return left == Library::Left::kOpen && consumed ? Reactor::Next::kKeep : Reactor::Next::kClose;
}

void HttpDoor::SetUp() {
  library_.set_payload_max_length(SIZE_MAX);  // submissions count for themselves, others were bounded before
  library_.set_keep_alive_timeout(60);  // what it tells the clients; the reactor is who does it
  library_.set_keep_alive_max_count(1'000'000);
  library_.set_default_headers({{"X-Content-Type-Options", "nosniff"},
                                {"Cache-Control", "no-store"},
                                {"Referrer-Policy", "no-referrer"},
                                {"Cross-Origin-Resource-Policy", "same-origin"}});
  library_.set_logger([this](const Request& request, const Response& response) {
    parts_.metrics.CountRequest(response.status);
    parts_.log.Write(Level::kInfo, "request",
                     {{"request", CurrentVisit().request}, {"from", request.remote_addr}, {"caller", CurrentVisit().caller.name},
                      {"method", request.method}, {"path", request.path}, {"status", static_cast<std::uint64_t>(response.status)},
                      {"ns", sys::NowNs() - CurrentVisit().since_ns}});
  });
}

void HttpDoor::AddHandlers() {
  library_.set_pre_routing_handler([this](const Request& request, Response& response) {
    response.set_header("X-Request-Id", CurrentVisit().request);
    const Verdict verdict = CheckRequest(request, response);
    return verdict == Verdict::kAnswered ? Library::HandlerResponse::Handled : Library::HandlerResponse::Unhandled;
  });
  library_.set_error_handler(Library::HandlerWithResponse([this](const Request&, Response& response) {
    if (response.body.empty() && response.status == 404) Fail(response, 404, "there is nothing here", "/openapi.json lists what there is");
    if (response.body.empty()) Fail(response, response.status, "the request could not be read");
    return Library::HandlerResponse::Handled;
  }));
  library_.set_exception_handler([this](const Request&, Response& response, std::exception_ptr) {
    Fail(response, 500, "an error of ours; the log has this request's id");
    parts_.log.Write(Level::kError, "exception", {{"request", CurrentVisit().request}});
  });
}

void HttpDoor::HandOver(Pass pass) {
  hands_over_ = true;
  parts_.service.RingAll();  // who polls is answered now, and asks the other one
  reactor_->HandOver(std::move(pass));
}

void HttpDoor::TakeBack() {
  hands_over_ = false;
  reactor_->TakeBack();
}

HttpDoor::Verdict HttpDoor::Fail(Response& response, int status, std::string_view error, std::string_view fix) {
  response.status = status;
  response.set_content(ErrorBody(error, fix, CurrentVisit().request), kJson);
  return Verdict::kAnswered;
}

std::shared_ptr<Stay> HttpDoor::StayAtDisk(Response& response) {
  auto stay = std::make_shared<Stay>(at_disk_, CurrentVisit().caller.name, kMostAtDisk, CallersOf(CurrentVisit()));
  if (stay->got()) return stay;
  Busy(response, 503, 1000, "as many clients are being served from the disk as can be", "threads");
  return nullptr;
}

HttpDoor::Verdict HttpDoor::Busy(Response& response, int status, std::uint64_t retry_ms, std::string_view error, std::string_view why) {
  parts_.metrics.CountRefusal(why);
  response.set_header("Retry-After", std::to_string(std::max<std::uint64_t>(1, (retry_ms + 999) / 1000)));
  return Fail(response, status, error);
}

HttpDoor::Verdict HttpDoor::CheckRequest(const Request& request, Response& response) {
  if (request.ranges.size() > 1) return Fail(response, 416, "one range at a time");
  if (request.get_header_value_count("Authorization") > 1) return Fail(response, 400, "two tokens");
  if (gate_.SentByAnotherSite(request.get_header_value("Host"), request.get_header_value("Origin"),
                              request.get_header_value("Sec-Fetch-Site"))) {
    parts_.metrics.CountRefusal("other-site");
    return Fail(response, 403, "this comes from a page of another site, or by another name than localhost",
                "without tokens only this machine's own programs may ask; add a [[caller]] for others");
  }
  return IsPublic(request.path) ? Verdict::kGoOn : CheckCaller(request, response);
}

HttpDoor::Verdict HttpDoor::CheckCaller(const Request& request, Response& response) {
  auto caller = gate_.Identify(request.get_header_value("Authorization"), Connection::Current()->subject());
  if (!caller.has_value()) {
    parts_.metrics.CountRefusal("token");
    response.set_header("WWW-Authenticate", "Bearer");
    return Fail(response, 401, "who asks?", "send `Authorization: Bearer TOKEN`, or come with the certificate of a caller");
  }
  CurrentVisit().caller = *caller;
  if (IsForOperators(request.path) && caller->role != CallerConfig::Role::kOperator) {
    return Fail(response, 403, "only for callers with `role = \"operator\"`");
  }
  const std::uint64_t wait_ms = gate_.Take(*caller, sys::NowNs());
  if (wait_ms == 0) return Verdict::kGoOn;
  return Busy(response, 429, wait_ms, "more requests a second than this caller may send", "rate");
}

void HttpDoor::AddRoutes() {
  library_.Post(R"(/v1/jobs/([a-z0-9_-]{1,40}))", [this](const Request& q, Response& r, const Reader& reader) { Submit(q, r, reader); });
  library_.Get("/v1/jobs", [this](const Request& q, Response& r) { GetJobs(q, r); });
  library_.Get(R"(/v1/jobs/([0-9a-f]{32}))", [this](const Request& q, Response& r) { GetJob(q, r); });
  library_.Delete(R"(/v1/jobs/([0-9a-f]{32}))", [this](const Request& q, Response& r) { DeleteJob(q, r); });
  library_.Get(R"(/v1/jobs/([0-9a-f]{32})/outputs/(.+))", [this](const Request& q, Response& r) { GetOutput(q, r); });
  library_.Get(R"(/v1/jobs/([0-9a-f]{32})/outputs\.(tar|zip))", [this](const Request& q, Response& r) { GetArchive(q, r); });
  library_.Get(R"(/v1/jobs/([0-9a-f]{32})/(stdout|stderr))", [this](const Request& q, Response& r) { GetStream(q, r); });
  library_.Get("/healthz", [this](const Request&, Response& r) { GetHealth(r); });
  library_.Get("/readyz", [this](const Request&, Response& r) { GetReady(r); });
  library_.Get("/metrics", [this](const Request&, Response& r) { GetMetrics(r); });
  library_.Get("/v1/status", [this](const Request&, Response& r) { GetStatus(r); });
}

void HttpDoor::AddPages() {
  const auto page = [this](const char* path, std::string_view text, const char* type) {
    library_.Get(path, [text, type](const Request&, Response& response) {
      response.set_header("Content-Security-Policy",
                          "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
                          "base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
      response.set_content(text.data(), text.size(), type);
    });
  };
  page("/", kDashboardHtml, "text/html; charset=utf-8");
  page(R"(/dashboard\.css)", kDashboardCss, "text/css; charset=utf-8");
  page(R"(/dashboard\.js)", kDashboardJs, "text/javascript; charset=utf-8");
  page(R"(/openapi\.json)", kOpenApi, kJson);
}

Result<std::unique_ptr<Door>> Door::Open(DoorParts parts, sys::Fd listener) {
  auto door = std::make_unique<HttpDoor>(std::move(parts));
  MOAT_TRY(door->Start(std::move(listener)));
  return std::unique_ptr<Door>(std::move(door));
}

}  // namespace moat::web
