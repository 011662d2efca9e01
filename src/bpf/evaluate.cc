// A classic BPF machine with the checks of two kernel gates: the generic one for socket
// filters (bpf_check_classic: opcodes, jump ranges, scratch memory) and seccomp's own
// narrower one (seccomp_check_filter: which opcodes, where loads may point).
#include <cstddef>
#include <cstring>

#include "base/text.h"
#include "bpf/filter.h"

namespace moat::bpf {
namespace {

constexpr std::uint16_t kAllMemory = 0xffff;
static_assert(BPF_MEMWORDS == 16);

bool IsAlu(std::uint16_t code) { return BPF_CLASS(code) == BPF_ALU; }

// BPF_MOD and everything that touches packets (BPF_IND, BPF_MSH, halves and bytes) are legal
// for sockets and refused by seccomp.
bool KnownOpcode(std::uint16_t code) {
  switch (code) {
    case BPF_LD | BPF_W | BPF_ABS:
    case BPF_LD | BPF_W | BPF_LEN:
    case BPF_LDX | BPF_W | BPF_LEN:
    case BPF_LD | BPF_IMM:
    case BPF_LDX | BPF_IMM:
    case BPF_LD | BPF_MEM:
    case BPF_LDX | BPF_MEM:
    case BPF_ST:
    case BPF_STX:
    case BPF_MISC | BPF_TAX:
    case BPF_MISC | BPF_TXA:
    case BPF_RET | BPF_K:
    case BPF_RET | BPF_A:
    case BPF_ALU | BPF_NEG:
    case BPF_JMP | BPF_JA:
      return true;
    default:
      break;
  }
  const int operation = BPF_OP(code);
  const bool plain_source = code == (BPF_CLASS(code) | operation | BPF_SRC(code));
  if (!plain_source) return false;
  if (BPF_CLASS(code) == BPF_JMP) {
    return operation == BPF_JEQ || operation == BPF_JGT || operation == BPF_JGE || operation == BPF_JSET;
  }
  if (!IsAlu(code)) return false;
  switch (operation) {
    case BPF_ADD:
    case BPF_SUB:
    case BPF_MUL:
    case BPF_DIV:
    case BPF_AND:
    case BPF_OR:
    case BPF_XOR:
    case BPF_LSH:
    case BPF_RSH:
      return true;
    default:
      return false;
  }
}

bool UsesMemory(std::uint16_t code) {
  return code == (BPF_LD | BPF_MEM) || code == (BPF_LDX | BPF_MEM) || code == BPF_ST || code == BPF_STX;
}

// Why one instruction is refused whatever surrounds it, or nullptr.
const char* Complaint(const sock_filter& instruction) {
  const std::uint16_t code = instruction.code;
  const std::uint32_t k = instruction.k;
  if (!KnownOpcode(code)) return "opcode is not permitted";
  if (code == (BPF_LD | BPF_W | BPF_ABS)) {
    if (k % 4 != 0) return "load is not aligned";
    if (k >= sizeof(seccomp_data)) return "load is outside seccomp_data";
  }
  if (UsesMemory(code) && k >= BPF_MEMWORDS) return "scratch memory index is too large";
  if (code == (BPF_ALU | BPF_DIV | BPF_K) && k == 0) return "division by zero";
  const bool shift = code == (BPF_ALU | BPF_LSH | BPF_K) || code == (BPF_ALU | BPF_RSH | BPF_K);
  if (shift && k >= 32) return "shift is too wide";
  return nullptr;
}

// Jumps only go forward, so "past the end" is all that can be wrong with one.
const char* JumpComplaint(const sock_filter& instruction, std::size_t pc, std::size_t size) {
  if (BPF_CLASS(instruction.code) != BPF_JMP) return nullptr;
  const std::size_t room = size - pc - 1;  // instructions after this one
  if (BPF_OP(instruction.code) == BPF_JA) {
    return instruction.k >= room ? "jump leaves the program" : nullptr;
  }
  if (instruction.jt >= room || instruction.jf >= room) return "jump leaves the program";
  return nullptr;
}

Error Refused(std::size_t pc, const char* why) {
  return BugError("bpf instruction " + base::Number(pc) + ": " + why);
}

// Scratch words must be written on every path to a read. `written[pc]` is the set that all
// predecessors agree on; one forward pass is enough because jumps only go forward.
Status CheckMemory(std::span<const sock_filter> code) {
  std::vector<std::uint16_t> written(code.size(), kAllMemory);
  written[0] = 0;
  for (std::size_t pc = 0; pc < code.size(); ++pc) {
    std::uint16_t now = written[pc];
    const sock_filter& instruction = code[pc];
    const std::uint16_t opcode = instruction.code;
    if (UsesMemory(opcode)) {
      const auto bit = static_cast<std::uint16_t>(1U << instruction.k);
      if (opcode == BPF_ST || opcode == BPF_STX) {
        now = static_cast<std::uint16_t>(now | bit);
      } else if ((now & bit) == 0) {
        return Refused(pc, "scratch memory is read before it is written");
      }
    }
    const auto meet = [&](std::size_t target) {
      written[target] = static_cast<std::uint16_t>(written[target] & now);
    };
    if (opcode == (BPF_JMP | BPF_JA)) {
      meet(pc + 1 + instruction.k);
    } else if (BPF_CLASS(opcode) == BPF_JMP) {
      meet(pc + 1 + instruction.jt);
      meet(pc + 1 + instruction.jf);
    } else if (pc + 1 < code.size()) {
      meet(pc + 1);  // after a return as well: the kernel's pass is as strict as that
    }
  }
  return {};
}

class Machine {
 public:
  Machine(std::span<const sock_filter> code, const seccomp_data& data) : code_(code) {
    static_assert(sizeof(words_) == sizeof(seccomp_data));
    std::memcpy(words_, &data, sizeof(words_));
  }

  Evaluation Run() {
    for (std::size_t pc = 0;; ++pc) {
      const sock_filter& instruction = code_[pc];
      ++result_.steps;
      if (BPF_CLASS(instruction.code) == BPF_RET) {
        result_.ret = instruction.code == (BPF_RET | BPF_A) ? a_ : instruction.k;
        return result_;
      }
      if (BPF_CLASS(instruction.code) == BPF_JMP) {
        pc += Jump(instruction);
      } else if (IsAlu(instruction.code)) {
        if (!Alu(instruction)) return result_;
      } else {
        Move(instruction);
      }
    }
  }

 private:
  std::uint32_t Operand(const sock_filter& instruction) const {
    return BPF_SRC(instruction.code) == BPF_X ? x_ : instruction.k;
  }

  std::size_t Jump(const sock_filter& instruction) const {
    const std::uint32_t operand = Operand(instruction);
    bool taken = false;
    switch (BPF_OP(instruction.code)) {
      case BPF_JA:
        return instruction.k;
      case BPF_JEQ:
        taken = a_ == operand;
        break;
      case BPF_JGT:
        taken = a_ > operand;
        break;
      case BPF_JGE:
        taken = a_ >= operand;
        break;
      default:
        taken = (a_ & operand) != 0;
        break;  // BPF_JSET; others were refused
    }
    return taken ? instruction.jt : instruction.jf;
  }

  // False: a division by a zero X ends the program with 0, as the kernel's converter makes it.
  bool Alu(const sock_filter& instruction) {
    const std::uint32_t operand = Operand(instruction);
    switch (BPF_OP(instruction.code)) {
      case BPF_ADD:
        a_ += operand;
        break;
      case BPF_SUB:
        a_ -= operand;
        break;
      case BPF_MUL:
        a_ *= operand;
        break;
      case BPF_AND:
        a_ &= operand;
        break;
      case BPF_OR:
        a_ |= operand;
        break;
      case BPF_XOR:
        a_ ^= operand;
        break;
      case BPF_LSH:
        a_ <<= (operand & 31);
        break;  // masked, as the kernel's interpreter does
      case BPF_RSH:
        a_ >>= (operand & 31);
        break;
      case BPF_NEG:
        a_ = 0U - a_;
        break;
      default:  // BPF_DIV
        if (operand == 0) {
          result_.ret = 0;
          return false;
        }
        a_ /= operand;
        break;
    }
    return true;
  }

  std::uint32_t Load(std::uint32_t offset) {
    if (offset >= offsetof(seccomp_data, instruction_pointer)) result_.read_arguments = true;
    return words_[offset / 4];
  }

  void Move(const sock_filter& instruction) {
    const std::uint32_t k = instruction.k;
    switch (instruction.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        a_ = Load(k);
        break;
      case BPF_LD | BPF_W | BPF_LEN:
        a_ = sizeof(seccomp_data);
        break;
      case BPF_LDX | BPF_W | BPF_LEN:
        x_ = sizeof(seccomp_data);
        break;
      case BPF_LD | BPF_IMM:
        a_ = k;
        break;
      case BPF_LDX | BPF_IMM:
        x_ = k;
        break;
      case BPF_LD | BPF_MEM:
        a_ = memory_[k];
        break;
      case BPF_LDX | BPF_MEM:
        x_ = memory_[k];
        break;
      case BPF_ST:
        memory_[k] = a_;
        break;
      case BPF_STX:
        memory_[k] = x_;
        break;
      case BPF_MISC | BPF_TAX:
        x_ = a_;
        break;
      default:
        a_ = x_;
        break;  // BPF_MISC | BPF_TXA
    }
  }

  std::span<const sock_filter> code_;
  std::uint32_t words_[sizeof(seccomp_data) / 4];
  std::uint32_t a_ = 0;
  std::uint32_t x_ = 0;
  std::uint32_t memory_[BPF_MEMWORDS] = {};
  Evaluation result_;
};

}  // namespace

Status CheckProgram(std::span<const sock_filter> code) {
  if (code.empty()) return BugError("bpf program is empty");
  if (code.size() > BPF_MAXINSNS) return BugError("bpf program is too long");
  for (std::size_t pc = 0; pc < code.size(); ++pc) {
    if (const char* why = Complaint(code[pc])) return Refused(pc, why);
    if (const char* why = JumpComplaint(code[pc], pc, code.size())) return Refused(pc, why);
  }
  if (BPF_CLASS(code.back().code) != BPF_RET) {
    return Refused(code.size() - 1, "the last instruction is not a return");
  }
  return CheckMemory(code);
}

Evaluation RunChecked(std::span<const sock_filter> code, const seccomp_data& data) {
  return Machine(code, data).Run();
}

Result<Evaluation> Evaluate(std::span<const sock_filter> code, const seccomp_data& data) {
  MOAT_TRY(CheckProgram(code));
  return RunChecked(code, data);
}

}  // namespace moat::bpf
