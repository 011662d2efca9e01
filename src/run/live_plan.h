// A plan made ready for one job: a copy of the blob with its slots filled, templates expanded and
// pointers relocated, in memory that the job's pid 1 shares until its program runs; and the page
// that it shares for longer.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "moat/result.h"
#include "plan/abi.h"
#include "run/check_plan.h"
#include "run/job.h"

namespace moat::run {

// Memory for some plans at a time, made before the spawner that shares it (ADR 12). What one plan leaves in its
// place is gone before the next one comes. Outlives the plans in it.
class Berths {
 public:
  static Result<Berths> Make(const CheckedPlan& plan, std::size_t inputs, unsigned count);
  Berths(Berths&& other) noexcept;
  Berths& operator=(Berths&&) = delete;
  ~Berths();

  unsigned char* Take();  // null: each has its plan
  void Give(unsigned char* berth);
  unsigned char* bytes() const { return base_; }
  std::size_t size() const { return each_ * count_; }
  std::size_t IndexOf(const unsigned char* berth) const { return static_cast<std::size_t>(berth - base_) / each_; }

 private:
  Berths() = default;
  unsigned char* base_ = nullptr;
  std::size_t each_ = 0;
  unsigned count_ = 0;
  std::uint64_t free_ = 0;  // a bit each
};

class LivePlan {
 public:
  // There is room for up to `inputs` of them. In one of `berths` where these are given: then of the same plan, and
  // as many inputs.
  static Result<LivePlan> Copy(const CheckedPlan& plan, std::size_t inputs, Berths* berths = nullptr);
  // Adapts the copy to the job, once: its number of inputs, its fault. pid 1 may wait at the gate
  // meanwhile: nothing moves that it has read.
  Status Fit(const Job& job);
  static Result<LivePlan> Make(const CheckedPlan& plan, const Job& job, Berths* berths = nullptr);
  // The same for unchecked bytes.
  static Result<LivePlan> Make(std::string_view plan, const Job& job);
  LivePlan(LivePlan&& other) noexcept;
  LivePlan& operator=(LivePlan&& other) noexcept;
  ~LivePlan();

  unsigned char* bytes() { return base_; }
  std::size_t size() const { return size_; }  // whole pages
  // Where argv and the environment of the program are put, for pid 1 to find them.
  unsigned char* room() { return base_ + size_ - kArgumentRoom; }
  static constexpr std::size_t kArgumentRoom = std::size_t{8} << 20;  // execve(2) takes 6 MiB at most
  const abi::Header& header() const { return *reinterpret_cast<const abi::Header*>(base_); }
  abi::Slots& slots() { return *reinterpret_cast<abi::Slots*>(base_ + header().slots); }
  abi::InputSlot& input(std::size_t index) {
    return reinterpret_cast<abi::InputSlot*>(base_ + header().inputs)[index];
  }
  abi::Shared& shared() { return *shared_; }
  const abi::Op& op(abi::Index index) const { return reinterpret_cast<const abi::Op*>(base_ + header().ops)[index]; }
  std::string_view Text(abi::Offset offset) const {
    return offset == 0 ? std::string_view() : std::string_view(reinterpret_cast<const char*>(base_) + offset);
  }
  std::int32_t Int(abi::Offset offset) const { return *reinterpret_cast<const std::int32_t*>(base_ + offset); }
  void SetInt(abi::Offset offset, std::int32_t value) { *reinterpret_cast<std::int32_t*>(base_ + offset) = value; }
  template <typename Row>
  const Row* Rows(abi::Offset offset) const {
    return reinterpret_cast<const Row*>(base_ + offset);
  }
  // Once pid 1 is born: no later child gets this memory, and with it another job's words or a way to write them.
  Status KeepFromLaterChildren();
  // Does its jail inherit the filter, from a spawner?
  bool inherits() const { return berths_ != nullptr; }
  // Leaves the memory to the end of the process.
  void Leak() { leaked_ = true; }
  std::string_view CallName(std::uint16_t number) const;
  std::string_view StageName(abi::Stage stage) const;

 private:
  LivePlan() = default;
  void Expand(std::uint32_t inputs);
  void Relocate();

  unsigned char* base_ = nullptr;
  std::size_t size_ = 0;
  std::size_t room_ = 0;  // inputs
  abi::Shared* shared_ = nullptr;
  Berths* berths_ = nullptr;  // where it lies in one of them
  bool leaked_ = false;
};

}  // namespace moat::run
