// Everything that runs the same program and is timed beside the others.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "moat/result.h"
#include "bench/start.h"

namespace moat::bench {

struct Contender {
  std::string key;       // "moat-run": stable, for tables and JSON
  std::string name;      // "`moat run`, cold"
  std::string enforces;  // what stands between the program and the host afterwards
  std::function<Result<Timed>()> run;
  // The kernel frees filters later than they go; whoever installs one is held to a rate.
  bool installs_filter = false;
};

struct Skipped {
  std::string name, reason;
};

struct Setting {
  std::string moat;     // bin/moat
  std::string against;  // that of another build, or ""
  std::string program;  // what everybody runs: /bin/true
  std::string folder;   // for files that are needed, absolute; the caller's
  const Conditions& conditions;
};

struct Field {
  std::vector<Contender> contenders;  // the first is what the others are compared with
  std::vector<Skipped> skipped;
  std::vector<std::shared_ptr<const void>> until_the_end;  // clean up behind the contenders
};

// Tries each once. One that cannot run on this host is skipped with its own words.
Field Gather(const Setting& setting);

}  // namespace moat::bench
