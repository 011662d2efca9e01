// Runs any program in a jail, by the library: one thread for each job at once, each with a helper
// that has the next jail ready (ADR 5).
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "moat/sandbox.h"
#include "serve/config.h"
#include "serve/filter_rate.h"
#include "serve/keeper.h"
#include "serve/loop.h"

namespace moat::serve {

class JailKeeper final : public Keeper {
 public:
  // Reads the policy: what is wrong with it is told here. `filters` is all jails' together and outlives the
  // keeper.
  static Result<std::unique_ptr<JailKeeper>> Make(Loop& loop, FilterRate& filters, std::string name, const ProfileConfig& config, Events events);
  ~JailKeeper() override;

  std::string Check(const Submission& submission) const override;
  bool CanRun() const override { return true; }
  void Begin(JobId id, const Submission& submission) override;
  void Cancel(JobId id) override;
  KeeperFigures figures() const override;

 private:
  struct Task {
    JobId id = 0;  // 0: to have jails ready
    Command command;
  };
  struct Busy {
    CancelToken cancel;
    Loop::TimerId wall = 0;
    bool timed_out = false;
    Time limit{0};
  };

  JailKeeper(Loop& loop, FilterRate& filters, std::string name, const ProfileConfig& config, Policy policy, Events events);
  Status Start();
  void Work();
  Ended RunTask(const Task& task);
  void OnEnded(JobId id, Ended ended);
  void KeepReady();
  void AddTask(Task task);
  Command CommandFor(const Submission& submission) const;
  bool FitsWarm(const Submission& submission) const;
  Command Expected() const;

  Loop& loop_;
  const std::string name_;
  const ProfileConfig config_;
  const std::vector<std::string> warm_inputs_;  // names of what the command looks at
  const bool warm_collects_;
  const Events events_;
  Sandbox sandbox_;
  std::map<JobId, Busy> busy_;
  Loop::TimerId warm_timer_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);

  std::mutex mutex_;
  std::condition_variable more_;
  std::deque<Task> tasks_;
  bool closing_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace moat::serve
