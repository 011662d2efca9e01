// Starting a helper from a process that may be huge, have threads and handlers of its own.
#pragma once

#include <string>

#include "moat/result.h"
#include "sys/fd.h"

namespace moat::api {

struct Process {
  sys::Pidfd pidfd;
  int pid = -1;
};

// `program` __spawner, with `socket` and `host` as descriptors 3 and 4 and nothing else: no
// environment, /dev/null for 0, 1, 2, signals as in a fresh process, a session of its own, "/"
// as working folder. No child of ours: helper.h tells why. No page of this process is copied.
Result<Process> StartProcess(const std::string& program, const sys::Fd& socket, const sys::Fd& host);

}  // namespace moat::api
