#include <gtest/gtest.h>

#include "bpf/filter.h"
#include "bpf/testing.h"

namespace moat::bpf {
namespace {

using Code = std::vector<sock_filter>;

constexpr sock_filter kLoadNumber = {BPF_LD | BPF_W | BPF_ABS, 0, 0, 0};
constexpr sock_filter kAllow = {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW};
constexpr sock_filter kReturnA = {BPF_RET | BPF_A, 0, 0, 0};

sock_filter Op(int code, std::uint32_t k) { return {static_cast<std::uint16_t>(code), 0, 0, k}; }
sock_filter Jump(int code, std::uint32_t k, std::uint8_t jt, std::uint8_t jf) {
  return {static_cast<std::uint16_t>(BPF_JMP | code), jt, jf, k};
}

Result<Evaluation> Execute(const Code& code) {
  return Evaluate(code, testing::MakeData(Abi::kX86_64, 7, {11, 0x2200000022, 33, 44, 55, 66}));
}

std::string Why(const Code& code) {
  const auto result = Execute(code);
  if (result.ok()) return "accepted";
  EXPECT_EQ(result.error().kind, ErrorKind::kBug);
  return result.error().message;
}

std::uint32_t Value(const Code& code) {
  const auto result = Execute(code);
  EXPECT_TRUE(result.ok()) << result.error().ToString();
  return result.ok() ? result->ret : 0xdead;
}

TEST(Evaluate, RefusesWhatTheKernelRefuses) {
  EXPECT_EQ(Why({}), "bpf program is empty");
  EXPECT_EQ(Why(Code(BPF_MAXINSNS + 1, kAllow)), "bpf program is too long");
  EXPECT_EQ(Why({kLoadNumber}), "bpf instruction 0: the last instruction is not a return");
  EXPECT_EQ(Why({kAllow, Jump(BPF_JA, 0, 0, 0)}), "bpf instruction 1: jump leaves the program");
  EXPECT_EQ(Why({Jump(BPF_JEQ, 0, 0, 1), kAllow}), "bpf instruction 0: jump leaves the program");
  EXPECT_EQ(Why({Jump(BPF_JEQ, 0, 1, 0), kAllow}), "bpf instruction 0: jump leaves the program");
  EXPECT_EQ(Why({Jump(BPF_JA, 0xffffffff, 0, 0), kAllow}), "bpf instruction 0: jump leaves the program");
  EXPECT_EQ(Why({Op(BPF_LD | BPF_W | BPF_ABS, 64), kAllow}),
            "bpf instruction 0: load is outside seccomp_data");
  EXPECT_EQ(Why({Op(BPF_LD | BPF_W | BPF_ABS, 2), kAllow}), "bpf instruction 0: load is not aligned");
  EXPECT_EQ(Why({Op(BPF_ALU | BPF_DIV | BPF_K, 0), kAllow}), "bpf instruction 0: division by zero");
  EXPECT_EQ(Why({Op(BPF_ALU | BPF_LSH | BPF_K, 32), kAllow}), "bpf instruction 0: shift is too wide");
  EXPECT_EQ(Why({Op(BPF_ST, 16), kAllow}), "bpf instruction 0: scratch memory index is too large");
}

TEST(Evaluate, RefusesOpcodesThatSeccompLacks) {
  const int codes[] = {
      BPF_LD | BPF_H | BPF_ABS,
      BPF_LD | BPF_B | BPF_ABS,
      BPF_LD | BPF_W | BPF_IND,
      BPF_LDX | BPF_B | BPF_MSH,
      BPF_ALU | BPF_MOD | BPF_K,
      BPF_ALU | BPF_NEG | BPF_X,
      BPF_RET | BPF_X,
      BPF_JMP | BPF_JA | BPF_X,
      BPF_JMP | 0x50,
      BPF_MISC | 0x40,
      0x100 | BPF_RET,
      BPF_ALU | 0xd0,
      BPF_ST | BPF_MEM,
      0xffff,
  };
  for (const int code : codes) {
    EXPECT_EQ(Why({Op(code, 1), kAllow}), "bpf instruction 0: opcode is not permitted") << std::hex << code;
  }
}

TEST(Evaluate, ScratchMemoryMustBeWrittenOnEveryPath) {
  const std::string unwritten = ": scratch memory is read before it is written";
  EXPECT_EQ(Why({Op(BPF_LD | BPF_MEM, 3), kReturnA}), "bpf instruction 0" + unwritten);
  EXPECT_EQ(Value({kLoadNumber, Op(BPF_ST, 3), Op(BPF_LD | BPF_IMM, 0), Op(BPF_LD | BPF_MEM, 3), kReturnA}),
            7U);
  // Written on one side of a branch only.
  EXPECT_EQ(Why({Jump(BPF_JEQ, 0, 0, 1), Op(BPF_ST, 3), Op(BPF_LD | BPF_MEM, 3), kReturnA}),
            "bpf instruction 2" + unwritten);
  // On both.
  EXPECT_EQ(Value({kLoadNumber, Jump(BPF_JEQ, 0, 0, 2), Op(BPF_ST, 3), Jump(BPF_JA, 1, 0, 0), Op(BPF_ST, 3),
                   Op(BPF_LDX | BPF_MEM, 3), Op(BPF_MISC | BPF_TXA, 0), kReturnA}),
            7U);
}

TEST(Evaluate, Arithmetic) {
  const auto with = [](int operation, std::uint32_t k) {
    return Value({Op(BPF_LD | BPF_IMM, 100), Op(BPF_ALU | operation | BPF_K, k), kReturnA});
  };
  EXPECT_EQ(with(BPF_ADD, 0xffffffff), 99U);
  EXPECT_EQ(with(BPF_SUB, 101), 0xffffffffU);
  EXPECT_EQ(with(BPF_MUL, 0x10000000), 0x40000000U);
  EXPECT_EQ(with(BPF_DIV, 7), 14U);
  EXPECT_EQ(with(BPF_AND, 0x0f), 4U);
  EXPECT_EQ(with(BPF_OR, 3), 103U);
  EXPECT_EQ(with(BPF_XOR, 0x80000000), 0x80000064U);
  EXPECT_EQ(with(BPF_LSH, 31), 0U);
  EXPECT_EQ(with(BPF_RSH, 2), 25U);
  EXPECT_EQ(Value({Op(BPF_LD | BPF_IMM, 1), Op(BPF_ALU | BPF_NEG, 0), kReturnA}), 0xffffffffU);
  EXPECT_EQ(
      Value({Op(BPF_LD | BPF_IMM, 9), Op(BPF_LDX | BPF_IMM, 4), Op(BPF_ALU | BPF_SUB | BPF_X, 0), kReturnA}),
      5U);
  // X is zero at the start: the kernel ends such a program with 0, kill-thread.
  EXPECT_EQ(Value({Op(BPF_LD | BPF_IMM, 9), Op(BPF_ALU | BPF_DIV | BPF_X, 0), kAllow}), 0U);
  EXPECT_EQ(Value({Op(BPF_LD | BPF_W | BPF_LEN, 0), kReturnA}), 64U);
  EXPECT_EQ(Value({Op(BPF_LDX | BPF_W | BPF_LEN, 0), Op(BPF_MISC | BPF_TXA, 0), kReturnA}), 64U);
  EXPECT_EQ(Value({kReturnA}), 0U);
}

TEST(Evaluate, JumpsCompareUnsigned) {
  const auto taken = [](int operation, std::uint32_t a, std::uint32_t k) {
    return Value({Op(BPF_LD | BPF_IMM, a), Jump(operation, k, 0, 1), Op(BPF_RET, 1), Op(BPF_RET, 0)}) == 1;
  };
  EXPECT_TRUE(taken(BPF_JEQ, 5, 5));
  EXPECT_FALSE(taken(BPF_JGT, 5, 5));
  EXPECT_TRUE(taken(BPF_JGE, 5, 5));
  EXPECT_TRUE(taken(BPF_JGT, 0xffffffff, 0x7fffffff));
  EXPECT_TRUE(taken(BPF_JSET, 6, 3));
  EXPECT_FALSE(taken(BPF_JSET, 6, 1));
}

TEST(Evaluate, LoadsWordsAndTellsWhichKind) {
  const auto at = [](std::uint32_t offset) {
    return *Execute({Op(BPF_LD | BPF_W | BPF_ABS, offset), kReturnA});
  };
  EXPECT_EQ(at(0).ret, 7U);
  EXPECT_EQ(at(4).ret, AuditArch(Abi::kX86_64));
  EXPECT_EQ(at(16).ret, 11U);
  EXPECT_EQ(at(24).ret, 0x22U);
  EXPECT_EQ(at(28).ret, 0x22U);
  EXPECT_EQ(at(56).ret, 66U);
  EXPECT_FALSE(at(0).read_arguments);
  EXPECT_FALSE(at(4).read_arguments);
  EXPECT_TRUE(at(8).read_arguments);  // instruction_pointer
  EXPECT_TRUE(at(60).read_arguments);
  EXPECT_EQ(at(0).steps, 2U);
}

}  // namespace
}  // namespace moat::bpf
