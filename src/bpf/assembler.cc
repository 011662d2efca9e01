#include "bpf/assembler.h"

namespace moat::bpf {
namespace {

// 255 is the limit of jt and jf. One less, because the stepping stone of the other target
// may still come between.
constexpr std::size_t kReach = 254;

}  // namespace

Assembler::Label Assembler::Push(int code, std::uint32_t k, std::uint8_t jt, std::uint8_t jf) {
  reversed_.push_back({static_cast<std::uint16_t>(code), jt, jf, k});
  return {reversed_.size() - 1};
}

Assembler::Label Assembler::Return(std::uint32_t value) {
  if (const Label* known = returns_.Find(value)) return *known;
  const Label label = Push(BPF_RET | BPF_K, value);
  returns_.Insert(value, label);
  return label;
}

Assembler::Label Assembler::Reach(Label target) {
  const Label* stone = nearest_.Find(target.index);
  const Label near = stone == nullptr ? target : *stone;
  if (reversed_.size() - near.index - 1 <= kReach) return near;
  // All the way, not to the stone before: a hop costs a step on every call.
  const auto whole = static_cast<std::uint32_t>(reversed_.size() - target.index - 1);
  const sock_filter there = reversed_[target.index];
  const Label made =
      BPF_CLASS(there.code) == BPF_RET ? Push(there.code, there.k) : Push(BPF_JMP | BPF_JA, whole);
  nearest_[target.index] = made;
  return made;
}

Assembler::Label Assembler::Branch(int operation, std::uint32_t k, Label if_true, Label if_false) {
  if (if_true == if_false) return if_true;
  const Label yes = Reach(if_true);
  const Label no = Reach(if_false);
  const std::size_t here = reversed_.size();
  return Push(BPF_JMP | operation | BPF_K, k, static_cast<std::uint8_t>(here - yes.index - 1),
              static_cast<std::uint8_t>(here - no.index - 1));
}

Assembler::Label Assembler::FallThrough(int code, std::uint32_t k, Label next) {
  const std::size_t distance = reversed_.size() - next.index - 1;
  if (distance != 0) Push(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(distance));
  return Push(code, k);
}

Assembler::Label Assembler::Load(std::uint32_t offset, Label next) {
  return FallThrough(BPF_LD | BPF_W | BPF_ABS, offset, next);
}

Assembler::Label Assembler::Alu(int operation, std::uint32_t k, Label next) {
  return FallThrough(BPF_ALU | operation | BPF_K, k, next);
}

std::vector<sock_filter> Assembler::Finish(Label start) {
  const std::size_t distance = reversed_.size() - start.index - 1;
  if (distance != 0) Push(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(distance));
  return {reversed_.rbegin(), reversed_.rend()};
}

}  // namespace moat::bpf
