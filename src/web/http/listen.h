// A socket that listens where the configuration says.
#pragma once

#include <cstdint>
#include <string>

#include "moat/result.h"
#include "web/config.h"
#include "sys/fd.h"

namespace moat::web {

// The port 0 becomes one that is free. A unix socket is for our own user; one that a predecessor left
// behind is replaced.
Result<sys::Fd> Listen(const ListenConfig& config);
std::uint16_t PortOf(const sys::Fd& listener);
std::string RemoteOf(const sys::Fd& socket);  // "127.0.0.1", "local"

}  // namespace moat::web
