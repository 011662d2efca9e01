// Jobs are handed to the pool's daemon (`moat serve`) by its local door: its workers, its queues. Each
// lane (lanes.h) has a connection of its own, made when it is needed, and made again when it broke.
#pragma once

#include <memory>

#include "web/backend.h"
#include "web/config.h"

namespace moat::web {

Result<std::unique_ptr<Backend>> MakePoolBackend(std::shared_ptr<const Config> config);

}  // namespace moat::web
