// Frames with names: "/usr/lib/libc.so.6+0x1012f0" becomes "read+0x10 in /usr/lib/libc.so.6+0x1012f0".
//
// Only files that the policy shows from the host are read, never one that the job could have written; and they are read
// as if they were anything. Names come from the symbol tables that are left in a file: no debugging information,
// so that a static function may be told as the one before it. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "policy/model.h"

namespace moat::watch {

// Functions of an ELF file of 64 bits by their place in the file. Pure.
class SymbolTable {
 public:
  static SymbolTable Of(std::string_view file);
  // "name+0x10" for an offset into the file; "" where no function has it.
  std::string At(std::uint64_t offset) const;
  bool empty() const { return functions_.empty(); }

 private:
  struct Function {
    std::uint64_t offset, size;
    std::string name;
  };
  std::vector<Function> functions_;  // by offset
};

class Symbols {
 public:
  explicit Symbols(const policy::Model& model) : model_(model) {}
  std::string Named(const std::string& frame);

 private:
  const SymbolTable& TableOf(const std::string& object);

  const policy::Model& model_;
  std::map<std::string, SymbolTable> tables_;
};

}  // namespace moat::watch
