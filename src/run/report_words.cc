#include "run/report_words.h"

#include <csignal>
#include <cstddef>
#include <span>

#include "base/text.h"

namespace moat::run {
namespace {

struct Unit {
  std::uint64_t factor;
  std::string_view name;
};
constexpr Unit kSizes[] = {{1ULL << 40, " TiB"}, {1ULL << 30, " GiB"}, {1ULL << 20, " MiB"}, {1ULL << 10, " KiB"},
                           {1, " B"}};
constexpr Unit kTimes[] = {{1'000'000'000, " s"}, {1'000'000, " ms"}, {1'000, " us"}, {1, " ns"}};

// Two digits at least, as far as there are any: "1.5 KiB", "41 ms".
std::string Rounded(std::uint64_t value, std::span<const Unit> units) {
  std::size_t i = 0;
  while (i + 1 < units.size() && value < units[i].factor) ++i;
  const std::uint64_t factor = units[i].factor;
  std::string text;
  if (factor == 1 || value / factor >= 10) {
    // Half a unit up, without overflow.
    text = base::Number(value / factor + (value % factor >= factor - factor / 2 && factor > 1 ? 1 : 0));
  } else {
    const std::uint64_t tenths = value / factor * 10 + (value % factor * 10 + factor / 2) / factor;
    text = base::Number(tenths / 10) + "." + base::Number(tenths % 10);
  }
  text += units[i].name;
  return text;
}

struct SignalRow {
  int number;
  std::string_view name;
};
constexpr SignalRow kSignals[] = {
    {SIGHUP, "SIGHUP"},   {SIGINT, "SIGINT"},       {SIGQUIT, "SIGQUIT"}, {SIGILL, "SIGILL"},
    {SIGTRAP, "SIGTRAP"}, {SIGABRT, "SIGABRT"},     {SIGBUS, "SIGBUS"},   {SIGFPE, "SIGFPE"},
    {SIGKILL, "SIGKILL"}, {SIGUSR1, "SIGUSR1"},     {SIGSEGV, "SIGSEGV"}, {SIGUSR2, "SIGUSR2"},
    {SIGPIPE, "SIGPIPE"}, {SIGALRM, "SIGALRM"},     {SIGTERM, "SIGTERM"}, {SIGSTKFLT, "SIGSTKFLT"},
    {SIGCHLD, "SIGCHLD"}, {SIGCONT, "SIGCONT"},     {SIGSTOP, "SIGSTOP"}, {SIGTSTP, "SIGTSTP"},
    {SIGTTIN, "SIGTTIN"}, {SIGTTOU, "SIGTTOU"},     {SIGURG, "SIGURG"},   {SIGXCPU, "SIGXCPU"},
    {SIGXFSZ, "SIGXFSZ"}, {SIGVTALRM, "SIGVTALRM"}, {SIGPROF, "SIGPROF"}, {SIGWINCH, "SIGWINCH"},
    {SIGIO, "SIGIO"},     {SIGPWR, "SIGPWR"},       {SIGSYS, "SIGSYS"},
};

}  // namespace

std::string SizeInWords(std::uint64_t bytes) { return Rounded(bytes, kSizes); }

std::string DurationInWords(std::uint64_t nanoseconds) {
  constexpr std::uint64_t kMinute = 60'000'000'000;
  if (nanoseconds < 2 * kMinute) return Rounded(nanoseconds, kTimes);
  const std::uint64_t seconds = nanoseconds / 1'000'000'000;
  return base::Number(seconds / 60) + " min " + base::Number(seconds % 60) + " s";
}

std::string CountInWords(std::uint64_t count, std::string_view noun) {
  std::string text = base::Number(count) + " ";
  text += noun;
  if (count != 1) text += 's';
  return text;
}

std::string_view SignalName(int signal) {
  for (const auto& row : kSignals) {
    if (row.number == signal) return row.name;
  }
  return {};
}

std::string SignalInWords(int signal) {
  const std::string_view name = SignalName(signal);
  return name.empty() ? "signal " + base::SignedNumber(signal) : std::string(name);
}

}  // namespace moat::run
