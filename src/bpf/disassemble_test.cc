// Golden listing of a small filter. MOAT_UPDATE_GOLDEN=1 writes it anew.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "bpf/filter.h"
#include "bpf/testing.h"

namespace moat::bpf {
namespace {

using testing::MakeRule;

FilterSpec SmallFilter() {
  constexpr Abi kAbi = Abi::kX86_64;
  const auto rule = [](std::string_view call, std::vector<Condition> all_of, Action action) {
    return MakeRule(kAbi, call, std::move(all_of), action);
  };
  return testing::MakeSpec(
      kAbi,
      {
          rule("read", {}, Allow()),
          rule("write", {}, Allow()),
          rule("exit_group", {}, Allow()),
          rule("ptrace", {}, KillProcess()),
          rule("mprotect", {{2, Compare::kMaskedEqual, 0, 4}}, Allow()),
          rule("ioctl", {{1, Compare::kEqual, 0x5401}}, Errno(25)),
          rule("ioctl", {{1, Compare::kEqual, 0x541b}}, Allow()),
          rule("lseek", {{0, Compare::kGreater, 2}, {1, Compare::kLess, 1ULL << 33}}, Allow()),
      },
      Errno(1));
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(Disassemble, Golden) {
  const char* source = std::getenv("MOAT_SOURCE_DIR");
  ASSERT_NE(source, nullptr) << "run by ctest, or set MOAT_SOURCE_DIR";
  const std::string path = std::string(source) + "/tests/golden/filter_small.txt";
  const auto program = Compile(SmallFilter());
  ASSERT_TRUE(program.ok());
  const std::string text = Disassemble(program->code, program->abi);
  if (std::getenv("MOAT_UPDATE_GOLDEN") != nullptr) std::ofstream(path) << text;
  EXPECT_EQ(text, ReadFile(path));
}

TEST(Disassemble, ForeignAndBrokenPrograms) {
  const std::vector<sock_filter> code = {
      {BPF_LDX | BPF_IMM, 0, 0, 5},         {BPF_LD | BPF_W | BPF_ABS, 0, 0, 12},
      {BPF_JMP | BPF_JGT | BPF_X, 9, 1, 0}, {BPF_ALU | BPF_NEG, 0, 0, 0},
      {BPF_ALU | BPF_SUB | BPF_X, 0, 0, 0}, {BPF_LD | BPF_B | BPF_IND, 0, 0, 3},
      {BPF_JMP | BPF_JA, 0, 0, 7},          {BPF_RET | BPF_K, 0, 0, 0x7ff00003},
      {BPF_RET | BPF_A, 0, 0, 0},           {BPF_ST, 0, 0, 2},
      {BPF_RET | BPF_K, 0, 0, 0x12340000},
  };
  EXPECT_EQ(Disassemble(code, Abi::kX86_64),
            "   0  ldx   0x5\n"
            "   1  ld    [ip.hi]\n"
            "   2  jgt   X, 12, 4\n"
            "   3  neg   \n"
            "   4  sub   X\n"
            "   5  ?     0x50 0x3\n"
            "   6  jmp   14\n"
            "   7  ret   trace 3\n"
            "   8  ret   A\n"
            "   9  st    M[2]\n"
            "  10  ret   unknown 0x12340000\n");
}

TEST(Disassemble, NamesNumbersOnlyWhileTheAccumulatorHoldsOne) {
  const std::vector<sock_filter> code = {
      {BPF_LD | BPF_W | BPF_ABS, 0, 0, 0},
      {BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 59},
      {BPF_LD | BPF_W | BPF_ABS, 0, 0, 16},
      {BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 59},  // a number on one path, an argument on the other
      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
  };
  const std::string text = Disassemble(code, Abi::kX86_64);
  EXPECT_NE(text.find("jeq   59, 3, 2"), std::string::npos) << text;
  EXPECT_NE(text.find("; execve"), std::string::npos) << text;
  EXPECT_NE(text.find("jeq   0x3b, 4, 4\n"), std::string::npos) << text;
}

}  // namespace
}  // namespace moat::bpf
