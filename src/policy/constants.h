// The rows of spec/constants.toml. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace moat::policy {

struct Constant {
  std::string_view name;
  std::uint64_t values[2];  // by bpf::Abi; negative ones are sign-extended
  std::string_view group;   // the table's heading: "open", "ioctl-terminal"
};

std::span<const Constant> Constants();  // by ascending name

}  // namespace moat::policy
