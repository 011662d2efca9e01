// Plans of one policy, compiled when they are first needed and kept in memory.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "moat/policy.h"
#include "moat/result.h"
#include "plan/host_facts.h"
#include "plan/plan.h"
#include "sys/fd.h"

namespace moat::api {

struct StoredPlan {
  std::uint64_t id = 0;  // unique in this process, never 0
  plan::Plan plan;
  sys::MemFd file;       // the same bytes, sealed: what helpers get
  std::atomic<std::uint64_t> looked_at{0};
};
using PlanPointer = std::shared_ptr<StoredPlan>;

// What a plan depends on beside the policy.
struct PlanKey {
  std::string program;
  std::string search_path;
  std::string cwd;  // "" unless `program` is relative to it
  plan::Collect collect = plan::Collect::kNo;
  bool operator<(const PlanKey& other) const;
};

class PlanStore {
 public:
  explicit PlanStore(Policy policy) : policy_(std::move(policy)) {}

  // From memory, unless a file that the plan was made from has changed (looked at once in
  // a while); else compiled. Any thread; the others wait meanwhile.
  Result<PlanPointer> Get(const PlanKey& key);
  // Whether everything is as it was when the plan was made.
  static bool IsFresh(const plan::Plan& plan);
  void Forget(const PlanPointer& plan);

 private:
  Result<PlanPointer> Compile(const PlanKey& key);

  const Policy policy_;
  std::mutex mutex_;
  std::optional<plan::HostFacts> facts_;
  std::map<PlanKey, PlanPointer> plans_;
};

}  // namespace moat::api
