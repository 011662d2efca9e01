// One violation as one line of JSON. Written inside a signal handler as well, so: no memory but
// its own buffer, no libc. Everything in it comes from a process that may have been taken over.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace moat::seal {

struct Violation {
  std::string_view mode;  // "trap", "report", "supervised"
  long pid = 0, tid = 0;
  std::uint32_t number = 0;
  std::uint32_t arch = 0;  // AUDIT_ARCH_*
  std::uint64_t args[6] = {};
  std::uint64_t pc = 0, sp = 0, fp = 0;
};

// Memory of the process that violated. Reads up to `size` bytes, returns how many it got; never
// faults.
class Memory {
 public:
  virtual std::size_t Read(std::uint64_t address, void* to, std::size_t size) = 0;

 protected:
  ~Memory() = default;
};

struct Place {
  const char* object = nullptr;  // path of the file that the code is of; "" the program, null: unknown
  std::uint64_t offset = 0;      // within it, as its symbol table counts
  std::uint64_t start = 0, end = 0;
};

// Which file an address is of.
class Objects {
 public:
  virtual bool Find(std::uint64_t address, Place& place) = 0;

 protected:
  ~Objects() = default;
};

constexpr std::size_t kRecordSize = 2048;

// Fills `line`, new line included; returns its length.
std::size_t FormatRecord(const Violation& violation, Memory& memory, Objects& objects, char (&line)[kRecordSize]);

}  // namespace moat::seal
