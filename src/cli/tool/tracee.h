// One thread of a program that somebody else wrote, stopped by ptrace: what it is about to call,
// and calls made in its name. x86-64.
#pragma once

#include <sys/types.h>
#include <sys/user.h>

#include <cstdint>
#include <string>
#include <vector>

#include "moat/result.h"
#include "seal/record.h"

namespace moat::tool {

struct PendingCall {
  std::uint64_t number = 0;
  std::uint64_t args[6] = {};
};

class Tracee {
 public:
  explicit Tracee(pid_t tid) : tid_(tid) {}

  static Status Supported();  // on this machine; else an error, before anything was started

  Result<PendingCall> Call() const;  // precondition: stopped at a call's entry

  // From a call's entry: puts the call off, makes others in its place, then lets it happen.
  Status PutOff();
  Result<long> Inject(long number, std::vector<std::uint64_t> args);
  Status Resume();
  // Signals that came meanwhile; they are still to be delivered.
  const std::vector<int>& signals() const { return signals_; }

  Status Write(std::uint64_t address, const void* bytes, std::size_t size) const;
  pid_t tid() const { return tid_; }

 private:
  Result<user_regs_struct> Registers() const;
  Status SetRegisters(const user_regs_struct& registers) const;
  Status ToNextCallStop();

  pid_t tid_;
  user_regs_struct saved_{};
  std::vector<int> signals_;
};

// Memory and mappings of another process, for records.
class ForeignMemory final : public seal::Memory {
 public:
  explicit ForeignMemory(pid_t pid) : pid_(pid) {}
  std::size_t Read(std::uint64_t address, void* to, std::size_t size) override;

 private:
  pid_t pid_;
};

class ForeignObjects final : public seal::Objects {
 public:
  explicit ForeignObjects(pid_t pid);
  bool Find(std::uint64_t address, seal::Place& place) override;

 private:
  struct Mapping {
    std::uint64_t start, end, offset;
    std::string path;
  };
  std::vector<Mapping> code_;
};

// What a thread that stopped with SIGSYS tried. False: it was not a filter.
bool ReadViolation(pid_t tid, pid_t pid, seal::Violation& violation);

}  // namespace moat::tool
