// bin/moat as the helper of a process that uses the library: runs jobs that it is sent.
#pragma once

namespace moat::launcher {

// `moat __spawner`: descriptors 3 and 4 as in api/protocol.h. Ends when the other side of the
// socket is closed or the host process is gone; jobs that still run then are cancelled.
int Spawner(char** argv);

}  // namespace moat::launcher
