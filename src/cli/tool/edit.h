// The edits that a report proposes, put into a policy file, and checked against what they promise.
#pragma once

#include <string>
#include <vector>

#include "moat/report.h"
#include "moat/result.h"

namespace moat::tool {

// `text` of the policy `path` with the edits of all denials in it, each tried by the filter's own rules: what
// was denied is allowed afterwards, and nothing else changed. `skipped`: denials that no edit helps, and why.
struct Edited {
  std::string text;
  std::vector<std::string> changes;  // as policy::Diff says them
  std::vector<std::string> skipped;
};
Result<Edited> ApplyEdits(const std::string& path, const std::string& text, const std::vector<Denial>& denials);

}  // namespace moat::tool
