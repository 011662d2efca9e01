// What is around the message: a ZIP or a bare canvas, its header and its chunks.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "fig/budget.h"
#include "fig/bytes.h"
#include "fig/document.h"
#include "fig/fault.h"

namespace fig {

// Views into the input or into `storage`, everything inflated.
struct Container {
  FileKind kind = FileKind::kDesign;
  bool zipped = false;
  std::uint32_t version = 0;
  Bytes schema, message;
  Bytes meta;                           // JSON, empty when there is none
  Bytes thumbnail;                      // PNG, empty when there is none
  std::map<std::string, Bytes> images;  // by hash
  std::shared_ptr<const Storage> storage;
};

Outcome<Container> OpenContainer(Bytes file, const Budget& budget);

}  // namespace fig
