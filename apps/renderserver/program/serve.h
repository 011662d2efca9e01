// `serve`: the program as one that `moat serve` starts once (moat/worker.h). Fonts there are none; tables,
// codecs and libraries are warm. Each job is drawn by a fork of it, sealed before the job comes, and gone
// after it: one input, which is not a folder; an output for each picture; as arguments what to draw.
#pragma once

#include "program/command.h"

namespace program {

// Returns only when it cannot serve, with the exit code; why was said.
int Serve(const Command& options);

}  // namespace program
