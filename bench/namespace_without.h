// A mount namespace in which one folder of the host looks empty.
#pragma once

#include <string>

#include "moat/result.h"
#include "sys/fd.h"

namespace moat::bench {

// Lives as long as the descriptor. Made by a child: the caller's own namespace stays as it is.
Result<sys::Fd> NamespaceWithout(const std::string& folder);

}  // namespace moat::bench
