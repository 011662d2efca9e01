// A program inside moat::Serve, as the pool sees it. Its workers are children of this process: the
// thread that starts a zygote must outlive it (PR_SET_PDEATHSIG means threads), and nothing in this
// process may wait for children it does not know. Not thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "moat/result.h"
#include "pool/worker.h"
#include "pool/worker_protocol.h"
#include "sys/fd.h"

namespace moat::pool {

struct ZygoteProgram {
  std::vector<std::string> argv;  // argv[0]: an absolute path
  std::vector<std::string> environment;
  int log = -1;  // where it writes 1 and 2 to until it serves; -1: nowhere
};

class Zygote {
 public:
  // Starts the program; its hello is yet to come.
  static Result<std::unique_ptr<Zygote>> Start(const ZygoteProgram& program);
  // Kills it; waits for its end. Workers that were given out live on with their channels.
  ~Zygote();
  Zygote(const Zygote&) = delete;
  Zygote& operator=(const Zygote&) = delete;

  // Readable when there is something for Listen.
  int socket() const { return socket_.get(); }
  int pid() const { return pid_; }
  bool ready() const { return ready_; }
  const ZygoteHello& hello() const { return hello_; }

  // Takes what it has said. An error: it is of no use any more (it said why, or is gone).
  Status Listen();
  // Waits for its hello, `milliseconds` at most.
  Status AwaitReady(int milliseconds);
  // Orders `count` workers. They can be given jobs at once: what they are sent waits for their birth.
  Result<std::vector<Worker>> Spawn(unsigned count);
  // Tells the worker what its zygote said of its birth; waits for that word, `milliseconds` at most.
  // An error, or nothing said: the zygote is gone, and with it the knowledge.
  Status Attend(Worker& worker, int milliseconds);

 private:
  Zygote() = default;
  Status Hear(std::string_view frame, std::vector<sys::Fd> fds);
  Status HearSpawned(std::string_view frame, std::vector<sys::Fd> fds);
  Status WaitForWords(int milliseconds);

  struct Birth {
    int pid_or_error = 0;
    sys::Pidfd pidfd;
  };
  int pid_ = 0;
  sys::Pidfd process_;
  sys::Fd socket_;
  bool ready_ = false;
  ZygoteHello hello_;
  std::uint64_t last_serial_ = 0;
  std::deque<std::vector<std::uint64_t>> ordered_;  // serials, in the order of the answers to come
  std::map<std::uint64_t, Birth> births_;
};

}  // namespace moat::pool
