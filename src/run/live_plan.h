// A plan made ready for one job: a private copy of the blob with its slots filled, templates
// expanded and pointers relocated, and the page that launcher and child share.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "moat/result.h"
#include "plan/abi.h"
#include "run/job.h"

namespace moat::run {

class LivePlan {
 public:
  // Copies and checks the header; a blob that does not hold together is refused (kBug).
  static Result<LivePlan> Make(std::string_view plan, const Job& job);
  LivePlan(LivePlan&& other) noexcept;
  LivePlan& operator=(LivePlan&&) = delete;
  ~LivePlan();

  unsigned char* bytes() { return base_; }
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
  abi::Shared* shared_ = nullptr;
  bool leaked_ = false;
};

}  // namespace moat::run
