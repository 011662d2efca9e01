// What runs over a corpus needed, input by input, at the grain of a policy. Pure values; one thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "bpf/syscall_table.h"

namespace moat::learn {

// How often something was needed, and by whom. Once it is let through unseen, `times` is a lower bound.
struct Evidence {
  std::uint64_t times = 0;
  std::set<unsigned> inputs;  // complete as long as it is watched
  std::string caller;         // the program that needed it first
};

enum class FileUse : std::uint8_t { kRead, kWrite, kExecute };

// What one input needed.
struct Run {
  struct Use {
    std::uint64_t times = 0;
    std::string caller;
  };
  std::map<std::pair<std::string, std::string>, Use> calls;      // call, its telling arguments as a condition
  std::map<std::string, FileUse> files;  // host paths that the job could see
  std::set<std::string> hidden;          // that exist on the host, and that it could not
  std::map<std::string, std::uint64_t> dangerous;                // calls in words that were refused
  std::uint64_t memory = 0, pids = 0, cpu = 0;  // 0: could not be counted for all processes
  std::uint64_t wall = 0, out = 0, err = 0, output = 0, output_files = 0;
};

struct Observations {
  std::vector<std::string> inputs;  // names, by number
  std::map<std::string, std::map<std::string, Evidence>> calls;  // call -> condition -> evidence
  std::map<std::string, Evidence> files;
  std::map<std::string, FileUse> uses;
  std::map<std::string, Evidence> dangerous, hidden;
  Run peaks;

  void Add(unsigned input, const Run& run);
};

}  // namespace moat::learn
