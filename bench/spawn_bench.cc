// Times whole programs side by side and writes JSON to standard output:
//
//   spawn_bench --moat build/release/bin/moat --rounds 200
//
// In every round each contender runs once, in an order drawn anew, so that a slow second of the
// machine hits all alike and none always follows the same other. Ratios are made round by round.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "bench/contenders.h"

namespace moat::bench {
namespace {

using nlohmann::json;

constexpr int kWarmUp = 3;
// Namespaces and filters are freed after their job's end; the pause keeps one contender's
// remains out of the next one's time. At most 100 filters are installed in a second.
constexpr double kPause = 2000, kFilterPause = 10000;

struct Options {
  std::string moat, against, guest, program = "/bin/true";
  int rounds = 200, call_rounds = 10;
};

double Quantile(std::vector<double> values, double part) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const double place = part * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (place - static_cast<double>(below)) * (values[above] - values[below]);
}

void Sleep(double microseconds) {
  if (microseconds > 0) std::this_thread::sleep_for(std::chrono::duration<double, std::micro>(microseconds));
}

// One contender's times, a place for every round; below zero: it failed in that round.
using Times = std::vector<double>;

class Race {
 public:
  explicit Race(Field& field) : field_(field), times_(field.contenders.size()) {}

  void Run(int rounds) {
    std::vector<std::size_t> order(field_.contenders.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::mt19937 random(1);  // NOLINT: the same order every time is what is wanted
    for (int round = -kWarmUp; round < rounds; ++round) {
      std::shuffle(order.begin(), order.end(), random);
      for (const std::size_t i : order) {
        const double time = Measure(field_.contenders[i]);
        if (round >= 0) times_[i].push_back(time);
      }
    }
  }

  json Rows() const {
    json rows = json::array();
    for (std::size_t i = 0; i < times_.size(); ++i) rows.push_back(Row(i));
    return rows;
  }

 private:
  double Measure(const Contender& contender) {
    Sleep(kPause);
    if (contender.installs_filter) {
      Sleep(last_filter_ + kFilterPause - Now());
      last_filter_ = Now();
    }
    auto timed = contender.run();
    return timed.ok() && timed->status == 0 ? timed->microseconds : -1;
  }

  json Row(std::size_t i) const {
    const Contender& contender = field_.contenders[i];
    std::vector<double> good, ratios;
    for (std::size_t round = 0; round < times_[i].size(); ++round) {
      const double time = times_[i][round], base = times_[0][round];
      if (time < 0) continue;
      good.push_back(time);
      if (base > 0) ratios.push_back(time / base);
    }
    return {{"key", contender.key},       {"name", contender.name},
            {"enforces", contender.enforces}, {"p50_us", Quantile(good, 0.5)},
            {"p99_us", Quantile(good, 0.99)}, {"ratio", Quantile(ratios, 0.5)},
            {"failures", times_[i].size() - good.size()}};
  }

  Field& field_;
  std::vector<Times> times_;
  double last_filter_ = 0;
};

// What one call costs in a jail and outside, by turns.
json CallCosts(const Options& options, const Conditions& conditions) {
  const Program bare{{options.guest}}, jailed{{options.moat, "run", "--", options.guest}};
  std::vector<double> plain[2], checked[2];
  for (int round = 0; round < options.call_rounds; ++round) {
    for (const bool jail : {false, true}) {
      Sleep(kFilterPause);
      auto said = Ask(jail ? jailed : bare, conditions);
      double first = 0, second = 0;
      if (!said.ok() || said->status != 0 || std::sscanf(said->out.c_str(), "%lf %lf", &first, &second) != 2) {
        return {{"skipped", said.ok() ? "the guest failed: " + said->err : said.error().ToString()}};
      }
      plain[jail].push_back(first);
      checked[jail].push_back(second);
    }
  }
  return {{"getppid_bare_ns", Quantile(plain[0], 0.5)},
          {"getppid_jailed_ns", Quantile(plain[1], 0.5)},
          {"personality_bare_ns", Quantile(checked[0], 0.5)},
          {"personality_jailed_ns", Quantile(checked[1], 0.5)}};
}

// A folder that is gone in the end, whatever it holds by then.
class Scratch {
 public:
  Scratch() {
    char name[] = "/tmp/moat-bench-XXXXXX";
    if (mkdtemp(name) != nullptr) path_ = name;
  }
  ~Scratch() {
    std::error_code error;
    if (!path_.empty()) std::filesystem::remove_all(path_, error);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

int Main(const Options& options) {
  const Scratch scratch;
  Conditions conditions{sys::Fd(open("/dev/null", O_RDWR | O_CLOEXEC)), {"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=" + scratch.path()}};
  if (scratch.path().empty() || !conditions.null.valid()) return 1;
  Field field = Gather({options.moat, options.against, options.program, scratch.path(), conditions});
  if (field.contenders.empty()) return 1;
  Race race(field);
  race.Run(options.rounds);
  json result = {{"rounds", options.rounds}, {"program", options.program}, {"rows", race.Rows()}, {"skipped", json::array()}};
  for (const Skipped& skipped : field.skipped) result["skipped"].push_back({{"name", skipped.name}, {"reason", skipped.reason}});
  result["calls"] = CallCosts(options, conditions);
  std::puts(result.dump(2, ' ', false, json::error_handler_t::replace).c_str());
  return 0;
}

int Usage() {
  std::fputs("usage: spawn_bench --moat PATH [--against PATH] [--rounds N] [--call-rounds N] [--program PATH]\n", stderr);
  return 2;
}

int Parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i], value = argv[i + 1];
    if (name == "--moat") {
      options.moat = std::filesystem::absolute(value);
    } else if (name == "--against") {
      options.against = std::filesystem::absolute(value);
    } else if (name == "--rounds") {
      options.rounds = std::max(1, std::atoi(value.c_str()));
    } else if (name == "--call-rounds") {
      options.call_rounds = std::max(1, std::atoi(value.c_str()));
    } else if (name == "--program") {
      options.program = value;
    } else {
      return Usage();
    }
  }
  if (argc % 2 == 0 || options.moat.empty()) return Usage();
  options.guest = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "call_guest";
  return Main(options);
}

}  // namespace
}  // namespace moat::bench

int main(int argc, char** argv) { return moat::bench::Parse(argc, argv); }
