// A kSubmit frame of a client, who may be anybody: taken apart, everything checked. Pure.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "serve/local_protocol.h"
#include "serve/service.h"

namespace moat::serve {

// Nothing when it is no such frame. Takes the descriptors, or none of them.
std::optional<Submission> ReadSubmitFrame(std::string_view frame, std::vector<sys::Fd>& fds, std::uint64_t& id);

}  // namespace moat::serve
