// The handler of SIGSYS: what a violation of the modes trap and report runs into.
#pragma once

#include <linux/filter.h>
#include <signal.h>

#include <vector>

#include "moat/result.h"
#include "moat/seal.h"

namespace moat::seal {

// For the whole process. It keeps no state: the descriptor comes with each signal, as the
// filter's SECCOMP_RET_DATA, so that nothing a violator writes to decides where records go.
Status InstallHandler(SealViolation mode);
// The handler of mode trap itself: writes the record and does not return.
void OnTrap(int number, siginfo_t* info, void* context);

// In mode report the handler repeats the call from one place that the filter lets through.
std::vector<sock_filter> LetHandlerThrough(const std::vector<sock_filter>& code);

}  // namespace moat::seal
