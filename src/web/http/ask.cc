#include "web/http/ask.h"

#include <httplib.h>
#include <sys/socket.h>

#include "web/config.h"

namespace moat::web {

Result<std::string> AskDaemon(const std::string& at, const std::string& token, const std::string& path) {
  const ListenConfig where = MOAT_TRY(ParseListen(at));
  const bool local = !where.unix_path.empty();
  httplib::Client client(local ? where.unix_path : where.address, local ? 80 : where.port);
  if (local) client.set_address_family(AF_UNIX);
  client.set_connection_timeout(5);
  client.set_read_timeout(10);
  httplib::Headers headers;
  if (local) headers.emplace("Host", "localhost");
  if (!token.empty()) headers.emplace("Authorization", "Bearer " + token);
  const auto answer = client.Get(path, headers);
  if (!answer) {
    return WithFix(HostError("no answer from " + at + ": " + httplib::to_string(answer.error())), "is `moat http` running there? see --at");
  }
  if (answer->status == 401 || answer->status == 403) {
    return WithFix(PolicyError("the daemon wants an operator's token"), "--token-file FILE, or MOAT_TOKEN");
  }
  if (answer->status != 200) return HostError("the daemon answered " + std::to_string(answer->status));
  return answer->body;
}

}  // namespace moat::web
