#include "bench/warm_race.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <vector>

#include "bench/start.h"
#include "moat/sandbox.h"

namespace moat::bench {
namespace {

using nlohmann::json;

constexpr int kWarmUp = 3;

struct Unmodified {
  std::string key, name, policy;
  std::vector<std::string> command;
  useconds_t start;  // longer than it takes the three that are started ahead, so that none of them does so beside a job
};

std::vector<Unmodified> Programs(const std::string& build) {
  std::vector<Unmodified> all = {{"cxx", "a C++ program that copies its input", "default", {build + "/tests/guests/guest_ahead", "{in}"}, 60'000}};
  if (std::filesystem::exists("/usr/bin/convert")) {
    all.push_back({"convert", "`convert`, a small picture", "imagemagick", {"convert", "{in}", "-resize", "16x16", "png:-"}, 250'000});
  }
  if (std::filesystem::exists("/usr/bin/python3")) {
    const char* const script = "import json, re, sys, zlib\nprint(json.dumps(len(zlib.compress(open(sys.argv[1], 'rb').read()))))";
    all.push_back({"python", "python3 that imports json, re, zlib", "default", {"/usr/bin/python3", "-c", script, "{in}"}, 600'000});
  }
  return all;
}

struct Side {
  explicit Side(const Policy& policy) : sandbox(policy) {}
  Sandbox sandbox;
  std::vector<double> wall, processor;
  int missed = 0;
};

[[noreturn]] void Fail(const std::string& why) {
  std::fprintf(stderr, "pool_bench: %s\n", why.c_str());
  std::exit(1);
}

void RunOne(Side& side, const Command& command, useconds_t start, bool counts) {
  if (!side.sandbox.Prepare(command, 1).ok()) Fail("no jail can be prepared");
  usleep(start);
  const double begin = Now();
  const auto outcome = side.sandbox.Run(command);
  const double took = Now() - begin;
  if (!outcome.ok()) Fail(outcome.error().ToString());
  if (outcome->report.cause != Cause::kExit || outcome->report.exit_code != 0) Fail(outcome->report.Summary());
  if (!counts) return;
  if (command.warm != Warm::kNo && outcome->report.warm != "input") {
    ++side.missed;
    return;
  }
  side.wall.push_back(took);
  side.processor.push_back(static_cast<double>(outcome->report.cpu_user + outcome->report.cpu_system) / 1'000);
}

double Quantile(std::vector<double> values, double part) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(part * static_cast<double>(values.size() - 1))];
}

json Figures(const Side& side) {
  return {{"least_us", Quantile(side.wall, 0)}, {"p50_us", Quantile(side.wall, 0.5)}, {"p99_us", Quantile(side.wall, 0.99)},
          {"processor_us", Quantile(side.processor, 0.5)}, {"jobs", side.wall.size()}, {"missed", side.missed}};
}

json RaceOne(const Unmodified& program, const std::string& picture, int rounds) {
  auto policy = Policy::Load(program.policy);
  if (!policy.ok()) Fail(policy.error().ToString());
  Side cold(*policy), warm(*policy);
  Command command;
  command.argv = program.command;
  command.inputs = {{picture, "input"}};
  command.out = Stream::Null();
  command.err = Stream::Null();
  Command ahead = command;
  ahead.warm = Warm::kInput;
  for (int round = -kWarmUp; round < rounds; ++round) {
    const bool warm_first = round % 2 == 0;
    for (const bool is_warm : {warm_first, !warm_first}) RunOne(is_warm ? warm : cold, is_warm ? ahead : command, program.start, round >= 0);
  }
  return {{"key", program.key}, {"name", program.name}, {"cold", Figures(cold)}, {"warm", Figures(warm)}};
}

}  // namespace

json RaceWarm(const std::string& build, int rounds) {
  char folder[] = "/tmp/moat-bench-XXXXXX";
  if (mkdtemp(folder) == nullptr) Fail("mkdtemp");
  const std::string picture = std::string(folder) + "/picture.ppm";
  std::ofstream(picture) << "P6 48 48 255\n" << std::string(std::size_t{48} * 48 * 3, 'x');
  json rows;
  for (const Unmodified& program : Programs(build)) rows.push_back(RaceOne(program, picture, rounds));
  std::filesystem::remove_all(folder);
  return rows;
}

}  // namespace moat::bench
