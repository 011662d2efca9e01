// Listing of a program, one instruction a line:
//
//      7  jge   59, 20, 8                        ; execve
//
// A conditional jump shows its operand, where it goes when true, where when false. What the
// accumulator holds is followed along the jumps, so that numbers can be named. Takes any
// program, broken ones too: it is what one looks at when the evaluator refuses.
#include <cstddef>
#include <string>

#include "base/text.h"
#include "bpf/filter.h"
#include "bpf/words.h"

namespace moat::bpf {
namespace {

// What is known of the accumulator before an instruction.
enum class Holds : std::uint8_t { kNotReached, kNumber, kArch, kOther };

std::string Pad(std::string text, std::size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

std::string FieldName(std::uint32_t offset) {
  if (offset == offsetof(seccomp_data, nr)) return "[nr]";
  if (offset == offsetof(seccomp_data, arch)) return "[arch]";
  if (offset % 4 != 0 || offset >= sizeof(seccomp_data)) return "[" + base::Number(offset) + "?]";
  const std::string half = offset % 8 == 0 ? ".lo]" : ".hi]";
  if (offset < offsetof(seccomp_data, args)) return "[ip" + half;
  return "[arg" + base::Number((offset - offsetof(seccomp_data, args)) / 8) + half;
}

std::string_view AluName(std::uint16_t code) {
  switch (BPF_OP(code)) {
    case BPF_ADD:
      return "add";
    case BPF_SUB:
      return "sub";
    case BPF_MUL:
      return "mul";
    case BPF_DIV:
      return "div";
    case BPF_AND:
      return "and";
    case BPF_OR:
      return "or";
    case BPF_XOR:
      return "xor";
    case BPF_LSH:
      return "lsh";
    case BPF_RSH:
      return "rsh";
    case BPF_NEG:
      return "neg";
    default:
      return "";
  }
}

std::string_view JumpName(std::uint16_t code) {
  switch (BPF_OP(code)) {
    case BPF_JA:
      return "jmp";
    case BPF_JEQ:
      return "jeq";
    case BPF_JGT:
      return "jgt";
    case BPF_JGE:
      return "jge";
    case BPF_JSET:
      return "jset";
    default:
      return "";
  }
}

std::string ArchName(std::uint32_t arch) {
  for (const Abi abi : {Abi::kX86_64, Abi::kAarch64}) {
    if (AuditArch(abi) == arch) return std::string(AbiName(abi));
  }
  return "";
}

// The call of that number; for the end of a range, the last call before it.
std::string NumberName(std::uint32_t number, Abi abi) {
  if (const SyscallInfo* call = FindSyscall(abi, number)) return std::string(call->name);
  if (number == 0xffffffffU) return "no call (-1)";
  if ((number & 0x40000000U) != 0) return "x32";
  std::string name = "past every call";
  for (const SyscallInfo& call : Syscalls(abi)) {
    if (call.number > number) return name;
    name = "past " + std::string(call.name);
  }
  return number == 0x80000000U ? "past x32" : name;
}

struct Line {
  std::string mnemonic;
  std::string operands;
  std::string comment;
};

class Lister {
 public:
  Lister(std::span<const sock_filter> code, Abi abi)
      : code_(code), abi_(abi), holds_(code.size() + 1, Holds::kNotReached) {}

  std::string List() {
    if (!code_.empty()) holds_[0] = Holds::kOther;
    std::string text;
    for (std::size_t pc = 0; pc < code_.size(); ++pc) {
      const Line line = Describe(pc);
      std::string index = base::Number(pc);
      if (index.size() < 4) index.insert(0, 4 - index.size(), ' ');
      std::string row = index + "  " + Pad(line.mnemonic, 5) + " " + line.operands;
      if (!line.comment.empty()) row = Pad(std::move(row), 38) + "; " + line.comment;
      text += row + "\n";
      Follow(pc);
    }
    return text;
  }

 private:
  Line Describe(std::size_t pc) const {
    const sock_filter& instruction = code_[pc];
    switch (BPF_CLASS(instruction.code)) {
      case BPF_RET:
        if (instruction.code == (BPF_RET | BPF_K)) return {"ret", RetInWords(instruction.k), ""};
        if (instruction.code == (BPF_RET | BPF_A)) return {"ret", "A", ""};
        break;
      case BPF_JMP:
        return Jump(pc);
      case BPF_ALU:
        return Alu(instruction);
      default:
        return Move(instruction);
    }
    return Unknown(instruction);
  }

  static Line Unknown(const sock_filter& instruction) {
    return {"?", base::Hex(instruction.code) + " " + base::Hex(instruction.k), ""};
  }

  static Line Alu(const sock_filter& instruction) {
    const std::string_view name = AluName(instruction.code);
    if (name.empty()) return Unknown(instruction);
    if (name == "neg") return {"neg", "", ""};
    const bool from_x = BPF_SRC(instruction.code) == BPF_X;
    return {std::string(name), from_x ? "X" : base::Hex(instruction.k), ""};
  }

  static Line Move(const sock_filter& instruction) {
    const std::string cell = "M[" + base::Number(instruction.k) + "]";
    switch (instruction.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        return {"ld", FieldName(instruction.k), ""};
      case BPF_LD | BPF_IMM:
        return {"ld", base::Hex(instruction.k), ""};
      case BPF_LD | BPF_MEM:
        return {"ld", cell, ""};
      case BPF_LD | BPF_W | BPF_LEN:
        return {"ld", "length", ""};
      case BPF_LDX | BPF_IMM:
        return {"ldx", base::Hex(instruction.k), ""};
      case BPF_LDX | BPF_MEM:
        return {"ldx", cell, ""};
      case BPF_LDX | BPF_W | BPF_LEN:
        return {"ldx", "length", ""};
      case BPF_ST:
        return {"st", cell, ""};
      case BPF_STX:
        return {"stx", cell, ""};
      case BPF_MISC | BPF_TAX:
        return {"tax", "", ""};
      case BPF_MISC | BPF_TXA:
        return {"txa", "", ""};
      default:
        return Unknown(instruction);
    }
  }

  Line Jump(std::size_t pc) const {
    const sock_filter& instruction = code_[pc];
    const std::string_view name = JumpName(instruction.code);
    if (name.empty()) return Unknown(instruction);
    const std::uint64_t next = pc + 1;
    if (name == "jmp") return {"jmp", base::Number(next + instruction.k), ""};
    const std::string targets =
        ", " + base::Number(next + instruction.jt) + ", " + base::Number(next + instruction.jf);
    const std::string mnemonic(name);
    if (BPF_SRC(instruction.code) == BPF_X) return {mnemonic, "X" + targets, ""};
    const std::uint32_t k = instruction.k;
    switch (holds_[pc]) {
      case Holds::kNumber:
        return {mnemonic, (k < 0x40000000U ? base::Number(k) : base::Hex(k)) + targets, NumberName(k, abi_)};
      case Holds::kArch:
        return {mnemonic, base::Hex(k) + targets, ArchName(k)};
      default:
        return {mnemonic, base::Hex(k) + targets, ""};
    }
  }

  void Meet(std::size_t target, Holds now) {
    if (target >= code_.size()) return;
    Holds& there = holds_[target];
    there = there == Holds::kNotReached || there == now ? now : Holds::kOther;
  }

  void Follow(std::size_t pc) {
    const sock_filter& instruction = code_[pc];
    Holds now = holds_[pc];
    if (now == Holds::kNotReached) return;
    const auto field_is = [&](std::size_t offset) {
      return instruction.code == (BPF_LD | BPF_W | BPF_ABS) && instruction.k == offset;
    };
    switch (BPF_CLASS(instruction.code)) {
      case BPF_RET:
        return;
      case BPF_JMP:
        if (BPF_OP(instruction.code) == BPF_JA) return Meet(pc + 1 + instruction.k, now);
        Meet(pc + 1 + instruction.jt, now);
        return Meet(pc + 1 + instruction.jf, now);
      case BPF_LD:
      case BPF_ALU:
      case BPF_MISC:
        now = Holds::kOther;
        break;
      default:
        break;
    }
    if (field_is(offsetof(seccomp_data, nr))) now = Holds::kNumber;
    if (field_is(offsetof(seccomp_data, arch))) now = Holds::kArch;
    Meet(pc + 1, now);
  }

  std::span<const sock_filter> code_;
  Abi abi_;
  std::vector<Holds> holds_;
};

}  // namespace

std::string Disassemble(std::span<const sock_filter> code, Abi abi) { return Lister(code, abi).List(); }

}  // namespace moat::bpf
