#include "web/history.h"

#include <algorithm>
#include <chrono>
#include <new>

#include "web/words.h"

namespace moat::web {
namespace {

constexpr const char* kSchema =
    "CREATE TABLE IF NOT EXISTS ended (number INTEGER PRIMARY KEY AUTOINCREMENT, finished INTEGER NOT NULL,"
    " id TEXT NOT NULL, profile TEXT NOT NULL, caller TEXT NOT NULL, cause TEXT NOT NULL, detail TEXT NOT NULL,"
    " queued INTEGER NOT NULL, wall INTEGER NOT NULL, cpu INTEGER NOT NULL, memory INTEGER NOT NULL,"
    " exit_status INTEGER NOT NULL);"
    "CREATE INDEX IF NOT EXISTS ended_when ON ended (finished, profile, cause);"
    "CREATE TABLE IF NOT EXISTS denials (profile TEXT NOT NULL, call TEXT NOT NULL, rule TEXT NOT NULL,"
    " edit TEXT NOT NULL, arguments TEXT NOT NULL, action TEXT NOT NULL, path TEXT NOT NULL, executable TEXT NOT NULL,"
    " thread TEXT NOT NULL, folder TEXT NOT NULL, stack TEXT NOT NULL, calls INTEGER NOT NULL, jobs INTEGER NOT NULL,"
    " first INTEGER NOT NULL, last INTEGER NOT NULL, PRIMARY KEY (profile, call, rule, edit));"
    "CREATE TABLE IF NOT EXISTS configurations (number INTEGER PRIMARY KEY AUTOINCREMENT, since INTEGER NOT NULL, digest TEXT NOT NULL,"
    " behind INTEGER NOT NULL);"
    "CREATE TABLE IF NOT EXISTS limits (profile TEXT NOT NULL, name TEXT NOT NULL, jobs INTEGER NOT NULL,"
    " last INTEGER NOT NULL, PRIMARY KEY (profile, name));";

constexpr std::size_t kMostPending = 100'000;
constexpr std::uint64_t kMostDenials = 1000, kMostRollouts = 100;
constexpr auto kBatch = std::chrono::milliseconds(200);

// Of one configuration, until all its jobs are there.
struct Tally {
  RolloutSide side;
  std::vector<std::uint64_t> walls, memories;
};

std::uint64_t Quantile(std::vector<std::uint64_t>& values, unsigned percent) {
  if (values.empty()) return 0;
  const std::size_t at = (values.size() - 1) * percent / 100;
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(at), values.end());
  return values[at];
}

RolloutSide Summed(Tally& tally) {
  tally.side.wall_p50_ns = Quantile(tally.walls, 50);
  tally.side.wall_p99_ns = Quantile(tally.walls, 99);
  tally.side.memory_p99 = Quantile(tally.memories, 99);
  return std::move(tally.side);
}

std::string Cut(const std::string& text) { return text.substr(0, 2000); }

}  // namespace

History::History(Database database, std::uint64_t keep) : keep_(keep), database_(std::move(database)) {
  writer_ = std::thread([this] { Loop(); });
}

Result<std::unique_ptr<History>> History::Open(const std::string& path, std::uint64_t keep) {
  Database database = MOAT_TRY(Database::Open(path, kSchema, Database::Durability::kAtLeisure));
  return std::unique_ptr<History>(new History(std::move(database), keep));
}

History::~History() {
  {
    const std::lock_guard lock(mutex_);
    life_ = Life::kEnds;
  }
  changed_.notify_all();
  writer_.join();
  (void)Flush();
}

void History::Add(HistoryJob job, std::vector<Denial> denials, std::vector<std::string> limits) {
  const std::lock_guard lock(mutex_);
  if (pending_.size() >= kMostPending) return;  // a disk that is full for long: jobs go on
  pending_.push_back({std::move(job), std::move(denials), std::move(limits)});
  if (pending_.size() == 1) changed_.notify_all();
}

void History::Loop() {
  std::unique_lock lock(mutex_);
  while (life_ == Life::kRuns) {
    changed_.wait(lock, [this] { return life_ == Life::kEnds || !pending_.empty(); });
    // More will come with the next jobs; one transaction for all of them.
    changed_.wait_for(lock, kBatch, [this] { return life_ == Life::kEnds; });
    lock.unlock();
    try {
      (void)Flush();
    } catch (const std::bad_alloc&) {  // the jobs have their ends without it
    }
    lock.lock();
  }
}

Status History::Flush() {
  const std::lock_guard database_lock(database_mutex_);
  std::vector<Entry> entries;
  {
    const std::lock_guard lock(mutex_);
    entries.swap(pending_);
  }
  if (entries.empty()) return {};
  Status written = WriteAll(entries);
  if (written.ok()) return {};
  database_.Rollback();
  const std::lock_guard lock(mutex_);
  if (pending_.size() + entries.size() <= kMostPending) pending_.insert(pending_.begin(), entries.begin(), entries.end());
  return written;
}

Status History::WriteAll(const std::vector<Entry>& entries) {
  MOAT_TRY(database_.Begin());
  for (const Entry& entry : entries) MOAT_TRY(WriteOne(entry));
  MOAT_TRY(Trim());
  return database_.Commit();
}

Status History::WriteOne(const Entry& entry) {
  const HistoryJob& job = entry.job;
  Statement ended = MOAT_TRY(database_.Prepare(
      "INSERT INTO ended (finished, id, profile, caller, cause, detail, queued, wall, cpu, memory, exit_status)"
      " VALUES (?,?,?,?,?,?,?,?,?,?,?)"));
  ended.Bind(job.finished_ns).Bind(job.id).Bind(job.profile).Bind(job.caller).Bind(job.cause).Bind(Cut(job.detail));
  ended.Bind(job.queued_ns).Bind(job.wall_ns).Bind(job.cpu_ns).Bind(job.memory_peak).Bind(job.exit_status);
  MOAT_TRY(ended.Run());
  for (const Denial& denial : entry.denials) {
    Statement add = MOAT_TRY(database_.Prepare(
        "INSERT INTO denials VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,1,?13,?13)"
        " ON CONFLICT DO UPDATE SET calls = calls + ?12, jobs = jobs + 1, last = ?13, arguments = ?5, action = ?6,"
        " path = ?7, executable = ?8, thread = ?9, folder = ?10, stack = ?11"));
    add.Bind(job.profile).Bind(Cut(denial.call)).Bind(Cut(denial.rule)).Bind(Cut(denial.edit)).Bind(Cut(denial.arguments));
    add.Bind(Cut(denial.action)).Bind(Cut(denial.path)).Bind(Cut(denial.executable)).Bind(Cut(denial.thread));
    add.Bind(Cut(denial.folder)).Bind(JoinWords(denial.stack)).Bind(denial.count).Bind(job.finished_ns);
    MOAT_TRY(add.Run());
  }
  for (const std::string& limit : entry.limits) {
    Statement add = MOAT_TRY(database_.Prepare("INSERT INTO limits VALUES (?1,?2,1,?3)"
                                               " ON CONFLICT DO UPDATE SET jobs = jobs + 1, last = ?3"));
    MOAT_TRY(add.Bind(job.profile).Bind(Cut(limit)).Bind(job.finished_ns).Run());
  }
  return {};
}

Status History::Trim() {
  Statement old = MOAT_TRY(database_.Prepare(
      "DELETE FROM ended WHERE number <= (SELECT max(number) FROM ended) - ?"));
  MOAT_TRY(old.Bind(keep_).Run());
  Statement rare = MOAT_TRY(database_.Prepare(
      "DELETE FROM denials WHERE rowid IN (SELECT rowid FROM denials ORDER BY last DESC, rowid LIMIT -1 OFFSET ?)"));
  return rare.Bind(kMostDenials).Run();
}

// Jobs are divided by their numbers: times of the day are for people, and may be set back.
Status History::NoteConfiguration(std::uint64_t now_ns, const std::string& digest) {
  (void)Flush();  // what has ended so far is of the one before
  const std::lock_guard lock(database_mutex_);
  Statement last = MOAT_TRY(database_.Prepare("SELECT digest FROM configurations ORDER BY number DESC LIMIT 1"));
  if (MOAT_TRY(last.Step()) && last.Text(0) == digest) return {};
  last.Reset();
  Statement add = MOAT_TRY(database_.Prepare(
      "INSERT INTO configurations (since, digest, behind) VALUES (?, ?, (SELECT coalesce(max(number), 0) FROM ended))"));
  MOAT_TRY(add.Bind(now_ns).Bind(digest).Run());
  Statement old = MOAT_TRY(database_.Prepare("DELETE FROM configurations WHERE number <= (SELECT max(number) FROM configurations) - ?"));
  return old.Bind(kMostRollouts).Run();
}

Result<Rollout> History::CompareRollout(std::uint64_t count) {
  const std::lock_guard lock(database_mutex_);
  Rollout rollout;
  Statement marks = MOAT_TRY(database_.Prepare("SELECT since, digest, behind FROM configurations ORDER BY number DESC LIMIT 2"));
  if (!MOAT_TRY(marks.Step())) return rollout;
  const std::uint64_t since = marks.Number(0), behind = marks.Number(2);
  rollout.digest = marks.Text(1);
  if (!MOAT_TRY(marks.Step())) return rollout;  // the first one: there is nothing to compare it with
  rollout.since_ns = since;
  Statement select = MOAT_TRY(database_.Prepare("SELECT profile, number > ?1,"
                                               " CASE WHEN cause = 'exit' AND exit_status <> 0 THEN 'exit, not 0' ELSE cause END, wall, memory FROM ended"
                                                " WHERE number > ?2 ORDER BY number DESC LIMIT ?3"));
  select.Bind(behind).Bind(marks.Number(2)).Bind(count);
  std::map<std::string, std::pair<Tally, Tally>> tallies;
  while (MOAT_TRY(select.Step())) {
    auto& [before, after] = tallies[select.Text(0)];
    Tally& tally = select.Number(1) != 0 ? after : before;
    ++tally.side.jobs;
    ++tally.side.causes[select.Text(2)];
    tally.walls.push_back(select.Number(3));
    tally.memories.push_back(select.Number(4));
  }
  for (auto& [profile, both] : tallies) rollout.profiles[profile] = {Summed(both.first), Summed(both.second)};
  return rollout;
}

Result<std::vector<HistoryJob>> History::Latest(std::uint64_t count) {
  const std::lock_guard lock(database_mutex_);
  Statement select = MOAT_TRY(database_.Prepare(
      "SELECT finished, id, profile, caller, cause, detail, queued, wall, cpu, memory, exit_status"
      " FROM ended ORDER BY number DESC LIMIT ?"));
  select.Bind(count);
  std::vector<HistoryJob> jobs;
  while (MOAT_TRY(select.Step())) {
    jobs.push_back({select.Number(0), select.Text(1), select.Text(2), select.Text(3), select.Text(4), select.Text(5),
                    select.Number(6), select.Number(7), select.Number(8), select.Number(9),
                    static_cast<std::int64_t>(select.Number(10))});
  }
  return jobs;
}

Result<std::vector<HistoryDenial>> History::Denials(std::uint64_t count) {
  const std::lock_guard lock(database_mutex_);
  Statement select = MOAT_TRY(database_.Prepare("SELECT * FROM denials ORDER BY jobs DESC, last DESC LIMIT ?"));
  select.Bind(count);
  std::vector<HistoryDenial> all;
  while (MOAT_TRY(select.Step())) {
    HistoryDenial each;
    each.profile = select.Text(0);
    each.denial.call = select.Text(1);
    each.denial.rule = select.Text(2);
    each.denial.edit = select.Text(3);
    each.denial.arguments = select.Text(4);
    each.denial.action = select.Text(5);
    each.denial.path = select.Text(6);
    each.denial.executable = select.Text(7);
    each.denial.thread = select.Text(8);
    each.denial.folder = select.Text(9);
    each.denial.stack = SplitWords(select.Text(10));
    each.denial.count = select.Number(11);
    each.jobs = select.Number(12);
    each.first_ns = select.Number(13);
    each.last_ns = select.Number(14);
    all.push_back(std::move(each));
  }
  return all;
}

Result<std::vector<HistoryLimit>> History::Limits(std::uint64_t count) {
  const std::lock_guard lock(database_mutex_);
  Statement select = MOAT_TRY(database_.Prepare("SELECT * FROM limits ORDER BY jobs DESC LIMIT ?"));
  select.Bind(count);
  std::vector<HistoryLimit> all;
  while (MOAT_TRY(select.Step())) all.push_back({select.Text(0), select.Text(1), select.Number(2), select.Number(3)});
  return all;
}

Result<std::vector<CauseCount>> History::Causes(std::uint64_t since_ns, std::uint64_t until_ns, std::uint64_t slice_ns) {
  const std::lock_guard lock(database_mutex_);
  Statement select = MOAT_TRY(database_.Prepare(
      "SELECT finished / ?1 * ?1, profile, cause, count(*) FROM ended WHERE finished >= ?2 AND finished <= ?3 GROUP BY 1, 2, 3 ORDER BY 1"));
  select.Bind(slice_ns).Bind(since_ns).Bind(until_ns);
  std::vector<CauseCount> all;
  while (MOAT_TRY(select.Step())) all.push_back({select.Number(0), select.Text(1), select.Text(2), select.Number(3)});
  return all;
}

}  // namespace moat::web
