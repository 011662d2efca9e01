#include "policy/files.h"

#include <algorithm>

#include "base/similar.h"
#include "base/units.h"
#include "policy/path_groups.h"
#include "policy/paths.h"
#include "policy/scalars.h"

namespace moat::policy {
namespace {

constexpr std::uint64_t kSmallestScratch = 4096;

Error At(Error error, const Origin& origin) { return WithOrigin(std::move(error), origin); }

template <typename T>
Result<T> Placed(Result<T> result, const Origin& origin) {
  if (!result.ok()) result.error().origin = origin;
  return result;
}

FileRule NewRule(FileAccess access, const Origin& origin) {
  FileRule rule;
  rule.access = access;
  // A host folder that the job can write to must not become a way to plant programs.
  rule.execute = access == FileAccess::kRead || access == FileAccess::kScratch;
  rule.origin = origin;
  return rule;
}

Status Add(FileLayer& layer, FileRule rule) {
  const auto same = std::find_if(layer.rules.begin(), layer.rules.end(),
                                 [&](const FileRule& other) { return other.target == rule.target; });
  if (same == layer.rules.end()) {
    layer.rules.push_back(std::move(rule));
    return {};
  }
  if (FromGroup(rule)) {
    // Two groups share a path: both needs are met. A written line is never changed by one.
    if (FromGroup(*same)) same->execute = same->execute || rule.execute;
    return {};
  }
  if (FromGroup(*same)) {
    *same = std::move(rule);
    return {};
  }
  return WithFix(PolicyError(Quote(rule.target) + " is said twice in [files], the first time at " +
                                 same->origin.ToString(),
                             rule.origin),
                 "keep one of the two lines");
}

Status AddGroup(FileLayer& layer, std::string_view name, FileAccess access, const Origin& origin) {
  if (name == "@none") {
    layer.forget[static_cast<std::size_t>(access)] = true;
    return {};
  }
  if (access != FileAccess::kRead) {
    return At(PolicyError("path groups are for `read`, not for " + Quote(AccessKey(access))), origin);
  }
  const PathGroup* group = FindPathGroup(name.substr(1));
  if (group == nullptr) {
    std::vector<std::string> known = {"@none"};
    for (const PathGroup& each : PathGroups()) known.push_back("@" + std::string(each.name));
    return At(
        WithFix(PolicyError("there is no path group " + Quote(name)), DidYouMean(base::Closest(name, known))),
        origin);
  }
  for (const GroupPath& each : group->paths) {
    FileRule rule = NewRule(FileAccess::kRead, origin);
    rule.source = rule.target = std::string(each.path);
    rule.execute = each.execute == Execute::kYes;
    rule.optional = true;
    rule.follow = false;
    MOAT_TRY(Add(layer, std::move(rule)));
  }
  return {};
}

Status AddText(FileLayer& layer, FileAccess access, std::string_view text, const Origin& origin) {
  if (!text.empty() && text[0] == '@') return AddGroup(layer, text, access, origin);
  FileRule rule = NewRule(access, origin);
  if (text.size() > 1 && text.back() == '?') {
    rule.optional = true;
    text.remove_suffix(1);
  }
  rule.target = MOAT_TRY(Placed(NormalPath(text), origin));
  if (access != FileAccess::kHide) rule.source = rule.target;
  return Add(layer, std::move(rule));
}

Status UnknownKey(const Entry& entry, std::initializer_list<std::string_view> known) {
  return At(WithFix(PolicyError("unknown key " + Quote(entry.key) + " in this table"),
                    DidYouMean(base::Closest(entry.key, known))),
            entry.origin);
}

Status WrongKind(const Node& node, std::string_view what, std::string_view wanted) {
  return At(PolicyError(std::string(what) + " must be " + std::string(wanted) + ", not " +
                        std::string(KindName(node.kind))),
            node.origin);
}

Status ReadYesNo(const Entry& entry, bool& out) {
  if (entry.value.kind != Node::Kind::kBool) return WrongKind(entry.value, Quote(entry.key), "true or false");
  out = entry.value.integer != 0;
  return {};
}

Status ReadPath(const Entry& entry, std::string& out) {
  if (entry.value.kind != Node::Kind::kString) return WrongKind(entry.value, Quote(entry.key), "a path");
  out = MOAT_TRY(Placed(NormalPath(entry.value.text), entry.value.origin));
  return {};
}

// { from = "/host", to = "/jail", optional = true, execute = false, follow = false }
Status AddTable(FileLayer& layer, FileAccess access, const Node& table) {
  if (access == FileAccess::kHide) return WrongKind(table, "an entry of `hide`", "a path");
  FileRule rule = NewRule(access, table.origin);
  for (const Entry& entry : table.entries) {
    if (entry.key == "from") {
      MOAT_TRY(ReadPath(entry, rule.source));
    } else if (entry.key == "to") {
      MOAT_TRY(ReadPath(entry, rule.target));
    } else if (entry.key == "optional") {
      MOAT_TRY(ReadYesNo(entry, rule.optional));
    } else if (entry.key == "execute") {
      MOAT_TRY(ReadYesNo(entry, rule.execute));
    } else if (entry.key == "follow") {
      MOAT_TRY(ReadYesNo(entry, rule.follow));
    } else {
      return UnknownKey(entry, {"from", "to", "optional", "execute", "follow"});
    }
  }
  if (rule.source.empty()) {
    return At(PolicyError("`from` is missing: the path on the host"), table.origin);
  }
  if (rule.target.empty()) rule.target = rule.source;
  return Add(layer, std::move(rule));
}

Status ReadSize(std::string_view text, const Origin& origin, FileRule& rule) {
  if (text == "unlimited") {
    return At(WithFix(PolicyError("a scratch folder needs a size: it lives in memory"),
                      "give one, such as \"256M\""),
              origin);
  }
  rule.size = MOAT_TRY(Placed(base::ParseSize(text), origin));
  // tmpfs reads a size of 0 as no limit at all.
  if (rule.size < kSmallestScratch) {
    return At(PolicyError(Quote(text) + " is too small for a scratch folder; the minimum is 4K"), origin);
  }
  return {};
}

Status ReadScratchTable(const Node& table, FileRule& rule) {
  for (const Entry& entry : table.entries) {
    if (entry.key == "size") {
      if (entry.value.kind != Node::Kind::kString) {
        return WrongKind(entry.value, "`size`", "a size with its unit, such as \"256M\"");
      }
      MOAT_TRY(ReadSize(entry.value.text, entry.value.origin, rule));
    } else if (entry.key == "inodes") {
      if (entry.value.kind != Node::Kind::kInteger)
        return WrongKind(entry.value, "`inodes`", "a whole number");
      if (entry.value.integer < 1) return At(PolicyError("`inodes` must be 1 or more"), entry.value.origin);
      rule.inodes = static_cast<std::uint64_t>(entry.value.integer);
    } else if (entry.key == "execute") {
      MOAT_TRY(ReadYesNo(entry, rule.execute));
    } else {
      return UnknownKey(entry, {"size", "inodes", "execute"});
    }
  }
  if (rule.size == 0)
    return At(PolicyError("`size` is missing: a scratch folder lives in memory"), table.origin);
  return {};
}

}  // namespace

bool FromGroup(const FileRule& rule) { return rule.optional && !rule.follow; }

std::string_view AccessKey(FileAccess access) {
  switch (access) {
    case FileAccess::kRead:
      return "read";
    case FileAccess::kWrite:
      return "write";
    case FileAccess::kScratch:
      return "scratch";
    case FileAccess::kHide:
      return "hide";
    case FileAccess::kDevice:
      return "device";
  }
  return "read";
}

Status ReadFileList(FileLayer& layer, FileAccess access, const Node& list) {
  if (list.kind != Node::Kind::kArray) {
    return WrongKind(list, Quote(AccessKey(access)), "a list, such as [\"/data\"]");
  }
  for (const Node& item : list.items) {
    if (item.kind == Node::Kind::kString) {
      MOAT_TRY(AddText(layer, access, item.text, item.origin));
    } else if (item.kind == Node::Kind::kTable) {
      MOAT_TRY(AddTable(layer, access, item));
    } else {
      return WrongKind(item, "an entry of " + Quote(AccessKey(access)), "a path or a table");
    }
  }
  return {};
}

Status ReadScratch(FileLayer& layer, const Node& table) {
  if (table.kind != Node::Kind::kTable) {
    return WrongKind(table, "`scratch`", "a table, such as { \"/tmp\" = \"256M\" }");
  }
  for (const Entry& entry : table.entries) {
    FileRule rule = NewRule(FileAccess::kScratch, entry.origin);
    rule.target = MOAT_TRY(Placed(NormalPath(entry.key), entry.origin));
    if (entry.value.kind == Node::Kind::kTable) {
      MOAT_TRY(ReadScratchTable(entry.value, rule));
    } else if (entry.value.kind == Node::Kind::kString) {
      MOAT_TRY(ReadSize(entry.value.text, entry.value.origin, rule));
    } else {
      return WrongKind(entry.value, "the size of " + Quote(entry.key),
                       "a size with its unit, such as \"256M\"");
    }
    MOAT_TRY(Add(layer, std::move(rule)));
  }
  return {};
}

Status ReadFileFlag(FileLayer& layer, FileAccess access, std::string_view text, const Origin& origin) {
  return AddText(layer, access, text, origin);
}

Status ReadScratchFlag(FileLayer& layer, std::string_view text, const Origin& origin) {
  const std::size_t equals = text.rfind('=');
  if (equals == std::string_view::npos) {
    return At(
        WithFix(PolicyError(Quote(text) + " has no size"), "write " + Quote(std::string(text) + "=256M")),
        origin);
  }
  FileRule rule = NewRule(FileAccess::kScratch, origin);
  rule.target = MOAT_TRY(Placed(NormalPath(text.substr(0, equals)), origin));
  MOAT_TRY(ReadSize(text.substr(equals + 1), origin, rule));
  return Add(layer, std::move(rule));
}

void MergeFiles(Files& files, const FileLayer& layer) {
  std::erase_if(files.rules,
                [&](const FileRule& rule) { return layer.forget[static_cast<std::size_t>(rule.access)]; });
  for (const FileRule& rule : layer.rules) {
    const auto same = std::find_if(files.rules.begin(), files.rules.end(),
                                   [&](const FileRule& other) { return other.target == rule.target; });
    if (same == files.rules.end()) {
      files.rules.push_back(rule);
    } else if (FromGroup(*same) || !FromGroup(rule)) {
      *same = rule;
    }
  }
}

}  // namespace moat::policy
