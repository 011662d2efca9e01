#include "policy/constants.h"

#include <algorithm>
#include <cstddef>

#include "policy/when.h"

namespace moat::policy {

static_assert(static_cast<int>(bpf::Abi::kX86_64) == 0 && static_cast<int>(bpf::Abi::kAarch64) == 1,
              "the order of Constant::values");

std::optional<std::uint64_t> FindConstant(std::string_view name, bpf::Abi abi) {
  const auto all = Constants();
  const auto found =
      std::lower_bound(all.begin(), all.end(), name,
                       [](const Constant& row, std::string_view wanted) { return row.name < wanted; });
  if (found == all.end() || found->name != name) return std::nullopt;
  return found->values[static_cast<std::size_t>(abi)];
}

}  // namespace moat::policy
