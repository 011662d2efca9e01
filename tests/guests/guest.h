// A program for the inside of a jail: one small deed, told as text. Only C library calls, so
// that it also starts where nothing of the C++ runtime is visible.
#pragma once

namespace moat::guest {

// Each takes the words behind its name and answers with the exit code.
int Files(int argc, char** argv);    // make-outputs, read-fd ...; -1 when it knows none of it
int Network(int argc, char** argv);  // connect-abstract, loopback ...; -1 likewise

}  // namespace moat::guest
