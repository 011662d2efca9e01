// Runs commands under a policy, each in a jail of its own.
//
//   moat::Status Thumbnail() {
//     auto policy = MOAT_TRY(moat::Policy::Load("thumbnail.toml"));
//     auto report = MOAT_TRY(moat::Sandbox(policy).Run({"convert", "in.png", "out.png"}));
//     std::puts(report.Summary().c_str());  // exited 0 in 41 ms, peak 18 MiB; enforced: ...
//     return {};
//   }
//
// With files, and with what the program says as text:
//
//   moat::Result<std::string> Identify(moat::Sandbox& sandbox, const std::string& upload) {
//     moat::Command command;
//     command.argv = {"identify", "{in}"};
//     command.inputs = {{upload, "upload.png"}};
//     command.out = moat::Stream::Capture();
//     auto outcome = MOAT_TRY(sandbox.Run(command));
//     return outcome.out;
//   }
//
// Keep a Sandbox and use it for many jobs: plans are compiled once per program, and helpers
// stay. The process that calls never forks: jobs are started by helpers (`moat __spawner`, a
// small static program) that a Sandbox starts when it needs one, as many as it has jobs at the
// same time. They are no children of the caller: no SIGCHLD, nothing to wait for, nothing
// inherited but a socket. (Where the caller is pid 1 or a child subreaper, ended helpers come to
// it like any orphan; the Sandbox reaps those that it ends itself.) Helpers end with their
// Sandbox and with the calling process, however that ends; running jobs are cancelled then.
//
// Threads: Run from any number of them at once. Construct, move and destroy alone: no Run may
// be going on. After fork() a child may use its copy; it gets helpers of its own.
// Credentials: helpers keep those that the process had at their start; a process that gives up
// privileges does so before its first Run.
// Errors: an Error means that there was no job (bad command, no plan for this host, no
// launcher). Whatever happens from then on is in the Report: cause `setup` when the jail could
// not be made, `worker-lost` when the helper was killed.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "moat/policy.h"
#include "moat/report.h"
#include "moat/result.h"

namespace moat {

// One of a program's streams. The job never sees the given descriptor itself: bytes are
// carried through a pipe, counted, and cut at the policy's limits `stdout` and `stderr`.
class Stream {
 public:
  enum class Kind : unsigned char { kNull, kInherit, kDescriptor, kText, kCapture };

  static Stream Null() { return Stream(Kind::kNull); }        // nothing to read; dropped
  static Stream Inherit() { return Stream(Kind::kInherit); }  // this process' own 0, 1 or 2
  // Stays the caller's, who keeps it open until Run returns.
  static Stream Descriptor(int fd) { return Stream(Kind::kDescriptor, fd); }
  static Stream Text(std::string text) { return Stream(Kind::kText, -1, std::move(text)); }  // `in` only
  // `out` and `err` only; in memory, so a policy without a limit is without one here, too.
  static Stream Capture() { return Stream(Kind::kCapture); }

  Kind kind() const { return kind_; }
  int descriptor() const { return descriptor_; }
  const std::string& text() const { return text_; }

 private:
  explicit Stream(Kind kind, int descriptor = -1, std::string text = {})
      : kind_(kind), descriptor_(descriptor), text_(std::move(text)) {}
  Kind kind_;
  int descriptor_;
  std::string text_;
};

// Ends jobs before their time: from another thread, or from a signal handler. Copies are the
// same token; one token may be given to many commands. Cancelled once, cancelled for good.
class CancelToken {
 public:
  CancelToken() = default;  // never cancels
  static Result<CancelToken> Make();

  void Cancel() const;  // async-signal-safe
  bool cancelled() const;
  int descriptor() const;  // readable once cancelled; -1 without; the token's

 private:
  struct State;
  explicit CancelToken(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  std::shared_ptr<const State> state_;
};

// A file for the job to read, in its input folder under `name` ("" : as in the path).
struct Input {
  std::string path;
  std::string name;
  int descriptor = -1;  // when given, of the file, opened for reading; `path` is then for people.
                        // It must have a name somewhere: no memfd, nothing deleted.
};

// May programs start before there is a job for them? Such a one runs up to where it would look at an input or read
// its standard input, and waits there for its one job (docs/pool.md). It must be the same program with the same
// words, environment and names of inputs: other jobs of the Sandbox start as without. Report::warm tells.
enum class Warm : unsigned char {
  kNo,
  kInput,
};

struct Command {
  std::vector<std::string> argv;  // {in}, {in1}.., {out} are replaced as in `moat run`
  std::vector<Input> inputs;      // at most 64
  std::string output_dir;         // results are collected into it; made when missing; "": none
  int output_descriptor = -1;     // the same as an open folder; the caller's
  // "NAME=value". Nothing is taken from this process' own environment.
  std::vector<std::string> environment;          // the program gets these
  std::vector<std::string> offered_environment;  // and of these what the policy's `pass` names
  Stream in = Stream::Null();
  Stream out = Stream::Inherit();
  Stream err = Stream::Inherit();
  // Decides, where the policy's `enforce` is a share of the jobs, whether this one is enforced: the same key, the same
  // side, as with `moat run --key`; "": the inputs' paths, else argv. Report::side tells. Such a job beyond the share is
  // what SandboxOptions::beyond_share says.
  std::string key;
  Warm warm = Warm::kNo;
  CancelToken cancel;  // then the program is asked with SIGTERM, and killed after `grace`
};

struct Outcome {
  Report report;
  std::string out, err;  // what was captured
};

// A job that `enforce` leaves to be reported on only, which is `moat run`'s business: the library lets no refused call
// through.
enum class BeyondShare : unsigned char {
  kRefuse,   // Run is an Error of kind policy that says so; nothing was started
  kEnforce,  // enforced as well, and Report::side says "enforced"
};

enum class Install : unsigned char { kYes, kNo };

struct SandboxOptions {
  // bin/moat; "": as installed, else near this library or program (../bin/moat).
  std::string launcher;
  // Where a program without a "/" is looked for last, after the policy's own folders.
  std::string search_path = "/usr/local/bin:/usr/bin:/bin";
  unsigned idle_helpers = 16;  // as many are kept when there is nothing to do
  BeyondShare beyond_share = BeyondShare::kRefuse;
  // Asked before a seccomp filter is installed, on the thread of Run or Prepare; may wait. Each helper installs one for
  // all its jobs; where that cannot be had, each job installs its own. Some kernels bear about a thousand a second and no
  // more. kNo: then the job is cancelled, or not prepared. It must return soon once `cancel` is.
  std::function<Install(const CancelToken& cancel)> before_filter;
};

class Sandbox {
 public:
  using Options = SandboxOptions;

  explicit Sandbox(Policy policy, Options options = {});
  Sandbox(Sandbox&&) noexcept;
  Sandbox& operator=(Sandbox&&) noexcept;
  ~Sandbox();

  // Waits for the end of the job. Its output goes where this process' own goes.
  Result<Report> Run(const std::vector<std::string>& argv);
  Result<Outcome> Run(const Command& command);

  // Has `count` helpers that have a jail for such a command ready (its program and whether it collects
  // results matter; streams and inputs do not, but for the names of inputs where it is warm). Jobs that come within ten seconds find them; later ones
  // do when this is called again meanwhile, which replaces what has become old. Does not wait for the jails.
  Status Prepare(const Command& command, unsigned count);

  // What would be done for this command, one prepared system call a line (as `moat plan`).
  Result<std::string> Plan(const Command& command);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace moat
