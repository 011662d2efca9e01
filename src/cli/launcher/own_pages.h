// The pages of this process that its children share with it until one of them writes.
#pragma once

namespace moat::launcher {

// Takes copies of all that can be written, now and not one fault after the other when a job is there. Only for
// speed: what fails changes nothing. madvise(2), MADV_POPULATE_WRITE; an older kernel has none.
void TakeOwnPages();

}  // namespace moat::launcher
