#include "base/errno_name.h"
#include "base/text.h"
#include "moat/result.h"

namespace moat {

std::string Origin::ToString() const {
  std::string text = file;
  if (line != 0) {
    text += ':';
    base::AppendNumber(text, line);
  }
  if (column != 0) {
    text += ':';
    base::AppendNumber(text, column);
  }
  return text;
}

std::string Error::ToString() const {
  std::string text;
  if (!origin.empty()) text += origin.ToString() + ": ";
  text += message;
  if (!subject.empty() && message.find(subject) == std::string::npos) text += ": " + subject;
  if (error_number != 0) {
    text += ": ";
    if (!call.empty()) text += call + ": ";
    text += base::ErrnoName(error_number);
    text += " (";
    text += base::ErrnoText(error_number);
    text += ')';
  }
  if (!fix.empty()) text += "; " + fix;
  return text;
}

Error PolicyError(std::string message, Origin origin) {
  Error error;
  error.kind = ErrorKind::kPolicy;
  error.message = std::move(message);
  error.origin = std::move(origin);
  return error;
}

Error HostError(std::string message, std::string fix) {
  Error error;
  error.kind = ErrorKind::kHost;
  error.message = std::move(message);
  error.fix = std::move(fix);
  return error;
}

Error SystemError(std::string call, int error_number, std::string subject) {
  Error error;
  error.kind = ErrorKind::kSystem;
  error.message = call + " failed";
  error.call = std::move(call);
  error.error_number = error_number;
  error.subject = std::move(subject);
  return error;
}

Error BugError(std::string message) {
  Error error;
  error.kind = ErrorKind::kBug;
  error.message = std::move(message);
  return error;
}

}  // namespace moat
