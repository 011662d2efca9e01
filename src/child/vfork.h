// A process in the memory of the one that makes it, on a stack of its own.
#pragma once

#include <cstdint>

#include "child/call.h"

namespace moat::child {

enum class Parent : unsigned char { kWaits, kGoesOn };

// vfork semantics (kWaits): returns in the caller once the other has executed or ended. The table of
// descriptors is shared as well, until the exec. `function` must not return. A negative errno, or a pid.
// `is_here`: becomes 0 by then, with a futex wake: for callers that wait long. (In vfork they would wait
// uninterruptibly, which counts as load.)
long Vfork(const Caller& call, unsigned char* stack_top, void (*function)(void*), void* argument, Parent parent,
           std::uint32_t* is_here = nullptr);

}  // namespace moat::child
