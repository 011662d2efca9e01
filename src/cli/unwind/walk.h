// One stack, unwound by libdw from a copy of its memory and the files of its code. All of it may be hostile: to be
// called in a process that can do nothing (main.cc).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "watch/unwind_format.h"

namespace moat::unwind {

struct File {
  char* bytes = nullptr;  // may be written to by libelf: a private copy
  std::size_t size = 0;
};

struct Stack {
  std::uint64_t pc = 0, sp = 0;
  std::vector<watch::unwind::MappingRow> code;
  const char* memory = nullptr;  // from sp on
  std::size_t size = 0;
};

struct Frame {
  std::uint64_t address = 0;
  std::string name;
};

// The innermost first; empty where there is nothing to be made of it.
std::vector<Frame> Walk(const Stack& stack, const std::vector<File>& files);

}  // namespace moat::unwind
