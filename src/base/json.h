// Writes JSON, pretty-printed, for machines and for people who look at it in a terminal.
// Text is lossless and inert: docs/reference/report.md, "Text". Pure; core code may use it.
//
//   base::JsonWriter json;
//   json.BeginObject();
//   json.Key("name").Text(name);
//   json.Key("sizes").BeginArray();
//   for (auto size : sizes) json.Number(size);
//   json.EndArray();
//   json.EndObject();
//   std::string text = std::move(json).Take();  // ends with a new line
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace moat::base {

class JsonWriter {
 public:
  JsonWriter& BeginObject() { return Begin('{'); }
  JsonWriter& EndObject() { return End('}'); }
  JsonWriter& BeginArray() { return Begin('['); }
  JsonWriter& EndArray() { return End(']'); }
  JsonWriter& Key(std::string_view name);  // a name of ours, never of a guest: it must be UTF-8

  // UTF-8 becomes a string. Other bytes become {"base64": ..., "printable": ...}.
  JsonWriter& Text(std::string_view bytes);
  JsonWriter& Number(std::uint64_t value);
  JsonWriter& Signed(std::int64_t value);
  JsonWriter& Bool(bool value);
  JsonWriter& Null();

  // Precondition: everything that was begun has ended.
  std::string Take() &&;

 private:
  JsonWriter& Begin(char bracket);
  JsonWriter& End(char bracket);
  JsonWriter& Raw(std::string_view text);
  void BeforeValue();
  void NewLine();
  void AppendString(std::string_view utf8);

  std::string out_;
  std::vector<bool> empty_;  // for each open bracket: nothing is in it yet
  bool after_key_ = false;
};

std::string Base64(std::string_view bytes);  // RFC 4648 with padding

}  // namespace moat::base
