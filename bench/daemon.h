// A daemon of moat's, from its first answer until it is destroyed.
#pragma once

#include <sys/types.h>

#include <string>

#include "moat/result.h"

namespace moat::bench {

class Daemon {
 public:
  // `moat COMMAND --ready-fd N CONFIG`, with `log` for what it says. Waits until it is ready.
  static Result<Daemon> Start(const std::string& moat, const char* command, const std::string& config, const std::string& log);
  Daemon(Daemon&& other) noexcept;
  Daemon& operator=(Daemon&&) = delete;
  ~Daemon();  // asks it to end, and waits
  const std::string& said() const { return said_; }  // by --ready-fd

 private:
  Daemon(pid_t pid, std::string said) : pid_(pid), said_(std::move(said)) {}
  pid_t pid_;
  std::string said_;
};

}  // namespace moat::bench
