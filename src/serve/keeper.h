// Who runs the jobs of one profile. Lives in the loop.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "moat/report.h"
#include "serve/service.h"

namespace moat::serve {

struct KeeperFigures {
  unsigned ready = 0;            // workers, or jails, ahead of jobs
  std::uint64_t misses = 0;      // jobs that found none
  std::uint64_t restarts = 0;    // of its program
  std::string trouble;           // why it cannot run jobs now, "" when it can
};

class Keeper {
 public:
  struct Ended {
    bool begun = true;  // false: it did not take the job; nothing has run
    Report report;
    std::string answer;
  };
  // For those above. Called from the loop, never from within a function of the keeper.
  struct Events {
    std::function<void(JobId, Ended)> ended;
    std::function<void(bool can_run)> changed;
    // Its program does not serve, and is tried again; "": now it does.
    std::function<void(const std::string& trouble)> troubled;
  };

  virtual ~Keeper() = default;
  // "" when the submission fits this kind of profile.
  virtual std::string Check(const Submission& submission) const = 0;
  virtual bool CanRun() const = 0;
  // Precondition: CanRun, checked. The submission outlives the job.
  virtual void Begin(JobId id, const Submission& submission) = 0;
  virtual void Cancel(JobId id) = 0;
  virtual KeeperFigures figures() const = 0;
};

}  // namespace moat::serve
