// System calls of ours. Where the filter was installed before (ADR 12) each carries the number by which
// that filter knows it, in the sixth argument register: no call of ours uses it (uapi::NumberedSyscall).
#pragma once

#include "uapi/syscall.h"

namespace moat::child {

// In a page of its own that every process has a copy of.
struct Numbers {
  uapi::Word now;    // that calls carry
  uapi::Word later;  // that they carry from the last gate on, beside the guest: it opens next to nothing
  uapi::Word exec;   // of the jails' own execs (ADR 1)
};

class Caller {
 public:
  Caller() = default;  // no filter, no number
  explicit Caller(Numbers* numbers) : numbers_(numbers) {}

  // At most five arguments: the sixth is taken.
  template <typename... Args>
  long operator()(long number, Args... args) const {
    static_assert(sizeof...(args) <= 5);
    const uapi::Word words[6] = {uapi::ToWord(args)...};
    return Words(number, words);
  }
  // The sixth of the words is passed on where there is no number.
  long Words(long number, const uapi::Word* words) const {
    if (numbers_ == nullptr) return uapi::Syscall6(number, words[0], words[1], words[2], words[3], words[4], words[5]);
    return uapi::NumberedSyscall(&numbers_->now, number, words);
  }
  bool numbered() const { return numbers_ != nullptr; }
  Numbers* numbers() const { return numbers_; }
  // From here on this memory has the lesser number alone.
  void ForgetSetUp() const {
    if (numbers_ == nullptr) return;
    *const_cast<volatile uapi::Word*>(&numbers_->now) = numbers_->later;
    *const_cast<volatile uapi::Word*>(&numbers_->exec) = 0;
  }

 private:
  Numbers* numbers_ = nullptr;
};

}  // namespace moat::child
