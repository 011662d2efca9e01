// `serve`: requests on standard input, one a line, each drawn by a process forked for it from this one,
// which is warm: libraries are loaded and have done once what they do late, and no file was ever read.
//
// A request is a JSON array of the words of a `render` command:
//
//   ["render", "--sealed", "a.fig", "-o", "a.png"]
//
// and is answered by one line when it has ended; several run at once, so answers name the request (from 1):
//
//   {"request":1,"code":0,"milliseconds":7.1}
//   {"request":2,"code":14,"said":"b.fig: message: ...","milliseconds":1.2}
//   {"request":3,"signal":31,"milliseconds":1.0}
#pragma once

#include "program/command.h"

namespace program {

// Returns when standard input has ended and all are answered, with the exit code of the program: 0,
// whatever became of the requests, or 1 when answers cannot be written, 2 for a line that is too long.
int Serve(const Command& options);

}  // namespace program
