#include "child/interpret.h"

#include "uapi/syscall.h"

namespace moat::child {
namespace {

using uapi::IsError;
using uapi::Word;

constexpr int kSigkill = 9;
constexpr int kEsrch = 3, kEagain = 11, kEtimedout = 110, kEstale = 116, kEnosys = 38,
              kEcanceled = 125;
constexpr long kEintr = -4;
constexpr int kFutexWait = 0, kFutexWake = 1, kEveryone = 0x7fffffff;
// The parent-death signal ends who waits at the gate; one that came too early is seen at once.
constexpr long kGateLookNs = 10000000000;
constexpr long kSecondNs = 1000000000;
constexpr short kPollin = 1;

Word Resolve(const unsigned char* blob, abi::Kind kind, Word word) {
  switch (kind) {
    case abi::Kind::kValue: return word;
    case abi::Kind::kAddress: return reinterpret_cast<Word>(blob) + word;
    case abi::Kind::kInt32:
      return static_cast<Word>(static_cast<long>(*reinterpret_cast<const std::int32_t*>(blob + word)));
    case abi::Kind::kUint64: return *reinterpret_cast<const std::uint64_t*>(blob + word);
  }
  return 0;
}

bool HasEnded(const Caller& call, std::int32_t pidfd) {
  struct { std::int32_t fd; short events, revents; } entry{pidfd, kPollin, 0};
  const struct { long seconds, nanoseconds; } at_once{0, 0};
  return call(__NR_ppoll, &entry, 1, &at_once, nullptr, 0) == 1;
}

int Same(const unsigned char* a, const unsigned char* b, Word size) {
  for (Word i = 0; i < size; ++i) {
    if (a[i] != b[i]) return kEstale;
  }
  return 0;
}

// Tests: the launcher dies right before this op. The job, which cannot signal it out of its pid
// namespace, says that it got here and goes on once that is done. The program, which has closed
// everything, cannot see it and waits.
void Crash(const Caller& call, const abi::Slots& slots) {
  if (!IsError(call(__NR_pidfd_send_signal, slots.launcher_pidfd, kSigkill, nullptr, 0))) return;
  call(__NR_write, 1, "!", 1);
  struct { std::int32_t fd; short events, revents; } entry{slots.launcher_pidfd, kPollin, 0};
  while (entry.revents != kPollin) call(__NR_ppoll, &entry, 1, nullptr, nullptr, 0);
}

// Returns 0 or an errno, the tolerated one too.
int RunOp(const Caller& call, unsigned char* blob, abi::Shared* shared, const abi::Op& op) {
  Word args[6];
  for (int i = 0; i < 6; ++i) args[i] = Resolve(blob, op.kinds[i], op.args[i]);
  if (op.number >= static_cast<std::uint16_t>(abi::Pseudo::kFirst)) {
    if (op.number == static_cast<std::uint16_t>(abi::Pseudo::kGate)) {
      const auto& header = *reinterpret_cast<const abi::Header*>(blob);
      const auto& slots = *reinterpret_cast<const abi::Slots*>(blob + header.slots);
      const int waited = WaitFor(call, &shared->gate, static_cast<std::uint32_t>(args[0]), slots.launcher_pidfd, kGateLookNs);
      return waited == 0 && __atomic_load_n(&shared->end, __ATOMIC_ACQUIRE) != 0 ? kEcanceled : waited;
    }
    if (op.number == static_cast<std::uint16_t>(abi::Pseudo::kTell)) {
      Raise(call, &shared->told, static_cast<std::uint32_t>(args[0]));
      return 0;
    }
    if (op.number == static_cast<std::uint16_t>(abi::Pseudo::kForget)) {
      call.ForgetSetUp();
      return 0;
    }
    if (op.number == static_cast<std::uint16_t>(abi::Pseudo::kSame)) {
      return Same(reinterpret_cast<const unsigned char*>(args[0]), reinterpret_cast<const unsigned char*>(args[1]),
                  args[2]);
    }
    return kEnosys;
  }
  // The one that has a number in its sixth register already is the exec (ADR 1).
  const bool has_sixth = op.kinds[5] != abi::Kind::kValue || op.args[5] != 0;
  const long result = (has_sixth ? Caller() : call).Words(op.number, args);
  if (IsError(result)) return static_cast<int>(-result);
  if ((op.flags & abi::kMustBeZero) != 0 && result != 0) return kEsrch;
  if (op.result != 0) *reinterpret_cast<std::int32_t*>(blob + op.result) = static_cast<std::int32_t>(result);
  // The number may soon be somebody else's: forget it.
  if (op.number == __NR_close && op.kinds[0] == abi::Kind::kInt32) {
    *reinterpret_cast<std::int32_t*>(blob + op.args[0]) = -1;
  }
  return 0;
}

}  // namespace

int WaitFor(const Caller& call, std::uint32_t* word, std::uint32_t wanted, std::int32_t process, long look_ns) {
  const struct { long seconds, nanoseconds; } patience{look_ns / kSecondNs, look_ns % kSecondNs};
  for (;;) {
    const std::uint32_t now = __atomic_load_n(word, __ATOMIC_ACQUIRE);
    if (now >= wanted) return 0;
    if (HasEnded(call, process)) return __atomic_load_n(word, __ATOMIC_ACQUIRE) >= wanted ? 0 : kEsrch;
    const long result = call(__NR_futex, word, kFutexWait, now, &patience);
    if (IsError(result) && result != -kEagain && result != kEintr && result != -kEtimedout) return static_cast<int>(-result);
  }
}

void Raise(const Caller& call, std::uint32_t* word, std::uint32_t to) {
  __atomic_store_n(word, to, __ATOMIC_RELEASE);
  call(__NR_futex, word, kFutexWake, kEveryone);
}

Outcome Interpret(const Caller& call, unsigned char* blob, abi::Shared* shared, abi::Index begin, abi::Index end) {
  const auto& header = *reinterpret_cast<const abi::Header*>(blob);
  const auto* ops = reinterpret_cast<const abi::Op*>(blob + header.ops);
  const auto& slots = *reinterpret_cast<const abi::Slots*>(blob + header.slots);
  Outcome outcome;
  for (abi::Index i = begin; i < end; ++i) {
    const abi::Op& op = ops[i];
    if ((op.flags & abi::kOwnFilter) != 0 && call.numbered()) continue;
    if ((op.flags & abi::kOwnNetwork) != 0 && slots.network >= 0) continue;
    const bool spawn = op.number == static_cast<std::uint16_t>(abi::Pseudo::kSpawn);
    const bool fails = i == slots.fail_op && slots.fail_errno > 0;
    if (i == slots.fail_op && slots.fail_errno == abi::kCrashHere) Crash(call, slots);
    const int error = fails ? slots.fail_errno : spawn ? 0 : RunOp(call, blob, shared, op);
    if (error == 0 && spawn) return outcome;
    if (error == 0 || ((op.flags & abi::kTolerate) != 0 && error == op.tolerated)) continue;
    if ((op.flags & abi::kOptional) != 0) continue;
    if ((op.flags & abi::kBestEffort) != 0) {
      shared->degraded_layers |= 1ULL << (op.layer & 63);
      continue;
    }
    outcome.failed_op = i;
    outcome.error = error;
    return outcome;
  }
  return outcome;
}

}  // namespace moat::child
