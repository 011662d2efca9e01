// What a door hands in and gets back. A door knows nothing of queues, keepers and workers; whoever
// runs jobs knows nothing of sockets and protocols.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "moat/report.h"
#include "pool/admission.h"
#include "sys/fd.h"

namespace moat::serve {

using pool::JobId;
using Time = std::chrono::nanoseconds;

// Descriptors are the submission's own, already received; their kinds are checked by the service.
struct Submission {
  std::string profile;
  std::string caller;  // who it counts for; the door has proven it
  std::string label;      // the client's word,
  std::uint64_t pid = 0;  // and its process: for the log
  pool::Priority priority = pool::Priority::kNormal;
  std::optional<Time> start_within;
  std::optional<Time> wall;             // below the profile's
  std::string request;                  // for programs that serve; standard input of others
  std::vector<std::string> arguments;   // behind the profile's command; for others than programs that serve
  std::vector<sys::Fd> inputs;
  std::vector<std::string> input_names; // as many, or none
  std::vector<sys::Fd> outputs;         // of others than programs that serve: at most one, standard output
  sys::Fd log;                          // standard error
  // Results are collected into it, with the daemon's rights: the door has seen to it that the caller has
  // them too, for an open folder proves nothing. Not for programs that serve.
  sys::Fd folder;

  // All of them, for who closes them (remover.h). None is left.
  std::vector<sys::Fd> TakeDescriptors() {
    std::vector<sys::Fd> all = std::move(inputs);
    for (sys::Fd& output : outputs) all.push_back(std::move(output));
    all.push_back(std::move(log));
    all.push_back(std::move(folder));
    outputs.clear();
    return all;
  }
};

enum class Outcome : std::uint8_t {
  kDone,      // `report` tells
  kRefused,   // `refusal` and `why`
  kExpired,   // it waited too long and was never started
  kInvalid,   // it does not fit the profile; `why`
};

struct Completion {
  Outcome outcome = Outcome::kDone;
  pool::Refusal refusal = pool::Refusal::kNone;
  Time retry_after{0};
  std::string why;
  Report report;
  std::string answer;
  Time waited{0};  // in the queue
};

// Called once, from the loop, never from within Submit.
using Complete = std::function<void(Completion)>;

class Service {
 public:
  virtual ~Service() = default;
  virtual JobId Submit(Submission submission, Complete complete) = 0;
  // It completes soon: as cancelled, or as what it had become by then.
  virtual void Cancel(JobId id) = 0;
};

}  // namespace moat::serve
