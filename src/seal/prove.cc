#include "seal/prove.h"

#include <algorithm>
#include <string>
#include <vector>

#include "base/text.h"

namespace moat::seal {
namespace {

constexpr std::uint32_t kArchI386 = 0x40000003, kArchArm = 0x40000028, kX32Bit = 0x40000000;
constexpr std::uint64_t kUpper = 1ULL << 32;  // what a 32-bit comparison must not see
constexpr std::uint32_t kBeyondTable = 1100;
constexpr std::size_t kCasesPerCall = 1024;

class Prover {
 public:
  Prover(const bpf::FilterSpec& spec, std::span<const sock_filter> code) : spec_(spec), code_(code) {
    data_.arch = bpf::AuditArch(spec.abi);
  }

  Status Run() {
    MOAT_TRY(bpf::CheckProgram(code_));
    for (std::uint32_t number = 0; number < kBeyondTable; ++number) MOAT_TRY(Number(number));
    for (const std::uint32_t number : {0x7fffffffU, 0x80000000U, 0xbfffffffU, 0xc0000000U, 0xfffffffeU, 0xffffffffU}) {
      MOAT_TRY(Number(number));
    }
    for (const bpf::SyscallInfo& call : bpf::Syscalls(spec_.abi)) MOAT_TRY(Arguments(call));
    return {};
  }

 private:
  Status Number(std::uint32_t number) {
    MOAT_TRY(One(number));
    MOAT_TRY(One(number | kX32Bit));
    const std::uint32_t own = data_.arch;
    for (const std::uint32_t arch : {kArchI386, kArchArm, 0U, ~0U}) {
      data_.arch = arch;
      MOAT_TRY(One(number));
    }
    data_.arch = own;
    return {};
  }

  // What tells the rules of the call apart: their values, one more and one less, single bits of
  // their masks, and the same with the upper half set.
  std::vector<std::uint64_t> Edges(std::uint32_t number, int arg) const {
    std::vector<std::uint64_t> edges = {0, 1, ~0ULL};
    for (const bpf::Rule& rule : spec_.rules) {
      if (rule.number != number) continue;
      for (const bpf::Condition& condition : rule.all_of) {
        if (condition.arg != arg) continue;
        const std::uint64_t v = condition.value;
        edges.insert(edges.end(), {v, v + 1, v - 1, v | kUpper, v | kUpper << 31, v ^ kUpper >> 1});
        for (int bit = 0; condition.mask != ~0ULL && bit < 64; ++bit) edges.push_back(v ^ std::uint64_t{1} << bit);
      }
    }
    std::sort(edges.begin(), edges.end());
    edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
    return edges;
  }

  // Every edge of every argument beside the values of every rule, then mixtures.
  Status Arguments(const bpf::SyscallInfo& call) {
    std::vector<std::uint64_t> edges[6];
    for (int arg = 0; arg < 6; ++arg) edges[arg] = Edges(call.number, arg);
    for (const bpf::Rule& rule : spec_.rules) {
      if (rule.number != call.number || rule.all_of.empty()) continue;
      for (int arg = 0; arg < 6; ++arg) {
        for (const std::uint64_t edge : edges[arg]) {
          std::fill(std::begin(data_.args), std::end(data_.args), 0);
          for (const bpf::Condition& condition : rule.all_of) data_.args[condition.arg] = condition.value;
          data_.args[arg] = edge;
          MOAT_TRY(One(call.number));
        }
      }
    }
    std::uint64_t random = call.number + 1;
    for (std::size_t n = 0; n < kCasesPerCall && edges[0].size() + edges[1].size() + edges[2].size() > 9; ++n) {
      for (int arg = 0; arg < 6; ++arg) {
        random = random * 6364136223846793005ULL + 1442695040888963407ULL;
        data_.args[arg] = edges[arg][(random >> 33) % edges[arg].size()];
      }
      MOAT_TRY(One(call.number));
    }
    std::fill(std::begin(data_.args), std::end(data_.args), 0);
    return {};
  }

  Status One(std::uint32_t number) {
    data_.nr = static_cast<int>(number);
    if (bpf::RunChecked(code_, data_).ret == bpf::Interpret(spec_, data_).ToRet()) return {};
    const bpf::SyscallInfo* call = bpf::FindSyscall(spec_.abi, number);
    Error error = BugError("the seal's filter does not do what was asked at " +
                           (call != nullptr ? std::string(call->name) : "call " + base::Number(number)));
    for (const std::uint64_t argument : data_.args) error.message += " " + base::Hex(argument);
    return error;
  }

  const bpf::FilterSpec& spec_;
  std::span<const sock_filter> code_;
  seccomp_data data_{};
};

}  // namespace

Status Prove(const bpf::FilterSpec& spec, std::span<const sock_filter> code) { return Prover(spec, code).Run(); }

}  // namespace moat::seal
