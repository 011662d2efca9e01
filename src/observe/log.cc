#include "observe/log.h"

#include <time.h>

#include <array>
#include <cstdio>

#include "base/safe_text.h"
#include "base/text.h"
#include "sys/write_now.h"

namespace moat::observe {
namespace {

constexpr std::size_t kMaxText = 1024;

void AppendAscii(std::string& out, std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte >= 0x7f) {
      out += "\\u00";
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    } else {
      out += c;
    }
  }
}

// Beyond ASCII only what Printable lets through, and that byte by byte in a form that is read back
// as Latin-1: whoever wants the text has it in the report.
void AppendString(std::string& out, std::string_view text) {
  out += '"';
  AppendAscii(out, base::Printable(text.substr(0, kMaxText)));
  if (text.size() > kMaxText) out += "...";
  out += '"';
}

std::string TimeText(std::uint64_t unix_ns) {
  const time_t seconds = static_cast<time_t>(unix_ns / 1'000'000'000);
  tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 40> text{};
  const std::size_t length = strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  std::array<char, 16> fraction{};
  std::snprintf(fraction.data(), fraction.size(), ".%06uZ", static_cast<unsigned>(unix_ns / 1000 % 1'000'000));
  return std::string(text.data(), length) + fraction.data();
}

constexpr std::string_view kLevels[] = {"info", "warning", "error"};

}  // namespace

std::string LogLine(std::uint64_t unix_ns, Level level, std::string_view event, LogFields fields) {
  std::string line = "{\"time\":\"" + TimeText(unix_ns) + "\",\"level\":\"";
  line += kLevels[static_cast<std::size_t>(level)];
  line += "\",\"event\":";
  AppendString(line, event);
  for (const auto& [name, value] : fields) {
    if (std::holds_alternative<Nothing>(value)) continue;
    line += ',';
    AppendString(line, name);
    line += ':';
    if (const auto* number = std::get_if<std::uint64_t>(&value)) {
      base::AppendNumber(line, *number);
    } else {
      AppendString(line, std::get<std::string>(value));
    }
  }
  return line + "}\n";
}

void Log::Write(Level level, std::string_view event, LogFields fields) {
  if (descriptor_ < 0) return;
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  const auto ns = static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
  std::string line = LogLine(ns, level, event, fields);
  const std::lock_guard lock(writing_);
  if (cut_) line.insert(0, 1, '\n');
  const std::size_t written = sys::WriteNow(descriptor_, line);
  if (written > 0) cut_ = written < line.size();
  if (written < line.size()) lost_.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace moat::observe
