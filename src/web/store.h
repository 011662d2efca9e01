// Jobs that were accepted for later, so that none is lost: not when the daemon is killed between
// any two instructions, nor when the disk is full. What the client was told is on the disk before.
//
// An upload is *staged*; Accept makes it a job (inputs on the disk, folder renamed, row committed);
// Commit makes a finished attempt its result (whole folder on the disk, renamed, row committed).
// Open puts in order what a killed predecessor left: unaccepted uploads go, whole results are
// taken, jobs that were running are `worker-lost` or, once and if they may, wait again.
//
// Reads have a connection of their own: they do not wait for a disk that is slow to say that a commit is on it.
// How old a job is, is told by the machine's clock, so that setting the day's forgets nothing.
//
// Threads: any. Times in nanoseconds, of the day since 1970.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "moat/report.h"
#include "moat/result.h"
#include "sys/calls.h"
#include "web/ages.h"
#include "web/database.h"
#include "web/spool.h"

namespace moat::web {

enum class JobState : std::uint8_t { kWaiting, kRunning, kDone };
std::string_view StateName(JobState state);

enum class Repeat : std::uint8_t { kNever, kWhenLost };  // whether a lost job may be run once more
enum class Notice : std::uint8_t { kNone, kDue, kSent };  // the webhook's

struct StoredJob {
  std::string id, profile, caller;
  std::vector<std::string> argv, inputs;
  std::string webhook;
  int priority = 0;
  Repeat repeat = Repeat::kNever;
  JobState state = JobState::kWaiting;
  std::uint64_t attempt = 0;  // started so often
  std::uint64_t created_ns = 0, started_ns = 0, finished_ns = 0;
  std::uint64_t start_by_ns = 0;  // of the day's clock; 0: no matter
  std::uint64_t bytes = 0;        // in the spool
  std::string ending;             // of kDone: "ran", or why it was never started
  std::string report;             // JSON, of "ran"
  std::string why;                // in words, of the others
};

// An upload on its way. What is not accepted goes soon after this object.
class Staged {
 public:
  enum class Kind : std::uint8_t {
    kFolder,   // may be accepted, or kept
    kPassing,  // for a program that serves, whose client waits for its one output: files without names, no folder
  };

  Staged(Staged&&) noexcept = default;
  Staged& operator=(Staged&&) = delete;
  ~Staged();

  const std::string& id() const { return id_; }
  Kind kind() const { return kind_; }
  int folder() const { return folder_.get(); }  // of kFolder
  const std::vector<std::string>& inputs() const { return inputs_; }
  std::uint64_t bytes() const { return bytes_; }

  Status AddInput(const std::string& name);     // a name of SafeName's; what is written goes there
  Status Write(std::string_view bytes);         // to the last input; ENOSPC when the spool is full
  Result<sys::Fd> OpenInput(const std::string& name) const;
  Result<sys::DirFd> MakeOutputs();  // of kFolder
  Result<sys::Fd> MakeOutput();      // of kPassing; OpenOutput reads it
  Result<sys::Fd> OpenOutput() const;

 private:
  friend class Store;
  Staged(Spool* spool, std::string id, Kind kind) : spool_(spool), id_(std::move(id)), kind_(kind), order_(1) {
    if (kind_ == Kind::kFolder) order_.front().name = id_;
  }
  struct Forget {
    void operator()(Spool*) const {}
  };
  std::unique_ptr<Spool, Forget> spool_;  // null once it is somebody else's
  std::string id_;
  Kind kind_;
  Sweeper::Order order_;
  sys::DirFd folder_;
  sys::Fd last_;
  std::vector<sys::Fd> files_;  // of kPassing: inputs, in their order, and the output behind them
  std::vector<std::string> inputs_;
  std::uint64_t bytes_ = 0;
};

std::uint64_t UnixNs();

struct StoreOptions {
  std::string folder;
  std::uint64_t size = 4ULL << 30;
  std::function<void(std::string_view step)> at_step;   // tests die here
  std::function<std::uint64_t()> day_ns = UnixNs;       // and set the clock
  std::function<std::uint64_t()> machine_ns = sys::NowNs;
};

class Store {
 public:
  static Result<std::unique_ptr<Store>> Open(StoreOptions options);

  Result<Staged> Stage(Staged::Kind kind = Staged::Kind::kFolder);
  // `job` gets its id, inputs and time from here. After an error nothing was accepted.
  Result<StoredJob> Accept(Staged staged, StoredJob job);
  // A job that was run while its client waited, and whose results are to be had for a while.
  Status Keep(Staged staged, StoredJob job, std::string_view out, std::string_view err);

  Result<sys::Fd> OpenInput(const std::string& id, const std::string& name);
  Result<sys::DirFd> PrepareAttempt(const std::string& id);  // the folder for its outputs
  Status BeginAttempt(const std::string& id);  // from here on it may have had effects
  Status Commit(const std::string& id, const Report& report, std::string_view out, std::string_view err);
  Status CommitUnstarted(const std::string& id, std::string_view ending, std::string_view why);
  Status WaitAgain(const std::string& id);  // after worker-lost
  Status TakeBack(const std::string& id);   // an attempt that did not happen
  Status NoticeSent(const std::string& id);

  Result<std::optional<StoredJob>> Find(const std::string& id);
  // With the cause alone as its report, and so are all of the following.
  Result<std::optional<StoredJob>> FindBrief(const std::string& id);
  Result<std::vector<StoredJob>> Unfinished();
  Result<std::vector<StoredJob>> NoticesDue();
  Result<std::vector<StoredJob>> Latest(const std::string& caller, std::uint64_t count);  // "": of all
  Result<sys::Fd> OpenResult(const std::string& id, const std::string& path);  // "stdout", "out/a.png"
  Status Forget(const std::string& id);
  Status ForgetOlderThan(std::uint64_t age_ns);
  std::uint64_t jobs() const { return jobs_; }
  std::uint64_t bytes() const { return spool_.used(); }

 private:
  Store(StoreOptions options, Spool spool, Database database, Database reader);
  void Step(std::string_view step) const {
    if (options_.at_step) options_.at_step(step);
  }
  Status Recover();
  void NoteEnd(const StoredJob& job, std::int64_t ended_ns);
  Status RecoverOne(const StoredJob& job);
  Status RemoveOrphans();
  Status RemoveRow(const std::string& id);
  Status Insert(const StoredJob& job);
  Status Finish(const StoredJob& job, std::string_view ending, std::string_view report, std::string_view why);
  Status TakeResult(const StoredJob& job);
  Result<std::vector<StoredJob>> Select(const char* what, const char* where, const std::vector<std::string>& texts, std::uint64_t limit);
  Result<std::optional<StoredJob>> FindOne(const char* what, const std::string& id);
  Result<StoredJob> Known(const std::string& id);

  StoreOptions options_;
  Spool spool_;
  std::mutex mutex_;  // of the database; may be held for as long as a sync takes
  Database database_;
  std::mutex reading_;
  Database reader_;
  std::mutex aging_;
  Ages ages_;
  std::atomic<std::uint64_t> jobs_ = 0;
};

}  // namespace moat::web
