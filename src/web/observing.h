// What is told and counted (observe/), by the names that this folder has for it.
#pragma once

#include "observe/log.h"
#include "observe/metrics.h"

namespace moat::web {

using observe::Level;
using observe::Log;
using observe::Metrics;
using observe::Phase;
using observe::PhaseHistogram;
using observe::PhaseName;

}  // namespace moat::web
