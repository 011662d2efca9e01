// Where the launcher's memory comes from; see runtime.cc.
#pragma once

namespace moat::launcher {

// For a process that runs many jobs: from now on all memory is malloc's, which takes it back.
void ExpectLongLife();

}  // namespace moat::launcher
