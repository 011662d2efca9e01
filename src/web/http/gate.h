// Who asks, and how much of it they may. Tokens are compared by their SHA-256 and in constant time;
// the tokens themselves are nowhere. Threads: any.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "web/config.h"

namespace moat::web {

struct Caller {
  std::string name;  // "" where nobody has to say who they are
  CallerConfig::Role role = CallerConfig::Role::kSubmit;
  std::uint64_t jobs = 0;  // unfinished at a time; 0: no bound but the queues'
  std::uint64_t rate = 0;
};

class Gate {
 public:
  explicit Gate(const LiveConfig& config) : config_(config) {}

  bool open() const { return config_.Get()->callers.empty(); }
  // From the header `Authorization: Bearer TOKEN` and the subject of a verified certificate, "" without
  // one. An open gate lets everybody in as operator.
  std::optional<Caller> Identify(std::string_view authorization, std::string_view subject) const;
  // Whether a page of another site may have sent this: with an open gate, a browser on this machine is
  // the one who could be made to. All are headers.
  bool SentByAnotherSite(std::string_view host, std::string_view origin, std::string_view fetch_site) const;

  // One more request of this caller's: 0, or after how many milliseconds there may be one again.
  std::uint64_t Take(const Caller& caller, std::uint64_t now_ns);

 private:
  struct Bucket {
    double tokens = 0;
    std::uint64_t at_ns = 0;
  };
  const LiveConfig& config_;
  std::mutex mutex_;
  std::map<std::string, Bucket> buckets_;
};

}  // namespace moat::web
