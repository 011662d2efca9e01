// What a job used, from the accounts that the kernel keeps of its pid 1 and all that it reaped.
#pragma once

#include <sys/resource.h>

#include "moat/report.h"

namespace moat::run {

void TakeTimes(const struct rusage& usage, Report& report);

// Bytes through read and write calls of the whole tree: to be asked while pid 1 is dead and not
// yet reaped, when everything below it has been added to it.
void TakeTransfers(int pid, Report& report);

}  // namespace moat::run
