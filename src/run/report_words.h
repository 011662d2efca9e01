// Quantities for people: rounded, in the unit that fits. Pure. (Exact ones: base/units.h.)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace moat::run {

std::string SizeInWords(std::uint64_t bytes);            // "18 MiB", "1.5 KiB"
std::string DurationInWords(std::uint64_t nanoseconds);  // "41 ms", "2.0 s"
std::string CountInWords(std::uint64_t count, std::string_view noun);  // "1 output", "2 outputs"
std::string_view SignalName(int signal);                 // "SIGKILL"; "" for those without a name
std::string SignalInWords(int signal);                   // "SIGKILL", "signal 64"

}  // namespace moat::run
