// The configuration of `moat serve`: a TOML file, read as strictly as a policy. What is unknown is an
// error with its line and what was probably meant; sizes and times have units. docs/http.md.
//
// Pure: reads no other file. Values; copies are independent.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "moat/result.h"

namespace moat::web {

// What a caller may put into a command: one of a list, or a whole number of a range. Nothing else
// of what callers say ever becomes an argument.
struct Parameter {
  std::string name;
  std::vector<std::string> values;  // the first is the default; empty: a number
  std::int64_t least = 0, most = 0, usual = 0;
};

struct ProfileConfig {
  std::string name;
  Origin origin;
  std::string policy;  // a path or a profile's name; "": the pool's
  std::vector<std::string> command;  // with a pool: words behind the command of its profile
  std::string output;  // with a pool, of a program that serves: what its output is called
  std::vector<Parameter> parameters;
  std::vector<std::pair<std::string, std::string>> limits;  // as flags of `moat run`
  std::uint64_t upload = 64ULL << 20;  // bytes, all inputs together
  std::uint64_t queue = 64;            // that may wait
  std::int64_t wait_ns = 30'000'000'000;  // and for how long, when the caller says nothing
  enum class Repeat : std::uint8_t { kNever, kWhenLost } repeat = Repeat::kNever;
};

struct CallerConfig {
  enum class Role : std::uint8_t { kSubmit, kOperator };
  std::string name;
  Origin origin;
  std::string token_sha256;  // 64 hex digits; or
  std::string subject;       // of their certificate, as RFC 2253 writes it; where both are given, both count
  Role role = Role::kSubmit;
  std::uint64_t jobs = 64;   // unfinished at a time
  std::uint64_t rate = 0;    // a second; 0: as many as they like
};

struct WebhookConfig {
  std::string name;
  Origin origin;
  std::string scheme, host, path;  // of the url
  std::uint16_t port = 0;
  std::string secret_file;
};

struct ListenConfig {
  std::string unix_path;  // or, when empty:
  std::string address;    // an IPv4 or IPv6 address
  std::uint16_t port = 0;
  bool loopback = true;
};

struct TlsConfig {
  std::string certificate, key;  // files; "": no TLS
  std::string clients;           // the CA that callers' certificates are of; "": they need none
};

struct Config {
  std::string path;
  std::string digest;  // of its text
  ListenConfig listen;
  TlsConfig tls;
  std::string pool;  // socket of the daemon that runs the jobs; "": we do, by the library
  std::string spool = "/var/lib/moat";
  std::uint64_t spool_size = 4ULL << 30;
  std::int64_t keep_ns = 3'600'000'000'000;  // how long results stay
  std::uint64_t history = 100'000;           // jobs that are remembered
  std::uint64_t jobs = 0;                    // at the same time; 0: one for each processor
  std::uint64_t connections = 2000;
  std::vector<ProfileConfig> profiles;
  std::vector<CallerConfig> callers;  // none: whoever reaches the door may use it
  std::vector<WebhookConfig> webhooks;

  const ProfileConfig* FindProfile(std::string_view name) const;
  const WebhookConfig* FindWebhook(std::string_view name) const;
};

// As it is now: it may be read anew while jobs run. Whoever wants more than one word of it keeps what
// Get returned, and with it what that points to. Threads: any.
class LiveConfig {
 public:
  explicit LiveConfig(Config config) : config_(std::make_shared<const Config>(std::move(config))) {}
  std::shared_ptr<const Config> Get() const {
    const std::lock_guard lock(mutex_);
    return config_;
  }
  void Set(Config config) {
    auto next = std::make_shared<const Config>(std::move(config));
    const std::lock_guard lock(mutex_);
    config_.swap(next);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Config> config_;
};

// What a daemon that runs cannot change, as an error; the rest it can.
Status CheckReload(const Config& now, const Config& next);

Result<Config> ParseConfig(std::string_view text, const std::string& path);

// "127.0.0.1:7890", "[::1]:7890", "unix:/run/moat.sock"
Result<ListenConfig> ParseListen(std::string_view text);

// The command with its parameters in place. `given` names each at most once.
Result<std::vector<std::string>> Expand(const ProfileConfig& profile, const std::map<std::string, std::string>& given);

}  // namespace moat::web
