#include "fig/meta.h"

#include <vector>

#include <nlohmann/json.hpp>

namespace fig {
namespace {

constexpr std::size_t kDeepest = 64;
constexpr std::string_view kClient = "/client_meta/";

// Is told of one thing after the other, and knows by the path of keys where it is. What is in arrays
// is nobody's: a path through one has an empty key.
class MetaReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  MetaFile file;
  bool too_deep = false;
  std::size_t fault_at = 0;

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t number) override { return Number(static_cast<double>(number)); }
  bool number_unsigned(number_unsigned_t number) override { return Number(static_cast<double>(number)); }
  bool number_float(number_float_t number, const string_t&) override { return Number(number); }
  bool binary(binary_t&) override { return true; }
  bool string(string_t& text) override {
    if (Path() == "/file_name") file.file_name = text;
    return true;
  }
  bool start_object(std::size_t) override { return Down(); }
  bool start_array(std::size_t) override { return Down(); }
  bool end_object() override { return Up(); }
  bool end_array() override { return Up(); }
  bool key(string_t& key) override {
    keys_.back() = key;
    return true;
  }
  bool parse_error(std::size_t at, const std::string&, const nlohmann::json::exception&) override {
    fault_at = at;
    return false;
  }

 private:
  bool Down() {
    too_deep = keys_.size() == kDeepest;
    if (!too_deep) keys_.emplace_back();
    return !too_deep;
  }
  bool Up() {
    keys_.pop_back();
    return true;
  }
  std::string Path() const {
    std::string path;
    for (const std::string& key : keys_) path += "/" + key;
    return path;
  }

  // An object counts when it has any of its members; the others stay as they are by default.
  bool Number(double number) {
    const std::string path = Path();
    if (path.compare(0, kClient.size(), kClient) != 0) return true;
    const std::string rest = path.substr(kClient.size());
    if (rest.compare(0, 17, "background_color/") == 0) SetColour(rest.substr(17), static_cast<float>(number));
    SetPart(rest, "render_coordinates/", {"x", "y", "width", "height"}, number, &file.meta.render_coordinates);
    SetPart(rest, "thumbnail_size/", {"width", "height"}, number, &file.meta.thumbnail_size);
    return true;
  }

  void SetColour(const std::string& key, float number) {
    if (!file.meta.background) file.meta.background.emplace();
    Colour& colour = *file.meta.background;
    if (key == "r") colour.r = number;
    if (key == "g") colour.g = number;
    if (key == "b") colour.b = number;
    if (key == "a") colour.a = number;
  }

  template <std::size_t kSize>
  static void SetPart(const std::string& path, const std::string& object, const char* const (&keys)[kSize],
                      double number, std::optional<std::array<double, kSize>>* parts) {
    for (std::size_t i = 0; i < kSize; ++i) {
      if (path != object + keys[i]) continue;
      if (!parts->has_value()) parts->emplace();
      (**parts)[i] = number;
    }
  }

  std::vector<std::string> keys_;
};

}  // namespace

Outcome<MetaFile> ParseMeta(Bytes json) {
  MetaReader reader;
  if (nlohmann::json::sax_parse(json.data, json.data + json.size, &reader)) return std::move(reader.file);
  if (reader.too_deep) return Fault{FaultClass::kBudget, "nested too deeply", Fault::kNowhere, "meta.json"};
  return Fault{FaultClass::kMessage, "not JSON", reader.fault_at, "meta.json"};
}

}  // namespace fig
