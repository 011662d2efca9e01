// A message that fits the samples' schema, drawn as SVG: whatever it says, the text is balanced markup
// in which nothing of the file stands but as the value of an attribute.
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "fig/decode_message.h"
#include "fig/fuzzing.h"
#include "fig/schema.h"
#include "figgen/schema_text.h"
#include "scene/build.h"
#include "svg/svg.h"

namespace {

fig::Document DocumentOf(fig::Message message) {
  fig::Document document;
  document.blobs = std::move(message.blobs);
  for (fig::NodeChange& change : message.nodes) {
    if (change.removed || !change.guid || change.guid->null()) continue;
    if (document.by_guid.emplace(*change.guid, document.nodes.size()).second) document.nodes.push_back(std::move(change));
  }
  return document;
}

// One tag, from behind its "<" to its ">": a name, then attributes in double quotes. Returns where it
// ends; aborts on anything else.
std::size_t EndOfTag(std::string_view text, std::size_t at) {
  bool quoted = false;
  for (; at < text.size(); ++at) {
    const char letter = text[at];
    if (letter == '<' || static_cast<unsigned char>(letter) < 0x20) std::abort();
    if (letter == '"') quoted = !quoted;
    if (letter == '>' && quoted) std::abort();
    if (letter == '>') return at;
  }
  std::abort();
}

void Check(std::string_view text) {
  std::vector<std::string_view> open;
  for (std::size_t at = 0; at < text.size() && text[at] != '\n'; ++at) {
    if (text[at] != '<') std::abort();  // no text between elements
    const std::size_t end = EndOfTag(text, at + 1);
    const std::string_view tag = text.substr(at + 1, end - at - 1);
    const std::string_view name = tag.substr(tag[0] == '/' ? 1 : 0, tag.find_first_of(" /", 1) - (tag[0] == '/' ? 1 : 0));
    if (tag[0] == '/') {
      if (open.empty() || open.back() != tag.substr(1)) std::abort();
      open.pop_back();
    } else if (tag.back() != '/') {
      open.push_back(name);
    }
    if (name == "script" || name == "foreignObject" || name == "style" || name == "a") std::abort();
    at = end;
  }
  if (!open.empty()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string own = figgen::EncodeSchema(figgen::OwnSchema());
  if (size < 4) return 0;
  fig::Budget budget = fig::FuzzBudget();
  budget.svg_bytes = 1 << 20;
  budget.expanded_nodes = 2000;
  auto schema = fig::ParseSchema(fig::BytesOf(own), budget);
  if (!schema.ok()) std::abort();
  auto message = fig::DecodeMessage(schema.value(), {data + 4, size - 4}, budget);
  if (!message.ok()) return 0;
  const fig::Document document = DocumentOf(std::move(message.value()));
  const auto scene = scene::Build(document, {}, budget);
  if (!scene.ok()) return 0;
  const auto text = svg::Write(scene.value(), {}, budget, nullptr);
  if (text.ok()) Check(text.value());
  return 0;
}
