#include "learn/write.h"

#include <algorithm>

#include "base/safe_text.h"
#include "base/text.h"
#include "base/units.h"
#include "learn/files.h"
#include "learn/grain.h"
#include "watch/words.h"

namespace moat::learn {
namespace {

constexpr std::uint64_t kMebibyte = 1 << 20;
constexpr std::uint64_t kSecond = 1'000'000'000;

const bpf::SyscallInfo* Find(std::string_view name) { return bpf::FindSyscall(bpf::NativeAbi(), name); }

void Join(Evidence& all, const Evidence& one) {
  all.times += one.times;
  all.inputs.insert(one.inputs.begin(), one.inputs.end());
  if (all.caller.empty()) all.caller = one.caller;
}

Evidence All(const std::map<std::string, Evidence>& values) {
  Evidence all;
  for (const auto& [when, evidence] : values) Join(all, evidence);
  return all;
}

// --- [syscalls] allow ---------------------------------------------------------------------------

struct AllowLine {
  std::string entry, remark;
};

void AddUnseen(std::vector<AllowLine>& lines, const std::string& entry, const std::string& why) {
  const bool there = std::any_of(lines.begin(), lines.end(), [&](const AllowLine& line) { return line.entry == entry; });
  if (!there) lines.push_back({entry, "not seen: " + why});
}

std::vector<AllowLine> AllowLines(const Observations& seen) {
  std::map<std::string, Evidence> entries;
  for (const auto& [name, values] : seen.calls) {
    if (const bpf::SyscallInfo* call = Find(name)) Join(entries[EntryFor(*call)], All(values));
  }
  std::vector<AllowLine> lines;
  for (const auto& [entry, evidence] : entries) lines.push_back({entry, Said(evidence, seen)});
  for (const std::string& entry : AlwaysNeeded()) AddUnseen(lines, entry, "starting, ending and abort() need it");
  for (const auto& [name, values] : seen.calls) {
    for (const std::string_view other : Siblings(name)) {
      const bpf::SyscallInfo* sibling = Find(other);
      if (sibling != nullptr && sibling->tier <= 2) AddUnseen(lines, EntryFor(*sibling), "another libc takes it in place of " + name);
    }
  }
  std::sort(lines.begin(), lines.end(), [](const AllowLine& a, const AllowLine& b) { return a.entry < b.entry; });
  return lines;
}

// --- [[syscalls.rule]] --------------------------------------------------------------------------

std::string Rule(const std::string& call, const std::string& when, const std::string& reason) {
  return "[[syscalls.rule]]\ncall = " + Quoted(call) + "\nwhen = " + Quoted(when) + "\ndo = \"EPERM\"\nreason = " + Quoted(reason) + "\n";
}

// No page that is writable and executable, no process where only threads were seen.
std::string ShapeRule(const std::string& call, const std::map<std::string, Evidence>& values) {
  const auto none = [&](const char* a, const char* b) {
    return std::none_of(values.begin(), values.end(), [&](const auto& value) {
      return value.first.find(a) != std::string::npos && value.first.find(b) != std::string::npos;
    });
  };
  if ((call == "mmap" || call == "mprotect") && none("PROT_WRITE", "PROT_EXEC")) {
    return Rule(call, "prot has PROT_WRITE|PROT_EXEC", "never seen: memory that is writable and executable");
  }
  const bool threads = call == "clone" && std::all_of(values.begin(), values.end(), [](const auto& value) {
                         return value.first.find("CLONE_THREAD") != std::string::npos;
                       });
  return threads ? Rule(call, "flags lacks CLONE_THREAD", "only threads were seen, no processes") : "";
}

// The first telling argument.
std::string ArgumentOf(const std::string& call) {
  const bpf::SyscallInfo* info = Find(call);
  const unsigned telling = info != nullptr ? watch::TellingArguments(*info) : 0;
  return telling == 0 ? "" : std::string(info->args[__builtin_ctz(telling)].name);
}

std::string ListRule(const std::string& call, const std::map<std::string, Evidence>& uses, const Observations& seen) {
  std::map<std::string, Evidence> values;
  for (const auto& [when, evidence] : uses) Join(values[ValueOf(when)], evidence);
  std::string list, said;
  for (const auto& [value, evidence] : values) {
    list += (list.empty() ? "" : ", ") + value;
    said += "# " + value + ": " + Said(evidence, seen) + "\n";
  }
  bool noise = false;
  for (const std::string_view value : NoiseOf(call)) {
    if (values.count(std::string(value)) != 0) continue;
    list += (list.empty() ? "" : ", ") + std::string(value);
    noise = true;
  }
  if (noise) said += "# " + std::string(values.empty() ? "all of them were" : "the rest was") + " not seen, and libc takes them of itself\n";
  return said + Rule(call, "!(" + ArgumentOf(call) + " in [" + list + "])", "no other value was seen");
}

std::string TogetherRule(const std::string& call, const std::map<std::string, Evidence>& uses, const Observations& seen) {
  std::string when, said;
  for (const auto& [condition, evidence] : uses) {
    when += (when.empty() ? "!(" : " && !(") + condition + ")";
    said += "# " + condition + ": " + Said(evidence, seen) + "\n";
  }
  return said + Rule(call, when, "no other combination was seen");
}

// --- [limits], [files] --------------------------------------------------------------------------

std::string Limit(std::string_view key, const std::string& value, const std::string& peak) {
  return std::string(key) + " = " + value + "  # peak " + peak + "\n";
}

std::uint64_t RoundUp(std::uint64_t value, std::uint64_t least) {
  std::uint64_t rounded = least;
  while (rounded < value) rounded *= 2;
  return rounded;
}

std::string Size(std::uint64_t bytes) { return Quoted(base::Number(bytes / kMebibyte) + "M"); }
std::string Seconds(std::uint64_t ns) { return Quoted(base::Number(10 + ns * 5 / kSecond) + "s"); }
std::string Milliseconds(std::uint64_t ns) { return base::Number(ns / 1'000'000) + " ms"; }

std::uint64_t MemoryFor(const Run& peaks) { return RoundUp(peaks.memory * 2, 64 * kMebibyte); }

std::string Limits(const Run& peaks) {
  constexpr std::uint64_t kStream = 128 * 1024;  // a peak that the default of 1M leaves room for
  std::string out = "\n[limits]  # the highest that was seen, with headroom\n";
  out += Limit("wall", Seconds(peaks.wall), Milliseconds(peaks.wall));
  if (peaks.cpu > 0) out += Limit("cpu", Seconds(peaks.cpu), Milliseconds(peaks.cpu));
  if (peaks.memory > 0) out += Limit("memory", Size(MemoryFor(peaks)), base::Number(peaks.memory / 1024) + " KiB");
  if (peaks.pids > 0) out += Limit("pids", base::Number(RoundUp(peaks.pids * 2, 16)), base::Number(peaks.pids));
  out += Limit("output", Size(RoundUp(peaks.output * 8, 16 * kMebibyte)), base::Number(peaks.output) + " bytes in " +
                                                                              base::Number(peaks.output_files) + " files");
  if (peaks.out > kStream) out += Limit("stdout", Size(RoundUp(peaks.out * 8, kMebibyte)), base::Number(peaks.out) + " bytes");
  if (peaks.err > kStream) out += Limit("stderr", Size(RoundUp(peaks.err * 8, kMebibyte)), base::Number(peaks.err) + " bytes");
  return out;
}

std::string Reading(const Observations& seen) {
  std::string out = "\n[files]\nread = [\n  \"@none\",\n";
  bool libs = false;
  for (const FileLine& line : Generalised(seen)) {
    libs = libs || line.entry == "@libs";
    out += Line(line.entry, Said(line.evidence, seen));
  }
  if (!libs) out += Line("@libs", "not seen: whatever is linked dynamically needs it");
  // What is written there counts as memory: no more of it than leaves room for the program.
  out += "]\n";
  if (seen.peaks.memory == 0) return out;
  return out + "\n[files.scratch]\n\"/tmp\" = " + Size(std::min(MemoryFor(seen.peaks) / 2, 256 * kMebibyte)) + "\n";
}

std::string Refused(const Observations& seen) {
  std::string out;
  for (const auto& [call, evidence] : seen.dangerous) {
    out += "# refused while learning, and not granted here: " + call + "; " + Said(evidence, seen) + "\n";
  }
  return out.empty() ? out : "\n" + out;
}

}  // namespace

std::string Quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) >= 0x20) out += c;
  }
  return out + "\"";
}

// "17 times, 3 inputs (a.png, b.png, ...), by convert"
std::string Said(const Evidence& evidence, const Observations& seen) {
  std::string text = base::Number(evidence.times) + (evidence.times == 1 ? " time, " : " times, ") + base::Number(evidence.inputs.size()) +
                     (evidence.inputs.size() == 1 ? " input (" : " inputs (");
  std::size_t shown = 0;
  for (const unsigned input : evidence.inputs) {
    if (shown == 2) text += ", ...";
    if (shown++ >= 2) break;
    text += (shown > 1 ? ", " : "") + base::Printable(input < seen.inputs.size() ? seen.inputs[input] : "?");
  }
  text += ")";
  return evidence.caller.empty() ? text : text + ", by " + base::Printable(evidence.caller.substr(evidence.caller.rfind('/') + 1));
}

std::string Line(const std::string& entry, const std::string& remark) { return "  " + Quoted(entry) + ",  # " + remark + "\n"; }

std::string RuleFor(const std::string& name, const std::map<std::string, Evidence>& uses, const Observations& seen) {
  const bpf::SyscallInfo* call = Find(name);
  if (call == nullptr) return {};
  switch (GrainOf(*call, uses)) {
    case Grain::kCall: break;
    case Grain::kShape: return ShapeRule(name, uses);
    case Grain::kOne: return ListRule(name, uses, seen);
    case Grain::kTogether: return TogetherRule(name, uses, seen);
  }
  return {};
}

std::string Written(const Observations& seen, const std::string& command) {
  std::string out = "# Learned by `moat learn` from " + base::Number(seen.inputs.size()) + " inputs: " + base::Printable(command) + "\n";
  out += "# Behind each entry: how often, for which inputs, by which program. What three inputs needed is not\n";
  out += "# watched any more, so that large counts are lower bounds.\n";
  out += "moat = 1\nbase = \"default\"\ndescription = " + Quoted("learned: " + base::Printable(command)) + "\n";
  out += Reading(seen) + Limits(seen.peaks);
  out += "\n[syscalls]\nallow = [\n  \"@none\",\n";
  for (const AllowLine& line : AllowLines(seen)) out += Line(line.entry, line.remark);
  out += "]\n" + Refused(seen);
  for (const auto& [name, uses] : seen.calls) {
    const std::string rule = RuleFor(name, uses, seen);
    if (!rule.empty()) out += "\n" + rule;
  }
  for (const std::string& name : AlwaysNeeded()) {
    if (!NoiseOf(name).empty() && seen.calls.count(name) == 0) out += "\n" + ListRule(name, {}, seen);
  }
  return out;
}

std::vector<std::vector<unsigned>> Entries(const Observations& seen) {
  std::map<std::string, std::set<unsigned>> entries;
  for (const auto& [name, uses] : seen.calls) {
    const bpf::SyscallInfo* call = Find(name);
    if (call == nullptr) continue;
    const Grain grain = GrainOf(*call, uses);
    const auto noise = NoiseOf(name);
    for (const auto& [when, evidence] : uses) {
      const std::string value = grain == Grain::kOne ? ValueOf(when) : grain == Grain::kTogether ? when : "";
      const bool own = !value.empty() && std::find(noise.begin(), noise.end(), value) == noise.end();
      entries[EntryFor(*call) + (own ? " " + value : "")].insert(evidence.inputs.begin(), evidence.inputs.end());
    }
  }
  for (const std::string& entry : AlwaysNeeded()) entries.erase(entry);
  for (const FileLine& line : Generalised(seen)) entries["file " + line.entry] = line.evidence.inputs;
  std::vector<std::vector<unsigned>> out;
  for (const auto& [entry, inputs] : entries) out.emplace_back(inputs.begin(), inputs.end());
  return out;
}

std::string LearningPolicy(const Observations& seen, std::size_t enough, const std::vector<std::string>& visible, Groups groups) {
  // What opens files is always asked about: which ones is the question.
  const auto asks = [](std::string_view call) { return call == "open" || call == "openat" || call == "execve" || call == "creat"; };
  std::string allow = "  \"@none\",\n", rules;
  for (const auto& [name, values] : seen.calls) {
    if (Find(name) == nullptr || asks(name)) continue;
    for (const auto& [when, evidence] : values) {
      if (evidence.inputs.size() < enough) continue;
      if (when.empty()) allow += "  " + Quoted(name) + ",\n";
      if (!when.empty()) rules += "\n[[syscalls.rule]]\ncall = " + Quoted(name) + "\nwhen = " + Quoted(when) + "\ndo = \"allow\"\nreason = \"seen\"\n";
    }
  }
  std::string read;
  for (const std::string& path : visible) read += "  " + Quoted(path) + ",\n";
  return "moat = 1\nbase = \"default\"\n[files]\nread = [\n" + read +
         "]\n[files.scratch]\n\"/tmp\" = \"2G\"\n[limits]\nwall = \"10m\"\n" + (groups == Groups::kYes ? "cpu = \"10m\"\nmemory = \"4G\"\npids = 1024\n" : "") +
         "output = \"4G\"\nstdout = \"256M\"\nstderr = \"256M\"\n[syscalls]\ndefault = \"notify\"\nallow = [\n" +
         allow + "]\n" + rules;
}

}  // namespace moat::learn
