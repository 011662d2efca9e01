// One command, from its files to its pictures.
#pragma once

#include "program/command.h"

namespace program {

// Tells on standard error what went wrong. Once the file is read the process ends here, with its exit
// code: behind a seal there is no other way out. Returns the code when it did not come to that.
int Run(Command command);

}  // namespace program
