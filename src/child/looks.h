// Which system calls may look at a job's input: before one of them a program that was started ahead of its
// job has to wait (ADR 13). Errs on the side of waiting too early. Pure.
#pragma once

#include <cstdint>

namespace moat::child {

// Bit i: argument i is a path. Only of calls that look something up by it.
unsigned PathArguments(std::uint64_t number);
// It takes bytes from descriptor 0.
bool ReadsStandardInput(std::uint64_t number, const std::uint64_t* args);
// It makes a thread or a process.
bool MakesAnother(std::uint64_t number);

// May `path`, of which `size` bytes are known, lead into the folder of inputs? `folder` is the first name of that
// one's path: without links of its own making, a program gets there by no path without it, but from within.
enum class Within : unsigned char { kNo, kYes };  // is the working folder in there?
bool MayLeadTo(const char* path, unsigned long size, const char* folder, Within within);

}  // namespace moat::child
