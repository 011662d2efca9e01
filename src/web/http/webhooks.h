// Tells others that a job has ended: POST with a JSON body to an address of the configuration, signed.
// Callers choose a webhook by its name and never an address, so nobody makes us ask for theirs.
//
//   X-Moat-Timestamp: 1700000000
//   X-Moat-Signature: sha256=HMAC-SHA256(secret, TIMESTAMP "." BODY) in hex
//
// Redirects are not followed, answers not read beyond the status. What fails is tried again, at longer
// and longer intervals, and after a restart. Threads: any.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <list>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "moat/result.h"
#include "web/config.h"
#include "web/observing.h"
#include "web/store.h"

namespace httplib {
class Client;
struct Request;
}

namespace moat::web {

class Webhooks {
 public:
  // Reads the secrets now; a file that others could read is an error.
  static Result<std::unique_ptr<Webhooks>> Start(const LiveConfig& config, Metrics& metrics, Log& log);
  // Of a configuration that is not in force yet.
  using Secrets = std::map<std::string, std::string>;
  static Result<Secrets> ReadSecrets(const Config& config);
  void SetSecrets(Secrets secrets);
  ~Webhooks();

  void Send(const StoredJob& job);
  void NoteIn(Store* store);  // where it is noted that a notice was sent, or given up; null: no longer

 private:
  struct Notice {
    std::string job, hook, body;
    unsigned tries = 0;
    std::uint64_t due_ns = 0;
  };
  Webhooks(const LiveConfig& config, Metrics& metrics, Log& log) : config_(config), metrics_(metrics), log_(log) {}
  // A try that is under way, and when it has taken long enough.
  struct Flight {
    httplib::Client* client = nullptr;
    std::uint64_t until_ns = 0;
  };
  void Loop();
  void Watch();
  std::deque<Notice>::iterator NextDue();
  void Try(Notice notice);
  std::string SecretOf(const std::string& hook) const;
  void SendInTime(httplib::Client& client, httplib::Request& request) const;
  bool Deliver(const Notice& notice) const;

  const LiveConfig& config_;
  Metrics& metrics_;
  Log& log_;
  mutable std::mutex mutex_;
  Secrets secrets_;
  std::condition_variable changed_;
  std::deque<Notice> queue_;
  std::set<std::string> busy_;  // hooks that are being told something: a slow one holds up only itself
  std::mutex store_mutex_;
  Store* store_ = nullptr;
  enum class Life : unsigned char { kRuns, kEnds } life_ = Life::kRuns;
  std::vector<std::thread> threads_;
  mutable std::mutex flights_mutex_;
  mutable std::condition_variable landed_;
  mutable std::list<Flight> flights_;
  bool grounded_ = false;
};

}  // namespace moat::web
