// Between doors and keepers: admits, starts, retries, completes. Lives in the loop.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "observe/log.h"
#include "observe/metrics.h"
#include "pool/admission.h"
#include "serve/config.h"
#include "serve/filter_rate.h"
#include "serve/keeper.h"
#include "serve/loop.h"
#include "serve/remover.h"
#include "serve/service.h"

namespace moat::serve {

class Dispatcher final : public Service {
 public:
  // Both are told of each job's end, and outlive it.
  Dispatcher(Loop& loop, observe::Metrics& metrics, observe::Log& log);
  ~Dispatcher() override;

  // The first, or another one: profiles that are gone finish what they have, changed ones get a new
  // keeper beside the old. An error leaves everything as it was.
  Status Configure(const Config& config);

  JobId Submit(Submission submission, Complete complete) override;
  void Cancel(JobId id) override;

  // Nothing new from here on; `done` once, when nothing is left.
  void Drain(std::function<void()> done);
  // Ends what runs, for those who cannot wait any longer.
  void CancelAll();

  // Into the metrics: what is so now, and is not counted.
  void NoteLoad() const;

 private:
  struct Room {  // of one profile, as it is configured now
    ProfileConfig config;
    std::shared_ptr<Keeper> keeper;
  };
  struct Pending {
    Submission submission;
    Complete complete;
    Time arrived{0}, begun{0};
    std::shared_ptr<Keeper> keeper;  // while it runs
    unsigned attempts = 0;           // that did not even begin
    bool retried = false, cancelled = false, idempotent = false;
  };

  Result<std::shared_ptr<Keeper>> MakeKeeper(const std::string& name, const ProfileConfig& config);
  void Pump();
  void PumpSoon();
  void Begin(JobId id);
  void OnEnded(JobId id, Keeper::Ended ended);
  void OnExpired();
  void SetExpiryTimer();
  void Tell(JobId id, const Pending& pending, const Completion& completion) const;
  void TellRun(JobId id, const Pending& pending, const Completion& completion) const;
  std::string NameOf(JobId id) const;
  void CompleteSoon(JobId id, Completion completion);
  void RetireIdleKeepers();
  void TellIfDrained();

  Loop& loop_;
  Remover remover_;
  observe::Metrics& metrics_;
  observe::Log& log_;
  const std::string run_;  // of this daemon, for the names of its jobs
  FilterRate filters_;     // of all jails
  pool::Admission admission_;
  std::map<std::string, Room> rooms_;
  std::vector<std::shared_ptr<Keeper>> old_keepers_;
  std::map<JobId, Pending> jobs_;
  JobId last_id_ = 0;
  Loop::TimerId expiry_timer_ = 0;
  Time expiry_at_{0};
  bool pumping_ = false;
  std::function<void()> drained_;
};

}  // namespace moat::serve
