// SARIF 2.1.0 (OASIS), what code hosting shows beside the lines of a change.
#include "base/json.h"
#include "base/safe_text.h"
#include "lint/lint.h"
#include "lint/rule.h"

namespace moat::lint {
namespace {

std::string_view Level(Severity severity) {
  return severity == Severity::kError ? "error" : severity == Severity::kWarning ? "warning" : "note";
}

void Message(base::JsonWriter& json, std::string_view key, const std::string& text) {
  json.Key(key).BeginObject().Key("text").Text(base::Printable(text)).EndObject();
}

// RFC 3986: what is neither unreserved nor a slash is escaped.
std::string Uri(const std::string& path) {
  constexpr std::string_view kPlain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
  std::string out = !path.empty() && path[0] == '/' ? "file://" : "";
  for (const char c : path) {
    if (kPlain.find(c) != std::string_view::npos) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += "0123456789ABCDEF"[byte >> 4];
    out += "0123456789ABCDEF"[byte & 15];
  }
  return out;
}

void Describe(base::JsonWriter& json, const Rule& rule) {
  json.BeginObject().Key("id").Text(rule.id);
  Message(json, "shortDescription", std::string(rule.why));
  Message(json, "help", std::string(rule.fix) + ". See " + std::string(rule.reference) + ".");
  json.Key("defaultConfiguration").BeginObject().Key("level").Text(Level(rule.severity)).EndObject();
  json.EndObject();
}

void Location(base::JsonWriter& json, const Finding& finding, const std::string& name) {
  json.Key("locations").BeginArray().BeginObject().Key("physicalLocation").BeginObject();
  const std::string& file = finding.origin.file.empty() ? name : finding.origin.file;
  json.Key("artifactLocation").BeginObject().Key("uri").Text(Uri(file)).EndObject();
  if (finding.origin.line != 0) {
    json.Key("region").BeginObject().Key("startLine").Number(finding.origin.line);
    if (finding.origin.column != 0) json.Key("startColumn").Number(finding.origin.column);
    json.EndObject();
  }
  json.EndObject().EndObject().EndArray();
}

void Result(base::JsonWriter& json, const Finding& finding, const std::string& name) {
  std::uint64_t index = 0;
  for (const Rule& rule : Rules()) {
    if (rule.id == finding.rule) break;
    ++index;
  }
  json.BeginObject().Key("ruleId").Text(finding.rule).Key("ruleIndex").Number(index).Key("level").Text(Level(finding.severity));
  Message(json, "message", finding.message + "; " + finding.fix);
  Location(json, finding, name);
  if (!finding.accepted.empty()) {
    json.Key("suppressions").BeginArray().BeginObject().Key("kind").Text("inSource");
    json.Key("justification").Text(base::Printable(finding.accepted)).EndObject().EndArray();
  }
  json.EndObject();
}

}  // namespace

std::string PrintSarif(const std::vector<Linted>& all) {
  base::JsonWriter json;
  json.BeginObject().Key("$schema").Text("https://json.schemastore.org/sarif-2.1.0.json").Key("version").Text("2.1.0");
  json.Key("runs").BeginArray().BeginObject();
  json.Key("tool").BeginObject().Key("driver").BeginObject().Key("name").Text("moat lint").Key("version").Text(MOAT_VERSION);
  json.Key("rules").BeginArray();
  for (const Rule& rule : Rules()) Describe(json, rule);
  json.EndArray().EndObject().EndObject();
  json.Key("results").BeginArray();
  for (const Linted& linted : all) {
    for (const Finding& finding : linted.findings) Result(json, finding, linted.name);
  }
  json.EndArray().EndObject().EndArray().EndObject();
  return std::move(json).Take();
}

}  // namespace moat::lint
