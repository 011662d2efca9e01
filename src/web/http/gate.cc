#include "web/http/gate.h"

#include <strings.h>

#include <algorithm>

#include "base/sha256.h"
#include "web/hmac.h"

namespace moat::web {
namespace {

constexpr std::string_view kScheme = "Bearer ";
constexpr std::size_t kMaxToken = 512;

// A name of this machine for itself: no name server makes it point elsewhere, or here.
bool IsLoopbackName(std::string_view host) {
  host = !host.empty() && host.front() == '[' ? host.substr(0, host.find(']') + 1) : host.substr(0, host.find(':'));
  const bool numbers = host.find_first_not_of("0123456789.") == std::string_view::npos;
  return host == "localhost" || host == "[::1]" || (numbers && host.rfind("127.", 0) == 0);
}

}  // namespace

std::optional<Caller> Gate::Identify(std::string_view authorization, std::string_view subject) const {
  if (open()) return Caller{"", CallerConfig::Role::kOperator, 0, 0};
  const bool bearer = authorization.size() > kScheme.size() && authorization.size() <= kMaxToken &&
                      strncasecmp(authorization.data(), kScheme.data(), kScheme.size()) == 0;
  const std::string hash = bearer ? base::Sha256Hex(authorization.substr(kScheme.size())) : std::string();
  const auto config = config_.Get();
  const CallerConfig* found = nullptr;
  for (const CallerConfig& caller : config->callers) {
    const bool token = caller.token_sha256.empty() || SameSecret(caller.token_sha256, hash);
    const bool certificate = caller.subject.empty() || caller.subject == subject;
    if (token && certificate) found = &caller;  // and on to the last, always
  }
  if (found == nullptr) return std::nullopt;
  return Caller{found->name, found->role, found->jobs, found->rate};
}

bool Gate::SentByAnotherSite(std::string_view host, std::string_view origin, std::string_view fetch_site) const {
  if (!open()) return false;  // a page does not know the token
  if (fetch_site == "cross-site" || fetch_site == "same-site") return true;
  const auto config = config_.Get();
  if (config->listen.unix_path.empty() && !IsLoopbackName(host)) return true;  // DNS rebinding
  return !origin.empty() && origin != (config->tls.certificate.empty() ? "http://" : "https://") + std::string(host);
}

std::uint64_t Gate::Take(const Caller& caller, std::uint64_t now_ns) {
  if (caller.rate == 0) return 0;
  const std::lock_guard lock(mutex_);
  const double rate = static_cast<double>(caller.rate);
  Bucket& bucket = buckets_.try_emplace(caller.name, Bucket{rate, now_ns}).first->second;
  if (now_ns > bucket.at_ns) {
    bucket.tokens = std::min(rate, bucket.tokens + static_cast<double>(now_ns - bucket.at_ns) / 1e9 * rate);
    bucket.at_ns = now_ns;
  }
  if (bucket.tokens < 1) return static_cast<std::uint64_t>((1 - bucket.tokens) / rate * 1000) + 1;
  bucket.tokens -= 1;
  return 0;
}

}  // namespace moat::web
