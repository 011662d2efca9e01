// [files]: entries of its lists -> FileRules, and how the lines of one text join those of its
// bases. Pure.
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "moat/result.h"
#include "policy/model.h"
#include "policy/tree.h"

namespace moat::policy {

// What one text (or one command-line flag) says about files.
struct FileLayer {
  std::vector<FileRule> rules;
  std::array<bool, 5> forget{};  // by FileAccess: "@none" was said
};

// Adds the entries of one key. `list` is its TOML value.
Status ReadFileList(FileLayer& layer, FileAccess access, const Node& list);
Status ReadScratch(FileLayer& layer, const Node& table);

// The same from a command line: "PATH", "PATH?", "@group"; scratch: "PATH=SIZE".
Status ReadFileFlag(FileLayer& layer, FileAccess access, std::string_view text, const Origin& origin);
Status ReadScratchFlag(FileLayer& layer, std::string_view text, const Origin& origin);

// The layer lies over what is there: the same target said again replaces it. What was
// written out stays when the newcomer is only a path of a group.
void MergeFiles(Files& files, const FileLayer& layer);

// A rule that a path group brought, not a line of its own.
bool FromGroup(const FileRule& rule);

std::string_view AccessKey(FileAccess access);  // "read"

}  // namespace moat::policy
