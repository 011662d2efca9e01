// The client's half of the local door, without a class around it: the library's PoolClient and `moat submit` are
// made of it. Core code. Owns nothing but the socket that it returns; waits as long as the daemon does.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "moat/report.h"
#include "moat/result.h"
#include "serve/local_protocol.h"
#include "sys/fd.h"

namespace moat::serve {

struct LocalInput {
  int descriptor = -1;
  std::string name;  // of all inputs, or of none
};

// PoolJob (moat/pool.h), times as on the wire.
struct LocalJob {
  std::string profile, label, request;
  std::vector<std::string> arguments;
  std::vector<LocalInput> inputs;
  std::vector<int> outputs;
  int log = -1, folder = -1;
  LocalPriority priority = LocalPriority::kNormal;
  std::uint64_t wall_ns = kNoTime, start_within_ns = kNoTime;
};

// PoolResult.
struct LocalAnswer {
  std::uint64_t id = 0;
  LocalOutcome outcome = LocalOutcome::kDone;
  std::string why;
  std::uint64_t retry_after_ns = 0, waited_ns = 0;
  Report report;
  std::string answer;
};

inline constexpr std::size_t kAnswerBytes = sizeof(DoneFrame) + kMaxInlineBody;

// Connected, and greeted by a daemon of our own version.
Result<sys::Fd> EnterLocalDoor(const std::string& path);
Status SendJob(const sys::Fd& door, std::uint64_t id, const LocalJob& job);
Status CancelJob(const sys::Fd& door, std::uint64_t id);
// `buffer` holds kAnswerBytes.
Result<LocalAnswer> NextAnswer(const sys::Fd& door, std::span<char> buffer);
// What the daemon counts, as Prometheus reads it. With no job on its way.
Result<std::string> AskForFigures(const sys::Fd& door, std::span<char> buffer);

}  // namespace moat::serve
