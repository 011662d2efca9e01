// json_validate < FILE: says whether standard input is JSON, and where it is not. The shortest
// seal there is: a preset. A violation leaves a line on standard error, for `moat explain`.
#include <moat/seal.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "compromise.h"

namespace {

std::string ReadInput() {
  std::string text;
  char buffer[65536];
  for (std::size_t got; (got = std::fread(buffer, 1, sizeof(buffer), stdin)) > 0;) text.append(buffer, got);
  return text;
}

int Validate() {
  const std::string text = ReadInput();
  compromised_by(text.data(), text.size());
  try {
    const auto json = nlohmann::json::parse(text);
    std::printf("valid: %s with %zu members\n", json.type_name(), json.size());
    return 0;
  } catch (const nlohmann::json::parse_error& error) {
    std::printf("invalid at byte %zu\n", error.byte);
    return 1;
  }
}

moat::Status Lock() {
  moat::Seal seal = MOAT_TRY(moat::Seal::Preset("stdio"));
  MOAT_TRY(seal.Strays(moat::SealStrays::kClose).OnViolation(moat::SealViolation::kTrap).Record(2).Apply());
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (without_seal(&argc, &argv) == 0) {
    if (const auto locked = Lock(); !locked.ok()) {
      std::fprintf(stderr, "json_validate: %s\n", locked.error().ToString().c_str());
      return 2;
    }
  }
  return Validate();
}
