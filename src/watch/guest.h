// One thread of a job that stands still in a system call: what it is, and what its memory holds.
//
// Everything that comes out of here was written by the guest, may change while it is read, and may be
// anything: it is for people to read, never for a decision. Reads are bounded; a thread that is
// gone reads as nothing. Not thread-safe; owns no memory of the guest.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace moat::watch {

// A part of its memory that holds code.
struct Mapping {
  std::uint64_t start = 0, end = 0, offset = 0, inode = 0;
  std::string path;
};
// "object+0x1234".
std::string FrameIn(const std::vector<Mapping>& code, std::uint64_t address);

class Guest {
 public:
  explicit Guest(pid_t tid) : tid_(tid) {}

  pid_t tid() const { return tid_; }
  // Bytes that could be read from `address` on, at most `size`.
  std::size_t Read(std::uint64_t address, void* to, std::size_t size) const;
  // A text that ends with NUL; `whole` false: it does not end within the limit, or cannot be read.
  struct Text {
    std::string bytes;
    bool whole = false;
  };
  Text ReadText(std::uint64_t address) const;
  std::uint64_t ReadWord(std::uint64_t address) const;  // 0 when it cannot

  std::string Executable() const;
  std::string Folder() const;  // working folder
  std::string Name() const;    // of the thread
  std::string Descriptor(int fd) const;  // what is open as that number: "/in/x", "pipe:[1]"
  std::vector<Mapping> Code() const;
  std::uint64_t StackPointer() const;  // 0 when it cannot be told
  // Frames, the innermost first: where it called from, then by a search of its stack for what
  // looks like a return address. At most `most`.
  std::vector<std::string> Stack(std::uint64_t pc, std::size_t most) const;

 private:
  std::string Link(const std::string& what) const;

  pid_t tid_;
};

}  // namespace moat::watch
