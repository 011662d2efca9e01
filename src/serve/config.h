// The daemon's configuration: strict TOML, like policies. Pure.
//
//   moat = 1
//   [daemon]
//   running = 4                              # jobs at once; default: the processors
//   memory = "2G"                            # of all jobs that run; each counts with its profile's limit
//   [door.local]
//   socket = "/run/moat/pool.sock"
//   users = ["www-data"]                     # besides root and the daemon's own
//   [profile.thumbnail]                      # a program that serves
//   program = ["/usr/lib/render/thumbnail"]
//   parked = 4
//   [profile.convert]                        # any program, in a jail
//   policy = "imagemagick"
//   command = ["convert", "{in}", "-resize", "64x64", "png:-"]
//   warm = "input"                         # started ahead, up to its first look at an input
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "moat/result.h"
#include "moat/sandbox.h"
#include "pool/admission.h"

namespace moat::serve {

struct ProfileConfig {
  std::vector<std::string> program, environment;  // of a program that serves
  std::string policy;                             // of any other, and
  std::vector<std::string> command;
  pool::ProfileBounds bounds;
  unsigned ready = 2;            // parked workers, or warm jails
  std::uint64_t jobs_each = 10'000;  // of one zygote, before it is replaced
  std::optional<std::chrono::nanoseconds> wall;  // without: 60 s, or the policy's own
  std::optional<std::uint64_t> memory, cpu_seconds, file_size;
  bool takes_arguments = false;
  Warm warm = Warm::kNo;              // programs in jails start ahead of their jobs,
  std::vector<std::string> inputs;    // which have these inputs; empty: as many as `command` names
  bool idempotent = false;
  Origin origin;
  bool is_program() const { return !program.empty(); }
};

struct Config {
  unsigned running = 0;  // 0: as many as there are processors
  std::optional<std::uint64_t> memory;
  std::string socket;    // "": no local door
  std::uint32_t socket_mode = 0600;
  std::vector<std::string> users;
  unsigned clients = 1024;
  std::chrono::nanoseconds drain = std::chrono::seconds(30);
  std::map<std::string, ProfileConfig> profiles;
};

// `name` stands for the text in errors.
Result<Config> ReadConfig(std::string_view text, const std::string& name);
// What differs between two profiles means a new keeper; bounds can be changed in place.
bool SameKeeper(const ProfileConfig& a, const ProfileConfig& b);

}  // namespace moat::serve
