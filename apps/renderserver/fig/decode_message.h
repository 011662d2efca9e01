// The message, by its schema, into the objects that are kept. No recursion: the depth of a file is
// the height of a stack of our own, and has a budget.
#pragma once

#include "fig/bind_kinds.h"
#include "fig/budget.h"
#include "fig/fault.h"
#include "fig/schema.h"

namespace fig {

// Blobs are views into `bytes`. Nothing else of `bytes` or `schema` is referred to.
Outcome<Message> DecodeMessage(const Schema& schema, Bytes bytes, const Budget& budget);

}  // namespace fig
