// What a job used, from the accounts that the kernel keeps of its pid 1 and all that it reaped.
#pragma once

#include <sys/resource.h>

#include <cstdint>

#include "moat/report.h"
#include "plan/abi.h"
#include "run/counters.h"

namespace moat::run {

// What wait4 would say of a process that ends: its own and that of the children it waited for.
struct rusage Sum(const std::uint64_t* own, const std::uint64_t* children);

void TakeTimes(const struct rusage& usage, Report& report);

// Bytes through read and write calls of the whole tree. Root looks at pid 1 when it is dead and not
// yet reaped, and everything below it has been added to it. Others may not: they have it from pid 1,
// who looked last of all (`accounts`).
void LookAtTransfers(const Counters& counters, int pid, abi::Shared& shared);
// `init_status`: how pid 1 ended. One that was killed had not added up everybody.
void TakeTransfers(const abi::Shared& shared, int init_status, Report& report);

}  // namespace moat::run
