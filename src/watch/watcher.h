// Answers what the filter of one job asks, and remembers what it was asked (ADR 7).
//
//   auto rules = MOAT_TRY(Rules::Of(model));
//   Watcher watcher(rules, Mode::kEnforce, nullptr);
//   while (poll says that listener.descriptor() is readable) watcher.Step(listener);
//   for (const Observation& seen : watcher.refused()) ...
//
// One thread. What it remembers is bounded whatever the guest does.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "watch/listener.h"
#include "watch/paths.h"
#include "watch/rules.h"
#include "watch/snapshot.h"

namespace moat::watch {

enum class Mode : std::uint8_t {
  kEnforce,  // answers as the policy says
  kReport,   // what would be refused is let go and noted, if other rules allow it
  kLearn,    // as kEnforce, but the policy's `notify` is let go and told
};

struct Observation {
  seccomp_data data{};
  std::string call;  // its name, or "call 9999"
  std::string arguments, path, executable, thread, folder;
  std::string action, rule, edit;
  std::vector<std::string> stack;  // by a search
  std::size_t snapshot = kNoSnapshot;  // for unwinding it
  std::uint64_t count = 1;
};

// Told of every call that is let go for learning, while it stands still; of calls that name files even where the
// learning policy allows them.
using Tell = std::function<void(const seccomp_notif&, const bpf::SyscallInfo&)>;

class Watcher {
 public:
  Watcher(const Rules& rules, Mode mode, Tell tell) : rules_(rules), mode_(mode), tell_(std::move(tell)) {}
  // For kReport: what these refuse stays refused. Without them nothing is let go. Borrowed.
  void SetFloor(const Rules* floor) { floor_ = floor; }
  // What other jobs of the same rules found out, and what this one does. Borrowed.
  void Share(KnownPaths* known) { known_ = known; }

  // One question, if there is one.
  void Step(Listener& listener);

  const std::vector<Observation>& refused() const { return refused_; }
  std::uint64_t refusals() const { return refusals_; }  // of all kinds, described or not
  bool killed() const { return killed_; }
  const Snapshots& snapshots() const { return snapshots_; }

 private:
  void LookAtFile(Listener& listener, const seccomp_notif& question, const bpf::SyscallInfo& call);
  void Allowed(Listener& listener, const seccomp_notif& question, const bpf::SyscallInfo& call);
  bool LetsGo(const seccomp_data& data, const bpf::SyscallInfo* call) const;
  void Note(Listener& listener, const seccomp_notif& question, const bpf::SyscallInfo* call, const Judgement& judgement,
            std::string action);

  const Rules& rules_;
  const Mode mode_;
  const Rules* floor_ = nullptr;
  KnownPaths* known_ = nullptr;
  JobRoot root_;
  Snapshots snapshots_;
  Tell tell_;
  std::vector<Observation> refused_;
  std::unordered_map<std::string, std::vector<std::size_t>> kinds_;
  std::unordered_map<std::string, std::size_t> looked_;  // calls with paths -> the observation about it, if any
  std::uint64_t refusals_ = 0;
  bool killed_ = false;
};

}  // namespace moat::watch
