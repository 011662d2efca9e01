// From files that are open to pictures: what is the same at a shell, behind a seal and in a pool.
#pragma once

#include <string>
#include <vector>

#include "program/command.h"
#include "program/draw.h"
#include "program/failure.h"
#include "program/files.h"
#include "program/pool.h"
#include "program/source.h"

namespace program {

// Tells on standard error, in one line; the failure's code.
int Fail(const std::string& what, const Failure& failure);
// Of memory that is missing: says so even where there is none left for the line. kSystemCode.
int FailForMemory(const char* what) noexcept;

class Work {
 public:
  // `outputs`: one for each picture, when nothing can be opened any more; none: each is opened by its
  // path when it has been drawn. All but them stays the caller's, and outlives this.
  Work(const Command& command, Source* source, std::vector<File> outputs, const fig::Budget& budget)
      : command_(command), source_(source), outputs_(std::move(outputs)), budget_(budget) {}

  // From the first byte of the file on. The exit code; what went wrong was said.
  int Do(Pool* pool);
  // After that: whether the code is that of memory which was missing.
  bool starved() const { return ended_ == Failure::Of::kMemory; }

 private:
  int End(const Failure& failure);
  int DoIt(Pool* pool);
  Failure TakeMeta(fig::Document* document);
  int Render(const fig::Document& document, Pool* pool);
  int TellOf(const std::vector<Drawn>& drawn);
  Failure Put(std::size_t index, const std::string& bytes);

  const Command& command_;
  Source* source_;
  std::vector<File> outputs_;
  const fig::Budget& budget_;
  Failure::Of ended_ = Failure::Of::kOther;
};

}  // namespace program
