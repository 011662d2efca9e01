// Asks a daemon, as `moat top` does.
#pragma once

#include <string>

#include "moat/result.h"

namespace moat::web {

// GET `path` at "127.0.0.1:7890" or "unix:/PATH"; the body of an answer with status 200.
Result<std::string> AskDaemon(const std::string& at, const std::string& token, const std::string& path);

}  // namespace moat::web
