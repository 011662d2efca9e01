// Report::ToJson(). Every name here is a promise: docs/reference/report.md.
#include <utility>

#include "base/errno_name.h"
#include "base/json.h"
#include "moat/report.h"
#include "run/report_words.h"

namespace moat {
namespace {

using base::JsonWriter;

constexpr std::uint64_t kFormat = 1;

// An empty text is one that nobody knows: null says so.
void AddText(JsonWriter& json, std::string_view key, std::string_view text) {
  json.Key(key);
  if (text.empty()) {
    json.Null();
  } else {
    json.Text(text);
  }
}

void AddNumber(JsonWriter& json, std::string_view key, std::uint64_t value) { json.Key(key).Number(value); }

void AddKnown(JsonWriter& json, std::string_view key, const std::optional<std::uint64_t>& value) {
  json.Key(key);
  value ? json.Number(*value) : json.Null();
}

void AddTexts(JsonWriter& json, std::string_view key, const std::vector<std::string>& texts) {
  json.Key(key).BeginArray();
  for (const auto& text : texts) json.Text(text);
  json.EndArray();
}

void AddEnd(JsonWriter& json, const Report& report) {
  json.Key("cause").Text(CauseName(report.cause));
  AddText(json, "detail", report.detail);
  json.Key("exit_code");
  report.exit_code ? json.Signed(*report.exit_code) : json.Null();
  json.Key("signal");
  report.signal ? json.Signed(*report.signal) : json.Null();
  AddText(json, "signal_name", report.signal ? run::SignalName(*report.signal) : std::string_view());
  json.Key("core").Bool(report.core);
}

void AddUsage(JsonWriter& json, const Report& report) {
  AddNumber(json, "wall", report.wall);
  json.Key("cpu").BeginObject();
  AddNumber(json, "user", report.cpu_user);
  AddNumber(json, "system", report.cpu_system);
  json.EndObject();
  json.Key("memory_peak").BeginObject();
  AddNumber(json, "total", report.memory_peak);
  AddKnown(json, "anonymous", report.memory_anonymous);
  AddKnown(json, "file", report.memory_file);
  AddKnown(json, "shared", report.memory_shared);
  json.EndObject();
  AddKnown(json, "pids_peak", report.pids_peak);
  AddKnown(json, "read", report.read);
  AddKnown(json, "written", report.written);
  json.Key("context_switches").BeginObject();
  AddNumber(json, "voluntary", report.voluntary_switches);
  AddNumber(json, "involuntary", report.involuntary_switches);
  json.EndObject();
}

void AddStream(JsonWriter& json, std::string_view key, const StreamUsage& usage) {
  json.Key(key).BeginObject();
  AddNumber(json, "bytes", usage.bytes);
  AddNumber(json, "kept", usage.kept);
  json.Key("truncated").Bool(usage.truncated);
  json.EndObject();
}

void AddInputs(JsonWriter& json, const Report& report) {
  json.Key("inputs").BeginArray();
  for (const auto& input : report.inputs) {
    json.BeginObject();
    json.Key("name").Text(input.name);
    AddNumber(json, "size", input.size);
    json.Key("path_hidden").Bool(input.path_hidden);
    json.EndObject();
  }
  json.EndArray();
}

void AddOutputs(JsonWriter& json, const Report& report) {
  json.Key("outputs").BeginArray();
  for (const auto& output : report.outputs) {
    json.BeginObject();
    json.Key("name").Text(output.name);
    json.Key("type").Text(output.type);
    AddNumber(json, "size", output.size);
    AddText(json, "sha256", output.sha256);
    json.Key("truncated").Bool(output.truncated);
    AddTexts(json, "changes", output.changes);
    json.EndObject();
  }
  json.EndArray();
  json.Key("refused").BeginArray();
  for (const auto& refused : report.refused) {
    json.BeginObject();
    AddText(json, "name", refused.name);
    json.Key("why").Text(refused.why);
    json.EndObject();
  }
  json.EndArray();
}

void AddDenials(JsonWriter& json, const Report& report) {
  json.Key("denials").BeginObject();
  AddNumber(json, "count", report.denial_count);
  json.Key("kinds").BeginArray();
  for (const auto& denial : report.denials) {
    json.BeginObject();
    json.Key("call").Text(denial.call);
    AddText(json, "arguments", denial.arguments);
    AddText(json, "rule", denial.rule);
    AddText(json, "edit", denial.edit);
    AddNumber(json, "count", denial.count);
    AddText(json, "action", denial.action);
    AddText(json, "path", denial.path);
    AddText(json, "executable", denial.executable);
    AddText(json, "thread", denial.thread);
    AddText(json, "folder", denial.folder);
    json.Key("stack").BeginArray();
    for (const std::string& frame : denial.stack) json.Text(frame);
    json.EndArray();
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
}

// {name, detail} pairs.
void AddLayers(JsonWriter& json, std::string_view key, const std::vector<Layer>& layers) {
  json.Key(key).BeginArray();
  for (const auto& layer : layers) {
    json.BeginObject();
    json.Key("name").Text(layer.name);
    AddText(json, "detail", layer.detail);
    json.EndObject();
  }
  json.EndArray();
}

void AddOrigin(JsonWriter& json, const Origin& origin) {
  json.Key("origin");
  if (origin.empty()) {
    json.Null();
    return;
  }
  json.BeginObject();
  json.Key("file").Text(origin.file);
  AddNumber(json, "line", origin.line);
  AddNumber(json, "column", origin.column);
  json.EndObject();
}

void AddSetup(JsonWriter& json, const std::optional<SetupFailure>& setup) {
  json.Key("setup");
  if (!setup) {
    json.Null();
    return;
  }
  json.BeginObject();
  AddText(json, "stage", setup->stage);
  AddText(json, "call", setup->call);
  json.Key("errno").Signed(setup->error_number);
  AddText(json, "error", setup->error_number == 0 ? "" : base::ErrnoName(setup->error_number));
  AddText(json, "subject", setup->subject);
  AddOrigin(json, setup->origin);
  json.Key("message").Text(setup->message);
  json.EndObject();
}

}  // namespace

std::string Report::ToJson() const {
  JsonWriter json;
  json.BeginObject();
  AddNumber(json, "report", kFormat);
  AddEnd(json, *this);
  AddUsage(json, *this);
  AddStream(json, "stdout", out);
  AddStream(json, "stderr", err);
  AddInputs(json, *this);
  AddOutputs(json, *this);
  AddText(json, "results_lost", results_lost);
  AddText(json, "side", side);
  AddText(json, "warm", warm);
  AddDenials(json, *this);
  AddTexts(json, "limits_hit", limits_hit);
  AddLayers(json, "unknown", unknown);
  AddTexts(json, "hints", hints);
  AddLayers(json, "enforced", enforced);
  AddLayers(json, "degraded", degraded);
  AddSetup(json, setup);
  json.Key("policy").BeginObject();
  AddText(json, "name", policy_name);
  AddText(json, "hash", policy_hash);
  json.EndObject();
  AddText(json, "host", host);
  AddText(json, "moat", version);
  json.EndObject();
  return std::move(json).Take();
}

}  // namespace moat
