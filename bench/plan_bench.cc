// What making a plan costs, part by part, and what its filter costs per decision. None of this
// is paid by a job whose plan is in the cache.
#include <benchmark/benchmark.h>
#include <sys/syscall.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "bpf/filter.h"
#include "plan/filter_spec.h"
#include "plan/plan.h"
#include "policy/load.h"
#include "probe/host_view.h"
#include "probe/probe.h"
#include "profile/find_profile.h"

namespace moat::bench {
namespace {

// Asks the host once for everything: what is timed is the compiler and not the file system.
class Remembered : public plan::HostView {
 public:
  plan::PathFacts Look(const std::string& path) const override {
    return Get(looks_, path, [&] { return host_.Look(path); });
  }
  std::vector<std::string> List(const std::string& path) const override {
    return Get(lists_, path, [&] { return host_.List(path); });
  }
  std::string Head(const std::string& path, std::size_t bytes) const override {
    return Get(heads_, path, [&] { return host_.Head(path, bytes); });
  }

 private:
  template <typename T, typename Ask>
  static const T& Get(std::map<std::string, T>& known, const std::string& path, const Ask& ask) {
    const auto at = known.find(path);
    return at != known.end() ? at->second : known.emplace(path, ask()).first->second;
  }
  const probe::RealHost host_{};
  mutable std::map<std::string, plan::PathFacts> looks_;
  mutable std::map<std::string, std::vector<std::string>> lists_;
  mutable std::map<std::string, std::string> heads_;
};

// build/release/bench/parts/plan_bench -> build/release/share/moat/profiles
std::string Profiles() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path().parent_path() / "share/moat/profiles";
}

Result<policy::Model> Load(const std::string& name) { return policy::Load(name, policy::ProfilesIn({Profiles()})); }

Result<bpf::FilterSpec> Spec(const std::string& name) {
  return plan::FilterSpecOf(MOAT_TRY(Load(name)), bpf::NativeAbi());
}

// The error of a result that cannot be had on this host ends one benchmark, not all.
template <typename T>
bool Missing(benchmark::State& state, const Result<T>& result) {
  if (!result.ok()) state.SkipWithError(result.error().ToString().c_str());
  return !result.ok();
}

void LoadPolicy(benchmark::State& state, const std::string& name) {
  if (Missing(state, Load(name))) return;
  for (auto _ : state) benchmark::DoNotOptimize(Load(name));
}

void ProbeHost(benchmark::State& state) {
  if (Missing(state, probe::Probe())) return;
  for (auto _ : state) benchmark::DoNotOptimize(probe::Probe());
}

void CompilePlan(benchmark::State& state, const plan::HostView& view) {
  const auto model = Load("default");
  const auto facts = probe::Probe();
  if (Missing(state, model) || Missing(state, facts)) return;
  const plan::Request request{*model, *facts, view, "/bin/true", "/", "/usr/bin:/bin", plan::Collect::kNo,
                              [](const Origin&) { return true; }};
  const auto first = plan::Compile(request);
  if (Missing(state, first)) return;
  for (auto _ : state) benchmark::DoNotOptimize(plan::Compile(request));
  state.counters["bytes"] = static_cast<double>(first->bytes().size());
  state.counters["ops"] = first->header().op_count;
}

void CompilePlanPure(benchmark::State& state) { CompilePlan(state, Remembered()); }
void CompilePlanOnHost(benchmark::State& state) { CompilePlan(state, probe::RealHost()); }

void CompileFilter(benchmark::State& state) {
  const auto spec = Spec("default");
  if (Missing(state, spec)) return;
  const auto first = bpf::Compile(*spec);
  if (Missing(state, first)) return;
  for (auto _ : state) benchmark::DoNotOptimize(bpf::Compile(*spec));
  state.counters["rules"] = static_cast<double>(spec->rules.size());
  state.counters["instructions"] = static_cast<double>(first->code.size());
}

// The counter tells what a decision costs the kernel: instructions executed for one call.
void Decide(benchmark::State& state, const char* call, std::uint64_t first, std::uint64_t second) {
  const auto spec = Spec("default");
  if (Missing(state, spec)) return;
  const auto program = bpf::Compile(*spec);
  if (Missing(state, program)) return;
  seccomp_data data{};
  data.arch = bpf::AuditArch(program->abi);
  data.nr = static_cast<int>(bpf::FindSyscall(program->abi, call)->number);
  data.args[0] = first;
  data.args[1] = second;
  for (auto _ : state) benchmark::DoNotOptimize(bpf::RunChecked(program->code, data));
  state.counters["steps"] = bpf::RunChecked(program->code, data).steps;
}

BENCHMARK_CAPTURE(LoadPolicy, default, "default")->Unit(benchmark::kMicrosecond);
BENCHMARK(ProbeHost)->Unit(benchmark::kMicrosecond);
BENCHMARK(CompilePlanPure)->Unit(benchmark::kMicrosecond);
BENCHMARK(CompilePlanOnHost)->Unit(benchmark::kMicrosecond);
BENCHMARK(CompileFilter)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(Decide, read, "read", 0, 0);
BENCHMARK_CAPTURE(Decide, getppid, "getppid", 0, 0);
BENCHMARK_CAPTURE(Decide, personality, "personality", 0xffffffff, 0);
BENCHMARK_CAPTURE(Decide, ioctl, "ioctl", 1, 0x5401);
BENCHMARK_CAPTURE(Decide, clone, "clone", 0x1200011, 0);

}  // namespace
}  // namespace moat::bench
