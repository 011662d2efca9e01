// ToToml writes what reads back as the same policy: for the shipped profiles, and for
// policies made at random.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "policy/diff.h"
#include "policy/options.h"
#include "policy/scalars.h"
#include "policy/testing.h"

namespace moat::policy {
namespace {

// Everything but where it was said. Diff is not trusted to see all: the text is compared too.
void ExpectSame(const Model& before) {
  const std::string text = ToToml(before);
  const Result<Model> after = Parse(text, "effective.toml", {});
  RC_ASSERT(after.ok());
  RC_ASSERT(Diff(before, *after) == std::vector<std::string>{});
  RC_ASSERT(before.description == after->description);
  RC_ASSERT(before.files.rules.size() == after->files.rules.size());
  RC_ASSERT(before.syscalls.rules.size() == after->syscalls.rules.size());
  for (std::size_t i = 0; i < before.syscalls.rules.size(); ++i) {
    RC_ASSERT(before.syscalls.rules[i].reason == after->syscalls.rules[i].reason);
  }
}

std::string RandomText(std::size_t longest) {
  // Printable, controls, quotes and multi-byte letters: all that TOML can hold.
  const auto piece = rc::gen::elementOf(std::vector<std::string>{
      "a", "Z", "9", " ", "\"", "\\", "\n", "\t", "\x7f", "#", "=", "'", "\xc3\xa9", "\xe2\x82\xac", "?"});
  std::string out;
  for (const std::string& each : *rc::gen::container<std::vector<std::string>>(piece)) {
    if (out.size() < longest) out += each;
  }
  return out;
}

std::string RandomScalar(const Option& option) {
  const auto number = std::to_string(*rc::gen::inRange<std::uint32_t>(64, 1'000'000));
  if (option.unlimited == Unlimited::kAllowed && *rc::gen::inRange(0, 4) == 0) return "unlimited";
  switch (option.type) {
    case OptionType::kSize:
      return number + *rc::gen::elementOf(std::vector<std::string>{"K", "M", "G"});
    case OptionType::kDuration:
      return number + *rc::gen::elementOf(std::vector<std::string>{"ms", "us"});
    case OptionType::kNumber:
      return std::to_string(*rc::gen::inRange(1, 4000)) + ".25";
    case OptionType::kPercent:
      return std::to_string(*rc::gen::inRange(0, 100)) + ".5%";
    case OptionType::kBool:
      return *rc::gen::elementOf(std::vector<std::string>{"true", "false"});
    case OptionType::kString:
      return *rc::gen::elementOf(std::vector<std::string>{"EACCES", "kill", "ENOSYS", "notify"});
    case OptionType::kPath:
      return "/p" + std::string(option.key) + number;
    default:
      return std::string(option.default_text);
  }
}

void AddFiles(Model& model) {
  const int count = *rc::gen::inRange(0, 6);
  for (int i = 0; i < count; ++i) {
    FileRule rule;
    rule.access = static_cast<FileAccess>(*rc::gen::inRange(0, 4));
    rule.target =
        "/t" + std::to_string(i) + "/x" + RandomText(20) + "y" + (*rc::gen::arbitrary<bool>() ? "?" : "");
    rule.optional = *rc::gen::arbitrary<bool>() && rule.access != FileAccess::kScratch;
    if (rule.access == FileAccess::kRead || rule.access == FileAccess::kWrite) {
      rule.source = *rc::gen::arbitrary<bool>() ? rule.target : "/from" + std::to_string(i);
      rule.execute = *rc::gen::arbitrary<bool>();
      rule.follow = *rc::gen::arbitrary<bool>();
    } else if (rule.access == FileAccess::kScratch) {
      rule.size = 4096u * *rc::gen::inRange<std::uint64_t>(1, 1000);
      rule.inodes = *rc::gen::inRange<std::uint64_t>(0, 3);
      rule.execute = *rc::gen::arbitrary<bool>();
    }
    // A name that ends in "?" cannot be hidden: there the mark has no longer form.
    if (rule.access == FileAccess::kHide && rule.target.back() == '?') rule.target += "z";
    rule.execute = rule.execute && rule.access != FileAccess::kHide;
    model.files.rules.push_back(rule);
  }
}

void AddSyscalls(Syscalls& syscalls) {
  for (const char* name : {"@io", "@files", "openat", "mmap"}) {
    if (*rc::gen::arbitrary<bool>()) syscalls.allow.emplace_back(std::string(name));
  }
  for (const char* name : {"@sockets", "sendfile"}) {
    if (*rc::gen::arbitrary<bool>()) syscalls.deny.emplace_back(std::string(name));
  }
  for (const char* call : {"ioctl", "prctl", "fcntl"}) {
    if (!*rc::gen::arbitrary<bool>()) continue;
    SyscallRule rule;
    rule.call = call;
    rule.when = *rc::gen::arbitrary<bool>() ? "" : "arg0 == 1";
    rule.action = *rc::gen::elementOf(std::vector<Do>{{DoKind::kAllow, 0},
                                                      {DoKind::kErrno, 1},
                                                      {DoKind::kErrno, 0},
                                                      {DoKind::kKill, 0},
                                                      {DoKind::kLog, 0},
                                                      {DoKind::kNotify, 0}});
    rule.reason = RandomText(30);
    syscalls.rules.push_back(rule);
  }
}

RC_GTEST_PROP(RoundTrip, RandomPolicies, ()) {
  Model model = *DefaultModel();
  for (const Option& option : Options()) {
    if (!IsScalar(option) || *rc::gen::arbitrary<bool>()) continue;
    // A value out of the key's range is refused and leaves the default: still a policy.
    const Status set = SetScalar(model, option, RandomScalar(option), {"random.toml", 3, 7});
    static_cast<void>(set);
  }
  AddFiles(model);
  AddSyscalls(model.syscalls);
  model.description = RandomText(40);
  model.environment.set.emplace_back("NAME", RandomText(40));
  model.environment.pass.emplace_back(std::string("LC_*"));
  RC_PRE(Validate(model).ok());
  ExpectSame(model);
}

}  // namespace
}  // namespace moat::policy
