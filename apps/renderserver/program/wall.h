// The program's own wall: after Lock the kernel refuses whatever was not opened before.
#pragma once

#include <vector>

#include "moat/result.h"

namespace program {

// Closes what the caller left open beyond the three streams, and asks for as many descriptors as
// there may be. Before anything is opened.
moat::Status StartClean();

// Does once what libraries do late, then seals all threads for good: reading from `inputs`, writing to
// `outputs` and standard error, memory, waiting for each other. `record` < 0: none. With more than 64
// inputs whatever is open can be read.
moat::Status Lock(const std::vector<int>& inputs, const std::vector<int>& outputs, int record);

}  // namespace program
