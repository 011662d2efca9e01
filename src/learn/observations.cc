#include "learn/observations.h"

#include <algorithm>

namespace moat::learn {
namespace {

void Count(Evidence& evidence, unsigned input, std::uint64_t times, const std::string& caller) {
  evidence.times += times;
  evidence.inputs.insert(input);
  if (evidence.caller.empty()) evidence.caller = caller;
}

void Raise(std::uint64_t& peak, std::uint64_t value) { peak = std::max(peak, value); }

}  // namespace

void Observations::Add(unsigned input, const Run& run) {
  for (const auto& [use, seen] : run.calls) Count(calls[use.first][use.second], input, seen.times, seen.caller);
  for (const auto& [path, use] : run.files) {
    Count(files[path], input, 1, "");
    FileUse& known = uses.emplace(path, use).first->second;
    known = std::max(known, use);
  }
  for (const std::string& path : run.hidden) Count(hidden[path], input, 1, "");
  for (const auto& [call, times] : run.dangerous) Count(dangerous[call], input, times, "");
  Raise(peaks.memory, run.memory);
  Raise(peaks.pids, run.pids);
  Raise(peaks.wall, run.wall);
  Raise(peaks.cpu, run.cpu);
  Raise(peaks.out, run.out);
  Raise(peaks.err, run.err);
  Raise(peaks.output, run.output);
  Raise(peaks.output_files, run.output_files);
}

}  // namespace moat::learn
