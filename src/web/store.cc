#include "web/store.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "base/text.h"
#include "web/words.h"
#include "sys/calls.h"

namespace moat::web {
namespace {

constexpr const char* kSchema =
    "CREATE TABLE IF NOT EXISTS jobs ("
    " id TEXT PRIMARY KEY, profile TEXT NOT NULL, caller TEXT NOT NULL, argv TEXT NOT NULL, inputs TEXT NOT NULL,"
    " webhook TEXT NOT NULL, priority INTEGER NOT NULL, repeat INTEGER NOT NULL, state INTEGER NOT NULL,"
    " attempt INTEGER NOT NULL, created INTEGER NOT NULL, started INTEGER NOT NULL, finished INTEGER NOT NULL,"
    " start_by INTEGER NOT NULL, bytes INTEGER NOT NULL, ending TEXT NOT NULL, report TEXT NOT NULL,"
    " why TEXT NOT NULL, notice INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS jobs_by_state ON jobs (state, created);"
    "CREATE INDEX IF NOT EXISTS jobs_by_caller ON jobs (caller, created);";

constexpr std::string_view kStates[] = {"waiting", "running", "done"};
constexpr std::size_t kMaxReport = 16U << 20;
// Of a job among many: a hundred reports are more memory than anybody should be able to ask for.
constexpr const char* kAll = "*";
constexpr const char* kBrief =
    "id, profile, caller, argv, inputs, webhook, priority, repeat, state, attempt, created, started, finished, start_by, bytes, ending,"
    " CASE WHEN json_valid(report) THEN json_object('cause', json_extract(report, '$.cause')) ELSE '' END, why";

StoredJob Row(const Statement& row) {
  StoredJob job;
  job.id = row.Text(0);
  job.profile = row.Text(1);
  job.caller = row.Text(2);
  job.argv = SplitWords(row.Text(3));
  job.inputs = SplitWords(row.Text(4));
  job.webhook = row.Text(5);
  job.priority = static_cast<int>(static_cast<std::int64_t>(row.Number(6)));
  job.repeat = row.Number(7) == 1 ? Repeat::kWhenLost : Repeat::kNever;
  job.state = static_cast<JobState>(std::min<std::uint64_t>(row.Number(8), 2));
  job.attempt = row.Number(9);
  job.created_ns = row.Number(10);
  job.started_ns = row.Number(11);
  job.finished_ns = row.Number(12);
  job.start_by_ns = row.Number(13);
  job.bytes = row.Number(14);
  job.ending = row.Text(15);
  job.report = row.Text(16);
  job.why = row.Text(17);
  return job;
}

Report LostReport() {
  Report report;
  report.cause = Cause::kWorkerLost;
  report.detail = "the daemon was killed while the job ran";
  return report;
}

// A guest chooses how many results there are and what they are called. What is not listed cannot be had, so it is lost.
std::string TextOf(Report report) {
  const std::size_t all = report.outputs.size();
  const std::string lost = report.results_lost.empty() ? "" : report.results_lost + "; ";
  std::string text = report.ToJson();
  while (text.size() > kMaxReport && report.outputs.size() + report.refused.size() > 0) {
    report.outputs.resize(report.outputs.size() / 2);
    report.refused.resize(report.refused.size() / 2);
    report.results_lost = lost + base::Number(all - report.outputs.size()) + " are not listed: their names are too long for a report";
    text = report.ToJson();
  }
  return text;
}

Result<std::string> ReadReport(const sys::DirFd& result) {
  const sys::Fd file = MOAT_TRY(OpenBelow(result.get(), "report.json"));
  return sys::ReadAll(file, kMaxReport, "report.json");
}

Error NoSuchJob(const std::string& id) { return SystemError("find", ENOENT, id); }

}  // namespace

std::string_view StateName(JobState state) { return kStates[static_cast<std::size_t>(state)]; }

std::uint64_t UnixNs() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

Store::Store(StoreOptions options, Spool spool, Database database, Database reader)
    : options_(std::move(options)), spool_(std::move(spool)), database_(std::move(database)), reader_(std::move(reader)) {}

Result<std::unique_ptr<Store>> Store::Open(StoreOptions options) {
  Spool spool = MOAT_TRY(Spool::Open(options.folder, options.size));
  Database database =
      MOAT_TRY(Database::Open(options.folder + "/jobs.db", kSchema, Database::Durability::kEachCommit));
  Database reader = MOAT_TRY(Database::OpenToRead(options.folder + "/jobs.db"));
  std::unique_ptr<Store> store(new Store(std::move(options), std::move(spool), std::move(database), std::move(reader)));
  MOAT_TRY(store->Recover());
  return store;
}

Result<Staged> Store::Stage(Staged::Kind kind) {
  Staged staged(&spool_, NewId(), kind);
  if (kind == Staged::Kind::kFolder) staged.folder_ = MOAT_TRY(MakeFolder(spool_.incoming(), staged.id_));
  return staged;
}

Status Store::Insert(const StoredJob& job) {
  const std::lock_guard lock(mutex_);
  Statement insert = MOAT_TRY(
      database_.Prepare("INSERT INTO jobs VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"));
  insert.Bind(job.id).Bind(job.profile).Bind(job.caller).Bind(JoinWords(job.argv)).Bind(JoinWords(job.inputs));
  insert.Bind(job.webhook).Bind(static_cast<std::int64_t>(job.priority));
  insert.Bind(static_cast<std::uint64_t>(job.repeat)).Bind(static_cast<std::uint64_t>(job.state));
  insert.Bind(job.attempt).Bind(job.created_ns).Bind(job.started_ns).Bind(job.finished_ns).Bind(job.start_by_ns);
  insert.Bind(job.bytes).Bind(job.ending).Bind(job.report).Bind(job.why);
  insert.Bind(static_cast<std::uint64_t>(job.webhook.empty() ? Notice::kNone : Notice::kDue));
  MOAT_TRY(insert.Run());
  ++jobs_;
  return {};
}

Result<StoredJob> Store::Accept(Staged staged, StoredJob job) {
  if (staged.kind_ != Staged::Kind::kFolder) return BugError("an upload without a folder is not for later");
  job.id = staged.id_;
  job.inputs = staged.inputs_;
  job.bytes = staged.bytes_;
  job.state = JobState::kWaiting;
  job.created_ns = options_.day_ns();
  staged.last_.Close();
  MOAT_TRY(SyncTree(spool_.incoming(), job.id));
  Step("inputs on the disk");
  MOAT_TRY(Move(spool_.incoming(), job.id, spool_.jobs(), job.id));
  Step("inputs moved");
  Status inserted = Insert(job);
  if (!inserted.ok()) {
    (void)RemoveTree(spool_.jobs(), job.id);  // else the next start finds it
    return inserted.error();
  }
  (void)staged.spool_.release();
  Step("accepted");
  return job;
}

Status Store::Keep(Staged staged, StoredJob job, std::string_view out, std::string_view err) {
  if (staged.kind_ != Staged::Kind::kFolder) return BugError("an upload without a folder is not kept");
  const sys::DirFd work = MOAT_TRY(OpenFolder(staged.folder_.get(), "work"));
  MOAT_TRY(WriteNew(work.get(), "stdout", out));
  MOAT_TRY(WriteNew(work.get(), "stderr", err));
  // What is told by a row that outlives a loss of power does so itself.
  MOAT_TRY(SyncTree(spool_.incoming(), staged.id_));
  const std::uint64_t outputs = MOAT_TRY(TreeBytes(work.get()));
  spool_.Add(outputs);
  staged.bytes_ += outputs;  // goes with it, if it goes
  job.id = staged.id_;
  job.inputs = staged.inputs_;
  job.bytes = staged.bytes_;
  job.state = JobState::kDone;
  job.ending = "ran";
  MOAT_TRY(Move(staged.folder_.get(), "work", staged.folder_.get(), "result"));
  MOAT_TRY(Move(spool_.incoming(), job.id, spool_.jobs(), job.id));
  Status inserted = Insert(job);
  if (!inserted.ok()) {
    (void)RemoveTree(spool_.jobs(), job.id);
    return inserted;
  }
  (void)staged.spool_.release();
  NoteEnd(job, static_cast<std::int64_t>(options_.machine_ns()));
  return {};
}

void Store::NoteEnd(const StoredJob& job, std::int64_t ended_ns) {
  const std::lock_guard lock(aging_);
  ages_.Add(job.id, ended_ns, job.webhook.empty() ? Ages::Notice::kNone : Ages::Notice::kDue);
}

Result<sys::Fd> Store::OpenInput(const std::string& id, const std::string& name) {
  const sys::DirFd folder = MOAT_TRY(OpenFolder(spool_.jobs(), id));
  const sys::DirFd in = MOAT_TRY(OpenFolder(folder.get(), "in"));
  return OpenBelow(in.get(), name);
}

Result<sys::DirFd> Store::PrepareAttempt(const std::string& id) {
  const sys::DirFd folder = MOAT_TRY(OpenFolder(spool_.jobs(), id));
  MOAT_TRY(RemoveTree(folder.get(), "work"));
  const sys::DirFd work = MOAT_TRY(MakeFolder(folder.get(), "work"));
  sys::DirFd out = MOAT_TRY(MakeFolder(work.get(), "out"));
  Step("attempt prepared");
  return out;
}

Status Store::BeginAttempt(const std::string& id) {
  const std::lock_guard lock(mutex_);
  Statement update = MOAT_TRY(database_.Prepare(
      "UPDATE jobs SET state = 1, attempt = attempt + 1, started = ? WHERE id = ? AND state = 0"));
  MOAT_TRY(update.Bind(options_.day_ns()).Bind(id).Run());
  if (database_.changes() != 1) return NoSuchJob(id);
  Step("attempt begun");
  return {};
}

Status Store::Finish(const StoredJob& job, std::string_view ending, std::string_view report, std::string_view why) {
  {
    const std::lock_guard lock(mutex_);
    Statement update = MOAT_TRY(database_.Prepare(
        "UPDATE jobs SET state = 2, finished = ?, ending = ?, report = ?, why = ?, bytes = ? WHERE id = ?"));
    MOAT_TRY(update.Bind(options_.day_ns()).Bind(ending).Bind(report).Bind(why).Bind(job.bytes).Bind(job.id).Run());
  }
  NoteEnd(job, static_cast<std::int64_t>(options_.machine_ns()));
  return {};
}

Status Store::Commit(const std::string& id, const Report& report, std::string_view out, std::string_view err) {
  StoredJob job = MOAT_TRY(Known(id));
  const std::string text = TextOf(report);
  const sys::DirFd folder = MOAT_TRY(OpenFolder(spool_.jobs(), id));
  if (OpenFolder(folder.get(), "result").ok()) return TakeResult(job);  // a full disk let us come so far, and no further
  const sys::DirFd work = MOAT_TRY(MakeFolder(folder.get(), "work"));
  for (const char* name : {"stdout", "stderr", "report.json"}) MOAT_TRY(RemoveTree(work.get(), name));
  MOAT_TRY(WriteNew(work.get(), "stdout", out));
  MOAT_TRY(WriteNew(work.get(), "stderr", err));
  Step("streams written");
  MOAT_TRY(WriteNew(work.get(), "report.json", text));
  MOAT_TRY(SyncTree(folder.get(), "work"));
  Step("result on the disk");
  MOAT_TRY(Move(folder.get(), "work", folder.get(), "result"));
  Step("result moved");
  return TakeResult(job);
}

// The rename was the commit; from there on this is what happens, now or at the next start.
Status Store::TakeResult(const StoredJob& job) {
  StoredJob counted = job;
  const sys::DirFd folder = MOAT_TRY(OpenFolder(spool_.jobs(), job.id));
  const sys::DirFd result = MOAT_TRY(OpenFolder(folder.get(), "result"));
  const std::uint64_t bytes = MOAT_TRY(TreeBytes(result.get()));
  const auto report = ReadReport(result);
  counted.bytes += bytes;
  if (report.ok()) {
    MOAT_TRY(Finish(counted, "ran", *report, ""));
  } else if (report.error().error_number == EFBIG || report.error().error_number == ENOENT) {
    // No other try will find it better, and one job must not keep a daemon from starting.
    MOAT_TRY(Finish(counted, "failed", "", "its report cannot be read: " + report.error().ToString()));
  } else {
    return report.error();
  }
  spool_.Add(bytes);
  Step("finished");
  return {};
}

Status Store::CommitUnstarted(const std::string& id, std::string_view ending, std::string_view why) {
  const StoredJob job = MOAT_TRY(Known(id));
  return Finish(job, ending, "", why);
}

Status Store::WaitAgain(const std::string& id) {
  const std::lock_guard lock(mutex_);
  Statement update = MOAT_TRY(database_.Prepare("UPDATE jobs SET state = 0 WHERE id = ? AND state = 1"));
  return update.Bind(id).Run();
}

Status Store::TakeBack(const std::string& id) {
  const std::lock_guard lock(mutex_);
  Statement update = MOAT_TRY(database_.Prepare("UPDATE jobs SET state = 0, attempt = attempt - 1 WHERE id = ? AND state = 1"));
  return update.Bind(id).Run();
}

Status Store::NoticeSent(const std::string& id) {
  {
    const std::lock_guard lock(mutex_);
    Statement update = MOAT_TRY(database_.Prepare("UPDATE jobs SET notice = 2 WHERE id = ?"));
    MOAT_TRY(update.Bind(id).Run());
  }
  const std::lock_guard lock(aging_);
  ages_.Noticed(id);
  return {};
}

Result<std::vector<StoredJob>> Store::Select(const char* what, const char* where, const std::vector<std::string>& texts, std::uint64_t limit) {
  const std::lock_guard lock(reading_);
  const std::string sql = std::string("SELECT ") + what + " FROM jobs " + where + " LIMIT ?";
  Statement select = MOAT_TRY(reader_.Prepare(sql.c_str()));
  for (const std::string& text : texts) select.Bind(text);
  select.Bind(limit);
  std::vector<StoredJob> jobs;
  while (MOAT_TRY(select.Step())) jobs.push_back(Row(select));
  return jobs;
}

Result<std::optional<StoredJob>> Store::Find(const std::string& id) { return FindOne(kAll, id); }
Result<std::optional<StoredJob>> Store::FindBrief(const std::string& id) { return FindOne(kBrief, id); }

Result<std::optional<StoredJob>> Store::FindOne(const char* what, const std::string& id) {
  auto jobs = MOAT_TRY(Select(what, "WHERE id = ?", {id}, 1));
  if (jobs.empty()) return std::optional<StoredJob>();
  return std::optional<StoredJob>(std::move(jobs.front()));
}

Result<StoredJob> Store::Known(const std::string& id) {
  auto found = MOAT_TRY(FindBrief(id));
  if (!found.has_value()) return NoSuchJob(id);
  return *std::move(found);
}

Result<std::vector<StoredJob>> Store::Unfinished() {
  return Select(kBrief, "WHERE state < 2 ORDER BY priority DESC, created", {}, 1'000'000);
}
Result<std::vector<StoredJob>> Store::NoticesDue() {
  return Select(kBrief, "WHERE state = 2 AND notice = 1 ORDER BY finished", {}, 1000);
}
Result<std::vector<StoredJob>> Store::Latest(const std::string& caller, std::uint64_t count) {
  if (caller.empty()) return Select(kBrief, "ORDER BY created DESC", {}, count);
  return Select(kBrief, "WHERE caller = ? ORDER BY created DESC", {caller}, count);
}

Result<sys::Fd> Store::OpenResult(const std::string& id, const std::string& path) {
  const sys::DirFd folder = MOAT_TRY(OpenFolder(spool_.jobs(), id));
  const sys::DirFd result = MOAT_TRY(OpenFolder(folder.get(), "result"));
  return OpenBelow(result.get(), path);
}

Status Store::Forget(const std::string& id) {
  const StoredJob job = MOAT_TRY(Known(id));
  Status removed = RemoveRow(id);
  if (!removed.ok() && removed.error().error_number == ENOSPC) {
    // On a full disk even this needs room. The files go first then: should we be killed in between,
    // a job without its files is forgotten the next time.
    MOAT_TRY(RemoveTree(spool_.jobs(), id));
    removed = RemoveRow(id);
  }
  if (!removed.ok()) return removed;
  Step("row removed");
  spool_.Release(job.bytes);
  return RemoveTree(spool_.jobs(), id);
}

Status Store::RemoveRow(const std::string& id) {
  const std::lock_guard lock(mutex_);
  Statement remove = MOAT_TRY(database_.Prepare("DELETE FROM jobs WHERE id = ?"));
  MOAT_TRY(remove.Bind(id).Run());
  --jobs_;
  const std::lock_guard aging(aging_);
  ages_.Remove(id);
  return {};
}

Status Store::ForgetOlderThan(std::uint64_t age_ns) {
  constexpr std::size_t kAtATime = 1000;
  const auto before = static_cast<std::int64_t>(options_.machine_ns() - age_ns);
  std::vector<std::string> old;
  {
    const std::lock_guard lock(aging_);
    old = ages_.EndedBefore(before, kAtATime);
  }
  for (const std::string& id : old) {
    const bool there = MOAT_TRY(FindBrief(id)).has_value();  // else somebody was quicker
    if (there) MOAT_TRY(Forget(id));
  }
  return {};
}

Status Store::Recover() {
  const std::vector<StoredJob> all = MOAT_TRY(Select(kBrief, "", {}, 1'000'000'000));
  const std::uint64_t day = options_.day_ns(), machine = options_.machine_ns();
  jobs_ = all.size();
  for (const StoredJob& job : all) {
    spool_.Add(job.bytes);
    if (job.state == JobState::kDone) NoteEnd(job, OnMachineClock(job.finished_ns, day, machine));
    if (job.state == JobState::kRunning) MOAT_TRY(RecoverOne(job));
  }
  const auto due = MOAT_TRY(Select(kBrief, "WHERE state = 2 AND notice = 2", {}, 1'000'000'000));
  const std::lock_guard lock(aging_);
  for (const StoredJob& job : due) ages_.Noticed(job.id);
  return RemoveOrphans();
}

Status Store::RecoverOne(const StoredJob& job) {
  auto folder = OpenFolder(spool_.jobs(), job.id);
  if (!folder.ok() && folder.error().error_number == ENOENT) return Finish(job, "failed", "", "its files are gone from the spool folder");
  if (!folder.ok()) return std::move(folder).error();
  if (OpenFolder(folder->get(), "result").ok()) return TakeResult(job);
  MOAT_TRY(RemoveTree(folder->get(), "work"));
  if (job.repeat == Repeat::kWhenLost && job.attempt < 2) return WaitAgain(job.id);
  return Commit(job.id, LostReport(), "", "");
}

// Folders whose row was never committed, or is gone: nobody was told that they stay.
Status Store::RemoveOrphans() {
  const std::vector<std::string> names = MOAT_TRY(NamesIn(spool_.jobs()));
  for (const std::string& name : names) {
    const auto found = MOAT_TRY(FindBrief(name));
    if (!found.has_value()) MOAT_TRY(RemoveTree(spool_.jobs(), name));
  }
  return {};
}

}  // namespace moat::web
