// From the moment that the job runs until nothing of it is left.
#pragma once

#include "moat/report.h"
#include "run/newborn.h"
#include "run/streams.h"
#include "run/verdict.h"

namespace moat::run {

// Carries the streams, watches the clocks, passes signals on, reaps pid 1 unless its word is enough. Signals are blocked
// and come through `signals` (a signalfd).
void Supervise(Newborn& newborn, Streams& streams, const sys::Fd& signals, Job::Detail detail,
               Report& report, Evidence& evidence);

// Takes what came through the signalfd since: was one of the signals among it that end a job?
bool CancelAsked(int signals);

}  // namespace moat::run
