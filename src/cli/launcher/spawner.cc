#include "cli/launcher/spawner.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/protocol.h"
#include "api/report_wire.h"
#include "base/text.h"
#include "cli/launcher/own_pages.h"
#include "cli/launcher/spawner_request.h"
#include "run/job.h"
#include "run/newborn.h"
#include "run/privilege.h"
#include "sys/calls.h"
#include "sys/message.h"

namespace moat::launcher {
namespace {

using api::FrameKind;

constexpr int kEnded = 0, kBadRequest = 125;

bool Send(std::string_view head, std::string_view body, std::span<const int> fds) {
  const auto sent = sys::SendMessage(api::kSocketFd, head, body, fds);
  return sent.ok() && *sent == head.size() + body.size();
}

bool SayHello() {
  api::Hello hello;
  static_assert(sizeof(MOAT_VERSION) <= sizeof(hello.version));
  std::memcpy(hello.version, MOAT_VERSION, sizeof(MOAT_VERSION));
  return Send(sys::BytesOf(hello), {}, {});
}

bool Answer(std::uint32_t job, const Report& report, std::uint32_t flags) {
  const std::string body = api::PackReport(report);
  api::Answer answer;
  answer.job = job;
  answer.flags = flags;
  answer.body_size = body.size();
  if (body.size() <= api::kMaxInline) return Send(sys::BytesOf(answer), body, {});
  answer.flags |= api::kBodyInMemFd;
  auto file = sys::memfd_create("moat-report", MFD_ALLOW_SEALING);
  if (!file.ok() || !sys::WriteAll(file->get(), body, "report").ok()) return false;
  fcntl(file->get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW);
  const int fds[] = {file->get()};
  return Send(sys::BytesOf(answer), {}, fds);
}

// Another helper takes the job.
int Decline(std::uint32_t job) {
  api::Answer answer;
  answer.job = job;
  answer.flags = api::kDeclined;
  Send(sys::BytesOf(answer), {}, {});
  return kEnded;
}

Error InputError(const std::string& path, std::string message, std::string fix) {
  Error error = PolicyError("input `" + path + "`: " + std::move(message));
  error.subject = path;
  error.fix = std::move(fix);
  return error;
}

// A descriptor of another mount namespace cannot be shown to a job: the file is opened anew
// by its name, and it has to be the same one.
Result<sys::Fd> OpenHere(int given, const std::string& path) {
  const std::string link = "/proc/self/fd/" + base::Number(static_cast<std::uint64_t>(given));
  char name[PATH_MAX];
  const ssize_t length = readlink(link.c_str(), name, sizeof(name) - 1);
  struct stat was{}, is{};
  if (length > 0 && fstat(given, &was) == 0) {
    name[length] = '\0';
    auto opened = sys::openat2(AT_FDCWD, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, uapi::kResolveNoMagiclinks);
    if (opened.ok() && fstat(opened->get(), &is) == 0 && is.st_dev == was.st_dev && is.st_ino == was.st_ino) return opened;
  }
  return InputError(path, "the descriptor's file is not to be found by its name", "give a file that has one");
}

// Descriptors prove what their opener may do, and only that.
Status CheckInputs(Request& request, bool own_namespace) {
  for (std::size_t i = 0; i < request.job.input_fds.size(); ++i) {
    int& fd = request.job.input_fds[i];
    if (fd < 0) continue;
    const std::string& path = request.job.inputs[i];
    const int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || (flags & O_PATH) != 0 || (flags & O_ACCMODE) == O_WRONLY) {
      return InputError(path, "the descriptor is not open for reading", "open it with O_RDONLY");
    }
    struct stat facts{};
    // The kernel mounts no file that was deleted, and a memfd is one from its birth.
    if (fstat(fd, &facts) != 0 || facts.st_nlink == 0) {
      return InputError(path, "the descriptor's file has no name", "write it to a file that has one");
    }
    if (own_namespace) fd = request.Keep(MOAT_TRY(OpenHere(fd, path)));
  }
  return {};
}

// While a job runs, anything that happens on the socket (a cancel frame, the end) has to reach
// the engine, which waits for signals: it arrives as SIGTERM (F_SETSIG, fcntl(2)).
class Attention {
 public:
  Attention() {
    Drain();
    fcntl(api::kSocketFd, F_SETFL, flags_ | O_ASYNC);
    // What was there before O_ASYNC raised nothing.
    struct pollfd entry{api::kSocketFd, POLLIN, 0};
    if (poll(&entry, 1, 0) > 0) kill(getpid(), SIGTERM);
  }
  ~Attention() {
    fcntl(api::kSocketFd, F_SETFL, flags_);
    Drain();
  }
  Attention(const Attention&) = delete;
  Attention& operator=(const Attention&) = delete;

  static void Prepare() {
    flags_ = fcntl(api::kSocketFd, F_GETFL);
    fcntl(api::kSocketFd, F_SETOWN, getpid());
    fcntl(api::kSocketFd, F_SETSIG, SIGTERM);
  }

 private:
  // A signal that was meant for the job before must not end the next one.
  static void Drain() {
    sigset_t all;
    sigfillset(&all);
    const struct timespec now{0, 0};
    while (sigtimedwait(&all, nullptr, &now) > 0) {
    }
  }
  static int flags_;
};
int Attention::flags_ = 0;

Report RunJob(Request& request, const run::KeptPlan& plan, run::OwnArguments own) {
  const bool own_namespace = (plan->header().flags & abi::kOwnNamespace) != 0;
  if (own_namespace) {
    if (auto entered = run::EnterOwnNamespace(); !entered.ok()) return run::SetupReport(entered.error(), "namespace");
  }
  if (auto checked = CheckInputs(request, own_namespace); !checked.ok()) {
    return run::SetupReport(checked.error(), "input");
  }
  request.job.own_arguments = own.bytes;
  request.job.own_arguments_size = own.size;
  const Attention attention;
  return run::Run(plan, request.job);
}

// Until there is a frame. False when there will be none: nobody holds the other end any more,
// or the host is gone and only a forked child of it holds it.
bool WaitForFrame(run::Ahead& ahead) {
  struct pollfd entries[2] = {{api::kSocketFd, POLLIN, 0}, {api::kHostFd, POLLIN, 0}};
  int ready;
  do {
    const int patience = ahead.DropStale() ? static_cast<int>(run::Ahead::kStaleMs) : -1;
    ready = poll(entries, 2, patience);
  } while (ready == 0 || (ready < 0 && errno == EINTR));
  return ready > 0 && (entries[0].revents & POLLIN) != 0 && entries[1].revents == 0;
}

bool FrameIsThere() {
  struct pollfd entry{api::kSocketFd, POLLIN, 0};
  return poll(&entry, 1, 0) != 0;
}

// What can be done while nobody waits: the next jobs' jails, and the end of those that are over.
class Leisure {
 public:
  explicit Leisure(run::OwnArguments own) : own_(own) {}
  Leisure(const Leisure&) = delete;
  Leisure& operator=(const Leisure&) = delete;
  ~Leisure() {
    while (!left_.empty()) DropOldest();
  }

  run::Ahead& ahead() { return ahead_; }
  // Somebody expects a job of this plan. What fails is left to the job itself. A spawner is made while this memory
  // has nothing of any job in it, or never; jails of programs that start ahead are not born by one.
  void Expect(const run::KeptPlan& plan, std::optional<run::Beginning> beginning) {
    if ((plan->header().flags & abi::kOwnNamespace) != 0 && !run::EnterOwnNamespace().ok()) return;
    beginning_ = std::move(beginning);
    if (!has_seen_jobs_ && !beginning_) ahead_.StartSpawner(plan, own_);
    ahead_.DropOld(plan, beginning_);
    Want(plan, std::max<std::size_t>(wanted_, 1));
  }
  void SeeJob() { has_seen_jobs_ = true; }
  // After a first job there is a second one, mostly; after a second one there are many.
  void JobIsOver(const run::KeptPlan& plan, const run::Job& job, run::Remains& remains, const Report& report) {
    if (remains.newborn) left_.push_back(std::move(*remains.newborn));
    remains.newborn.reset();
    if (job.warm) {
      beginning_ = run::BeginningOf(job);
    } else if (plan != plan_) {
      beginning_.reset();
    }
    if (report.cause != Cause::kSetup) Want(plan, wanted_ + 1);
  }
  // One thing at a time: a job may come. False when there is nothing to do.
  bool DoSomething() {
    const bool makes = ahead_.size() < wanted_;
    if (makes && (left_.empty() || ahead_.size() == 0)) {
      const std::size_t before = ahead_.size();
      ahead_.Prepare(plan_, beginning_, own_);
      if (ahead_.size() == before) wanted_ = 0;  // not now
      if (ahead_.SpawnerOf(plan_) == nullptr || beginning_) forked_ = true;  // else the spawner did
      return true;
    }
    if (!left_.empty()) {
      DropOldest();
      return true;
    }
    ahead_.Tidy();
    if (!forked_) return false;
    forked_ = false;
    TakeOwnPages();
    return true;
  }
  // Jobs that come without a pause must not pile up what is left of them.
  void MakeRoom() {
    while (left_.size() >= kMostLeft) DropOldest();
  }

 private:
  static constexpr std::size_t kMostLeft = 4;
  void Want(const run::KeptPlan& plan, std::size_t count) {
    plan_ = plan;
    wanted_ = std::min(count, run::Ahead::kMost);
  }
  void DropOldest() {
    left_.front().Undo();
    left_.erase(left_.begin());
  }

  const run::OwnArguments own_;
  run::Ahead ahead_;
  run::KeptPlan plan_;
  std::optional<run::Beginning> beginning_;  // of jobs whose programs start ahead
  std::size_t wanted_ = 0;
  bool forked_ = false, has_seen_jobs_ = false;
  std::vector<run::Newborn> left_;
};

// However long that takes: while this process lives nobody else has its number, the groups are locked, and
// what the job has of the machine can be found.
int KeepWhatIsLeft(Leisure& leisure, run::Newborn& left) {
  leisure.ahead().Drop();
  close(api::kSocketFd);
  struct pollfd ended{left.child().pidfd().get(), POLLIN, 0};
  while (poll(&ended, 1, -1) < 0 && errno == EINTR) {
  }
  left.Undo();
  return kEnded;
}

int Serve(run::OwnArguments own) {
  Plans plans;
  Frame frame;
  Leisure leisure(own);
  for (;;) {
    while (!FrameIsThere() && leisure.DoSomething()) {
    }
    if (!WaitForFrame(leisure.ahead()) || !Receive(frame)) return kEnded;
    FrameKind kind{};
    if (!frame.Read(kind)) return kBadRequest;
    if (kind == FrameKind::kCancel) continue;  // came too late: that job has ended
    if (kind == FrameKind::kPrepare) {
      Expectation expected = TakePrepare(frame, plans);
      if (!expected.plan) return kBadRequest;
      if (leisure.ahead().SpawnerIsLost()) return kEnded;
      leisure.Expect(expected.plan, std::move(expected.beginning));
      continue;
    }
    leisure.SeeJob();
    Request request;
    if (kind != FrameKind::kRun || !TakeApart(frame, plans, request)) return kBadRequest;
    if (leisure.ahead().SpawnerIsLost()) return Decline(request.head.job);
    leisure.MakeRoom();
    request.job.ahead = &leisure.ahead();
    run::Remains remains;
    request.job.remains = &remains;
    const Result<run::KeptPlan>& told = *plans.At(request.head.plan_slot);
    const run::KeptPlan plan = told.ok() ? told.value() : run::KeptPlan();
    const Report report = plan ? RunJob(request, plan, own) : run::SetupReport(told.error(), "plan");
    // It may have gone while it bore this very jail: of the job nothing has run.
    if (report.cause == Cause::kSetup && leisure.ahead().SpawnerIsLost()) return Decline(request.head.job);
    request.files.clear();
    const bool inherited = leisure.ahead().SpawnerOf(plan) != nullptr && !request.job.warm;
    const bool spent = remains.newborn && remains.newborn->child().abandoned();
    const bool answered = Answer(request.head.job, report, (spent ? std::uint32_t{api::kSpent} : 0U) | (inherited ? std::uint32_t{api::kInherited} : 0U));
    if (spent) return KeepWhatIsLeft(leisure, *remains.newborn);
    if (!answered) return kEnded;
    leisure.JobIsOver(plan, request.job, remains, report);
  }
}

// musl's malloc gives the memory of some pieces back to the kernel when the last of them is freed: each job would map, touch and
// unmap the same pages. Of pieces of each size every second one is never freed, which keeps the room of those between.
void KeepMemory() {
  constexpr std::size_t kLargest = 16 * 1024, kSmall = 512, kMiddle = 4096;
  void* volatile pieces[12];  // volatile: or they are optimised away
  // Its sizes are four to each power of two.
  for (std::size_t size = 16; size <= kLargest; size += size / 8) {
    const unsigned count = size <= kSmall ? 12 : size <= kMiddle ? 4 : 1;
    for (unsigned i = 0; i < count; ++i) pieces[i] = ::operator new(size);
    for (unsigned i = 1; i < count; i += 2) ::operator delete(pieces[i]);
  }
}

}  // namespace

int Spawner(char** argv) {
  // For good: signals are for the job that runs, and the engine takes them from a descriptor.
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, nullptr);
  char* end = argv[0];
  for (char** word = argv; *word != nullptr; ++word) end = *word + strlen(*word) + 1;
  Attention::Prepare();
  KeepMemory();
  if (!SayHello()) return kEnded;
  return Serve({argv[0], static_cast<std::size_t>(end - argv[0])});
}

}  // namespace moat::launcher
