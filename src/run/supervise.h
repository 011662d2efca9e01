// From the moment that the job runs until nothing of it is left.
#pragma once

#include "moat/report.h"
#include "run/live_plan.h"
#include "run/spawn.h"
#include "run/streams.h"
#include "run/verdict.h"

namespace moat::run {

// Carries the streams, watches the clocks, passes signals on, reaps pid 1. Signals are blocked
// and come through `signals` (a signalfd).
void Supervise(LivePlan& plan, Child& child, Streams& streams, const sys::Fd& signals, Job::Detail detail,
               Report& report, Evidence& evidence);

// Takes what came through the signalfd since: was one of the signals among it that end a job?
bool CancelAsked(int signals);

}  // namespace moat::run
