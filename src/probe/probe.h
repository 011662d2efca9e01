// Fills plan::HostFacts by trying everything on this host, never by the kernel's version.
//
//   auto facts = MOAT_TRY(probe::Probe());
//   if (!facts.user_ns.works) puts(facts.user_ns.fix.c_str());
//
// Costs a few milliseconds: two forks, one of each namespace, one group per cgroup hierarchy
// (made below our own group and removed again). The caller's signals, descriptors, working
// folder and children are left alone, and nothing stays behind. An Error only when not even
// a child can be made; a layer that does not work is a Fact. Threads: any.
#pragma once

#include <chrono>

#include "moat/result.h"
#include "plan/host_facts.h"

namespace moat::probe {

struct Options {
  // Of a trial that hangs, on a kernel of a kind not seen yet. A busy host is no such kernel.
  std::chrono::milliseconds timeout{20000};
};

Result<plan::HostFacts> Probe(const Options& options = {});

}  // namespace moat::probe
