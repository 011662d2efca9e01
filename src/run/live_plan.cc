#include "run/live_plan.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/text.h"
#include "run/check_plan.h"

namespace moat::run {
namespace {

constexpr std::size_t kPage = 4096;

std::size_t RoundUp(std::size_t size, std::size_t unit) { return (size + unit - 1) / unit * unit; }

constexpr int kPopulateWrite = 23;  // MADV_POPULATE_WRITE; musl's headers are older

void* MapShared(std::size_t size) {
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

constexpr int kRemove = 9;  // MADV_REMOVE

// With the job's ops once more for each input.
std::size_t SizeOf(const CheckedPlan& plan, std::size_t inputs) {
  const abi::Header header = plan.header();
  const std::size_t templates = header.op_count - header.phase_begin[static_cast<unsigned>(abi::Phase::kJob)];
  const std::size_t each = templates * sizeof(abi::Op) + sizeof(abi::InputSlot);
  return RoundUp(plan.bytes().size() + 64 + inputs * each, kPage) + LivePlan::kArgumentRoom;
}

}  // namespace

Result<Berths> Berths::Make(const CheckedPlan& plan, std::size_t inputs, unsigned count) {
  Berths berths;
  berths.each_ = SizeOf(plan, inputs) + kPage;
  berths.count_ = count;
  berths.free_ = (1ULL << count) - 1;
  berths.base_ = static_cast<unsigned char*>(MapShared(berths.size()));
  if (berths.base_ == nullptr) return SystemError("mmap", errno);
  return berths;
}

Berths::Berths(Berths&& other) noexcept
    : base_(std::exchange(other.base_, nullptr)), each_(other.each_), count_(other.count_), free_(other.free_) {}

Berths::~Berths() {
  if (base_ != nullptr) munmap(base_, size());
}

unsigned char* Berths::Take() {
  if (free_ == 0) return nullptr;
  const auto index = static_cast<unsigned>(__builtin_ctzll(free_));
  free_ &= ~(1ULL << index);
  return base_ + index * each_;
}

// What cannot be emptied is not used again.
void Berths::Give(unsigned char* berth) {
  if (madvise(berth, each_, kRemove) == 0) free_ |= 1ULL << (static_cast<std::size_t>(berth - base_) / each_);
}

LivePlan::LivePlan(LivePlan&& other) noexcept
    : base_(std::exchange(other.base_, nullptr)), size_(other.size_), room_(other.room_),
      shared_(std::exchange(other.shared_, nullptr)), berths_(other.berths_), leaked_(other.leaked_) {}

LivePlan& LivePlan::operator=(LivePlan&& other) noexcept {
  std::swap(base_, other.base_);
  std::swap(size_, other.size_);
  std::swap(room_, other.room_);
  std::swap(shared_, other.shared_);
  std::swap(berths_, other.berths_);
  std::swap(leaked_, other.leaked_);
  return *this;
}

LivePlan::~LivePlan() {
  if (leaked_) return;
  if (berths_ != nullptr) {
    if (base_ != nullptr) berths_->Give(base_);
    return;
  }
  if (base_ != nullptr) munmap(base_, size_);
  if (shared_ != nullptr) munmap(shared_, kPage);
}

Status LivePlan::KeepFromLaterChildren() {
  if (berths_ != nullptr) return {};  // they are kept from the start
  if (madvise(base_, size_, MADV_DONTFORK) == 0 && madvise(shared_, kPage, MADV_DONTFORK) == 0) return {};
  return SystemError("madvise", errno, "the memory of a plan");
}

Result<LivePlan> LivePlan::Copy(const CheckedPlan& checked, std::size_t inputs, Berths* berths) {
  const std::string_view plan = checked.bytes();
  if (inputs > abi::kMaxInputs) {
    return WithFix(PolicyError("more than " + base::Number(abi::kMaxInputs) + " inputs"),
                   "show the job their folder: --read FOLDER");
  }
  LivePlan live;
  live.room_ = inputs;
  live.berths_ = berths;
  live.size_ = SizeOf(checked, inputs);
  live.base_ = berths != nullptr ? berths->Take() : static_cast<unsigned char*>(MapShared(live.size_));
  if (live.base_ == nullptr) return SystemError("mmap", berths != nullptr ? ENOMEM : errno);
  live.shared_ = static_cast<abi::Shared*>(berths != nullptr ? live.base_ + live.size_ : MapShared(kPage));
  if (live.shared_ == nullptr) return SystemError("mmap", errno);
  // One call instead of a fault for each page. An older kernel faults.
  madvise(live.base_, RoundUp(plan.size() + kPage, kPage), kPopulateWrite);
  std::memcpy(live.base_, plan.data(), plan.size());
  live.Relocate();
  live.slots().fail_op = abi::kNoOp;
  return live;
}

Status LivePlan::Fit(const Job& job) {
  if (job.inputs.size() > room_) return PolicyError("more than " + base::Number(abi::kMaxInputs) + " inputs");
  Expand(static_cast<std::uint32_t>(job.inputs.size()));
  abi::Slots& filled = slots();
  filled.input_count = static_cast<std::uint32_t>(job.inputs.size());
  filled.fail_op = job.fault.op;
  filled.fail_errno = job.fault.error_number;
  return {};
}

Result<LivePlan> LivePlan::Make(std::string_view plan, const Job& job) {
  return Make(MOAT_TRY(CheckedPlan::Check(plan)), job);
}

Result<LivePlan> LivePlan::Make(const CheckedPlan& plan, const Job& job, Berths* berths) {
  LivePlan live = MOAT_TRY(Copy(plan, berths != nullptr ? abi::kMaxInputs : job.inputs.size(), berths));
  MOAT_TRY(live.Fit(job));
  return live;
}

// The ops of the job, which are the last, once for every input: each run of templates as a whole. What pid 1 reads stays as
// and where it is.
void LivePlan::Expand(std::uint32_t inputs) {
  auto& header = *reinterpret_cast<abi::Header*>(base_);
  auto* ops = reinterpret_cast<abi::Op*>(base_ + header.ops);
  abi::Index written = header.phase_begin[static_cast<unsigned>(abi::Phase::kJob)];
  const std::vector<abi::Op> from(ops + written, ops + header.op_count);
  const auto templates = static_cast<std::size_t>(
      std::count_if(from.begin(), from.end(), [](const abi::Op& op) { return (op.flags & abi::kPerInput) != 0; }));
  const std::size_t count = written + from.size() - templates + templates * inputs;
  const abi::Offset first = header.slots + static_cast<abi::Offset>(offsetof(abi::Slots, inputs));
  const abi::Offset last = first + sizeof(abi::InputSlot);
  const auto slots_offset = static_cast<abi::Offset>(RoundUp(header.ops + count * sizeof(abi::Op) + 1, 16));
  const auto shift = [&](std::uint64_t word, std::uint32_t input) {
    return word >= first && word < last ? word - first + slots_offset + input * sizeof(abi::InputSlot) : word;
  };
  for (std::size_t i = 0; i < from.size();) {
    if ((from[i].flags & abi::kPerInput) == 0) {
      ops[written++] = from[i++];
      continue;
    }
    std::size_t end = i;
    while (end < from.size() && (from[end].flags & abi::kPerInput) != 0) ++end;
    for (std::uint32_t input = 0; input < inputs; ++input) {
      for (std::size_t k = i; k < end; ++k) {
        abi::Op op = from[k];
        for (unsigned a = 0; a < 6; ++a) {
          if (op.kinds[a] != abi::Kind::kValue) op.args[a] = shift(op.args[a], input);
        }
        op.result = static_cast<abi::Offset>(shift(op.result, input));
        ops[written++] = op;
      }
    }
    i = end;
  }
  std::memset(ops + written, 0, slots_offset - header.ops - written * sizeof(abi::Op));  // ends the last text
  header.phase_begin[abi::kPhases] = header.op_count = written;
  header.inputs = slots_offset;
}

void LivePlan::Relocate() {
  const abi::Offset* where = Rows<abi::Offset>(header().relocations);
  for (abi::Index i = 0; i < header().relocation_count; ++i) {
    *reinterpret_cast<std::uint64_t*>(base_ + where[i]) += reinterpret_cast<std::uint64_t>(base_);
  }
}

std::string_view LivePlan::CallName(std::uint16_t number) const {
  const auto* rows = Rows<abi::CallNameRow>(header().call_names);
  for (abi::Index i = 0; i < header().call_name_count; ++i) {
    if (rows[i].number == number) return Text(rows[i].name);
  }
  return {};
}

std::string_view LivePlan::StageName(abi::Stage stage) const {
  return Text(Rows<abi::Offset>(header().stage_names)[static_cast<unsigned>(stage)]);
}

}  // namespace moat::run
