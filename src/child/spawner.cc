#include "child/spawner.h"

#include "uapi/syscall.h"

namespace moat::child {
namespace {

using uapi::IsError;

constexpr int kSetPdeathsig = 1, kSigkill = 9, kDontFork = 10, kDoFork = 11;
constexpr unsigned kSetModeFilter = 1;
constexpr unsigned long kNewListener = 8, kPage = 4096;
constexpr std::uint16_t kJumpIfEqual = 0x15;
constexpr long kLookNs = 10000000000;

// Straight into their place.
bool Draw(Numbers* numbers) {
  for (int tries = 0; tries < 8; ++tries) {
    const long got = Caller()(__NR_getrandom, numbers, sizeof(*numbers), 0);
    if (got == static_cast<long>(sizeof(*numbers)) && numbers->now != 0 && numbers->later != 0 && numbers->exec != 0) return true;
  }
  return false;
}

// The filter's places get their halves, each where it is compared. In a frame of its own, which is cleared behind it.
__attribute__((noinline)) void Fill(const Spawner& spawner) {
  const struct {
    std::uint64_t place;
    const uapi::Word& number;
  } rows[] = {{abi::kPlaceSetUp, spawner.numbers->now}, {abi::kPlaceBeside, spawner.numbers->later},
              {abi::kPlaceExec, spawner.numbers->exec}};
  for (unsigned i = 0; i < spawner.filter_count; ++i) {
    Instruction& each = spawner.filter[i];
    if (each.code != kJumpIfEqual) continue;
    const std::uint32_t was = each.k;
    for (const auto& row : rows) {
      if (was == static_cast<std::uint32_t>(row.place)) each.k = static_cast<std::uint32_t>(row.number);
      if (was == static_cast<std::uint32_t>(row.place >> 32)) each.k = static_cast<std::uint32_t>(row.number >> 32);
    }
  }
}

// What the compiler may have laid down of the numbers: every pid 1 has a copy of this stack.
__attribute__((noinline)) void ClearStackBelow() {
  volatile unsigned char below[2048];
  for (volatile unsigned char& byte : below) byte = 0;
}

void Wipe(const Spawner& spawner) {
  auto* words = reinterpret_cast<volatile std::uint64_t*>(spawner.filter);
  for (unsigned i = 0; i < spawner.filter_count; ++i) words[i] = 0;
}

// 0 or a listener; a negative errno.
long Install(const Spawner& spawner) {
  const struct {
    std::uint16_t length;
    std::uint16_t pad[3];
    const Instruction* code;
  } program{spawner.filter_count, {}, spawner.filter};
  return Caller()(__NR_seccomp, kSetModeFilter, spawner.listens ? kNewListener : 0UL, &program);
}

// One jail. Its pid 1 gets the memory of its own plan and of no other.
long Bear(const Caller& call, Orders& orders) {
  constexpr unsigned long kShared = kPage;
  const Memory memory{orders.blob, orders.size, orders.shared, call};
  const auto& header = *reinterpret_cast<const abi::Header*>(memory.blob);
  auto& slots = *reinterpret_cast<abi::Slots*>(memory.blob + header.slots);
  if ((header.flags & abi::kExecNonce) != 0) slots.nonce = call.numbers()->exec;
  const long open = call(__NR_madvise, memory.blob, memory.size + kShared, kDoFork);
  if (IsError(open)) return open;
  const long there = slots.network < 0 ? 0 : call(__NR_setns, slots.network, uapi::kCloneNewNet);
  if (IsError(there)) return there;
  const long pid = call(__NR_clone3, &orders.clone, sizeof(orders.clone));
  if (pid == 0) Main(memory);
  const long closed = call(__NR_madvise, memory.blob, memory.size + kShared, kDontFork);
  return IsError(closed) ? closed : pid;
}

}  // namespace

void Spawn(const Spawner& spawner) {
  Orders& orders = *spawner.orders;
  const Caller plain, call(spawner.numbers);
  ResetSignals(plain);
  long result = plain(__NR_prctl, kSetPdeathsig, kSigkill, 0, 0, 0);
  if (!IsError(result)) result = plain(__NR_madvise, spawner.orders, kPage, kDontFork);
  if (!IsError(result)) result = plain(__NR_madvise, spawner.berths, spawner.berths_size, kDontFork);
  if (!IsError(result)) result = Draw(spawner.numbers) ? 0 : -11;  // EAGAIN
  if (!IsError(result)) {
    Fill(spawner);
    ClearStackBelow();
    result = Install(spawner);
  }
  Wipe(spawner);
  orders.error = IsError(result) ? static_cast<std::int32_t>(-result) : 0;
  orders.listener = spawner.listens ? static_cast<std::int32_t>(result) : -1;
  const Caller& installed = IsError(result) ? plain : call;
  Raise(installed, &orders.done, 1);
  for (std::uint32_t wanted = 2; orders.error == 0; ++wanted) {
    if (WaitFor(installed, &orders.asked, wanted, spawner.launcher, kLookNs) != 0) break;
    orders.pid = Bear(installed, orders);
    Raise(installed, &orders.done, wanted);
  }
  for (;;) installed(__NR_exit_group, 0);
}

}  // namespace moat::child
