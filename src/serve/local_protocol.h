// What a client and the daemon say to each other over the local door, a unix SOCK_SEQPACKET socket.
// One frame is one packet: a structure, then bytes, with descriptors beside it. Both ends are of one
// version of moat, which the daemon's first word says. Layouts only.
//
// The client: any number of kSubmit frames, each with a number of its own choosing, and kCancel. The
// daemon: a kDone frame for each kSubmit, in the order in which jobs end. A client that says anything
// else, or does not read, is hung up on; its jobs are cancelled when it goes.
#pragma once

#include <cstddef>
#include <cstdint>

namespace moat::serve {

inline constexpr std::uint32_t kLocalProtocol = 2;
inline constexpr std::size_t kMaxSubmitBody = 64 * 1024;
inline constexpr std::size_t kMaxLabel = 64;
inline constexpr std::size_t kMaxInlineBody = 48 * 1024;  // of an answer; above, a sealed memfd
inline constexpr std::size_t kMaxDoneBody = 64 << 20;
inline constexpr std::uint32_t kMaxSubmitInputs = 16, kMaxSubmitOutputs = 8, kMaxSubmitArguments = 256;
inline constexpr std::uint64_t kNoTime = ~0ULL;

enum class LocalFrame : std::uint32_t { kHello = 0x6d6f6c01, kSubmit, kCancel, kDone, kTakeOver, kHandOver, kFigures };

struct LocalHello {
  LocalFrame kind = LocalFrame::kHello;
  std::uint32_t protocol = kLocalProtocol;
  char version[32] = {};
};

// moat::PoolPriority and moat::PoolOutcome, which core code cannot include.
enum class LocalPriority : std::uint32_t { kHigh, kNormal, kLow };
enum class LocalOutcome : std::uint32_t { kDone, kRefused, kExpired, kInvalid };

enum SubmitFlags : std::uint32_t { kGivesLog = 1, kGivesFolder = 2 };

// Body: profile, label, request, then arguments and names of inputs, each ended by NUL.
// Descriptors: inputs, outputs, log, folder.
struct SubmitFrame {
  LocalFrame kind = LocalFrame::kSubmit;
  std::uint32_t flags = 0;
  std::uint64_t id = 0;
  std::uint32_t priority = 1;
  std::uint32_t inputs = 0, outputs = 0;
  std::uint32_t arguments = 0, input_names = 0;
  std::uint32_t profile_size = 0;
  std::uint32_t label_size = 0, unused = 0;
  std::uint64_t request_size = 0;
  std::uint64_t wall_ns = kNoTime, start_within_ns = kNoTime;
};

struct CancelFrame {
  LocalFrame kind = LocalFrame::kCancel;
  std::uint32_t unused = 0;
  std::uint64_t id = 0;
};

// From root and the daemon's own user. Answered by a kDone frame with number 0, and the text of the metrics in
// the place of a job's answer.
struct FiguresFrame {
  LocalFrame kind = LocalFrame::kFigures;
  std::uint32_t unused = 0;
};

// Body: why, report (api/report_wire.h), answer.
struct DoneFrame {
  LocalFrame kind = LocalFrame::kDone;
  std::uint32_t outcome = 0, refusal = 0;
  std::uint32_t body_in_memfd = 0;
  std::uint64_t id = 0;
  std::uint64_t retry_after_ns = 0, waited_ns = 0;
  std::uint64_t why_size = 0, report_size = 0, answer_size = 0;
};

// How a daemon takes the place of the one that serves (docs/pool.md, "Upgrade"). It comes to the door
// like a client, asks, is given the socket that listens, opens, and says so; from then on it is given
// each client that is owed nothing any more. Until it has said so, and when it goes before the other
// has gone, everything stays as it was. These two frames never change: they are what two versions say
// to each other.
struct TakeOverFrame {
  enum class Step : std::uint32_t { kAsk, kOpen };
  LocalFrame kind = LocalFrame::kTakeOver;
  Step step = Step::kAsk;
  std::uint32_t protocol = kLocalProtocol;
  char version[32] = {};  // clients stay with daemons of their own version
};

struct HandOverFrame {  // with one descriptor
  enum class What : std::uint32_t { kListener, kClient };
  LocalFrame kind = LocalFrame::kHandOver;
  What what = What::kListener;
};

}  // namespace moat::serve
