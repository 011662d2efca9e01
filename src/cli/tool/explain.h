// `moat explain`: what was denied, in words, from a report or from the records of a seal.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "moat/report.h"
#include "moat/result.h"

namespace moat::tool {

// Records of a seal, one JSON object a line among whatever else a log has; the same as a jail's.
// Hostile text: whoever violated wrote it.
std::vector<Denial> DenialsOfRecords(std::string_view text);

// The text that is printed. kPolicy: neither a report nor a record.
Result<std::string> Explain(std::string_view text);

int ExplainCommand(const std::vector<std::string>& args);

}  // namespace moat::tool
