#include "plan/print_struct.h"

#include <asm/unistd.h>

#include <cstring>

#include "base/text.h"

namespace moat::plan {
namespace {

struct Shape {
  std::uint16_t number;
  std::uint8_t argument;
  const char* widths;  // bytes of each field, in order
};
constexpr Shape kShapes[] = {
    {__NR_openat2, 2, "888"},                  // flags, mode, resolve
    {__NR_mount_setattr, 3, "8888"},           // set, clear, propagation, user namespace
    {__NR_prlimit64, 2, "88"},                 // soft, hard
    {__NR_landlock_create_ruleset, 0, "888"},  // files, network, scopes: as many as argument 1 says
    {__NR_landlock_add_rule, 2, "8"},          // access; the descriptor comes from the op before
    {__NR_capset, 0, "44"},
    {__NR_capset, 1, "444444"},
    {__NR_rt_sigprocmask, 1, "8"},
    {__NR_ppoll, 2, "88"},
};

// Little endian, as every host that moat knows.
std::uint64_t Field(std::string_view bytes, std::size_t at, std::size_t width) {
  std::uint64_t value = 0;
  if (at + width <= bytes.size()) std::memcpy(&value, bytes.data() + at, width);
  return value;
}

std::string Fields(std::string_view widths, std::string_view bytes) {
  std::string text = "{";
  std::size_t at = 0;
  for (const char c : widths) {
    const auto width = static_cast<std::size_t>(c - '0');
    if (at != 0) text += ", ";
    text += WordText(Field(bytes, at, width));
    at += width;
  }
  return text + "}";
}

std::string SameText(const abi::Op& op, unsigned i, std::string_view bytes) {
  if (i == 0) return "{seen}";
  return i == 1 ? Fields(op.args[2] == 2 ? "2" : "44", bytes) : std::string();
}

}  // namespace

std::string WordText(std::uint64_t word) { return word < 4096 ? base::Number(word) : base::Hex(word); }

std::string StructText(const abi::Op& op, unsigned i, std::string_view bytes) {
  switch (op.number) {
    case static_cast<std::uint16_t>(abi::Pseudo::kSame): return SameText(op, i, bytes);
    case __NR_statx: return i == 4 ? "{seen}" : "";
    case __NR_seccomp: return i == 2 ? "{" + base::Number(Field(bytes, 0, 2)) + " instructions}" : "";
    case __NR_ppoll:
      if (i == 0) return "{fd, " + WordText(Field(bytes, 4, 2)) + "}";
      break;
    case __NR_ioctl:  // struct ifreq
      if (i == 2) return "{\"" + std::string(bytes.data(), strnlen(bytes.data(), 16)) + "\", " + WordText(Field(bytes, 16, 2)) + "}";
      break;
    default: break;
  }
  for (const Shape& shape : kShapes) {
    if (shape.number != op.number || shape.argument != i) continue;
    std::string_view widths = shape.widths;
    if (op.number == __NR_landlock_create_ruleset) widths = widths.substr(0, op.args[1] / 8);
    return Fields(widths, bytes);
  }
  return {};
}

}  // namespace moat::plan
