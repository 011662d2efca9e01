// Keeps one program that serves, with workers parked ahead of jobs.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>

#include "pool/worker_verdict.h"
#include "pool/zygote.h"
#include "serve/config.h"
#include "serve/keeper.h"
#include "serve/loop.h"

namespace moat::serve {

class ZygoteKeeper final : public Keeper {
 public:
  ZygoteKeeper(Loop& loop, std::string name, const ProfileConfig& config, Events events);
  ~ZygoteKeeper() override;

  std::string Check(const Submission& submission) const override;
  bool CanRun() const override { return zygote_ != nullptr && zygote_->ready(); }
  void Begin(JobId id, const Submission& submission) override;
  void Cancel(JobId id) override;
  KeeperFigures figures() const override;

 private:
  // A zygote and those of its workers that have no job yet. A new one takes over before the old goes.
  using ZygotePointer = std::shared_ptr<pool::Zygote>;
  struct Busy {
    pool::Worker worker;
    ZygotePointer zygote;
    pool::WorkerFacts facts;
    Time begun{0};
    Loop::TimerId wall = 0;
    const Submission* submission = nullptr;
  };

  void StartZygote();
  void StopZygote();
  void OnZygote();
  void Trouble(const Error& error);
  void Refill();
  void OrderWorkers(unsigned count);
  void OnParked(int channel);
  bool TakeWorker(Busy& busy);
  Status GiveJob(Busy& busy, const Submission& submission);
  void WatchJob(JobId id, Busy& busy);
  void OnEnd(JobId id);
  void Stop(JobId id, pool::WorkerStop why);
  void Report(JobId id, Ended ended);
  static bool Attend(Busy& busy);

  Loop& loop_;
  const std::string name_;
  const ProfileConfig config_;
  const Events events_;
  pool::WorkerLimits limits_;
  ZygotePointer zygote_;
  std::deque<pool::Worker> parked_;
  std::map<JobId, Busy> busy_;
  std::uint64_t served_ = 0;  // by this zygote
  bool refilling_ = false;
  unsigned failures_ = 0;     // one after the other
  Loop::TimerId restart_ = 0;
  KeeperFigures figures_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // for what was deferred
};

}  // namespace moat::serve
