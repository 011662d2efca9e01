// What another process has open, as roles of a seal.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "moat/result.h"
#include "moat/seal.h"

namespace moat::tool {

// Folders, sockets, rings and orders to the kernel are an error: a program that holds one cannot
// be sealed from outside. `words` gets a line for each role.
Status AddRoles(pid_t pid, Seal& seal, std::vector<std::string>& words);

}  // namespace moat::tool
