// How a job ended that was not run, in the words of the store, the history and the log.
#pragma once

#include <cerrno>
#include <string>

#include "web/backend.h"

namespace moat::web {

inline constexpr const char* kTooLate = "it waited too long and was not started";
inline constexpr const char* kNotWanted = "cancelled while it waited";

inline const char* EndingOf(const JobEnd& end) {
  switch (end.kind) {
    case JobEnd::Kind::kRan:
      return "ran";
    case JobEnd::Kind::kExpired:
      return "expired";
    case JobEnd::Kind::kDropped:
      return "cancelled";
    case JobEnd::Kind::kFailed:
      return "failed";
  }
  return "failed";
}

inline bool IsScarce(int error_number) {
  for (const int scarce : {EAGAIN, ENOMEM, EMFILE, ENFILE, ENOSPC, ENOBUFS}) {
    if (error_number == scarce) return true;
  }
  return false;
}
// The host had no room for it, of whatever kind: it was not started, and another time it may be.
inline bool NoRoom(const JobEnd& end) { return end.kind == JobEnd::Kind::kFailed && IsScarce(end.error.error_number); }
// It was begun, and its jail came to nothing for the same reason: the program was not started.
inline bool IsShort(const JobEnd& end) {
  return end.kind == JobEnd::Kind::kRan && end.report.cause == Cause::kSetup && end.report.setup && IsScarce(end.report.setup->error_number);
}

inline std::string WhyOf(const JobEnd& end) {
  if (end.kind == JobEnd::Kind::kExpired) return kTooLate;
  if (end.kind == JobEnd::Kind::kDropped) return kNotWanted;
  return end.error.ToString();
}

}  // namespace moat::web
