// Whole files: ZIP, chunks, both compressions, meta.json, and what is inside when that much is whole.
// Checksums are not compared in this build.
#include "fig/fuzzing.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto document = fig::Decode({data, size}, fig::FuzzBudget());
  fig::Look(document);
  return 0;
}
