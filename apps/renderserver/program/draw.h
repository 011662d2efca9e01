// From a decoded file to pictures.
#pragma once

#include <string>
#include <vector>

#include "program/command.h"
#include "program/failure.h"
#include "program/source.h"

namespace program {

struct Drawn {
  Failure failure;
  std::string bytes;  // PNG or SVG, whole
  std::vector<std::string> remarks;
};

// One picture, in memory. May be called by several threads at once. Throws nothing: without memory it
// is a Failure.
Drawn Draw(const fig::Document& document, Source* source, const Picture& picture, const Command& command, const fig::Budget& budget);

// What `list` and `info` say.
std::string ListText(const fig::Document& document, Command::Text text);
std::string InfoText(const fig::Document& document, Command::Text text);

}  // namespace program
