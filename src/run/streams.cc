#include "run/streams.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/text.h"
#include "run/told.h"
#include "uapi/syscall.h"

namespace moat::run {
namespace {

constexpr std::size_t kPipeSafe = 4096;  // PIPE_BUF: what a ready pipe takes without blocking

bool IsNull(int fd) {
  struct stat facts;
  return fstat(fd, &facts) == 0 && S_ISCHR(facts.st_mode) && facts.st_rdev == makedev(1, 3);
}

bool IsRegular(int fd) {
  struct stat facts;
  return fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode);
}

// The caller's stdin may be shared with others who read what poll promised us: a plain read
// would then wait for ever, with every clock of the job standing still. What knows no RWF_NOWAIT
// (a terminal) is read as it is.
ssize_t ReadShared(int fd, char* bytes) {
  const struct iovec part{bytes, Block::kSize};
  constexpr int kRwfNowait = 8;
  const long n = uapi::Syscall(__NR_preadv2, fd, &part, 1, -1L, -1L, kRwfNowait);
  if (!uapi::IsError(n)) return n;
  if (n == -EAGAIN && !IsRegular(fd)) {
    errno = EAGAIN;
    return -1;
  }
  if (n == -EINTR) {
    errno = EINTR;
    return -1;
  }
  return read(fd, bytes, Block::kSize);
}

// The caller's stdout and stderr may be shared as well: what poll promised is gone when somebody
// else was quicker, and a plain write would wait, with every clock of the job standing still.
ssize_t WriteShared(int fd, const char* bytes, std::size_t size) {
  const struct iovec part{const_cast<char*>(bytes), size};
  constexpr int kRwfNowait = 8;
  const long n = uapi::Syscall(__NR_pwritev2, fd, &part, 1, -1L, -1L, kRwfNowait);
  if (n == -EOPNOTSUPP || n == -ENOSYS) return write(fd, bytes, std::min(size, kPipeSafe));
  if (!uapi::IsError(n)) return n;
  errno = static_cast<int>(-n);
  return -1;
}

// A terminal knows no such flag, and one that is stopped (^S) waits in the middle of a write. Opened
// anew it has flags of its own; the caller's keep theirs.
sys::Fd OwnTerminal(int fd) {
  if (isatty(fd) == 0) return {};
  const std::string link = "/proc/self/fd/" + base::Number(static_cast<std::uint64_t>(fd));
  return sys::Fd(open(link.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
}

bool IsOpen(int fd) { return fcntl(fd, F_GETFD) >= 0; }

// Our own end only: the guest's end is another open file description. A fresh pipe has no
// other flag to keep.
void MakeNonblocking(int fd) { fcntl(fd, F_SETFL, O_NONBLOCK); }

// The launcher's own 0, 1, 2 may be closed by its caller: our pipes must not land there.
Result<sys::Fd> AboveStandard(sys::Fd fd) {
  if (fd.get() > 2) return fd;
  const int higher = fcntl(fd.get(), F_DUPFD_CLOEXEC, 3);
  if (higher < 0) return SystemError("fcntl", errno, "F_DUPFD_CLOEXEC");
  return sys::Fd(higher);
}

struct Ends {
  sys::Fd ours, guests;
};

Result<Ends> GuestPipe(bool guest_reads, std::uint32_t uid, std::uint32_t gid) {
  sys::Pipe pipe = MOAT_TRY(sys::pipe2());
  Ends ends;
  ends.ours = MOAT_TRY(AboveStandard(std::move(guest_reads ? pipe.write : pipe.read)));
  ends.guests = MOAT_TRY(AboveStandard(std::move(guest_reads ? pipe.read : pipe.write)));
  // So that the guest can open /dev/stdout by name, and only for writing.
  if (fchown(ends.guests.get(), uid, gid) != 0) return SystemError("fchown", errno, "a pipe of the job");
  if (fchmod(ends.guests.get(), guest_reads ? 0400 : 0200) != 0) return SystemError("fchmod", errno, "a pipe of the job");
  MakeNonblocking(ends.ours.get());
  return ends;
}

}  // namespace

void Channel::Open(int from, int to, std::uint64_t limit, sys::Fd owned_end) {
  from_ = from;
  to_ = to;
  limit_ = limit;
  owned_ = std::move(owned_end);
  active_ = true;
  target_gone_ = !IsOpen(to);
  if (owned_.get() != to_) terminal_ = OwnTerminal(to);
  if (terminal_.valid()) to_ = terminal_.get();
}

void Channel::AddPolls(std::vector<struct pollfd>& polls) {
  read_poll_ = write_poll_ = -1;
  if (!active_) return;
  if (end_ > begin_) {
    write_poll_ = static_cast<int>(polls.size());
    polls.push_back({to_, POLLOUT, 0});
  } else if (!at_end_) {
    read_poll_ = static_cast<int>(polls.size());
    polls.push_back({from_, POLLIN, 0});
    if (owned_.get() == to_) {  // feeding the guest: notice when it stops reading
      polls.push_back({to_, 0, 0});
      write_poll_ = -2 - static_cast<int>(polls.size() - 1);
    }
  }
}

void Channel::Step(const std::vector<struct pollfd>& polls) {
  if (!active_) return;
  if (write_poll_ <= -2 && (polls[static_cast<std::size_t>(-2 - write_poll_)].revents & (POLLERR | POLLNVAL)) != 0) {
    Stop();
    return;
  }
  if (read_poll_ >= 0) {
    const short events = polls[static_cast<std::size_t>(read_poll_)].revents;
    if (owned_.get() == from_ && (events & (POLLIN | POLLHUP)) == POLLHUP) {
      at_end_ = true;  // an empty pipe that nobody writes to any more: no block of memory is needed to see that
      Stop();
    } else if (events != 0) {
      ReadSome();
    }
  }
  if (active_ && write_poll_ >= 0 && polls[static_cast<std::size_t>(write_poll_)].revents != 0) WriteSome();
}

void Channel::Remember(std::size_t size) {
  if (tail_size_ == 0) return;
  const std::size_t taken = std::min(size, tail_size_);
  const std::size_t room = tail_size_ - taken;
  if (tail_.size() > room) tail_.erase(0, tail_.size() - room);
  tail_.append(block_.get() + size - taken, taken);
}

void Channel::ReadSome() {
  // Bounded rounds: one busy stream must not keep the clock from being looked at. The caller's
  // stdin may block, so it is read only when poll has just said that it will not.
  const int rounds = owned_.get() == from_ ? 16 : 1;
  for (int round = 0; round < rounds; ++round) {
    const ssize_t n = owned_.get() == from_ ? read(from_, block_.get(), Block::kSize) : ReadShared(from_, block_.get());
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) {
      at_end_ = true;
      Stop();
      return;
    }
    Remember(static_cast<std::size_t>(n));
    const std::uint64_t before = usage_.bytes;
    usage_.bytes += static_cast<std::uint64_t>(n);
    const std::uint64_t room = before >= limit_ ? 0 : limit_ - before;
    const std::uint64_t kept = std::min<std::uint64_t>(room, static_cast<std::uint64_t>(n));
    if (kept < static_cast<std::uint64_t>(n)) usage_.truncated = true;
    begin_ = 0;
    end_ = static_cast<std::size_t>(kept);
    if (target_gone_) begin_ = end_;
    if (end_ > begin_) {
      struct pollfd ready{to_, POLLOUT, 0};
      if (poll(&ready, 1, 0) <= 0) return;
      WriteSome();
      if (!active_ || end_ > begin_) return;
    }
  }
}

void Channel::WriteSome() {
  // Ours does not block, and a file takes everything.
  const bool whole = owned_.get() == to_ || terminal_.valid() || IsRegular(to_);
  while (end_ > begin_) {
    const ssize_t n = whole ? write(to_, block_.get() + begin_, end_ - begin_)
                            : WriteShared(to_, block_.get() + begin_, end_ - begin_);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    if (n < 0) {  // the reader is gone, or the disk full: keep draining, so that the guest does not hang on it
      if (errno != EPIPE && errno != ECONNRESET) failure_ = errno;
      target_gone_ = true;
      usage_.truncated = true;
      begin_ = end_;
      if (owned_.get() == to_) Stop();
      return;
    }
    begin_ += static_cast<std::size_t>(n);
    usage_.kept += static_cast<std::uint64_t>(n);
    if (whole || end_ == begin_) continue;
    struct pollfd ready{to_, POLLOUT, 0};
    if (poll(&ready, 1, 0) <= 0) return;
  }
}

void Channel::Stop() {
  if (end_ > begin_) usage_.truncated = true;
  active_ = false;
  owned_.Close();
}

Result<Pipes> Pipes::Make(std::uint32_t uid, std::uint32_t gid) {
  Pipes pipes;
  for (int i = 0; i < 3; ++i) {
    Ends ends = MOAT_TRY(GuestPipe(i == 0, uid, gid));
    pipes.ours[i] = std::move(ends.ours);
    pipes.guest[i] = std::move(ends.guests);
  }
  return pipes;
}

void Pipes::CloseGuestEnds() {
  for (sys::Fd& fd : guest) fd.Close();
}

void Streams::Connect(Pipes& pipes, const int caller[3], const abi::LimitsRow& limits) {
  const int to = pipes.ours[0].get(), out_from = pipes.ours[1].get(), err_from = pipes.ours[2].get();
  const bool feed = IsOpen(caller[0]) && !IsNull(caller[0]);
  if (feed) {
    in.Open(caller[0], to, ~0ULL, std::move(pipes.ours[0]));
  } else {
    pipes.ours[0].Close();  // the guest reads the end of the file
  }
  out.Open(out_from, caller[1], limits.out_stream, std::move(pipes.ours[1]));
  err.Open(err_from, caller[2], limits.err_stream, std::move(pipes.ours[2]));
  err.KeepTail(kTailSize);
}

}  // namespace moat::run
