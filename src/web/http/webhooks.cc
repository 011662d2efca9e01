#include "web/http/webhooks.h"

#include <fcntl.h>
#include <httplib.h>

#include <algorithm>
#include <chrono>
#include <exception>

#include "web/hmac.h"
#include "web/http/views.h"
#include "sys/calls.h"

namespace moat::web {
namespace {

constexpr unsigned kMostTries = 6;
constexpr std::size_t kMostWaiting = 10'000, kLeastSecret = 16;
constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr int kTimeout = 5;  // seconds, of each thing that is waited for; and
constexpr std::uint64_t kWhole = 15 * kSecond;
constexpr unsigned kThreads = 4;

Result<std::string> ReadSecret(const WebhookConfig& hook) {
  const sys::Fd file = MOAT_TRY(sys::open(hook.secret_file, O_RDONLY));
  const struct stat facts = MOAT_TRY(sys::fstat(file, hook.secret_file));
  if ((facts.st_mode & 077) != 0) {
    return WithOrigin(WithFix(PolicyError("the secret of webhook `" + hook.name + "` can be read by others"),
                              "chmod 0600 " + hook.secret_file),
                      hook.origin);
  }
  std::string secret = MOAT_TRY(sys::ReadAll(file, 4096, hook.secret_file));
  while (!secret.empty() && (secret.back() == '\n' || secret.back() == '\r')) secret.pop_back();
  if (secret.size() >= kLeastSecret) return secret;
  return PolicyError("the secret of webhook `" + hook.name + "` has less than 16 bytes", hook.origin);
}

}  // namespace

Result<std::unique_ptr<Webhooks>> Webhooks::Start(const LiveConfig& config, Metrics& metrics, Log& log) {
  std::unique_ptr<Webhooks> webhooks(new Webhooks(config, metrics, log));
  webhooks->secrets_ = MOAT_TRY(ReadSecrets(*config.Get()));
  for (unsigned i = 0; i < kThreads; ++i) webhooks->threads_.emplace_back([w = webhooks.get()] { w->Loop(); });
  webhooks->threads_.emplace_back([w = webhooks.get()] { w->Watch(); });
  return webhooks;
}

Result<Webhooks::Secrets> Webhooks::ReadSecrets(const Config& config) {
  Secrets secrets;
  for (const WebhookConfig& hook : config.webhooks) secrets[hook.name] = MOAT_TRY(ReadSecret(hook));
  return secrets;
}

void Webhooks::SetSecrets(Secrets secrets) {
  const std::lock_guard lock(mutex_);
  secrets_ = std::move(secrets);
}

Webhooks::~Webhooks() {
  {
    const std::lock_guard lock(mutex_);
    life_ = Life::kEnds;
  }
  changed_.notify_all();
  {
    const std::lock_guard lock(flights_mutex_);
    grounded_ = true;
  }
  landed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

// Each read has its time, but there may be many: an answer of a byte in five seconds would never end.
void Webhooks::Watch() {
  std::unique_lock lock(flights_mutex_);
  while (!grounded_ || !flights_.empty()) {
    for (const Flight& flight : flights_) {
      if (grounded_ || flight.until_ns <= sys::NowNs()) flight.client->stop();
    }
    landed_.wait_for(lock, std::chrono::milliseconds(grounded_ ? 20 : flights_.empty() ? 10'000 : 500));
  }
}

// With the lock.
std::deque<Webhooks::Notice>::iterator Webhooks::NextDue() {
  auto first = queue_.end();
  for (auto each = queue_.begin(); each != queue_.end(); ++each) {
    if (busy_.count(each->hook) == 0 && (first == queue_.end() || each->due_ns < first->due_ns)) first = each;
  }
  return first;
}

void Webhooks::NoteIn(Store* store) {
  const std::lock_guard lock(store_mutex_);
  store_ = store;
}

void Webhooks::Send(const StoredJob& job) {
  const std::lock_guard lock(mutex_);
  if (queue_.size() >= kMostWaiting) return;  // they are due in the store: the next start sends them
  queue_.push_back({job.id, job.webhook, NoticeBody(job), 0, 0});
  changed_.notify_all();
}

void Webhooks::Loop() {
  std::unique_lock lock(mutex_);
  while (life_ == Life::kRuns) {
    const auto first = NextDue();
    if (first == queue_.end() || first->due_ns > sys::NowNs()) {
      changed_.wait_for(lock, std::chrono::milliseconds(queue_.empty() ? 10'000 : 250));
      continue;
    }
    std::string hook;
    try {
      hook = first->hook;
      busy_.insert(hook);
      Notice notice = std::move(*first);
      queue_.erase(first);
      lock.unlock();
      Try(std::move(notice));
    } catch (const std::exception&) {  // no memory: it is due in the store, and the next start sends it
    }
    if (!lock.owns_lock()) lock.lock();
    busy_.erase(hook);
  }
}

void Webhooks::Try(Notice notice) {
  const bool delivered = Deliver(notice);
  if (delivered || ++notice.tries >= kMostTries) {
    metrics_.CountWebhook(delivered ? "delivered" : "given-up");
    const std::lock_guard lock(store_mutex_);
    if (store_ != nullptr) (void)store_->NoticeSent(notice.job);
    return;
  }
  notice.due_ns = sys::NowNs() + (kSecond << (2 * notice.tries - 2));  // 1, 4, 16, 64, 256 s
  const std::lock_guard lock(mutex_);
  queue_.push_back(std::move(notice));
}

std::string Webhooks::SecretOf(const std::string& hook) const {
  const std::lock_guard lock(mutex_);
  const auto found = secrets_.find(hook);
  return found == secrets_.end() ? std::string() : found->second;
}

void Webhooks::SendInTime(httplib::Client& client, httplib::Request& request) const {
  std::unique_lock lock(flights_mutex_);
  if (grounded_) return;
  const auto flight = flights_.insert(flights_.end(), {&client, sys::NowNs() + kWhole});
  landed_.notify_all();
  lock.unlock();
  try {
    (void)client.send(request);
  } catch (const std::exception&) {  // no memory: as if nobody had answered
  }
  lock.lock();
  flights_.erase(flight);
}

bool Webhooks::Deliver(const Notice& notice) const {
  const auto config = config_.Get();
  const WebhookConfig* hook = config->FindWebhook(notice.hook);
  const std::string secret = SecretOf(notice.hook);
  if (hook == nullptr || secret.empty()) return false;  // configured differently since
  httplib::Client client(hook->scheme + "://" + hook->host + ":" + std::to_string(hook->port));
  client.set_follow_location(false);
  client.set_connection_timeout(kTimeout);
  client.set_read_timeout(kTimeout);
  client.set_write_timeout(kTimeout);
  httplib::Request request;
  request.method = "POST";
  request.path = hook->path;
  const std::string time = std::to_string(UnixNs() / kSecond);
  request.set_header("X-Moat-Timestamp", time);
  request.set_header("X-Moat-Signature", "sha256=" + HmacSha256Hex(secret, time + "." + notice.body));
  request.set_header("Content-Type", "application/json");
  request.body = notice.body;
  int status = 0;
  request.response_handler = [&status](const httplib::Response& response) {
    status = response.status;
    return false;  // the body is not wanted
  };
  SendInTime(client, request);
  log_.Write(Level::kInfo, "webhook",
             {{"job", notice.job}, {"webhook", notice.hook}, {"status", static_cast<std::uint64_t>(std::max(status, 0))}});
  return status >= 200 && status < 300;
}

}  // namespace moat::web
