#include "serve/config.h"

#include <algorithm>
#include <functional>
#include <initializer_list>
#include <type_traits>

#include "base/similar.h"
#include "base/text.h"
#include "base/units.h"
#include "policy/scalars.h"
#include "policy/tree.h"

namespace moat::serve {
namespace {

using policy::Entry;
using policy::Node;
using policy::Quote;

constexpr std::size_t kMostInputs = 16;  // of a job in a jail

Error At(Error error, const Origin& origin) { return WithOrigin(std::move(error), origin); }

Error WrongKind(const Entry& entry, std::string_view wanted) {
  return At(PolicyError(Quote(entry.key) + " must be " + std::string(wanted) + ", not " +
                        std::string(policy::KindName(entry.value.kind))),
            entry.value.origin);
}

// One key of a section: its name and what to do with its value.
struct Key {
  std::string_view name;
  std::function<Status(const Entry&)> read;
};

Status ReadSection(const Node& node, std::string_view section, const std::vector<Key>& keys) {
  for (const Entry& entry : node.entries) {
    const auto found = std::find_if(keys.begin(), keys.end(), [&](const Key& key) { return key.name == entry.key; });
    if (found == keys.end()) {
      std::vector<std::string_view> names;
      for (const Key& key : keys) names.push_back(key.name);
      return At(WithFix(PolicyError("unknown key " + Quote(entry.key) + " in [" + std::string(section) + "]"),
                        policy::DidYouMean(base::Closest(entry.key, names))),
                entry.origin);
    }
    MOAT_TRY(found->read(entry));
  }
  return {};
}

Result<std::string> Text(const Entry& entry) {
  if (entry.value.kind != Node::Kind::kString) return WrongKind(entry, "a string");
  if (entry.value.text.find('\0') != std::string::npos) return At(PolicyError("a NUL byte in " + Quote(entry.key)), entry.value.origin);
  return entry.value.text;
}

Status ReadText(const Entry& entry, std::string& to) {
  to = MOAT_TRY(Text(entry));
  if (to.empty()) return At(PolicyError(Quote(entry.key) + " is empty"), entry.value.origin);
  return {};
}

Status ReadTexts(const Entry& entry, std::vector<std::string>& to) {
  if (entry.value.kind != Node::Kind::kArray) return WrongKind(entry, "a list of strings");
  for (const Node& item : entry.value.items) to.push_back(MOAT_TRY(Text(Entry{entry.key, item.origin, item})));
  return {};
}

template <typename Number>
Status ReadCount(const Entry& entry, Number& to, std::uint64_t least, std::uint64_t most) {
  if (entry.value.kind != Node::Kind::kInteger) return WrongKind(entry, "a whole number");
  if (entry.value.integer < static_cast<std::int64_t>(least) || static_cast<std::uint64_t>(entry.value.integer) > most) {
    return At(PolicyError(Quote(entry.key) + " must be from " + base::Number(least) + " to " + base::Number(most)), entry.value.origin);
  }
  to = static_cast<Number>(entry.value.integer);
  return {};
}

Status ReadWarm(const Entry& entry, Warm& to) {
  const std::string word = MOAT_TRY(Text(entry));
  static constexpr std::string_view kWords[] = {"no", "input"};
  if (word != kWords[0] && word != kWords[1]) {
    const std::string fix = policy::DidYouMean(base::Closest(word, kWords));
    return At(WithFix(PolicyError(Quote(entry.key) + " has no value " + Quote(word)), fix.empty() ? "\"no\" or \"input\"" : fix),
              entry.value.origin);
  }
  to = word == kWords[1] ? Warm::kInput : Warm::kNo;
  return {};
}

Status ReadYes(const Entry& entry, bool& to) {
  if (entry.value.kind != Node::Kind::kBool) return WrongKind(entry, "true or false");
  to = entry.value.integer != 0;
  return {};
}

template <typename T>
Result<T> Located(Result<T> result, const Origin& origin) {
  if (!result.ok()) return At(std::move(result).error(), origin);
  return result;
}

Status ReadSize(const Entry& entry, std::optional<std::uint64_t>& to) {
  const std::string text = MOAT_TRY(Text(entry));
  to = MOAT_TRY(Located(base::ParseSize(text), entry.value.origin));
  if (*to == 0) return At(PolicyError(Quote(entry.key) + " is nothing at all"), entry.value.origin);
  return {};
}

Status ReadTime(const Entry& entry, std::chrono::nanoseconds& to) {
  const std::string text = MOAT_TRY(Text(entry));
  const std::int64_t ns = MOAT_TRY(Located(base::ParseDuration(text), entry.value.origin));
  constexpr std::int64_t kMost = 7LL * 24 * 3600 * 1'000'000'000;
  if (ns <= 0 || ns > kMost) return At(PolicyError(Quote(entry.key) + " must be above zero, and a week at most"), entry.value.origin);
  to = std::chrono::nanoseconds(ns);
  return {};
}

Status ReadSeconds(const Entry& entry, std::optional<std::uint64_t>& to) {
  std::chrono::nanoseconds time{0};
  MOAT_TRY(ReadTime(entry, time));
  constexpr std::int64_t kSecond = 1'000'000'000;
  if (time.count() % kSecond != 0) return At(PolicyError(Quote(entry.key) + " is counted in whole seconds"), entry.value.origin);
  to = static_cast<std::uint64_t>(time.count() / kSecond);
  return {};
}

Status ReadMode(const Entry& entry, std::uint32_t& to) {
  const std::string text = MOAT_TRY(Text(entry));
  if (text.size() != 4 || text[0] != '0' || text.find_first_not_of("01234567") != std::string::npos) {
    return At(WithFix(PolicyError(Quote(entry.key) + " is no file mode"), "write it as \"0660\""), entry.value.origin);
  }
  to = 0;
  for (const char digit : text) to = to * 8 + static_cast<std::uint32_t>(digit - '0');
  return {};
}

Status CheckName(const Entry& entry) {
  const std::string& name = entry.key;
  const bool good = !name.empty() && name.size() <= 64 &&
                    name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_") == std::string::npos;
  if (good) return {};
  return At(WithFix(PolicyError(Quote(name) + " is no name of a profile"), "small letters, digits, - and _; 64 at most"), entry.origin);
}

Status CheckProfile(const Entry& entry, const ProfileConfig& profile) {
  const auto fail = [&](std::string what, std::string fix) {
    return At(WithFix(PolicyError("profile " + Quote(entry.key) + " " + std::move(what)), std::move(fix)), entry.origin);
  };
  if (profile.program.empty() == profile.policy.empty()) {
    return fail("needs either `program` or `policy`", "`program` is one that serves (moat::Serve), `policy` with `command` any other, in a jail");
  }
  if (profile.is_program()) {
    if (!profile.command.empty()) return fail("has a `command`", "a program that serves takes its words from `program`");
    if (profile.warm != Warm::kNo || !profile.inputs.empty()) {
      return fail("has `warm` or `inputs`", "a program that serves is started ahead anyway, and gets inputs under their callers' names");
    }
    if (profile.program[0].empty() || profile.program[0][0] != '/') return fail("names its program without a path", "write the absolute path");
    return {};
  }
  if (profile.command.empty()) return fail("has no `command`", "command = [\"convert\", \"{in}\", \"png:-\"]");
  if (profile.warm == Warm::kNo && !profile.inputs.empty()) return fail("names its `inputs` and is not warm", "callers name them; or add warm = \"input\"");
  return {};
}

// Of files in one folder.
Status ReadNames(const Entry& entry, std::vector<std::string>& to) {
  MOAT_TRY(ReadTexts(entry, to));
  for (std::size_t i = 0; i < to.size(); ++i) {
    const std::string& name = to[i];
    const bool again = std::find(to.begin(), to.begin() + static_cast<std::ptrdiff_t>(i), name) != to.begin() + static_cast<std::ptrdiff_t>(i);
    if (!name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos && name.size() <= 255 && !again) continue;
    return At(PolicyError(Quote(name) + " in " + Quote(entry.key) + (again ? " stands there twice" : " is no file name")), entry.value.origin);
  }
  if (to.size() > kMostInputs) return At(PolicyError(Quote(entry.key) + " are more than 16"), entry.value.origin);
  return {};
}

Status ReadProfile(const Entry& entry, Config& config) {
  MOAT_TRY(CheckName(entry));
  if (entry.value.kind != Node::Kind::kTable) return WrongKind(entry, "a section");
  ProfileConfig p;
  p.origin = entry.origin;
  const std::vector<Key> keys = {
      {"program", [&](const Entry& e) { return ReadTexts(e, p.program); }},
      {"environment", [&](const Entry& e) { return ReadTexts(e, p.environment); }},
      {"policy", [&](const Entry& e) { return ReadText(e, p.policy); }},
      {"command", [&](const Entry& e) { return ReadTexts(e, p.command); }},
      {"arguments", [&](const Entry& e) { return ReadYes(e, p.takes_arguments); }},
      {"warm", [&](const Entry& e) { return ReadWarm(e, p.warm); }},
      {"inputs", [&](const Entry& e) { return ReadNames(e, p.inputs); }},
      {"idempotent", [&](const Entry& e) { return ReadYes(e, p.idempotent); }},
      {"ready", [&](const Entry& e) { return ReadCount(e, p.ready, 0, 256); }},
      {"jobs_each", [&](const Entry& e) { return ReadCount(e, p.jobs_each, 1, 1'000'000'000); }},
      {"wall", [&](const Entry& e) { return ReadTime(e, p.wall.emplace()); }},
      {"memory", [&](const Entry& e) { return ReadSize(e, p.memory); }},
      {"cpu", [&](const Entry& e) { return ReadSeconds(e, p.cpu_seconds); }},
      {"file_size", [&](const Entry& e) { return ReadSize(e, p.file_size); }},
      {"running", [&](const Entry& e) { return ReadCount(e, p.bounds.running, 1, 1024); }},
      {"running_per_caller", [&](const Entry& e) { return ReadCount(e, p.bounds.running_per_caller, 1, 1024); }},
      {"waiting", [&](const Entry& e) { return ReadCount(e, p.bounds.waiting, 1, 100'000); }},
      {"waiting_per_caller", [&](const Entry& e) { return ReadCount(e, p.bounds.waiting_per_caller, 1, 100'000); }},
      {"wait", [&](const Entry& e) { return ReadTime(e, p.bounds.wait); }},
  };
  MOAT_TRY(ReadSection(entry.value, "profile." + entry.key, keys));
  MOAT_TRY(CheckProfile(entry, p));
  p.bounds.memory = p.memory.value_or(0);
  config.profiles.emplace(entry.key, std::move(p));
  return {};
}

Status ReadLocalDoor(const Entry& entry, Config& config) {
  if (entry.value.kind != Node::Kind::kTable) return WrongKind(entry, "a section");
  MOAT_TRY(ReadSection(entry.value, "door.local",
                       {{"socket", [&](const Entry& e) { return ReadText(e, config.socket); }},
                        {"mode", [&](const Entry& e) { return ReadMode(e, config.socket_mode); }},
                        {"users", [&](const Entry& e) { return ReadTexts(e, config.users); }},
                        {"clients", [&](const Entry& e) { return ReadCount(e, config.clients, 1, 100'000); }}}));
  if (config.socket.empty() || config.socket[0] != '/') {
    return At(WithFix(PolicyError("the local door needs the absolute path of its socket"), "socket = \"/run/moat/pool.sock\""), entry.origin);
  }
  return {};
}

Status EachIn(const Entry& entry, const std::function<Status(const Entry&)>& read) {
  if (entry.value.kind != Node::Kind::kTable) return WrongKind(entry, "a section");
  for (const Entry& each : entry.value.entries) MOAT_TRY(read(each));
  return {};
}

}  // namespace

Result<Config> ReadConfig(std::string_view text, const std::string& name) {
  const Node root = MOAT_TRY(policy::ParseTree(text, name));
  Config config;
  std::int64_t format = 0;
  const std::vector<Key> daemon = {
      {"running", [&](const Entry& e) { return ReadCount(e, config.running, 1, 1024); }},
      {"memory", [&](const Entry& e) { return ReadSize(e, config.memory); }},
      {"drain", [&](const Entry& e) { return ReadTime(e, config.drain); }},
  };
  const std::vector<Key> doors = {{"local", [&](const Entry& e) { return ReadLocalDoor(e, config); }}};
  const auto section = [](const Entry& e, const std::vector<Key>& keys) -> Status {
    return e.value.kind == Node::Kind::kTable ? ReadSection(e.value, e.key, keys) : WrongKind(e, "a section");
  };
  const std::vector<Key> keys = {
      {"moat", [&](const Entry& e) { return ReadCount(e, format, 1, 1); }},
      {"daemon", [&](const Entry& e) { return section(e, daemon); }},
      {"door", [&](const Entry& e) { return section(e, doors); }},
      {"profile", [&](const Entry& e) { return EachIn(e, [&](const Entry& each) { return ReadProfile(each, config); }); }},
  };
  MOAT_TRY(ReadSection(root, "top level", keys));
  if (format != 1) return At(WithFix(PolicyError("the version of the format is missing"), "begin with `moat = 1`"), {name, 1, 0});
  if (config.profiles.empty()) return At(WithFix(PolicyError("there is no profile to serve"), "add a section [profile.NAME]"), {name, 1, 0});
  for (const auto& [profile_name, profile] : config.profiles) {
    if (config.memory && profile.bounds.memory > *config.memory) {
      return At(PolicyError("profile " + Quote(profile_name) + " may use more memory than the daemon has for all jobs"), profile.origin);
    }
  }
  return config;
}

bool SameKeeper(const ProfileConfig& a, const ProfileConfig& b) {
  return a.program == b.program && a.environment == b.environment && a.policy == b.policy && a.command == b.command &&
         a.ready == b.ready && a.jobs_each == b.jobs_each && a.wall == b.wall && a.memory == b.memory &&
         a.cpu_seconds == b.cpu_seconds && a.file_size == b.file_size && a.takes_arguments == b.takes_arguments &&
         a.idempotent == b.idempotent && a.warm == b.warm && a.inputs == b.inputs && a.bounds.running == b.bounds.running;
}

}  // namespace moat::serve
