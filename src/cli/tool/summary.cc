#include "cli/tool/summary.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/safe_text.h"
#include "base/text.h"
#include "sys/calls.h"
#include "watch/paths.h"

namespace moat::tool {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxReport = 16U << 20;
constexpr std::uint64_t kRound = 64 * 1024;  // as limits are
constexpr std::size_t kAlike = 3;  // so many jobs with one figure are no accident

bool Failed(const Report& report) { return report.cause != Cause::kExit || report.exit_code.value_or(1) != 0; }

std::uint64_t LetThrough(const Report& report) {
  std::uint64_t calls = 0;
  for (const Denial& denial : report.denials) calls += denial.action == "reported" ? denial.count : 0;
  return calls;
}

// What is wrong with a job, as words that all jobs with the same trouble share.
std::set<std::string> TroublesOf(const Report& report) {
  std::set<std::string> troubles;
  for (const std::string& limit : report.limits_hit) troubles.insert("the limit `" + limit + "` was hit");
  for (const Denial& denial : report.denials) {
    if (denial.action == "errno ENOSYS") continue;  // what an older kernel would say
    if (watch::IsAboutFiles(denial.rule) && !Failed(report)) continue;
    const std::string head = denial.action == "reported" ? "would be denied: " : "denied: ";
    troubles.insert(head + denial.call + (denial.path.empty() ? "" : " about " + denial.path) + ", by " + denial.rule);
  }
  if (!troubles.empty() || !Failed(report)) return troubles;
  std::string text(CauseName(report.cause));
  if (report.exit_code && report.cause == Cause::kExit) text += " " + base::Number(static_cast<std::uint64_t>(*report.exit_code));
  if (report.signal && report.cause == Cause::kSignal) text += " " + base::Number(static_cast<std::uint64_t>(*report.signal));
  return {"ended by: " + text + (report.setup ? ", " + report.setup->message : "")};
}

// Fisher's exact test, one-sided: `failed` or more of the enforced jobs, when all failures fell by lot.
double ChanceOf(std::size_t failed, std::size_t jobs, std::size_t other_failed, std::size_t other_jobs) {
  const auto ways = [](double n, double k) { return std::lgamma(n + 1) - std::lgamma(k + 1) - std::lgamma(n - k + 1); };
  const std::size_t all_failed = failed + other_failed;
  const double all = ways(static_cast<double>(jobs + other_jobs), static_cast<double>(all_failed));
  double chance = 0;
  for (std::size_t k = failed; k <= std::min(all_failed, jobs); ++k) {
    if (all_failed - k > other_jobs) continue;
    chance += std::exp(ways(static_cast<double>(jobs), static_cast<double>(k)) + ways(static_cast<double>(other_jobs), static_cast<double>(all_failed - k)) - all);
  }
  return std::min(1.0, chance);
}

std::string TypeOf(const Report& report) {
  if (report.inputs.empty()) return {};
  const std::string& name = report.inputs.front().name;
  const std::size_t dot = name.rfind('.');
  return dot == std::string::npos || dot == 0 ? "no ending" : "." + name.substr(dot + 1);
}

std::uint64_t InputSize(const Report& report) {
  std::uint64_t size = 0;
  for (const InputFile& input : report.inputs) size += input.size;
  return size;
}

// What came out, in single figures: each file, and each stream that was cut.
std::set<std::uint64_t> ResultSizes(const Report& report) {
  std::set<std::uint64_t> sizes;
  for (const OutputFile& file : report.outputs) sizes.insert(file.size);
  if (report.out.truncated) sizes.insert(report.out.kept);
  if (report.err.truncated) sizes.insert(report.err.kept);
  return sizes;
}

using Jobs = std::vector<const Report*>;

std::string Inputs(const Jobs& jobs) {
  std::map<std::string, std::size_t> types;
  std::uint64_t least = ~0ULL, most = 0;
  for (const Report* report : jobs) {
    if (report->inputs.empty()) continue;
    ++types[TypeOf(*report)];
    least = std::min(least, InputSize(*report));
    most = std::max(most, InputSize(*report));
  }
  if (types.empty()) return {};
  std::string text = "inputs of " + base::Number(least) + (least == most ? "" : " to " + base::Number(most)) + " bytes:";
  for (const auto& [type, count] : types) text += " " + base::Number(count) + " " + type + (type == types.rbegin()->first ? "" : ",");
  return text;
}

// "results of exactly 1048576 bytes in 42 of 42 jobs": a limit that nobody thought of looks like that.
// `unit`: sizes that are no multiple of it are the program's own.
std::vector<std::string> SameSizes(const Jobs& jobs, std::uint64_t unit) {
  std::map<std::uint64_t, std::size_t> sizes;
  for (const Report* report : jobs) {
    for (const std::uint64_t size : ResultSizes(*report)) ++sizes[size];
  }
  std::vector<std::string> remarks;
  for (const auto& [size, count] : sizes) {
    if (size == 0 || size % unit != 0 || count < kAlike || count * 2 < jobs.size()) continue;
    remarks.push_back("results of exactly " + base::Number(size) + " bytes in " + base::Number(count) + " of " + base::Number(jobs.size()) + " jobs");
  }
  return remarks;
}

std::vector<std::string> InCommon(const Jobs& jobs, const Jobs& well) {
  std::vector<std::string> remarks;
  if (const std::string inputs = Inputs(jobs); !inputs.empty()) remarks.push_back(inputs);
  std::uint64_t least = ~0ULL, largest_well = 0;
  for (const Report* report : jobs) least = std::min(least, InputSize(*report));
  for (const Report* report : well) largest_well = std::max(largest_well, InputSize(*report));
  if (jobs.size() >= kAlike && well.size() >= kAlike && least > largest_well && least > 0) remarks.push_back("each input is larger than any that went well");
  std::set<std::string> types, types_well;
  for (const Report* report : jobs) types.insert(TypeOf(*report));
  for (const Report* report : well) types_well.insert(TypeOf(*report));
  if (jobs.size() >= kAlike && types.size() == 1 && !types.begin()->empty() && types_well.count(*types.begin()) == 0 && !well.empty()) {
    remarks.push_back("no " + *types.begin() + " went well");
  }
  for (std::string& remark : SameSizes(jobs, 1)) remarks.push_back(std::move(remark));
  return remarks;
}

std::vector<std::string> EditsFor(const std::string& what, const Jobs& jobs) {
  std::set<std::string> edits;
  for (const Report* report : jobs) {
    for (const Denial& denial : report->denials) {
      if (!denial.edit.empty() && what.find(": " + denial.call) != std::string::npos && what.find(denial.rule) != std::string::npos) edits.insert(denial.edit);
    }
  }
  return {edits.begin(), edits.end()};
}

Trouble TroubleOf(const std::string& what, const Jobs& jobs, const Jobs& well) {
  Trouble trouble;
  trouble.what = what;
  trouble.jobs = jobs.size();
  for (const Report* report : jobs) {
    trouble.enforced += report->side == "enforced" ? 1 : 0;
    trouble.reported += report->side == "reported" ? 1 : 0;
  }
  trouble.edits = EditsFor(what, jobs);
  trouble.remarks = InCommon(jobs, well);
  return trouble;
}

std::vector<Side> SidesOf(const std::vector<Report>& reports) {
  std::map<std::string, Side> sides;
  for (const Report& report : reports) {
    Side& side = sides[report.side];
    side.name = report.side;
    ++side.jobs;
    side.failed += Failed(report) ? 1 : 0;
    side.would_fail += LetThrough(report) > 0 ? 1 : 0;
  }
  std::vector<Side> out;
  for (auto& [name, side] : sides) out.push_back(std::move(side));
  return out;
}

const Side* Find(const std::vector<Side>& sides, std::string_view name) {
  const auto found = std::find_if(sides.begin(), sides.end(), [&](const Side& side) { return side.name == name; });
  return found == sides.end() ? nullptr : &*found;
}

std::string Percent(std::size_t part, std::size_t whole) {
  char text[16];
  std::snprintf(text, sizeof(text), "%.1f %%", whole == 0 ? 0.0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole));
  return text;
}

std::string Count(std::size_t jobs) { return base::Number(jobs) + (jobs == 1 ? " job" : " jobs"); }

std::string InWords(const Side& side) {
  std::string text = (side.name.empty() ? "all enforced" : side.name) + ": " + Count(side.jobs) + ", " + base::Number(side.failed) + " failed (" +
                     Percent(side.failed, side.jobs) + ")";
  if (side.would_fail > 0) text += ", " + base::Number(side.would_fail) + " made calls that would be denied (" + Percent(side.would_fail, side.jobs) + ")";
  return text + "\n";
}

std::string Comparison(const Digest& digest) {
  if (Find(digest.sides, "enforced") == nullptr || Find(digest.sides, "reported") == nullptr) return {};
  char text[160];
  std::snprintf(text, sizeof(text), digest.chance < 0.05 ? "the enforced side fails more often than chance explains (p = %.3g)\n"
                                                         : "the enforced side fails no more often than chance explains (p = %.2f)\n", digest.chance);
  return text;
}

std::string InWords(const Trouble& trouble) {
  std::string text = "\n" + Count(trouble.jobs) + ": " + base::Printable(trouble.what) + "\n";
  if (trouble.enforced + trouble.reported > 0) {
    text += "    " + base::Number(trouble.enforced) + " enforced, " + base::Number(trouble.reported) + " reported\n";
  }
  for (const std::string& remark : trouble.remarks) text += "    " + base::Printable(remark) + "\n";
  for (const std::string& edit : trouble.edits) {
    text += "    would be allowed by:\n";
    for (std::size_t at = 0; at < edit.size();) {
      const std::size_t end = std::min(edit.find('\n', at), edit.size());
      text += "        " + base::Printable(edit.substr(at, end - at)) + "\n";
      at = end + 1;
    }
  }
  return text;
}

}  // namespace

Result<Reports> ReadReports(const std::string& folder) {
  Reports reports;
  std::vector<std::string> files;
  std::error_code failed;
  for (fs::recursive_directory_iterator at(folder, failed), end; !failed && at != end; at.increment(failed)) {
    if (at->is_regular_file(failed) && at->path().extension() == ".json") files.push_back(at->path().string());
  }
  if (failed) return WithFix(SystemError("readdir", failed.value(), folder), "--summary takes a folder of reports");
  std::sort(files.begin(), files.end());
  for (const std::string& file : files) {
    auto text = sys::ReadFile(file, kMaxReport);
    auto report = text.ok() ? Report::FromJson(*text) : Result<Report>(text.error());
    if (report.ok()) {
      reports.all.push_back(std::move(*report));
    } else {
      ++reports.others;
    }
  }
  if (reports.all.empty()) return WithFix(PolicyError("there is no report below `" + folder + "`"), "`moat run --report FOLDER/NAME.json` writes them");
  return reports;
}

Digest Digested(const Reports& reports) {
  Digest digest;
  digest.jobs = reports.all.size();
  digest.others = reports.others;
  digest.sides = SidesOf(reports.all);
  const Side* enforced = Find(digest.sides, "enforced");
  const Side* reported = Find(digest.sides, "reported");
  if (enforced != nullptr && reported != nullptr) digest.chance = ChanceOf(enforced->failed, enforced->jobs, reported->failed, reported->jobs);
  std::map<std::string, Jobs> by_trouble;
  Jobs well;
  for (const Report& report : reports.all) {
    const auto troubles = TroublesOf(report);
    if (troubles.empty()) well.push_back(&report);
    for (const std::string& trouble : troubles) by_trouble[trouble].push_back(&report);
  }
  for (const auto& [what, jobs] : by_trouble) digest.troubles.push_back(TroubleOf(what, jobs, well));
  // What nobody complained about, and is none the less too regular.
  if (const auto same = SameSizes(well, kRound); well.size() >= kAlike && !same.empty()) {
    Trouble trouble{"went well, and yet", {}, well.size(), 0, 0, same};
    digest.troubles.push_back(std::move(trouble));
  }
  std::stable_sort(digest.troubles.begin(), digest.troubles.end(), [](const Trouble& a, const Trouble& b) { return a.jobs > b.jobs; });
  return digest;
}

std::string InWords(const Digest& digest) {
  std::string text = base::Number(digest.jobs) + (digest.jobs == 1 ? " report" : " reports");
  text += digest.others > 0 ? ", and " + base::Number(digest.others) + " other files\n" : "\n";
  for (const Side& side : digest.sides) text += InWords(side);
  text += Comparison(digest);
  for (const Trouble& trouble : digest.troubles) text += InWords(trouble);
  return text;
}

std::string InJson(const Digest& digest) {
  using nlohmann::ordered_json;
  ordered_json json = {{"reports", digest.jobs}, {"others", digest.others}};
  json["sides"] = ordered_json::array();
  for (const Side& side : digest.sides) {
    json["sides"].push_back({{"side", side.name.empty() ? ordered_json() : ordered_json(side.name)}, {"jobs", side.jobs}, {"failed", side.failed}, {"would_be_denied", side.would_fail}});
  }
  json["p"] = digest.chance;
  json["troubles"] = ordered_json::array();
  for (const Trouble& trouble : digest.troubles) {
    json["troubles"].push_back({{"what", trouble.what}, {"jobs", trouble.jobs}, {"enforced", trouble.enforced}, {"reported", trouble.reported},
                                {"remarks", trouble.remarks}, {"edits", trouble.edits}});
  }
  return json.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace moat::tool
