// A program locks itself: it opens what it needs, then says what it will still do, and from
// then on the kernel lets it do nothing else, in every thread, for good.
//
//   moat::Status Work(int in, int out) {
//     moat::Seal seal;
//     seal.Read(in).Write(out).Memory().Time();
//     MOAT_TRY(seal.Apply());
//     return Convert(in, out);  // hostile bytes are read here
//   }
//
// A server that forks for each job does the slow half once:
//
//   moat::Status Serve(int in, int out) {
//     auto prepared = MOAT_TRY(moat::Seal().Read(in).Write(out).Memory().Prepare());
//     while (NextJob(in, out)) {
//       if (fork() != 0) continue;
//       _exit(prepared.Apply().ok() && Convert(in, out).ok() ? 0 : 1);
//     }
//     return {};
//   }
//
// What is always allowed: to exit, to return from signal handlers, to abort. What is never:
// code that was not there before (PROT_EXEC), descriptors that were not declared.
// Ownership: descriptors stay the caller's and open. Threads: a Seal is a value; Apply covers
// every thread of the process or is an Error that names the one in the way. After an Error the
// process is not sealed; what was lowered on the way (limits, dumpable, closed strays) stays so.
// Errors: kPolicy for what does not fit together, kHost for a process or host that cannot be
// sealed; no exception. Guide: docs/seal.md. In C: moat/moat_seal.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "moat/result.h"

// Where the self-test is on unless asked otherwise: in debug builds of whoever includes this.
#ifdef NDEBUG
#define MOAT_SEAL_SELF_TEST ::moat::SealSelfTest::kOff
#else
#define MOAT_SEAL_SELF_TEST ::moat::SealSelfTest::kOn
#endif

namespace moat {

enum class SealThreads : std::uint8_t {
  kNone,      // there is one thread, and there will be no other
  kExisting,  // those that are there when Apply is called go on, sealed
  kNew,       // and new ones may be started
};

// What happens when something is tried that was not declared.
enum class SealViolation : std::uint8_t {
  kKill,    // the process dies of SIGSYS at once; nothing of it runs again
  kTrap,    // a handler writes one record (SealRecord) first, then it dies of SIGSYS
  kErrno,   // the call fails; the process may go on trying
  kLog,     // allowed, and a line in the kernel's log. NOT A WALL
  kReport,  // allowed, and one record each. NOT A WALL: for development
};

// Open descriptors that were not declared. Directories, sockets that are left over and io_uring
// instances are refused even with kKeep: whoever holds one reaches beyond the seal.
enum class SealStrays : std::uint8_t { kRefuse, kClose, kKeep };

enum class SealSelfTest : std::uint8_t { kOff, kOn };
enum class SealDumps : std::uint8_t { kOff, kKeep };  // core files, and being traced by one's own user

// Things that are allowed as a whole; Seal's functions say what each is.
enum class SealGrant : std::uint32_t {
  kBasics = 1U << 0,   // own signals, own ids, and the harmless answers of docs/seal.md
  kMemory = 1U << 1,
  kTime = 1U << 2,
  kRandom = 1U << 3,
  kWaiting = 1U << 4,
  kAnyRead = 1U << 5,
  kAnyWrite = 1U << 6,
  kSoftOpen = 1U << 7,
  // The words of promises.
  kDescriptors = 1U << 8,
  kReadPaths = 1U << 9,
  kWritePaths = 1U << 10,
  kCreatePaths = 1U << 11,
  kAttributes = 1U << 12,
  kFileLocks = 1U << 13,
  kInternet = 1U << 14,
  kUnixSockets = 1U << 15,
  kProcesses = 1U << 16,
  kExecute = 1U << 17,
  kNewCode = 1U << 18,
  kTerminal = 1U << 19,
};

struct SealRole {
  int fd = -1;
  bool read = false, write = false, seek = false, map = false;
};

// What a Seal adds up to: plain data.
struct SealRequest {
  std::vector<SealRole> roles;
  std::uint32_t grants = static_cast<std::uint32_t>(SealGrant::kBasics);
  SealThreads threads = SealThreads::kNone;
  SealViolation violation = SealViolation::kKill;
  int violation_errno = 1;  // EPERM
  int record_fd = -1;
  SealStrays strays = SealStrays::kRefuse;
  SealDumps dumps = SealDumps::kOff;
  SealSelfTest self_test = SealSelfTest::kOff;
  std::uint64_t file_size = ~0ULL;  // no file can grow beyond
  std::string mistake;              // the first wrong argument; told by Prepare
  bool Has(SealGrant grant) const { return (grants & static_cast<std::uint32_t>(grant)) != 0; }
};

// What Apply saw and did.
struct SealReport {
  struct Stray {
    int fd = -1;
    std::string what;  // "file", "directory", "socket", "pipe" ...
    std::string done;  // "closed", "kept"
  };
  // One thing that must fail now, tried by a copy of the process under the same filter.
  struct Trial {
    std::string attempt;  // "open a file"
    std::string verdict;  // "killed by SIGSYS", "EPERM", "allowed, as declared"
    bool held = false;
  };
  std::vector<Stray> strays;
  std::vector<std::string> notes;  // worth knowing, and no reason to refuse
  std::vector<Trial> trials;
  std::uint32_t instructions = 0;  // of the filter
};

// A seal whose slow half is done: compiled, proven, libc warmed up. A value; Apply as often as
// there are processes (forked ones) to seal.
class PreparedSeal {
 public:
  Result<SealReport> Apply() const;
  std::string Listing() const;  // the filter, one instruction a line
  const SealRequest& request() const { return request_; }
  // The filter as the kernel takes it (struct sock_filter); own_pid stands in for the caller's.
  std::vector<std::uint64_t> Program(int own_pid) const;

 private:
  friend class Seal;
  Result<SealReport> Apply(SealReport report) const;  // goes on with what was seen so far
  SealRequest request_;
  std::vector<std::uint64_t> code_;
  bool threads_are_warm_ = false;
};

class Seal {
 public:
  explicit Seal(SealSelfTest self_test = MOAT_SEAL_SELF_TEST) { request_.self_test = self_test; }

  // Presets. Roles and further words can be added to each.
  //   strict  the kernel's oldest: read, write, exit, sigreturn; no memory, no time
  //   pure    write to whatever is open for it, memory, time
  //   stdio   read 0, write 1 and 2, memory, time, random bytes, the threads that are there
  static Result<Seal> Preset(std::string_view name, SealSelfTest self_test = MOAT_SEAL_SELF_TEST);
  // Words for a whole program, as in pledge(2) of OpenBSD: "stdio rpath". Descriptors are then
  // not told apart. stdio rpath wpath cpath fattr flock inet unix proc exec prot_exec tty
  Seal& Promise(std::string_view words);

  Seal& Read(int fd);       // read, readv, pread, preadv, fstat, close
  Seal& Write(int fd);      // write, writev, pwrite, pwritev, fstat, close
  Seal& ReadWrite(int fd);
  Seal& Seek(int fd);       // lseek; stdio wants it on regular files
  Seal& Map(int fd);        // mmap, private and never executable
  Seal& AnyRead();          // whatever is open: nothing new can be opened
  Seal& AnyWrite();

  Seal& Memory();           // malloc and its like; never executable
  Seal& Time();             // clocks and sleep
  Seal& Random();           // getrandom
  Seal& Waiting();          // poll and select
  Seal& Threads(SealThreads threads = SealThreads::kExisting);
  // Opening and looking up files fails with EACCES instead of being a violation: for parts of
  // libc that look for files late and get by without (CPU count, locales, user names).
  Seal& SoftOpen();

  Seal& OnViolation(SealViolation mode, int error_number = 1);
  Seal& Record(int fd);     // where kTrap and kReport write; -1: nowhere
  Seal& Strays(SealStrays strays);
  Seal& FileSize(std::uint64_t bytes);  // RLIMIT_FSIZE: SIGXFSZ beyond
  Seal& Dumps(SealDumps dumps);

  // Checks what was asked and what is mapped, compiles, proves the filter equal to it, warms libc up.
  Result<PreparedSeal> Prepare() const;
  // Prepare, look at the process, lock.
  Result<SealReport> Apply() const;

  SealRequest& request() { return request_; }
  const SealRequest& request() const { return request_; }

 private:
  Result<PreparedSeal> Compile() const;
  SealRequest request_;
};

// What libc and the language would load at first use; Prepare calls SealWarmUp, and SealWarmThreads
// where there are threads or may be new ones (Apply, where they came in between): libc locks its heap from
// a process' first thread on, which costs a program of one thread some 3 % where it allocates much. The others are separate, since a static program pays for them by its size.
void SealWarmUp();                                        // stdio, time zone (sets TZ where it is unset, glibc),
                                                          // locale, messages, unwinder, random, heap
void SealWarmThreads();                                   // the heaps of threads; starts one and waits for its end
Status SealWarmIconv(const char* to, const char* from);   // keeps one conversion open
void SealWarmNames();                                     // user and host names: loads the modules of NSS.
                                                          // Look names up before: files stay closed

}  // namespace moat
