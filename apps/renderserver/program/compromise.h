// For tests only: a document that takes the program over. In the real program there is nothing.
#pragma once

#include "fig/document.h"

namespace program {

#ifdef RENDERSERVER_COMPROMISE
// A node named `moat-test:compromise` makes the program reach out: it reads a secret, connects,
// executes, writes elsewhere and kills its parent, and says on standard error what came of each.
// `moat-test:compromise:read` tries that alone. What to reach for is in the environment (compromise.cc).
void AfterDecoding(const fig::Document& document);
#else
inline void AfterDecoding(const fig::Document&) {}
#endif

}  // namespace program
