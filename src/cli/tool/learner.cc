#include "cli/tool/learner.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "base/safe_text.h"
#include "base/text.h"
#include "cli/tool/compile.h"
#include "cli/tool/corpus.h"
#include "cli/tool/watched_job.h"
#include "learn/files.h"
#include "learn/write.h"
#include "sys/calls.h"
#include "watch/decode.h"
#include "watch/guest.h"
#include "watch/paths.h"
#include "watch/words.h"

namespace moat::tool {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kEnough = 3;  // inputs that needed something before it is let through unseen

// One policy that runs are watched under, and its rules.
struct Generation {
  std::string path;
  policy::Model model;
  watch::Rules rules;
};

bool Opens(std::string_view call) { return call == "openat" || call == "open" || call == "creat" || call == "execve"; }

// Kernel files and private places of each job: no matter for a policy.
bool IsPrivate(const std::string& path) {
  for (const std::string_view own : {"/in", "/out", "/tmp", "/proc", "/dev", "/sys", "/home"}) {
    if (path.compare(0, own.size(), own) == 0 && (path.size() == own.size() || path[own.size()] == '/')) return true;
  }
  return false;
}

// A folder as high as /usr or /usr/share was looked at, and not what lies below it.
bool IsHighFolder(const std::string& path) {
  struct stat facts {};
  const bool folder = stat(path.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode);
  return folder && std::count(path.begin(), path.end(), '/') <= 2;
}

// Of an executable file that begins with "#!"; else "".
std::string InterpreterOf(const std::string& path) {
  struct stat facts {};
  if (stat(path.c_str(), &facts) != 0 || !S_ISREG(facts.st_mode) || (facts.st_mode & S_IXUSR) == 0) return {};
  auto file = sys::openat2(AT_FDCWD, path.c_str(), O_RDONLY | O_NONBLOCK, 0);
  char head[256];  // the kernel reads no more
  const ssize_t got = file.ok() ? pread(file->get(), head, sizeof(head), 0) : 0;
  if (got < 3 || head[0] != '#' || head[1] != '!') return {};
  const std::string_view line(head + 2, static_cast<std::size_t>(got) - 2);
  const std::size_t begin = std::min(line.find_first_not_of(" \t"), line.size());
  const std::string word(line.substr(begin, line.find_first_of(" \t\r\n", begin) - begin));
  return !word.empty() && word[0] == '/' ? word : "";
}

// What the host has under a name, and whether jobs see it there: the same for all jobs of a run, and asked once.
// Thread-safe.
class Sights {
 public:
  struct Sight {
    bool visible = false, exists = false;
    std::vector<std::string> files;  // for the policy: the name, and what a link leads to
    std::vector<std::string> programs;  // the same of the interpreter of a script, which only the kernel opens
  };

  template <typename Look>
  Sight Of(const std::string& path, const Look& look) {
    constexpr std::size_t kMost = 1 << 16;
    {
      const std::lock_guard lock(mutex_);
      if (const auto known = sights_.find(path); known != sights_.end()) return known->second;
    }
    Sight sight = look();
    const std::lock_guard lock(mutex_);
    if (sights_.size() < kMost) sights_.emplace(path, sight);
    return sight;
  }

 private:
  std::mutex mutex_;
  std::unordered_map<std::string, Sight> sights_;
};

// What one job was let do. In the thread that watches it. All words are the guest's: a file counts only where
// the job could see it anyway.
class Collector {
 public:
  Collector(const policy::Model& model, Sights& sights) : model_(model), sights_(sights) {}

  void Tell(const seccomp_notif& question, const bpf::SyscallInfo& call) {
    const watch::Guest guest(static_cast<pid_t>(question.pid));
    learn::Run::Use& use = UseOf(question.data, call);
    if (use.times++ == 0) use.caller = guest.Executable();
    if (run_.calls.size() == 1 && use.times == 1) TakePath(use.caller, call, learn::FileUse::kExecute, guest);
    if (call.group != "files" && !Opens(call.name)) return;
    const std::uint64_t(&args)[6] = reinterpret_cast<const std::uint64_t(&)[6]>(question.data.args);
    TakePath(watch::PathOf(call, args, guest), call, call.name == "execve" ? learn::FileUse::kExecute : learn::FileUse::kRead, guest);
  }
  learn::Run& run() { return run_; }

 private:
  using Key = std::array<std::uint64_t, 7>;

  learn::Run::Use& UseOf(const seccomp_data& data, const bpf::SyscallInfo& call) {
    const unsigned telling = watch::TellingArguments(call);
    Key key{static_cast<std::uint64_t>(data.nr)};
    for (unsigned i = 0; i < 6; ++i) key[i + 1] = (telling >> i & 1) != 0 ? data.args[i] : 0;
    learn::Run::Use*& use = known_[key];
    if (use == nullptr) {
      const std::uint64_t(&args)[6] = reinterpret_cast<const std::uint64_t(&)[6]>(data.args);
      use = &run_.calls[{std::string(call.name), watch::Condition(call, args)}];
    }
    return *use;
  }

  void TakePath(const std::string& path, const bpf::SyscallInfo& call, learn::FileUse use, const watch::Guest& guest) {
    if (path.size() < 2 || path[0] != '/' || !looked_.insert(path).second || IsPrivatePlace(path)) return;
    const Sights::Sight sight = sights_.Of(path, [&] { return Look(path, guest); });
    for (const std::string& file : sight.files) run_.files.emplace(file, use);
    for (const std::string& file : sight.programs) run_.files.emplace(file, learn::FileUse::kExecute);
    if (!sight.visible && sight.exists && Opens(call.name)) run_.hidden.insert(path);
  }

  bool IsPrivatePlace(const std::string& path) const { return IsPrivate(path) && !learn::Shows(model_, path); }

  // A file counts that is there for the job and is the host's: moat makes a few of its own, such as /etc/passwd.
  Sights::Sight Look(const std::string& path, const watch::Guest& guest) {
    Sights::Sight sight;
    sight.visible = VisibleTo(guest, path);
    sight.exists = sight.visible || access(path.c_str(), F_OK) == 0;
    if (!sight.visible || !learn::Shows(model_, path) || IsHighFolder(path)) return sight;
    sight.files = WithTarget(path, guest);
    const std::string interpreter = InterpreterOf(path);
    if (!interpreter.empty() && learn::Shows(model_, interpreter)) sight.programs = WithTarget(interpreter, guest);
    return sight;
  }

  // What a link leads to must be there as well.
  std::vector<std::string> WithTarget(const std::string& path, const watch::Guest& guest) {
    std::vector<std::string> files = {path};
    std::error_code failed;
    const std::string real = fs::canonical(path, failed).string();
    if (!failed && real != path && learn::Shows(model_, real) && VisibleTo(guest, real)) files.push_back(real);
    return files;
  }

  bool VisibleTo(const watch::Guest& guest, const std::string& path) { return root_.Open(guest, path).ok(); }

  const policy::Model& model_;
  Sights& sights_;
  watch::JobRoot root_;
  std::map<Key, learn::Run::Use*> known_;
  std::set<std::string> looked_;
  learn::Run run_;
};

void TakeReport(learn::Run& run, const WatchedJob& job) {
  const Report& report = job.report;
  const bool counted = std::any_of(report.enforced.begin(), report.enforced.end(), [](const Layer& layer) { return layer.name == "memory limit"; });
  run.memory = counted ? report.memory_peak : 0;
  run.pids = counted ? report.pids_peak.value_or(0) : 0;
  run.wall = report.wall;
  run.cpu = !counted ? 0 : report.cpu_user + report.cpu_system;
  run.out = report.out.bytes;
  run.err = report.err.bytes;
  run.output_files = report.outputs.size();
  for (const OutputFile& file : report.outputs) run.output += file.size;
  for (const watch::Observation& refused : job.refused) {
    const bpf::SyscallInfo* call = bpf::FindSyscall(bpf::NativeAbi(), refused.call);
    if (refused.action == "errno ENOSYS") continue;  // a probe that libraries expect to fail
    const std::string path = refused.path.empty() ? "" : " " + base::Printable(refused.path);
    const std::uint64_t(&args)[6] = reinterpret_cast<const std::uint64_t(&)[6]>(refused.data.args);
    const std::string when = call != nullptr ? watch::Condition(*call, args) : "";
    run.dangerous[refused.call + (when.empty() ? "" : " with " + when) + path] += refused.count;
  }
}

// Of a text of any length, what people look at first.
std::string LastLine(int fd) {
  constexpr off_t kMost = 400;
  const off_t end = lseek(fd, 0, SEEK_END);
  std::string text(static_cast<std::size_t>(std::min(std::max<off_t>(end, 0), kMost)), '\0');
  const ssize_t got = pread(fd, text.data(), text.size(), end - static_cast<off_t>(text.size()));
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return base::Printable(text.substr(text.rfind('\n') + 1));
}

class Learner {
 public:
  Learner(const LearnRequest& request, std::string folder) : request_(request), folder_(std::move(folder)) {}

  Result<Learned> Run(const std::vector<std::string>& files) {
    for (const std::string& file : files) learned_.seen.inputs.push_back(fs::relative(file, request_.corpus).string());
    MOAT_TRY(Renew());
    InParallel(files.size(), request_.jobs, "learning", [&](std::size_t i) { One(i, files[i]); });
    std::sort(learned_.failed.begin(), learned_.failed.end(), [](const auto& a, const auto& b) { return a.input < b.input; });
    if (learned_.failed.size() < files.size()) return std::move(learned_);
    const FailedInput& first = learned_.failed.front();
    return WithFix(PolicyError("not one of " + base::Number(files.size()) + " runs exited with 0; " + first.input + ": " + first.how +
                               (first.said.empty() ? "" : ", saying: " + first.said)),
                   "try the command by itself: `moat run -i FILE -o FOLDER -- COMMAND`");
  }

 private:
  Status Renew() {
    auto next = std::make_shared<Generation>();
    next->path = folder_ + "/learn-" + base::Number(renewed_at_) + ".toml";
    const std::string text = learn::LearningPolicy(learned_.seen, kEnough, request_.visible, geteuid() == 0 ? learn::Groups::kYes : learn::Groups::kNo);
    const sys::Fd file = MOAT_TRY(sys::open(next->path, O_WRONLY | O_CREAT | O_EXCL, 0600));
    MOAT_TRY(sys::WriteAll(file.get(), text, next->path));
    next->model = MOAT_TRY(policy::Parse(text, next->path, StandardProfiles()));
    next->rules = MOAT_TRY(watch::Rules::Of(next->model));
    generation_ = std::move(next);
    return {};
  }

  std::shared_ptr<const Generation> Current() {
    const std::lock_guard lock(mutex_);
    return generation_;
  }

  void One(std::size_t number, const std::string& file) {
    const auto generation = Current();
    Collector collector(generation->model, sights_);
    WatchedRun wanted;
    wanted.mode = watch::Mode::kLearn;
    wanted.tell = [&](const seccomp_notif& question, const bpf::SyscallInfo& call) { collector.Tell(question, call); };
    wanted.run.policy = generation->path;
    wanted.run.inputs = {file};
    wanted.run.output_dir = folder_ + "/out-" + base::Number(number);
    wanted.run.command = request_.command;
    auto words = sys::memfd_create("moat-stderr", 0);
    if (words.ok()) wanted.standard[2] = words->get();
    auto job = RunWatched(wanted, generation->rules);
    std::error_code ignored;
    fs::remove_all(wanted.run.output_dir, ignored);
    Take(static_cast<unsigned>(number), collector.run(), job, words.ok() ? LastLine(words->get()) : "");
  }

  void Take(unsigned number, learn::Run& run, Result<WatchedJob>& job, const std::string& said) {
    const std::lock_guard lock(mutex_);
    const std::string& input = learned_.seen.inputs[number];
    if (!job.ok()) {
      learned_.failed.push_back({input, job.error().ToString(), said});
      return;
    }
    const Report& report = job->report;
    if (report.cause == Cause::kSetup) {
      learned_.failed.push_back({input, report.setup ? report.setup->message : report.detail, ""});
      return;
    }
    if (report.cause != Cause::kExit || report.exit_code.value_or(1) != 0) learned_.failed.push_back({input, report.detail, said});
    TakeReport(run, *job);
    learned_.seen.Add(number, run);
    ++done_;
    // Each new policy costs a plan for each job that starts meanwhile: seldom, and the more seldom the less there is to learn.
    if (done_ < kEnough || done_ < renewed_at_ * 4) return;
    renewed_at_ = done_;
    (void)Renew().ok();  // the last one does as well
  }

  const LearnRequest& request_;
  const std::string folder_;
  std::mutex mutex_;
  std::shared_ptr<const Generation> generation_;
  Learned learned_;
  Sights sights_;
  std::size_t done_ = 0, renewed_at_ = 0;
};

}  // namespace

Result<Learned> LearnCorpus(const LearnRequest& request) {
  const std::vector<std::string> files = MOAT_TRY(FilesBelow(request.corpus));
  const WorkFolder folder = MOAT_TRY(WorkFolder::Make());
  return Learner(request, folder.path()).Run(files);
}

}  // namespace moat::tool
