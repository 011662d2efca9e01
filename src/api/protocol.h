// What the library and its helper (bin/moat __spawner FD) say to each other over a
// SOCK_SEQPACKET pair. One job at a time: a kRun frame goes there, one kReport frame comes
// back, a kCancel frame may go there in between. A kPrepare frame has no answer. Frames are these structures, then a body;
// descriptors travel beside them (SCM_RIGHTS), in the order of the flags, streams before files.
// A body over kMaxInline is a sealed memfd instead, as are plans. Core code; layouts only.
//
// Both ends are built from the same source (Hello says so), hence no byte order and no old
// versions. Yet each checks what it gets: a mistake must not become a job with other rights.
#pragma once

#include <cstddef>
#include <cstdint>

#include "plan/abi.h"

namespace moat::api {

inline constexpr std::uint32_t kProtocol = 4;
inline constexpr std::size_t kMaxInline = 32 * 1024;
inline constexpr std::size_t kMaxBody = 8 << 20;     // the kernel's own limit of argv and environment is 6 MiB
inline constexpr std::size_t kMaxPlan = 4 << 20;
inline constexpr std::size_t kMaxAnswer = 64 << 20;  // 10,000 outputs with long names are 6 MiB
inline constexpr std::uint32_t kMaxTexts = 1 << 16;
inline constexpr std::uint32_t kPlanSlots = 16;
inline constexpr std::uint32_t kMaxDescriptors = 6 + abi::kMaxInputs;

// The helper's descriptors when it starts; 0, 1, 2 are /dev/null.
inline constexpr int kSocketFd = 3;
inline constexpr int kHostFd = 4;  // a pidfd of the process that the library is part of

enum class FrameKind : std::uint32_t { kHello = 0x6d6f6101, kRun, kCancel, kReport, kPrepare };

// The helper's first word.
struct Hello {
  FrameKind kind = FrameKind::kHello;
  std::uint32_t protocol = kProtocol;
  std::uint32_t plan_version = abi::kVersion;
  char version[32] = {};  // MOAT_VERSION
};

enum RunFlags : std::uint32_t {
  kCarriesPlan = 1,    // descriptor: a sealed memfd, to be kept in `plan_slot`
  kBodyInMemFd = 2,    // descriptor; in answers too
  kGivesIn = 4,        // descriptors for the program's 0, 1, 2; without: /dev/null
  kGivesOut = 8,
  kGivesErr = 16,
  kGivesOutput = 32,   // descriptor of the output folder
  kInherited = 64,     // in answers: no filter was installed for the job (ADR 12)
  kDeclined = 128,     // in answers, without a body: nothing has run, and this helper ends
  // In answers: a process of the job was killed and is not gone. The helper takes no other job, sees to what is left
  // (its number, and with it the job's uid, is nobody else's meanwhile) and goes by itself.
  kSpent = 256,
  kWarm = 512,         // programs start ahead of their jobs, as this one's begins (ADR 13)
};

// Body: `arguments` + `offered` + `extra` texts, then path and name of each input; each text
// ends with NUL. Descriptors of inputs: those whose bit is set in `opened_inputs`.
struct RunRequest {
  FrameKind kind = FrameKind::kRun;
  std::uint32_t job = 0;
  std::uint32_t plan_slot = 0;
  std::uint32_t flags = 0;
  std::uint32_t arguments = 0, offered = 0, extra = 0, inputs = 0;
  std::uint64_t opened_inputs = 0;
  std::uint64_t body_size = 0;
};
static_assert(abi::kMaxInputs <= 64);

// Asks for the next job's jail, before there is one; also to replace one that has become old. As the first frame it
// also makes the spawner, which must not have seen a job, but with kWarm. With that it has a body, in the frame:
// `arguments` + `offered` + `extra` texts, then the names of `inputs`.
struct PrepareRequest {
  FrameKind kind = FrameKind::kPrepare;
  std::uint32_t plan_slot = 0;
  std::uint32_t flags = 0;  // kCarriesPlan, kWarm
  std::uint32_t arguments = 0, offered = 0, extra = 0, inputs = 0;
};

struct CancelRequest {
  FrameKind kind = FrameKind::kCancel;
  std::uint32_t job = 0;
};

// Body: report_wire.h.
struct Answer {
  FrameKind kind = FrameKind::kReport;
  std::uint32_t job = 0;
  std::uint32_t flags = 0;
  std::uint32_t unused = 0;
  std::uint64_t body_size = 0;
};

}  // namespace moat::api
