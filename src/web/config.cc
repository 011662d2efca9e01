#include "web/config.h"

#include <arpa/inet.h>

#include <algorithm>
#include <set>

#include "base/sha256.h"
#include "base/text.h"
#include "base/units.h"
#include "policy/scalars.h"
#include "policy/tree.h"
#include "web/config_fields.h"

namespace moat::web {
namespace {

using policy::Entry;
using policy::Node;
using policy::Quote;

constexpr std::size_t kMaxName = 40;
constexpr std::size_t kMaxUnixPath = 107;

// Names stand in addresses, in metrics and in logs.
Status CheckName(const std::string& name, const Origin& origin) {
  const bool letters = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
  if (letters && !name.empty() && name.size() <= kMaxName) return {};
  return ConfigError(Quote(name) + " is not a name: up to 40 of a-z, 0-9, - and _", origin);
}

Result<std::uint16_t> Port(std::string_view text) {
  auto number = base::ParseCount(text);
  if (!number.ok() || *number > 65535) return PolicyError("`" + std::string(text) + "` is not a port");
  return static_cast<std::uint16_t>(*number);
}

bool IsLoopback(const std::string& address) {
  in_addr four{};
  if (inet_pton(AF_INET, address.c_str(), &four) == 1) return (ntohl(four.s_addr) >> 24) == 127;
  return address == "::1";
}

bool IsAddress(const std::string& address) {
  unsigned char bytes[sizeof(in6_addr)];
  return inet_pton(AF_INET, address.c_str(), bytes) == 1 || inet_pton(AF_INET6, address.c_str(), bytes) == 1;
}

Status ReadLimits(const Entry& entry, ProfileConfig& profile) {
  MOAT_TRY(WantTable(entry));
  for (const Entry& limit : entry.value.entries) {
    const Node& value = limit.value;
    const bool number = value.kind == Node::Kind::kInteger && value.integer >= 0;
    if (!number && value.kind != Node::Kind::kString) {
      return ConfigError(Quote(limit.key) + " must be written as in a policy", value.origin);
    }
    profile.limits.emplace_back(limit.key, number ? base::SignedNumber(value.integer) : value.text);
  }
  return {};
}

Status ReadRange(const Entry& entry, Parameter& parameter) {
  bool least = false, most = false, usual = false;
  const auto number = [](bool* seen, std::int64_t* to) {
    return [seen, to](const Entry& each) -> Status {
      if (each.value.kind != Node::Kind::kInteger) return ConfigError("must be a whole number", each.value.origin);
      *seen = true;
      *to = each.value.integer;
      return {};
    };
  };
  MOAT_TRY(ReadFields(entry.value, "parameters", {{"least", number(&least, &parameter.least)},
                                                  {"most", number(&most, &parameter.most)},
                                                  {"usual", number(&usual, &parameter.usual)}}));
  const bool fits = least && most && usual && parameter.least <= parameter.usual && parameter.usual <= parameter.most;
  if (fits) return {};
  return ConfigError(Quote(entry.key) + " needs `least`, `usual` and `most`, in this order of size", entry.origin);
}

Status ReadParameters(const Entry& entry, ProfileConfig& profile) {
  MOAT_TRY(WantTable(entry));
  for (const Entry& each : entry.value.entries) {
    MOAT_TRY(CheckName(each.key, each.origin));
    Parameter parameter;
    parameter.name = each.key;
    if (each.value.kind == Node::Kind::kTable) {
      MOAT_TRY(ReadRange(each, parameter));
    } else {
      MOAT_TRY(ListField(each.key, &parameter.values).read(each));
    }
    profile.parameters.push_back(std::move(parameter));
  }
  return {};
}

Status ReadProfile(const Entry& entry, Config& config) {
  MOAT_TRY(CheckName(entry.key, entry.origin));
  MOAT_TRY(WantTable(entry));
  ProfileConfig profile;
  profile.name = entry.key;
  profile.origin = entry.origin;
  MOAT_TRY(ReadFields(
      entry.value, "profile." + entry.key,
      {TextField("policy", &profile.policy), ListField("command", &profile.command), TextField("output", &profile.output), SizeField("upload", &profile.upload),
       CountField("queue", &profile.queue, {1, 100'000}), DurationField("wait", &profile.wait_ns),
       WordField("repeat", {"never", "when-lost"},
                 [&](std::size_t i) { profile.repeat = static_cast<ProfileConfig::Repeat>(i); }),
       {"limits", [&](const Entry& each) { return ReadLimits(each, profile); }},
       {"parameters", [&](const Entry& each) { return ReadParameters(each, profile); }}}));
  config.profiles.push_back(std::move(profile));
  return {};
}

Status ReadCaller(const Node& node, Config& config) {
  CallerConfig caller;
  caller.origin = node.origin;
  MOAT_TRY(ReadFields(node, "[caller]",
                      {TextField("name", &caller.name), TextField("token_sha256", &caller.token_sha256), TextField("subject", &caller.subject),
                       WordField("role", {"submit", "operator"},
                                 [&](std::size_t i) { caller.role = static_cast<CallerConfig::Role>(i); }),
                       CountField("jobs", &caller.jobs, {1, 1'000'000}), CountField("rate", &caller.rate, {1, 1'000'000})}));
  MOAT_TRY(CheckName(caller.name, node.origin));
  const bool hex = caller.token_sha256.size() == 64 &&
                   caller.token_sha256.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (caller.token_sha256.empty() && caller.subject.empty()) {
    return ConfigError("caller " + Quote(caller.name) + " has neither `token_sha256` nor `subject`", node.origin,
                       "`moat http --new-token` makes a token and prints its hash");
  }
  if (!hex && !caller.token_sha256.empty()) {
    return ConfigError("caller " + Quote(caller.name) + ": `token_sha256` must be 64 digits of 0-9a-f", node.origin,
                       "`moat http --new-token` makes a token and prints its hash");
  }
  for (const CallerConfig& other : config.callers) {
    const bool same = other.token_sha256 == caller.token_sha256 && other.subject == caller.subject;
    if (other.name == caller.name || same) {
      return ConfigError("caller " + Quote(caller.name) + " is there twice, by name or by token and subject", node.origin);
    }
  }
  config.callers.push_back(std::move(caller));
  return {};
}

Status ReadCallers(const Entry& entry, Config& config) {
  if (entry.value.kind != Node::Kind::kArray) {
    return ConfigError("write each caller as a section [[caller]]", entry.origin);
  }
  for (const Node& node : entry.value.items) {
    if (node.kind != Node::Kind::kTable) return ConfigError("write each caller as a section [[caller]]", node.origin);
    MOAT_TRY(ReadCaller(node, config));
  }
  return {};
}

Status ReadUrl(std::string_view url, const Origin& origin, WebhookConfig& hook) {
  const Error bad = ConfigError(Quote(url) + " is not an address to send results to", origin,
                                "write `https://HOST[:PORT]/PATH`, without name, password or #");
  const std::size_t end = url.find("://");
  if (end == std::string_view::npos) return bad;
  hook.scheme = url.substr(0, end);
  url.remove_prefix(end + 3);
  if (hook.scheme != "http" && hook.scheme != "https") return bad;
  const std::size_t slash = std::min(url.find('/'), url.size());
  std::string_view host = url.substr(0, slash);
  hook.path = slash == url.size() ? "/" : std::string(url.substr(slash));
  hook.port = hook.scheme == "https" ? 443 : 80;
  const std::size_t colon = host.rfind(':');
  if (colon != std::string_view::npos && host.find(']', colon) == std::string_view::npos) {
    auto port = Port(host.substr(colon + 1));
    if (!port.ok() || *port == 0) return bad;
    hook.port = *port;
    host = host.substr(0, colon);
  }
  hook.host = host;
  const bool odd = url.find_first_of(" \t\r\n#@\\\"") != std::string_view::npos || host.empty();
  return odd ? Status(bad) : Status();
}

Status ReadWebhook(const Entry& entry, Config& config) {
  MOAT_TRY(CheckName(entry.key, entry.origin));
  MOAT_TRY(WantTable(entry));
  WebhookConfig hook;
  hook.name = entry.key;
  hook.origin = entry.origin;
  std::string url;
  MOAT_TRY(ReadFields(entry.value, "webhook." + entry.key,
                      {TextField("url", &url), TextField("secret_file", &hook.secret_file)}));
  if (url.empty() || hook.secret_file.empty()) {
    return ConfigError("[webhook." + entry.key + "] needs `url` and `secret_file`", entry.origin);
  }
  MOAT_TRY(ReadUrl(url, entry.origin, hook));
  config.webhooks.push_back(std::move(hook));
  return {};
}

template <typename Read>
Status EachEntry(const Entry& section, Config& config, Read read) {
  MOAT_TRY(WantTable(section));
  for (const Entry& entry : section.value.entries) MOAT_TRY(read(entry, config));
  return {};
}

Status ReadServer(const Entry& section, Config& config) {
  MOAT_TRY(WantTable(section));
  std::string listen;
  Origin at = section.origin;
  MOAT_TRY(ReadFields(section.value, "server",
                      {TextField("pool", &config.pool),
                       {"listen", [&](const Entry& entry) { at = entry.value.origin; return TextField("listen", &listen).read(entry); }},
                       TextField("tls_certificate", &config.tls.certificate), TextField("tls_key", &config.tls.key),
                       TextField("tls_clients", &config.tls.clients), TextField("spool", &config.spool), SizeField("spool_size", &config.spool_size),
                       DurationField("keep", &config.keep_ns), CountField("history", &config.history, {100, 10'000'000}),
                       CountField("jobs", &config.jobs, {1, 4096}), CountField("connections", &config.connections, {16, 100'000})}));
  if (config.spool.front() != '/') return ConfigError("`spool` must be an absolute path", section.origin);
  if (listen.empty()) return {};
  auto parsed = ParseListen(listen);
  if (!parsed.ok()) return WithOrigin(parsed.error(), at);
  config.listen = *parsed;
  return {};
}

Status CheckPlaceholders(const ProfileConfig& profile) {
  std::set<std::string> used;
  for (const std::string& word : profile.command) {
    for (const Parameter& parameter : profile.parameters) {
      if (word.find("{" + parameter.name + "}") != std::string::npos) used.insert(parameter.name);
    }
  }
  for (const Parameter& parameter : profile.parameters) {
    const bool taken = parameter.name.rfind("in", 0) == 0 && parameter.name.find_first_not_of("0123456789", 2) == std::string::npos;
    if (taken || parameter.name == "out") {
      return ConfigError("parameter " + Quote(parameter.name) + ": {in} and {out} are the job's folders", profile.origin);
    }
    if (used.count(parameter.name) == 0) {
      return ConfigError("parameter " + Quote(parameter.name) + " of " + Quote(profile.name) + " is not in its command",
                         profile.origin, "write {" + parameter.name + "} where it belongs");
    }
  }
  return {};
}

// What a profile says, and what it leaves to the pool.
Status CheckRunner(const Config& config, ProfileConfig& profile) {
  if (config.pool.empty()) {
    if (!profile.output.empty()) return ConfigError("`output` is for programs of a pool", profile.origin, "add `pool` to [server]");
    if (profile.policy.empty()) profile.policy = "default";
    if (!profile.command.empty()) return {};
    return ConfigError("[profile." + profile.name + "] has no command", profile.origin,
                       "such as `command = [\"convert\", \"{in}\", \"{out}/small.png\"]`");
  }
  if (!profile.policy.empty() || !profile.limits.empty()) {
    return ConfigError("profile " + Quote(profile.name) + ": `policy` and `limits` are in the pool's configuration", profile.origin);
  }
  const bool plain = profile.output.find('/') == std::string::npos && profile.output != "." && profile.output != "..";
  return plain ? Status() : Status(ConfigError("`output` is a name, not a path", profile.origin));
}

Status CheckTls(const Config& config) {
  const TlsConfig& tls = config.tls;
  const Origin at = {config.path, 1, 0};
  if (tls.certificate.empty() != tls.key.empty()) return ConfigError("`tls_certificate` and `tls_key` need each other", at);
  if (tls.certificate.empty() && !tls.clients.empty()) return ConfigError("`tls_clients` needs `tls_certificate` and `tls_key`", at);
  for (const CallerConfig& caller : config.callers) {
    if (caller.subject.empty() || !tls.clients.empty()) continue;
    return ConfigError("caller " + Quote(caller.name) + ": nobody proves a `subject` without `tls_clients`", caller.origin,
                       "set `tls_clients` in [server] to the CA that signs callers' certificates");
  }
  return {};
}

Status CheckWhole(Config& config) {
  MOAT_TRY(CheckTls(config));
  if (config.profiles.empty()) {
    return ConfigError("there is no [profile.NAME]: nothing could be done", {config.path, 1, 0});
  }
  for (ProfileConfig& profile : config.profiles) {
    MOAT_TRY(CheckRunner(config, profile));
    MOAT_TRY(CheckPlaceholders(profile));
  }
  if (!config.listen.loopback && config.callers.empty()) {
    return ConfigError("listening on " + config.listen.address + " would let everybody in", {config.path, 1, 0},
                       "add a [[caller]] with a token, or listen on 127.0.0.1 or unix:PATH");
  }
  return {};
}

}  // namespace

const ProfileConfig* Config::FindProfile(std::string_view name) const {
  for (const ProfileConfig& profile : profiles) {
    if (profile.name == name) return &profile;
  }
  return nullptr;
}

const WebhookConfig* Config::FindWebhook(std::string_view name) const {
  for (const WebhookConfig& hook : webhooks) {
    if (hook.name == name) return &hook;
  }
  return nullptr;
}

Result<ListenConfig> ParseListen(std::string_view text) {
  ListenConfig listen;
  const Error bad = WithFix(PolicyError("`listen`: " + Quote(text) + " is no place to listen"),
                            "write ADDRESS:PORT, [ADDRESS]:PORT or unix:/PATH");
  if (text.rfind("unix:", 0) == 0) {
    listen.unix_path = text.substr(5);
    const bool fits = listen.unix_path.size() > 1 && listen.unix_path[0] == '/' && listen.unix_path.size() <= kMaxUnixPath;
    return fits ? Result<ListenConfig>(listen) : bad;
  }
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad;
  auto port = Port(text.substr(colon + 1));
  if (!port.ok()) return bad;
  listen.port = *port;
  std::string_view address = text.substr(0, colon);
  if (address.size() > 2 && address.front() == '[' && address.back() == ']') {
    address = address.substr(1, address.size() - 2);
  } else if (address.find(':') != std::string_view::npos) {
    return bad;
  }
  listen.address = address;
  if (!IsAddress(listen.address)) return bad;
  listen.loopback = IsLoopback(listen.address);
  return listen;
}

Status CheckReload(const Config& now, const Config& next) {
  const auto same = [](const ListenConfig& a, const ListenConfig& b) {
    return a.unix_path == b.unix_path && a.address == b.address && a.port == b.port;
  };
  const char* what = !same(now.listen, next.listen)          ? "listen"
                     : now.tls.certificate.empty() != next.tls.certificate.empty() ? "tls_certificate"
                     : now.spool != next.spool               ? "spool"
                     : now.spool_size != next.spool_size     ? "spool_size"
                     : now.history != next.history           ? "history"
                     : now.connections != next.connections   ? "connections"
                                                             : nullptr;
  if (what == nullptr) return {};
  return WithFix(PolicyError("another `" + std::string(what) + "` needs another daemon", {next.path, 0, 0}), "`moat http --take-over`, or a restart");
}

Result<Config> ParseConfig(std::string_view text, const std::string& path) {
  const Node root = MOAT_TRY(policy::ParseTree(text, path));
  Config config;
  config.path = path;
  config.digest = base::Sha256Hex(text);
  config.listen.address = "127.0.0.1";
  config.listen.port = 7890;
  std::uint64_t format = 0;
  MOAT_TRY(ReadFields(root, "",
                      {CountField("moat", &format, {1, 1}),
                       {"server", [&](const Entry& e) { return ReadServer(e, config); }},
                       {"profile", [&](const Entry& e) { return EachEntry(e, config, ReadProfile); }},
                       {"caller", [&](const Entry& e) { return ReadCallers(e, config); }},
                       {"webhook", [&](const Entry& e) { return EachEntry(e, config, ReadWebhook); }}}));
  if (format == 0) return ConfigError("`moat = 1` is missing", {path, 1, 0}, "begin the file with it");
  MOAT_TRY(CheckWhole(config));
  return config;
}

namespace {

Result<std::string> ValueOf(const Parameter& parameter, const std::map<std::string, std::string>& given) {
  const auto found = given.find(parameter.name);
  const bool number = parameter.values.empty();
  if (found == given.end()) return number ? base::SignedNumber(parameter.usual) : parameter.values.front();
  const std::string& text = found->second;
  if (!number) {
    if (std::find(parameter.values.begin(), parameter.values.end(), text) != parameter.values.end()) return text;
    return PolicyError("parameter " + Quote(parameter.name) + " has no value " + Quote(text.substr(0, kMaxName)));
  }
  const bool negative = !text.empty() && text[0] == '-';
  auto magnitude = base::ParseCount(std::string_view(text).substr(negative ? 1 : 0));
  const bool small = magnitude.ok() && *magnitude < (1ULL << 62);
  const std::int64_t value = small ? static_cast<std::int64_t>(*magnitude) * (negative ? -1 : 1) : 0;
  if (small && value >= parameter.least && value <= parameter.most) return base::SignedNumber(value);
  return PolicyError("parameter " + Quote(parameter.name) + " must be a whole number from " +
                     base::SignedNumber(parameter.least) + " to " + base::SignedNumber(parameter.most));
}

// One pass: what stands in a value is not looked at again.
std::string Replace(const std::string& word, const std::map<std::string, std::string>& values) {
  std::string out;
  for (std::size_t at = 0; at < word.size();) {
    const std::size_t end = word[at] == '{' ? word.find('}', at) : std::string::npos;
    const auto found = end == std::string::npos ? values.end() : values.find(word.substr(at + 1, end - at - 1));
    if (found == values.end()) {
      out += word[at++];
    } else {
      out += found->second;
      at = end + 1;
    }
  }
  return out;
}

}  // namespace

Result<std::vector<std::string>> Expand(const ProfileConfig& profile, const std::map<std::string, std::string>& given) {
  std::map<std::string, std::string> values;
  for (const Parameter& parameter : profile.parameters) {
    values[parameter.name] = MOAT_TRY(ValueOf(parameter, given));
  }
  for (const auto& [name, value] : given) {
    if (values.count(name) == 0) return PolicyError("profile " + Quote(profile.name) + " has no parameter " + Quote(name.substr(0, kMaxName)));
  }
  std::vector<std::string> words;
  for (const std::string& word : profile.command) words.push_back(Replace(word, values));
  return words;
}

}  // namespace moat::web
