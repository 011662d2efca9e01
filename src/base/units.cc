#include "base/units.h"

#include <limits>
#include <numeric>
#include <span>

#include "base/similar.h"
#include "base/text.h"

namespace moat::base {
namespace {

constexpr std::uint64_t kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr Unit kSizes[] = {
    {"T", 1ULL << 40},   {"G", 1ULL << 30},   {"M", 1ULL << 20},   {"K", 1ULL << 10},   {"B", 1},
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
  std::string_view smallest;
  std::span<const Unit> units;
};

constexpr Quantity kSize = {
    "size", "units are B, K, M, G and T, each 1024 of the one before", "bytes", "M", "B", kSizes};
constexpr Quantity kDuration = {"duration", "units are ns, us, ms, s, m and h", "nanoseconds", "s", "ns",
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
  // Seven digits and more were counted by a machine, most likely in the smallest unit.
  const bool counted = text.size() >= 7;
  const std::string example(std::string(text) + std::string(counted ? quantity.smallest : quantity.example));
  return WithFix(PolicyError(Quoted(text) + " has no unit, and none is guessed"),
                 "write it as " + Quoted(example) + " if that is meant; " + std::string(quantity.in_units));
}

Error BadUnit(std::string_view text, std::string_view unit, const Quantity& quantity) {
  const bool decimal =
      unit.size() == 2 && unit[1] == 'B' && std::string_view("KMGT").find(unit[0]) != std::string_view::npos;
  if (decimal) {
    const std::string number(text.substr(0, text.size() - 2));
    return WithFix(PolicyError(Quoted(text) + " can mean steps of 1000 or of 1024"),
                   "write " + Quoted(number + unit[0]) + " for 1024, or the exact bytes with `B`");
  }
  std::string fix(quantity.in_units);
  for (const Unit& known : quantity.units) {
    if (EditDistance(unit, known.name) == 0) fix = "did you mean " + Quoted(known.name) + "?";
  }
  return WithFix(
      PolicyError(Quoted(text) + ": " + Quoted(unit) + " is not a unit of " + std::string(quantity.what)),
      fix);
}

// False when the digits, times the factor, leave 64 bits. No wider type: its division would
// need a helper of the compiler's own library.
bool ToNumber(std::string_view digits, std::uint64_t factor, std::uint64_t& out) {
  out = 0;
  for (const char c : digits) {
    if (__builtin_mul_overflow(out, std::uint64_t{10}, &out)) return false;
    if (__builtin_add_overflow(out, static_cast<std::uint64_t>(c - '0'), &out)) return false;
  }
  return !__builtin_mul_overflow(out, factor, &out);
}

// "5" of "1.5G" in units of the smallest; false when that is not a whole number of them.
bool ToFraction(std::string_view digits, std::uint64_t factor, std::uint64_t& out) {
  while (!digits.empty() && digits.back() == '0') digits.remove_suffix(1);
  // A longer fraction can be exact (2^-40 T is one byte, in forty digits), but nobody writes it.
  std::uint64_t part = 0;
  if (digits.size() > 18 || !ToNumber(digits, 1, part)) return false;
  std::uint64_t power = 1;
  for (std::size_t i = 0; i < digits.size(); ++i) power *= 10;
  const std::uint64_t common = std::gcd(part, power);
  if (factor % (power / common) != 0) return false;
  out = part / common * (factor / (power / common));
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

  std::uint64_t value = 0;
  std::uint64_t part = 0;
  if (!ToFraction(parts.fraction, unit->factor, part)) {
    return PolicyError(Quoted(text) + " is not a whole number of " + std::string(quantity.whole));
  }
  // The part is less than one unit: it cannot overflow what is at most 2^63.
  if (!ToNumber(parts.whole, unit->factor, value) || value > kMost || value + part > kMost) {
    return PolicyError(Quoted(text) + " is too large a " + std::string(quantity.what));
  }
  return value + part;
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
  std::uint64_t value = 0;
  if (!ToNumber(parts.whole, 1, value) || value > kMost) {
    return PolicyError(Quoted(text) + " is too large a number");
  }
  return value;
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
