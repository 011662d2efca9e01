#include "cli/tool/test_report.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

#include "base/safe_text.h"
#include "base/text.h"
#include "learn/estimate.h"
#include "watch/paths.h"

namespace moat::tool {
namespace {

std::string Escaped(std::string_view text) {
  std::string out;
  for (const char c : base::Printable(text)) {
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '"') {
      out += "&quot;";
    } else {
      out += c;
    }
  }
  return out;
}

// %, new lines, and in properties also : and , end an annotation's parts.
std::string ForGitHub(std::string_view text) {
  std::string out;
  for (const char c : base::Printable(text)) {
    if (c == '%' || c == ':' || c == ',') {
      char code[4];
      std::snprintf(code, sizeof(code), "%%%02X", static_cast<unsigned>(c));
      out += code;
    } else {
      out += c;
    }
  }
  return out;
}

// Addresses differ from run to run: without them the same denial of many inputs is one.
std::string WithoutAddresses(const std::string& arguments) {
  constexpr std::size_t kDigits = 7;
  std::string out;
  for (std::size_t at = 0; at < arguments.size();) {
    std::size_t end = at + 2;
    while (arguments.compare(at, 2, "0x") == 0 && end < arguments.size() && std::isxdigit(static_cast<unsigned char>(arguments[end])) != 0) ++end;
    const bool address = end - at >= kDigits + 2;
    out += address ? std::string("...") : arguments.substr(at, 1);
    at = address ? end : at + 1;
  }
  return out;
}

std::string InShort(const Denial& denial) {
  if (watch::IsAboutFiles(denial.rule)) return denial.path + ": " + denial.action + " for " + denial.call + ", " + denial.rule;
  return denial.call + "(" + WithoutAddresses(denial.arguments) + ")" + (denial.path.empty() ? "" : " about " + denial.path) + ": " + denial.action +
         ", denied by " + denial.rule;
}

}  // namespace

std::vector<Denial> Counted(const Tried& tried) {
  const Report& report = tried.report;
  const bool failed = report.cause != Cause::kExit || report.exit_code.value_or(1) != 0;
  std::vector<Denial> counted;
  std::copy_if(report.denials.begin(), report.denials.end(), std::back_inserter(counted), [&](const Denial& denial) {
    if (!watch::IsAboutFiles(denial.rule)) return denial.action != "errno ENOSYS";
    return failed && std::find(tried.in_vain.begin(), tried.in_vain.end(), denial.path) == tried.in_vain.end();
  });
  return counted;
}

std::vector<std::string> Complaints(const Tried& tried) {
  if (!tried.error.empty()) return {tried.error};
  std::vector<std::string> complaints;
  for (const Denial& denial : Counted(tried)) complaints.push_back(InShort(denial));
  for (const std::string& limit : tried.report.limits_hit) complaints.push_back("the limit `" + limit + "` was hit");
  if (tried.report.cause == Cause::kSetup) complaints.push_back(tried.report.setup ? tried.report.setup->message : tried.report.detail);
  if (!tried.difference.empty()) complaints.push_back(tried.difference);
  return complaints;
}

std::size_t Failed(const Tested& tested) {
  return static_cast<std::size_t>(std::count_if(tested.inputs.begin(), tested.inputs.end(), [](const Tried& tried) { return !Complaints(tried).empty(); }));
}

std::string Summary(const Tested& tested) {
  constexpr std::size_t kNamed = 5;
  std::map<std::string, std::vector<std::string>> by_complaint;
  std::size_t unhappy = 0;
  for (const Tried& tried : tested.inputs) {
    const auto complaints = Complaints(tried);
    unhappy += complaints.empty() && tried.report.exit_code.value_or(1) != 0 ? 1 : 0;
    for (const std::string& complaint : complaints) by_complaint[complaint].push_back(tried.input);
  }
  std::string out;
  for (const auto& [complaint, inputs] : by_complaint) {
    out += base::Printable(complaint) + "\n    " + base::Number(inputs.size()) + (inputs.size() == 1 ? " input: " : " inputs: ");
    for (std::size_t i = 0; i < std::min(inputs.size(), kNamed); ++i) out += (i > 0 ? ", " : "") + base::Printable(inputs[i]);
    out += inputs.size() > kNamed ? ", ...\n" : "\n";
  }
  const std::size_t failed = Failed(tested), all = tested.inputs.size();
  out += base::Number(all) + (all == 1 ? " input, " : " inputs, ") + base::Number(failed) + " stopped or hindered by the policy";
  if (unhappy > 0) out += ", " + base::Number(unhappy) + " failed by themselves";
  char bound[16];
  std::snprintf(bound, sizeof(bound), "%.1f %%", learn::UpperBound(static_cast<unsigned>(failed), static_cast<unsigned>(all)) * 100);
  out += "\nwith 95 % confidence less than " + std::string(bound) + " of inputs like these are\n";
  if (!tested.unseen.empty()) out += "when it was learned: " + base::Printable(tested.unseen) + "\n";
  for (const std::string& drifted : tested.drift) out += "changed since it was learned: " + base::Printable(drifted) + "\n";
  for (const std::string& entry : tested.spare) out += "no input needed " + base::Printable(entry) + "\n";
  return out;
}

std::string Json(const Tested& tested) {
  using nlohmann::ordered_json;
  const std::size_t failed = Failed(tested);
  const double bound = learn::UpperBound(static_cast<unsigned>(failed), static_cast<unsigned>(tested.inputs.size()));
  ordered_json json = {{"policy", tested.policy}, {"inputs", tested.inputs.size()}, {"failed", failed}, {"bound", bound}, {"confidence", 0.95}};
  json["cases"] = ordered_json::array();
  for (const Tried& tried : tested.inputs) {
    ordered_json one = {{"input", tried.input}, {"cause", CauseName(tried.report.cause)}, {"wall", tried.report.wall}, {"complaints", Complaints(tried)}};
    one["exit_code"] = tried.report.exit_code ? ordered_json(*tried.report.exit_code) : ordered_json();
    json["cases"].push_back(std::move(one));
  }
  json["unseen"] = tested.unseen;
  json["drift"] = tested.drift;
  json["spare"] = tested.spare;
  return json.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

std::string JUnit(const Tested& tested) {
  const std::string& policy = tested.policy;
  std::string cases;
  for (const Tried& tried : tested.inputs) {
    const auto complaints = Complaints(tried);
    char seconds[32];
    std::snprintf(seconds, sizeof(seconds), "%.3f", static_cast<double>(tried.report.wall) / 1e9);
    cases += "  <testcase classname=\"" + Escaped(policy) + "\" name=\"" + Escaped(tried.input) + "\" time=\"" + seconds + "\"";
    if (complaints.empty()) {
      cases += "/>\n";
      continue;
    }
    cases += ">\n";
    for (const std::string& complaint : complaints) cases += "    <failure message=\"" + Escaped(complaint) + "\"/>\n";
    cases += "  </testcase>\n";
  }
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"moat test " + Escaped(policy) + "\" tests=\"" + base::Number(tested.inputs.size()) +
         "\" failures=\"" + base::Number(Failed(tested)) + "\">\n" + cases + "</testsuite>\n";
}

std::string Annotations(const Tested& tested) {
  std::string out;
  const std::string head = "file=" + ForGitHub(tested.policy) + ",title=moat test::";
  for (const Tried& tried : tested.inputs) {
    for (const std::string& complaint : Complaints(tried)) out += "::error " + head + ForGitHub(tried.input + ": " + complaint) + "\n";
  }
  for (const std::string& drifted : tested.drift) out += "::warning " + head + ForGitHub("changed since it was learned: " + drifted) + "\n";
  return out;
}

}  // namespace moat::tool
