#include "cli/tool/follow.h"

#include <linux/filter.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iterator>

#include "base/text.h"
#include "cli/tool/explain.h"
#include "cli/tool/roles.h"
#include "cli/tool/tracee.h"
#include "sys/calls.h"

namespace moat::tool {
namespace {

constexpr int kCallStop = SIGTRAP | 0x80;
constexpr std::size_t kMarkerWindow = 65536, kMarkerPieces = 64;
constexpr std::size_t kMaxRecords = 100;

Error CannotTrace(const char* what) {
  return WithFix(SystemError("ptrace", errno, what), "the program is sealed by tracing it, which this host refuses; seal it in its source (moat/seal.h), or use moat run");
}

class Follower {
 public:
  explicit Follower(const FollowRequest& request) : request_(request) {}
  ~Follower() {
    if (pid_ > 0) kill(pid_, SIGKILL);
    while (pid_ > 0 && waitpid(-1, nullptr, __WALL) > 0) {
    }
  }

  Result<Followed> Run() {
    MOAT_TRY(Tracee::Supported());
    started_ = sys::NowNs();
    MOAT_TRY(Start());
    while (pid_ > 0) {
      int status = 0;
      struct rusage usage;
      const pid_t tid = wait4(-1, &status, __WALL, &usage);
      if (tid < 0 && errno == EINTR) continue;
      if (tid < 0) return SystemError("wait4", errno);
      if (WIFSTOPPED(status)) {
        MOAT_TRY(Stopped(tid, status));
      } else if (tid == pid_) {
        Ended(status, usage);
      } else {  // its number may come again
        known_.erase(std::remove(known_.begin(), known_.end(), tid), known_.end());
        inside_.erase(std::remove(inside_.begin(), inside_.end(), tid), inside_.end());
      }
    }
    if (!sealed_ && !killed_) {
      return WithFix(HostError("the program ended and was never sealed: it " +
                               std::string(request_.marker.empty() ? "did not read its standard input" : "did not write the marker")),
                     "seal it elsewhere (--marker TEXT), or in its source (moat/seal.h)");
    }
    return std::move(followed_);
  }

 private:
  Status Start() {
    sys::Pipe failed = MOAT_TRY(sys::pipe2());
    pid_ = fork();
    if (pid_ < 0) return SystemError("fork", errno);
    if (pid_ == 0) Child(failed.write.get());
    failed.write.Close();
    int status = 0;
    if (waitpid(pid_, &status, __WALL) != pid_) return SystemError("waitpid", errno);
    int error = 0;
    if (!WIFSTOPPED(status)) {
      pid_ = -1;
      const bool told = read(failed.read.get(), &error, sizeof(error)) == static_cast<ssize_t>(sizeof(error));
      return SystemError("execve", told ? error : ECHILD, request_.command[0]);
    }
    constexpr long kOptions = PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
                              PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC;
    if (ptrace(PTRACE_SETOPTIONS, pid_, nullptr, kOptions) != 0) return CannotTrace("PTRACE_SETOPTIONS");
    known_.push_back(pid_);
    return Go(pid_, 0);
  }

  [[noreturn]] void Child(int failed) {
    // As in a jail: nothing is inherited by accident.
    syscall(SYS_close_range, 3U, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */);
    signal(SIGPIPE, SIG_DFL);
    std::vector<char*> argv;
    for (const std::string& word : request_.command) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0) {
      execvp(argv[0], argv.data());
    }
    const int error = errno;
    (void)!write(failed, &error, sizeof(error));
    _exit(127);
  }

  // Sealed, only signals are of interest: the program then runs at its own speed.
  Status Go(pid_t tid, int signal) {
    if (ptrace(sealed_ ? PTRACE_CONT : PTRACE_SYSCALL, tid, nullptr, signal) != 0 && errno != ESRCH) return CannotTrace("PTRACE_CONT");
    return {};
  }

  Status Stopped(pid_t tid, int status) {
    const int signal = WSTOPSIG(status), event = status >> 16;
    if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK || event == PTRACE_EVENT_CLONE) {
      return sealed_ ? Go(tid, 0) : CheckIsThread(tid);
    }
    if (event != 0) return Go(tid, 0);  // exec, and stops of groups: only traced, not seized
    if (signal == kCallStop) return sealed_ ? Go(tid, 0) : CallStop(tid);
    if (signal == SIGSYS && sealed_ && Violated(tid)) return {};
    // A new thread begins with a stop of its own.
    if (signal == SIGSTOP && std::find(known_.begin(), known_.end(), tid) == known_.end()) {
      known_.push_back(tid);
      return Go(tid, 0);
    }
    return Go(tid, signal);
  }

  Status CheckIsThread(pid_t tid) {
    unsigned long born = 0;
    ptrace(PTRACE_GETEVENTMSG, tid, nullptr, &born);
    const std::string place = "/proc/" + base::Number(static_cast<std::uint64_t>(pid_)) + "/task/" + base::Number(born);
    if (access(place.c_str(), F_OK) != 0) {
      kill(static_cast<pid_t>(born), SIGKILL);
      return WithFix(HostError("the program starts other processes before it can be sealed"), "use a jail for it: moat run");
    }
    return Go(tid, 0);
  }

  // Entry and exit alternate for each thread.
  Status CallStop(pid_t tid) {
    const auto inside = std::find(inside_.begin(), inside_.end(), tid);
    if (inside != inside_.end()) {
      inside_.erase(inside);
      return Go(tid, 0);
    }
    Tracee tracee(tid);
    const PendingCall call = MOAT_TRY(tracee.Call());
    if (marked_ || (request_.marker.empty() && ReadsInput(call))) {
      MOAT_TRY(Seal(tracee));
      return Go(tid, 0);
    }
    if (!request_.marker.empty() && WritesMarker(call)) marked_ = true;  // at the next call, this one being done
    inside_.push_back(tid);
    return Go(tid, 0);
  }

  // In whatever way: cat copies between files without a read, others map them.
  static bool ReadsInput(const PendingCall& call) {
    constexpr long kFromTheFirst[] = {SYS_read,     SYS_readv,   SYS_pread64,         SYS_preadv, SYS_preadv2,
                                      SYS_recvfrom, SYS_recvmsg, SYS_copy_file_range, SYS_splice, SYS_tee};
    const auto number = static_cast<long>(call.number);
    if (number == SYS_mmap) return (call.args[3] & MAP_ANONYMOUS) == 0 && static_cast<std::uint32_t>(call.args[4]) == 0;
    if (number == SYS_sendfile) return static_cast<std::uint32_t>(call.args[1]) == 0;
    return std::find(std::begin(kFromTheFirst), std::end(kFromTheFirst), number) != std::end(kFromTheFirst) &&
           static_cast<std::uint32_t>(call.args[0]) == 0;
  }

  // writev: musl's stdio, and others that have a head and a body.
  bool WritesMarker(const PendingCall& call) {
    const auto fd = static_cast<std::uint32_t>(call.args[0]);
    const auto number = static_cast<long>(call.number);
    if ((number != SYS_write && number != SYS_writev) || (fd != 1 && fd != 2)) return false;
    ForeignMemory memory(pid_);
    iovec pieces[kMarkerPieces] = {};
    std::size_t count = 1;
    if (number == SYS_write) {
      pieces[0] = {reinterpret_cast<void*>(call.args[1]), call.args[2]};
    } else {
      count = std::min<std::uint64_t>(call.args[2], kMarkerPieces);
      count = memory.Read(call.args[1], pieces, count * sizeof(iovec)) / sizeof(iovec);
    }
    std::string text;
    for (std::size_t i = 0; i < count; ++i) {
      std::string piece(std::min(pieces[i].iov_len, kMarkerWindow - text.size()), '\0');
      piece.resize(memory.Read(reinterpret_cast<std::uint64_t>(pieces[i].iov_base), piece.data(), piece.size()));
      text += piece;
    }
    return text.find(request_.marker) != std::string::npos;
  }

  Status CheckAlone() const {
    std::error_code error;
    const auto threads = std::filesystem::directory_iterator("/proc/" + base::Number(static_cast<std::uint64_t>(pid_)) + "/task", error);
    const auto count = std::distance(begin(threads), end(threads));
    if (!error && count == 1) return {};
    return WithFix(PolicyError("the seal is for one thread, and the program has " + base::SignedNumber(count)),
                   "--threads existing, or new");
  }

  Status Seal(Tracee& tracee) {
    moat::Seal seal = request_.seal;
    if (seal.request().threads == SealThreads::kNone) MOAT_TRY(CheckAlone());
    MOAT_TRY(AddRoles(pid_, seal, followed_.roles));
    // The tracer sees the signal before the program does, and writes the record itself.
    const bool kills = seal.request().violation == SealViolation::kKill;
    if (kills) seal.OnViolation(SealViolation::kTrap);
    const PreparedSeal prepared = MOAT_TRY(seal.Prepare());
    const std::vector<std::uint64_t> code = prepared.Program(pid_);
    MOAT_TRY(tracee.PutOff());
    MOAT_TRY(Limit(seal.request()));
    MOAT_TRY(Install(tracee, code));
    MOAT_TRY(tracee.Resume());
    for (const int signal : tracee.signals()) syscall(SYS_tgkill, pid_, tracee.tid(), signal);
    sealed_ = true;
    Note("seal", base::Number(code.size()) + " instructions, " + base::Number(followed_.roles.size()) + " descriptors");
    return {};
  }

  static Status Check(long result, const char* call) {
    if (result >= 0) return {};
    return SystemError(call, static_cast<int>(-result), "in the program's name");
  }

  Status Limit(const SealRequest& request) {
    if (request.file_size != ~0ULL) {
      const rlimit limit{request.file_size, request.file_size};
      if (prlimit(pid_, RLIMIT_FSIZE, &limit, nullptr) != 0) return SystemError("prlimit", errno, "RLIMIT_FSIZE");
    }
    const rlimit none{0, 0};
    const bool opens = request.Has(SealGrant::kDescriptors) || request.Has(SealGrant::kWaiting);
    if (!opens && prlimit(pid_, RLIMIT_NOFILE, &none, nullptr) != 0) return SystemError("prlimit", errno, "RLIMIT_NOFILE");
    if (prlimit(pid_, RLIMIT_CORE, &none, nullptr) != 0) return SystemError("prlimit", errno, "RLIMIT_CORE");
    return {};
  }

  // The program's own memory carries the filter: a page of its own, which stays.
  Status Install(Tracee& tracee, const std::vector<std::uint64_t>& code) {
    const std::size_t size = code.size() * sizeof(code[0]) + sizeof(sock_fprog);
    const long page = MOAT_TRY(tracee.Inject(SYS_mmap, {0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, ~0ULL, 0}));
    MOAT_TRY(Check(page < 0 && page > -4096 ? page : 0, "mmap"));
    const auto at = static_cast<std::uint64_t>(page);
    sock_fprog program{};
    program.len = static_cast<unsigned short>(code.size());
    program.filter = reinterpret_cast<sock_filter*>(at + sizeof(program));
    MOAT_TRY(tracee.Write(at, &program, sizeof(program)));
    MOAT_TRY(tracee.Write(at + sizeof(program), code.data(), code.size() * sizeof(code[0])));
    const long no_gain = MOAT_TRY(tracee.Inject(SYS_prctl, {PR_SET_NO_NEW_PRIVS, 1}));
    MOAT_TRY(Check(no_gain, "prctl"));
    const long installed = MOAT_TRY(tracee.Inject(SYS_seccomp, {SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, at}));
    if (installed > 0) return HostError("thread " + base::SignedNumber(installed) + " of the program has a filter of its own");
    return Check(installed, "seccomp");
  }

  // A filter's SIGSYS: told, and the end. The program's own handler never runs.
  bool Violated(pid_t tid) {
    seal::Violation violation;
    if (!ReadViolation(tid, pid_, violation)) return false;
    char line[seal::kRecordSize];
    ForeignMemory memory(pid_);
    ForeignObjects objects(pid_);
    const std::size_t size = seal::FormatRecord(violation, memory, objects, line);
    if (followed_.records.size() < kMaxRecords) followed_.records.emplace_back(line, size);
    killed_ = true;
    kill(pid_, SIGKILL);
    return true;
  }

  void Ended(int status, const struct rusage& usage) {
    pid_ = -1;
    Report& report = followed_.report;
    report.wall = sys::NowNs() - started_;
    const auto time = [](const timeval& t) { return static_cast<std::uint64_t>(t.tv_sec) * 1000000000ULL + static_cast<std::uint64_t>(t.tv_usec) * 1000ULL; };
    report.cpu_user = time(usage.ru_utime);
    report.cpu_system = time(usage.ru_stime);
    report.memory_peak = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
    report.version = MOAT_VERSION;
    if (WIFEXITED(status)) report.exit_code = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) report.signal = killed_ ? SIGSYS : WTERMSIG(status);
    report.cause = killed_ ? Cause::kDenied : report.signal ? Cause::kSignal : Cause::kExit;
    std::string all;
    for (const std::string& record : followed_.records) all += record;
    report.denials = DenialsOfRecords(all);
    report.denial_count = report.denials.size();
    if (!report.denials.empty()) report.detail = report.denials[0].call + "(" + report.denials[0].arguments + ")";
  }

  void Note(const char* name, std::string detail) { followed_.report.enforced.push_back({name, std::move(detail)}); }

  const FollowRequest& request_;
  Followed followed_;
  pid_t pid_ = -1;
  std::uint64_t started_ = 0;
  std::vector<pid_t> inside_, known_;  // threads: between a call's two stops; past their first one
  bool marked_ = false, sealed_ = false, killed_ = false;
};

}  // namespace

Result<Followed> Follow(const FollowRequest& request) { return Follower(request).Run(); }

}  // namespace moat::tool
