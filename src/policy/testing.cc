#include "policy/testing.h"

namespace moat::policy {

ReadProfile FromMemory(std::map<std::string, std::string> texts) {
  return [texts = std::move(texts)](std::string_view name) -> Result<SourceText> {
    const auto at = texts.find(std::string(name));
    if (at == texts.end()) return PolicyError("there is no profile `" + std::string(name) + "`");
    return SourceText{at->first, at->second};
  };
}

Result<Model> ParseBody(std::string_view body, const ReadProfile& read) {
  return Parse("moat = 1\n" + std::string(body), "test.toml", read);
}

std::string ErrorOf(const Result<Model>& result) {
  return result.ok() ? "accepted" : result.error().ToString();
}

}  // namespace moat::policy
