// What `list` and `info` say.
#include <nlohmann/json.hpp>

#include "program/draw.h"

namespace program {
namespace {

using nlohmann::ordered_json;

std::string Id(const fig::Guid& guid) { return std::to_string(guid.session) + ":" + std::to_string(guid.local); }

const char* Word(fig::FileKind kind) {
  switch (kind) {
    case fig::FileKind::kDesign: return "design";
    case fig::FileKind::kJam: return "jam";
    case fig::FileKind::kDeck: return "deck";
  }
  return "";
}

// Everything beyond ASCII is escaped: what is printed is harmless to a terminal.
std::string Dump(const ordered_json& json) { return json.dump(2, ' ', true, ordered_json::error_handler_t::replace) + "\n"; }

std::string Whole(double value) { return std::to_string(static_cast<long long>(value + .5)); }

ordered_json ListJson(const std::vector<scene::Entry>& entries) {
  ordered_json pages = ordered_json::array();
  for (const scene::Entry& entry : entries) {
    ordered_json one = {{"id", Id(entry.guid)}, {"name", entry.name}};
    if (entry.type == fig::NodeType::kCanvas) {
      one["nodes"] = ordered_json::array();
      pages.push_back(std::move(one));
    } else if (!pages.empty()) {
      one["type"] = fig::Word(entry.type);
      one["width"] = entry.width;
      one["height"] = entry.height;
      pages.back()["nodes"].push_back(std::move(one));
    }
  }
  return pages;
}

}  // namespace

std::string ListText(const fig::Document& document, Command::Text text) {
  const std::vector<scene::Entry> entries = scene::List(document);
  if (text == Command::Text::kJson) return Dump(ListJson(entries));
  std::string out;
  for (const scene::Entry& entry : entries) {
    const bool page = entry.type == fig::NodeType::kCanvas;
    out += (page ? "" : "  ") + Id(entry.guid) + "  ";
    if (!page) out += std::string(fig::Word(entry.type)) + "  " + Whole(entry.width) + "x" + Whole(entry.height) + "  ";
    out += Printable(entry.name) + "\n";
  }
  return out;
}

std::string InfoText(const fig::Document& document, Command::Text text) {
  ordered_json info = {
      {"kind", Word(document.kind)},  {"container", document.zipped ? "zip" : "raw"},
      {"version", document.version},  {"name", document.file_name},
      {"nodes", document.nodes.size()},   {"blobs", document.blobs.size()},
      {"images", document.images.size()}, {"definitions", document.schema_definitions},
      {"thumbnail_bytes", document.thumbnail.size}};
  if (text == Command::Text::kJson) return Dump(info);
  std::string out;
  for (const auto& [key, value] : info.items()) {
    out += key + ": " + (value.is_string() ? Printable(value.get<std::string>()) : value.dump()) + "\n";
  }
  return out;
}

}  // namespace program
