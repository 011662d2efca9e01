// Schema and message without what is around them: four bytes say how long the schema is. None: then
// it is the samples' own, and what is mutated is a message that fits it.
#include <algorithm>
#include <string>

#include "fig/decode_message.h"
#include "fig/fuzzing.h"
#include "fig/schema.h"
#include "figgen/schema_text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string own = figgen::EncodeSchema(figgen::OwnSchema());
  if (size < 4) return 0;
  const fig::Bytes rest{data + 4, size - 4};
  const std::size_t length = std::min<std::size_t>(fig::Load32({data, 4}, 0), rest.size);
  const fig::Budget budget = fig::FuzzBudget();
  auto schema = fig::ParseSchema(length == 0 ? fig::BytesOf(own) : rest.Part(0, length), budget);
  if (!schema.ok()) return 0;
  auto message = fig::DecodeMessage(schema.value(), rest.Part(length, rest.size - length), budget);
  fig::Look(message);
  return 0;
}
