#include "policy/load.h"

#include <algorithm>

#include "base/similar.h"
#include "policy/files.h"
#include "policy/options.h"
#include "policy/reader.h"
#include "policy/scalars.h"
#include "policy/tree.h"

namespace moat::policy {
namespace {

constexpr std::size_t kDeepest = 8;
constexpr std::string_view kCommandLine = "command line";

struct Document {
  std::string name;
  std::string path;
  Node root;
};

bool IsPath(std::string_view name) {
  return name.find('/') != std::string_view::npos ||
         name.substr(name.size() - std::min<std::size_t>(name.size(), 5)) == ".toml";
}

// A base that is a relative path lies beside the file that names it.
std::string BesideFile(const std::string& base, const std::string& path) {
  if (!IsPath(base) || base[0] == '/') return base;
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? base : path.substr(0, slash + 1) + base;
}

Error Loop(const std::vector<Document>& chain, const std::string& again, const Origin& origin) {
  std::string text;
  for (const Document& document : chain) text += document.path + " -> ";
  return WithFix(PolicyError("profiles build on one another in a circle: " + text + again, origin),
                 "take out one `base`");
}

// Follows `base` from the first document on; the nearest comes first.
Status FollowBases(std::vector<Document>& chain, const ReadProfile& read) {
  while (true) {
    const BaseName base = MOAT_TRY(ReadBase(chain.back().root));
    if (base.name.empty()) return {};
    if (chain.size() > kDeepest) {
      return PolicyError("more than 8 profiles build on one another", base.origin);
    }
    if (!read) return PolicyError("a base cannot be read here: " + Quote(base.name), base.origin);
    Result<SourceText> source = read(BesideFile(base.name, chain.back().path));
    if (!source.ok()) {
      if (source.error().origin.empty()) source.error().origin = base.origin;
      return source.error();
    }
    for (const Document& document : chain) {
      if (document.path == source->path) return Loop(chain, source->path, base.origin);
    }
    Node root = MOAT_TRY(ParseTree(source->text, source->path));
    chain.push_back({base.name, source->path, std::move(root)});
  }
}

Result<Model> Build(std::string name, SourceText first, const ReadProfile& read) {
  std::vector<Document> chain;
  Node root = MOAT_TRY(ParseTree(first.text, first.path));
  chain.push_back({name, first.path, std::move(root)});
  MOAT_TRY(FollowBases(chain, read));

  Model model = MOAT_TRY(DefaultModel());
  for (auto document = chain.rbegin(); document != chain.rend(); ++document) {
    MOAT_TRY(ApplyDocument(model, document->root));
  }
  model.name = std::move(name);
  for (const Document& document : chain) model.sources.push_back(document.path);
  for (std::size_t i = 1; i < chain.size(); ++i) model.bases.push_back(chain[i].name);
  MOAT_TRY(Validate(model));
  return model;
}

Status ApplyEnv(Environment& environment, std::string_view text, const Origin& origin) {
  const std::size_t equals = text.find('=');
  Setting<std::string> setting(
      std::string(equals == std::string_view::npos ? text : text.substr(equals + 1)));
  setting.origin = origin;
  const std::string name(text.substr(0, equals));
  if (name.empty()) return PolicyError(Quote(text) + " has no variable's name", origin);
  if (equals == std::string_view::npos) {
    // What is asked for by name now wins over a value that a profile fixed.
    std::erase_if(environment.set, [&](const auto& pair) { return pair.first == name; });
    environment.pass.push_back(setting);
    return {};
  }
  const auto at = std::lower_bound(environment.set.begin(), environment.set.end(), name,
                                   [](const auto& pair, const std::string& key) { return pair.first < key; });
  if (at != environment.set.end() && at->first == name) {
    at->second = setting;
  } else {
    environment.set.insert(at, {name, setting});
  }
  return {};
}

Status ApplyFileFlag(Files& files, std::string_view key, std::string_view value, const Origin& origin) {
  FileLayer layer;
  if (key == "scratch") MOAT_TRY(ReadScratchFlag(layer, value, origin));
  for (const FileAccess access :
       {FileAccess::kRead, FileAccess::kWrite, FileAccess::kHide, FileAccess::kDevice}) {
    if (key == AccessKey(access)) MOAT_TRY(ReadFileFlag(layer, access, value, origin));
  }
  MergeFiles(files, layer);
  return {};
}

}  // namespace

Result<Model> Load(std::string_view name_or_path, const ReadProfile& read) {
  SourceText source = MOAT_TRY(read(name_or_path));
  return Build(std::string(name_or_path), std::move(source), read);
}

Result<Model> Parse(std::string_view text, std::string path, const ReadProfile& read) {
  return Build(path, {path, std::string(text)}, read);
}

Status ApplyFlag(Model& model, std::string_view flag, std::string_view value) {
  const Origin origin{std::string(kCommandLine)};
  const Option* option = FindFlag(flag);
  if (option == nullptr) {
    std::vector<std::string_view> known;
    for (const Option& each : Options()) {
      if (!each.flag.empty()) known.push_back(each.flag);
    }
    const std::string closest = base::Closest(flag, known);
    return WithFix(PolicyError("there is no flag `--" + std::string(flag) + "`", origin),
                   closest.empty() ? std::string() : DidYouMean("--" + closest));
  }
  if (option->section == "environment") return ApplyEnv(model.environment, value, origin);
  if (!IsScalar(*option)) return ApplyFileFlag(model.files, option->key, value, origin);
  Status set = SetScalar(model, *option, value, origin);
  if (!set.ok()) {
    // Name the flag as it was typed, not the key behind it.
    set.error().message.replace(0, option->key.size() + 2, "`--" + std::string(option->flag) + "`");
    set.error().origin = origin;
  }
  return set;
}

}  // namespace moat::policy
