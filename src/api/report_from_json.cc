// Report::FromJson: what Report::ToJson wrote (docs/reference/report.md), read back.
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "moat/report.h"

namespace moat {
namespace {

using Json = nlohmann::json;

Error Wrong(const std::string& where, const std::string& what) {
  Error error = PolicyError("not a report: `" + where + "` is not " + what);
  error.subject = where;
  return error;
}

int Digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool FromBase64(const std::string& text, std::string& bytes) {
  if (text.size() % 4 != 0) return false;
  std::size_t size = text.size();
  for (int i = 0; i < 2 && size > 0 && text[size - 1] == '='; ++i) --size;
  unsigned long word = 0;
  int bits = 0;
  for (std::size_t i = 0; i < size; ++i) {
    const int digit = Digit(text[i]);
    if (digit < 0) return false;
    word = word << 6 | static_cast<unsigned long>(digit);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes += static_cast<char>(word >> bits & 0xff);
  }
  return true;
}

// A cursor into the document that remembers its way, and the first thing that was wrong.
class Reader {
 public:
  Reader(const Json& value, std::string where, std::optional<Error>& error)
      : value_(value), where_(std::move(where)), error_(error) {}

  // Absent and null are the same: what is asked for keeps its default.
  void Get(const char* key, std::uint64_t& out) const {
    const Json* found = Find(key);
    if (found == nullptr) return;
    if (!found->is_number_unsigned()) return Fail(key, "a whole number");
    out = found->get<std::uint64_t>();
  }
  void Get(const char* key, std::uint32_t& out) const {
    std::uint64_t wide = out;
    Get(key, wide);
    if (wide > std::numeric_limits<std::uint32_t>::max()) return Fail(key, "a number of 32 bits");
    out = static_cast<std::uint32_t>(wide);
  }
  void Get(const char* key, int& out) const {
    const Json* found = Find(key);
    if (found == nullptr) return;
    const bool fits = found->is_number_unsigned() ? found->get<std::uint64_t>() <= std::numeric_limits<int>::max()
                                                  : found->is_number_integer() &&
                                                        found->get<std::int64_t>() >= std::numeric_limits<int>::min();
    if (!fits) return Fail(key, "a number of 32 bits");
    out = found->get<int>();
  }
  void Get(const char* key, std::optional<int>& out) const {
    int value = 0;
    if (Find(key) == nullptr) return;
    Get(key, value);
    out = value;
  }
  void Get(const char* key, std::optional<std::uint64_t>& out) const {
    std::uint64_t value = 0;
    if (Find(key) == nullptr) return;
    Get(key, value);
    out = value;
  }
  void Get(const char* key, bool& out) const {
    const Json* found = Find(key);
    if (found == nullptr) return;
    if (!found->is_boolean()) return Fail(key, "true or false");
    out = found->get<bool>();
  }
  void Get(const char* key, std::string& out) const {
    const Json* found = Find(key);
    if (found != nullptr && !TakeText(*found, out)) Fail(key, "a text");
  }
  void Get(const char* key, std::vector<std::string>& out) const {
    Each(key, [&](const Json& element, const std::string& where) {
      if (!TakeText(element, out.emplace_back())) Note(Wrong(where, "a text"));
    });
  }
  // Calls take(Reader) with the object of that name, if there is one.
  template <typename Take>
  void Object(const char* key, Take take) const {
    const Json* found = Find(key);
    if (found == nullptr) return;
    if (!found->is_object()) return Fail(key, "an object");
    take(Reader(*found, Path(key), error_));
  }
  template <typename T, typename Take>
  void Objects(const char* key, std::vector<T>& out, Take take) const {
    Each(key, [&](const Json& element, const std::string& where) {
      if (!element.is_object()) return Note(Wrong(where, "an object"));
      take(Reader(element, where, error_), out.emplace_back());
    });
  }
  bool Has(const char* key) const { return Find(key) != nullptr; }
  void Fail(const char* key, const char* what) const { Note(Wrong(Path(key), what)); }

 private:
  const Json* Find(const char* key) const {
    const auto found = value_.find(key);
    return found == value_.end() || found->is_null() ? nullptr : &*found;
  }
  template <typename Take>
  void Each(const char* key, Take take) const {
    const Json* found = Find(key);
    if (found == nullptr) return;
    if (!found->is_array()) return Fail(key, "a list");
    for (std::size_t i = 0; i < found->size(); ++i) take((*found)[i], Path(key) + "[" + std::to_string(i) + "]");
  }
  static bool TakeText(const Json& value, std::string& out) {
    if (value.is_null()) return true;
    if (value.is_string()) {
      out = value.get_ref<const std::string&>();
      return true;
    }
    const auto base64 = value.is_object() ? value.find("base64") : value.end();
    if (!value.is_object() || base64 == value.end() || !base64->is_string()) return false;
    return FromBase64(base64->get_ref<const std::string&>(), out);
  }
  std::string Path(const char* key) const { return where_.empty() ? key : where_ + "." + key; }
  void Note(Error error) const {
    if (!error_) error_ = std::move(error);
  }

  const Json& value_;
  std::string where_;
  std::optional<Error>& error_;
};

void TakeEnd(const Reader& in, Report& report) {
  std::uint64_t format = 0;
  std::string cause;
  in.Get("report", format);
  if (format != 1) in.Fail("report", "a format that this version of moat knows: 1");
  in.Get("cause", cause);
  const auto known = CauseFromName(cause);
  if (!known) in.Fail("cause", "a cause that this version of moat knows");
  report.cause = known.value_or(Cause::kSetup);
  in.Get("detail", report.detail);
  in.Get("exit_code", report.exit_code);
  in.Get("signal", report.signal);
  in.Get("core", report.core);
}

void TakeUsage(const Reader& in, Report& report) {
  in.Get("wall", report.wall);
  in.Object("cpu", [&](const Reader& cpu) {
    cpu.Get("user", report.cpu_user);
    cpu.Get("system", report.cpu_system);
  });
  in.Object("memory_peak", [&](const Reader& memory) {
    memory.Get("total", report.memory_peak);
    memory.Get("anonymous", report.memory_anonymous);
    memory.Get("file", report.memory_file);
    memory.Get("shared", report.memory_shared);
  });
  in.Get("pids_peak", report.pids_peak);
  in.Get("read", report.read);
  in.Get("written", report.written);
  in.Object("context_switches", [&](const Reader& switches) {
    switches.Get("voluntary", report.voluntary_switches);
    switches.Get("involuntary", report.involuntary_switches);
  });
}

void TakeStream(const Reader& in, const char* key, StreamUsage& usage) {
  in.Object(key, [&](const Reader& stream) {
    stream.Get("bytes", usage.bytes);
    stream.Get("kept", usage.kept);
    stream.Get("truncated", usage.truncated);
  });
}

void TakeOutputs(const Reader& in, Report& report) {
  in.Objects("inputs", report.inputs, [](const Reader& from, InputFile& file) {
    from.Get("name", file.name);
    from.Get("size", file.size);
    from.Get("path_hidden", file.path_hidden);
  });
  in.Objects("outputs", report.outputs, [](const Reader& from, OutputFile& file) {
    from.Get("name", file.name);
    from.Get("type", file.type);
    from.Get("size", file.size);
    from.Get("sha256", file.sha256);
    from.Get("truncated", file.truncated);
    from.Get("changes", file.changes);
  });
  in.Objects("refused", report.refused, [](const Reader& from, RefusedOutput& refused) {
    from.Get("name", refused.name);
    from.Get("why", refused.why);
  });
}

void TakeDenials(const Reader& in, Report& report) {
  in.Object("denials", [&](const Reader& denials) {
    denials.Get("count", report.denial_count);
    denials.Objects("kinds", report.denials, [](const Reader& from, Denial& denial) {
      from.Get("call", denial.call);
      from.Get("arguments", denial.arguments);
      from.Get("rule", denial.rule);
      from.Get("edit", denial.edit);
      from.Get("count", denial.count);
      from.Get("action", denial.action);
      from.Get("path", denial.path);
      from.Get("executable", denial.executable);
      from.Get("thread", denial.thread);
      from.Get("folder", denial.folder);
      from.Get("stack", denial.stack);
    });
  });
}

void TakeLayers(const Reader& in, const char* key, std::vector<Layer>& layers) {
  in.Objects(key, layers, [](const Reader& from, Layer& layer) {
    from.Get("name", layer.name);
    from.Get("detail", layer.detail);
  });
}

void TakeSetup(const Reader& in, Report& report) {
  in.Object("setup", [&](const Reader& from) {
    SetupFailure& setup = report.setup.emplace();
    from.Get("stage", setup.stage);
    from.Get("call", setup.call);
    from.Get("errno", setup.error_number);
    from.Get("subject", setup.subject);
    from.Object("origin", [&](const Reader& origin) {
      origin.Get("file", setup.origin.file);
      origin.Get("line", setup.origin.line);
      origin.Get("column", setup.origin.column);
    });
    from.Get("message", setup.message);
  });
}

}  // namespace

Result<Report> Report::FromJson(std::string_view text) {
  const Json document = Json::parse(text.begin(), text.end(), nullptr, false);
  if (document.is_discarded()) return PolicyError("not a report: not JSON");
  if (!document.is_object()) return PolicyError("not a report: not an object");
  std::optional<Error> error;
  const Reader in(document, "", error);
  Report report;
  TakeEnd(in, report);
  TakeUsage(in, report);
  TakeStream(in, "stdout", report.out);
  TakeStream(in, "stderr", report.err);
  TakeOutputs(in, report);
  in.Get("results_lost", report.results_lost);
  in.Get("side", report.side);
  in.Get("warm", report.warm);
  TakeDenials(in, report);
  in.Get("limits_hit", report.limits_hit);
  TakeLayers(in, "unknown", report.unknown);
  in.Get("hints", report.hints);
  TakeLayers(in, "enforced", report.enforced);
  TakeLayers(in, "degraded", report.degraded);
  TakeSetup(in, report);
  in.Object("policy", [&](const Reader& policy) {
    policy.Get("name", report.policy_name);
    policy.Get("hash", report.policy_hash);
  });
  in.Get("host", report.host);
  in.Get("moat", report.version);
  if (error) return *std::move(error);
  return report;
}

}  // namespace moat
