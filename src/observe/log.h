// What happens, one line of JSON each: {"time":..., "level":"info", "event":"job", "request":"...", ...}.
// Text that others chose is only ever a value: escaped to printable ASCII, cut at 1 KiB, so that no
// line can be forged and no terminal be driven. Lines of threads do not mix.
//
//   log.Write(Level::kInfo, "job", {{"id", id}, {"wall_ns", report.wall}});
//
// Ownership: the descriptor stays the caller's. Threads: any. A log that cannot be written (full
// disk, gone reader, one that does not read) loses lines and counts them; nothing waits for it to heal.
#pragma once

#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace moat::observe {

enum class Level : unsigned char { kInfo, kWarning, kError };

using Nothing = std::monostate;  // the field is left out
using LogValue = std::variant<std::string, std::uint64_t, Nothing>;
using LogFields = std::initializer_list<std::pair<std::string_view, LogValue>>;

class Log {
 public:
  explicit Log(int descriptor) : descriptor_(descriptor) {}  // -1: nowhere

  void Write(Level level, std::string_view event, LogFields fields);
  std::uint64_t lost() const { return lost_.load(std::memory_order_relaxed); }

 private:
  const int descriptor_;
  std::mutex writing_;
  bool cut_ = false;  // the last line stands there without its end
  std::atomic<std::uint64_t> lost_ = 0;
};

// The line itself; `unix_ns` is the time of day.
std::string LogLine(std::uint64_t unix_ns, Level level, std::string_view event, LogFields fields);

}  // namespace moat::observe
