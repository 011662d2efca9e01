// The filter that a zygote puts over itself and its workers inherit: what a job may do, and, for
// calls that carry the keeper's number, what a keeper does. Pure.
#pragma once

#include <linux/filter.h>

#include <span>

#include "bpf/filter.h"
#include "moat/result.h"
#include "moat/seal.h"

namespace moat::pool {

// Stands for the keeper's number in a compiled filter. PutNonce puts the real one in.
inline constexpr std::uint64_t kNoncePlace = 0x6d6f6174'6e6f6e63ULL;
inline constexpr int kNonceArgument = 5;
// SECCOMP_RET_DATA of an abort(); no descriptor has this number, see seal::kNoRecord.
inline constexpr std::uint16_t kAbortMark = 0xfffe;

// What of a seal makes no sense for jobs that share a program.
Status CheckWorkerSeal(const SealRequest& request);

// `clone_flags`: exactly those that the keeper clones with.
Result<bpf::FilterSpec> BuildWorkerSpec(const SealRequest& request, bpf::Abi abi, std::uint64_t clone_flags);

// kBug when the compiler compared the place by anything but equality.
Status PutNonce(std::span<sock_filter> code, std::uint64_t nonce);

}  // namespace moat::pool
