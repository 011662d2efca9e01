// meta.json: what the file's own thumbnail shows.
#pragma once

#include <string>

#include "fig/bytes.h"
#include "fig/document.h"
#include "fig/fault.h"

namespace fig {

struct MetaFile {
  Meta meta;
  std::string file_name;
};

// Fails with kMessage, or kBudget when it is nested too deeply. Unknown keys are passed over.
Outcome<MetaFile> ParseMeta(Bytes json);

}  // namespace fig
