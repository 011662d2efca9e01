// What the code of a program could call, read from its file: imported functions, and numbers in front of
// `syscall` instructions. A scan of bytes, not a proof: numbers that are computed are not found, and what is
// found need not be reachable. Pure; the file may be anything.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "moat/result.h"

namespace moat::learn {

struct Code {
  std::vector<std::string> imports;
  std::set<std::uint32_t> numbers;
  std::string build_id;  // in hexadecimal digits, "" for none
};
struct Object {
  std::string path;
  Code code;
};
// kPolicy: no ELF file of 64 bits.
Result<Code> Scan(std::string_view file);

// The build id alone, from the beginning of a file (some KiB, where linkers put it); "" where it is not found there.
std::string BuildIdOf(std::string_view head);

struct Reachable {
  std::string call;
  std::uint8_t tier = 0;
  std::string where;  // the object
};
// The system calls that `code` can make by its imports and by itself. The numbers in a C library are left
// out: it holds all of them, and what is taken of it are the imports of others.
std::vector<Reachable> CallsOf(const Code& code, const std::string& object);

}  // namespace moat::learn
