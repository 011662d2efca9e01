#include "web/end_words.h"

#include <cerrno>

namespace moat::web {

const char* EndingOf(const JobEnd& end) {
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

std::string WhyOf(const JobEnd& end) {
  if (end.kind == JobEnd::Kind::kExpired) return kTooLate;
  if (end.kind == JobEnd::Kind::kDropped) return kNotWanted;
  return end.error.ToString();
}

bool IsScarce(int error_number) {
  for (const int scarce : {EAGAIN, ENOMEM, EMFILE, ENFILE, ENOSPC, EDQUOT, ENOBUFS}) {
    if (error_number == scarce) return true;
  }
  return false;
}

bool NoRoom(const JobEnd& end) { return end.kind == JobEnd::Kind::kFailed && IsScarce(end.error.error_number); }

bool IsShort(const JobEnd& end) {
  return end.kind == JobEnd::Kind::kRan && end.report.cause == Cause::kSetup && end.report.setup && IsScarce(end.report.setup->error_number);
}

}  // namespace moat::web
