// Where the report goes: a file, replaced whole, or a descriptor that the caller gave. Opened
// before the job starts, so that a mistake is told before work is done.
#pragma once

#include <string>

#include "moat/result.h"
#include "run/arrival.h"
#include "sys/fd.h"

namespace moat::launcher {

class ReportSink {
 public:
  // "", "FILE" or "fd:N".
  static Result<ReportSink> Open(const std::string& where);
  bool wanted() const { return descriptor_ >= 0 || file_.valid() || arrival_.fd().valid(); }
  Status Write(const std::string& json);

 private:
  static Result<ReportSink> OpenSpecial(const std::string& where);
  Status OpenFile(const std::string& where);

  std::string name_;
  sys::Fd folder_, file_;
  run::Arrival arrival_;  // into the folder
  int descriptor_ = -1;  // not ours to close
};

}  // namespace moat::launcher
