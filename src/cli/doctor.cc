#include "cli/doctor.h"

#include <string_view>

#include "base/errno_name.h"
#include "base/json.h"
#include "base/safe_text.h"
#include "base/similar.h"
#include "base/text.h"
#include "cli/doctor_clean.h"
#include "probe/probe.h"
#include "sys/calls.h"

namespace moat::cli {

using plan::HostFacts;
using probe::Note;

namespace {

constexpr int kOurError = 125;
constexpr std::size_t kMaxMountinfo = 4 << 20;

struct Look {
  const char* word;    // for people
  const char* name;    // for machines
  const char* colour;  // SGR
};
Look LookOf(Verdict verdict) {
  switch (verdict) {
    case Verdict::kWorks: return {"works", "works", "32"};
    case Verdict::kSpare: return {"none", "spare", "2"};
    case Verdict::kWeaker: return {"WEAKER", "weaker", "33"};
    case Verdict::kRefused: return {"MISSING", "refused", "31"};
  }
  return {};
}

std::string Painted(std::string_view text, const char* sgr, Colour colour) {
  if (colour == Colour::kNever) return std::string(text);
  return "\x1b[" + std::string(sgr) + "m" + std::string(text) + "\x1b[0m";
}

std::string Padded(std::string_view text, std::size_t width) {
  std::string out(text);
  if (out.size() < width) out.append(width - out.size(), ' ');
  return out;
}

constexpr std::string_view kIndent = "          ";

void AppendLines(std::string& out, std::string_view means, std::string_view fix) {
  if (!means.empty()) out += std::string(kIndent) + "means: " + base::Printable(means) + "\n";
  if (!fix.empty()) out += std::string(kIndent) + "fix:   " + base::Printable(fix) + "\n";
}

void AppendDiagnosis(std::string& out, const Diagnosis& each, Colour colour) {
  const Look look = LookOf(each.verdict);
  out += "  " + Painted(Padded(look.word, 7), look.colour, colour) + " ";
  out += each.detail.empty() ? each.layer : Padded(each.layer, 26) + " " + base::Printable(each.detail);
  out += "\n";
  AppendLines(out, each.means, each.fix);
}

void AppendNotes(std::string& out, std::span<const Note> notes, Colour colour) {
  out += Painted("\nhost (no layer of moat's, but what lies behind them)\n", "1", colour);
  for (const Note& note : notes) {
    const bool good = note.level == Note::Level::kGood;
    out += "  " + Painted(good ? "good   " : "advice ", good ? "32" : "33", colour) + " " + note.name + " = " +
           base::Printable(note.value) + ": " + note.meaning + "\n";
    if (!good) AppendLines(out, "", note.fix);
  }
}

std::string Named(std::span<const Diagnosis> diagnoses, Verdict verdict) {
  std::string names;
  for (const Diagnosis& each : diagnoses) {
    if (each.verdict != verdict) continue;
    if (!names.empty()) names += ", ";
    names += each.group == "cgroups" ? each.layer + " limit" : each.layer;
  }
  return names;
}

std::string Summary(std::span<const Diagnosis> diagnoses) {
  const std::string refused = Named(diagnoses, Verdict::kRefused), weaker = Named(diagnoses, Verdict::kWeaker);
  if (!refused.empty()) return "The default profile is refused here, for want of: " + refused + ".";
  if (!weaker.empty()) return "The default profile runs here, weaker in: " + weaker + ".";
  return "The default profile is enforced in full here.";
}

std::string ErrnoWord(int error_number) {
  return error_number == 0 ? "" : std::string(base::ErrnoName(error_number));
}

void WriteLayers(base::JsonWriter& json, std::span<const Diagnosis> diagnoses) {
  json.Key("layers").BeginArray();
  for (const Diagnosis& each : diagnoses) {
    json.BeginObject();
    json.Key("group").Text(each.group);
    json.Key("layer").Text(each.layer);
    json.Key("verdict").Text(LookOf(each.verdict).name);
    json.Key("detail").Text(each.detail);
    json.Key("means").Text(each.means);
    json.Key("fix").Text(each.fix);
    json.Key("errno").Text(ErrnoWord(each.error_number));
    json.EndObject();
  }
  json.EndArray();
}

}  // namespace

std::string DoctorText(const HostFacts& facts, std::span<const Note> notes, Colour colour) {
  const std::vector<Diagnosis> diagnoses = Diagnose(facts);
  std::string out = "Linux " + base::Printable(facts.kernel) + " " + base::Printable(facts.machine) + ", as " +
                    (facts.euid == 0 ? "root" : "uid " + base::Number(facts.euid)) + "\n";
  if (!facts.lsm_note.empty()) out += "Note: " + base::Printable(facts.lsm_note) + "\n";
  std::string_view group;
  for (const Diagnosis& each : diagnoses) {
    if (each.group != group) out += "\n" + Painted(each.group, "1", colour) + "\n";
    group = each.group;
    AppendDiagnosis(out, each, colour);
  }
  AppendNotes(out, notes, colour);
  return out + "\n" + Summary(diagnoses) + "\n";
}

std::string DoctorJson(const HostFacts& facts, std::span<const Note> notes) {
  const std::vector<Diagnosis> diagnoses = Diagnose(facts);
  base::JsonWriter json;
  json.BeginObject();
  json.Key("kernel").Text(facts.kernel);
  json.Key("machine").Text(facts.machine);
  json.Key("euid").Number(facts.euid);
  json.Key("landlock_abi").Number(static_cast<unsigned>(facts.landlock_abi));
  json.Key("note").Text(facts.lsm_note);
  json.Key("full").Bool(DoctorExitCode(diagnoses) == 0);
  json.Key("summary").Text(Summary(diagnoses));
  WriteLayers(json, diagnoses);
  json.Key("host").BeginArray();
  for (const Note& note : notes) {
    json.BeginObject();
    json.Key("name").Text(note.name);
    json.Key("value").Text(note.value);
    json.Key("level").Text(note.level == Note::Level::kGood ? "good" : "advice");
    json.Key("meaning").Text(note.meaning);
    json.Key("fix").Text(note.fix);
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
  return std::move(json).Take();
}

int Doctor(std::span<const std::string> args, Colour colour, std::string& out, std::string& errors) {
  bool as_json = false, clean = false;
  for (const std::string& arg : args) {
    if (arg == "--json" || arg == "--clean") {
      (arg == "--json" ? as_json : clean) = true;
      continue;
    }
    errors += "moat doctor: unknown argument " + base::Quoted(arg);
    const std::string meant = base::Closest(arg, std::vector<std::string>{"--json", "--clean"});
    errors += meant.empty() ? "; it takes --json and --clean only\n" : "; did you mean " + meant + "?\n";
    return kOurError;
  }
  if (clean) {
    const auto mountinfo = sys::ReadFile("/proc/self/mountinfo", kMaxMountinfo);
    if (!mountinfo.ok()) {
      errors += "moat doctor: " + mountinfo.error().ToString() + "\n";
      return kOurError;
    }
    const CleanedGroups cleaned = CleanGroups(*mountinfo);
    out += as_json ? CleanedJson(cleaned) : CleanedText(cleaned);
    return 0;
  }
  const auto facts = probe::Probe();
  if (!facts.ok()) {
    errors += "moat doctor: " + facts.error().ToString() + "\n";
    return kOurError;
  }
  const std::vector<Note> notes = probe::LookAtThisHost(facts->cgroups);
  out += as_json ? DoctorJson(*facts, notes) : DoctorText(*facts, notes, colour);
  return DoctorExitCode(Diagnose(*facts));
}

}  // namespace moat::cli
