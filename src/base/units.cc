#include "base/units.h"

#include <limits>
#include <span>

#include "base/similar.h"
#include "base/text.h"

namespace moat::base {
namespace {

__extension__ typedef unsigned __int128 Wide;

constexpr std::uint64_t kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr Unit kSizes[] = {
    {"T", 1ULL << 40}, {"G", 1ULL << 30}, {"M", 1ULL << 20}, {"K", 1ULL << 10}, {"B", 1},
    {"TiB", 1ULL << 40}, {"GiB", 1ULL << 30}, {"MiB", 1ULL << 20}, {"KiB", 1ULL << 10},
};
constexpr std::size_t kShortSizes = 5;

constexpr Unit kDurations[] = {
    {"h", 3'600'000'000'000}, {"m", 60'000'000'000}, {"s", 1'000'000'000},
    {"ms", 1'000'000},        {"us", 1'000},         {"ns", 1},
};

struct Quantity {
  std::string_view what;      // "size"
  std::string_view in_units;  // for the fix
  std::string_view whole;     // what a value must be a whole number of
  std::string_view example;   // the unit that a bare number is shown with
  std::span<const Unit> units;
};

constexpr Quantity kSize = {"size", "units are B, K, M, G and T, each 1024 of the one before",
                            "bytes", "M", kSizes};
constexpr Quantity kDuration = {"duration", "units are ns, us, ms, s, m and h", "nanoseconds", "s",
                                kDurations};

std::string Quoted(std::string_view text) { return "`" + std::string(text) + "`"; }

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

std::size_t CountDigits(std::string_view text) {
  std::size_t n = 0;
  while (n < text.size() && IsDigit(text[n])) ++n;
  return n;
}

struct Parts {
  std::string_view whole, fraction, rest;  // "1.5G" -> "1", "5", "G"
};

Result<Parts> Split(std::string_view text, std::string_view what) {
  if (text.empty()) return PolicyError("an empty " + std::string(what));
  if (text[0] == '-') return PolicyError(Quoted(text) + ": a " + std::string(what) + " cannot be negative");
  Parts out;
  out.whole = text.substr(0, CountDigits(text));
  out.rest = text.substr(out.whole.size());
  if (out.whole.empty()) return PolicyError(Quoted(text) + " is not a " + std::string(what));
  if (!out.rest.empty() && out.rest[0] == '.') {
    out.fraction = out.rest.substr(1, CountDigits(out.rest.substr(1)));
    out.rest = out.rest.substr(1 + out.fraction.size());
    if (out.fraction.empty()) return PolicyError(Quoted(text) + " is not a " + std::string(what));
  }
  return out;
}

Error NoUnit(std::string_view text, const Quantity& quantity) {
  const std::string example = std::string(text) + std::string(quantity.example);
  return WithFix(PolicyError(Quoted(text) + " has no unit, and none is guessed"),
                 "write it as " + Quoted(example) + " if that is meant; " +
                     std::string(quantity.in_units));
}

Error BadUnit(std::string_view text, std::string_view unit, const Quantity& quantity) {
  const bool decimal = unit.size() == 2 && unit[1] == 'B' &&
                       std::string_view("KMGT").find(unit[0]) != std::string_view::npos;
  if (decimal) {
    const std::string number(text.substr(0, text.size() - 2));
    return WithFix(PolicyError(Quoted(text) + " can mean steps of 1000 or of 1024"),
                   "write " + Quoted(number + unit[0]) + " for 1024, or the exact bytes with `B`");
  }
  std::string fix(quantity.in_units);
  for (const Unit& known : quantity.units) {
    if (EditDistance(unit, known.name) == 0) fix = "did you mean " + Quoted(known.name) + "?";
  }
  return WithFix(PolicyError(Quoted(text) + ": " + Quoted(unit) + " is not a unit of " +
                             std::string(quantity.what)),
                 fix);
}

// The digits as a number; nothing once it leaves 64 bits.
bool ToNumber(std::string_view digits, Wide& out) {
  out = 0;
  for (const char c : digits) {
    out = out * 10 + static_cast<unsigned>(c - '0');
    if (out > ~0ULL) return false;
  }
  return true;
}

Result<std::uint64_t> ParseQuantity(std::string_view text, const Quantity& quantity) {
  const Parts parts = MOAT_TRY(Split(text, quantity.what));
  if (parts.rest.empty()) return NoUnit(text, quantity);
  const Unit* unit = nullptr;
  for (const Unit& known : quantity.units) {
    if (known.name == parts.rest) unit = &known;
  }
  if (unit == nullptr) return BadUnit(text, parts.rest, quantity);

  std::string_view fraction = parts.fraction;
  while (!fraction.empty() && fraction.back() == '0') fraction.remove_suffix(1);
  Wide whole = 0;
  Wide part = 0;
  const Error too_large = PolicyError(Quoted(text) + " is too large a " + std::string(quantity.what));
  const Error inexact = PolicyError(Quoted(text) + " is not a whole number of " + std::string(quantity.whole));
  if (!ToNumber(parts.whole, whole)) return too_large;
  // 2^40 has no more than 40 factors of two: a longer fraction is never a whole number.
  // Eighteen digits keep the product below 2^128 and reach every unit that matters.
  if (fraction.size() > 18 || !ToNumber(fraction, part)) return inexact;
  Wide power = 1;
  for (std::size_t i = 0; i < fraction.size(); ++i) power *= 10;
  if (part * unit->factor % power != 0) return inexact;
  const Wide value = whole * unit->factor + part * unit->factor / power;
  if (value > kMost) return too_large;
  return static_cast<std::uint64_t>(value);
}

std::string FormatQuantity(std::uint64_t value, std::span<const Unit> largest_first) {
  const Unit* best = &largest_first.back();
  if (value != 0) {
    for (const Unit& unit : largest_first) {
      if (value % unit.factor == 0) {
        best = &unit;
        break;
      }
    }
  }
  return Number(value / best->factor) + std::string(best->name);
}

}  // namespace

Result<std::uint64_t> ParseSize(std::string_view text) { return ParseQuantity(text, kSize); }

Result<std::int64_t> ParseDuration(std::string_view text) {
  return static_cast<std::int64_t>(MOAT_TRY(ParseQuantity(text, kDuration)));
}

std::string FormatSize(std::uint64_t bytes) {
  return FormatQuantity(bytes, std::span(kSizes).first(kShortSizes));
}

std::string FormatDuration(std::int64_t nanoseconds) {
  if (nanoseconds == 0) return "0s";
  return FormatQuantity(static_cast<std::uint64_t>(nanoseconds), kDurations);
}

Result<std::uint64_t> ParseCount(std::string_view text) {
  const Parts parts = MOAT_TRY(Split(text, "number"));
  if (!parts.rest.empty() || !parts.fraction.empty()) {
    return PolicyError(Quoted(text) + " is not a whole number");
  }
  Wide value = 0;
  if (!ToNumber(parts.whole, value) || value > kMost) {
    return PolicyError(Quoted(text) + " is too large a number");
  }
  return static_cast<std::uint64_t>(value);
}

Result<double> ParseDecimal(std::string_view text) {
  const Parts parts = MOAT_TRY(Split(text, "number"));
  if (!parts.rest.empty()) return PolicyError(Quoted(text) + " is not a number");
  if (parts.whole.size() + parts.fraction.size() > 15) {
    return PolicyError(Quoted(text) + " has more digits than a number here can keep");
  }
  double value = 0;
  double scale = 1;
  for (const char c : parts.whole) value = value * 10 + (c - '0');
  for (const char c : parts.fraction) {
    value = value * 10 + (c - '0');
    scale *= 10;
  }
  // One division of two exact numbers: rounded once, as the compiler rounds the literal.
  return value / scale;
}

std::string FormatDecimal(double value) {
  const auto millionths = static_cast<std::uint64_t>(value * 1e6 + 0.5);
  std::string text = Number(millionths / 1'000'000);
  std::string fraction = Number(millionths % 1'000'000);
  fraction.insert(0, 6 - fraction.size(), '0');
  while (!fraction.empty() && fraction.back() == '0') fraction.pop_back();
  return fraction.empty() ? text : text + "." + fraction;
}

}  // namespace moat::base
