// What a Seal asks for -> the rules of its filter. Pure: the process and the kernel are not
// looked at, so that every rule can be evaluated anywhere.
#pragma once

#include <string_view>

#include "bpf/filter.h"
#include "moat/result.h"
#include "moat/seal.h"

namespace moat::seal {

// Stands for the process' own number in a prepared filter; Apply puts the real one in.
constexpr int kPidPlace = 0x6d6f6174;
// SECCOMP_RET_DATA of a trap that has nowhere to write its record.
constexpr std::uint16_t kNoRecord = 0xffff;

// `own_pid`: whom the process may send SIGABRT to.
Result<bpf::FilterSpec> BuildSpec(const SealRequest& request, bpf::Abi abi, int own_pid);

// The verdict on what nobody allowed.
bpf::Action ViolationAction(const SealRequest& request);

// One word of a promise, as grants and threads. False: there is no such word.
bool AddPromise(SealRequest& request, std::string_view word);

// "seal.Time()": the narrowest thing that would allow the call; "" when nothing would.
std::string_view EditFor(std::string_view call);

}  // namespace moat::seal
