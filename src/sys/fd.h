// Descriptors as owned values. Move-only, closed on destruction, always close-on-exec. No
// conversion to int or bool: get() and valid() say what is meant. close(2).
#pragma once

#include <utility>

#include "uapi/syscall.h"

#if defined(__SANITIZE_THREAD__)
#include <unistd.h>
#endif

namespace moat::sys {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int number) : number_(number) {}
  Fd(Fd&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      Close();
      number_ = std::exchange(other.number_, -1);
    }
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { Close(); }

  int get() const { return number_; }
  bool valid() const { return number_ >= 0; }
  int Release() { return std::exchange(number_, -1); }
  // Linux frees the number even when close fails; there is nothing to retry.
  void Close() {
    if (number_ < 0) return;
    const int number = std::exchange(number_, -1);
#if defined(__SANITIZE_THREAD__)
    // It watches libc's calls: without this one, the next owner of the number races with the last.
    ::close(number);
#else
    uapi::Syscall(__NR_close, number);
#endif
  }

 private:
  int number_ = -1;
};

// A process that cannot be confused with a later one of the same number. pidfd_open(2).
class Pidfd : public Fd {
 public:
  using Fd::Fd;
};
// A mount that is not attached anywhere: closing it undoes it. open_tree(2), fsmount(2).
class MountFd : public Fd {
 public:
  using Fd::Fd;
};
class DirFd : public Fd {
 public:
  using Fd::Fd;
};
class MemFd : public Fd {
 public:
  using Fd::Fd;
};

}  // namespace moat::sys
