// Every rule finds the policy that stands beside it in spec/lint.toml, and not the other one. Rules
// that look at the host's files or settings get some that are made up.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <map>

#include "lint/lint.h"
#include "lint/rule.h"
#include "policy/load.h"

namespace moat::lint {
namespace {

std::string DefaultProfile() {
  std::ifstream file(std::string(MOAT_SOURCE) + "/profiles/default.toml");
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

Result<policy::SourceText> Read(std::string_view) {
  static const std::string text = DefaultProfile();
  return policy::SourceText{"/shipped/default.toml", text};
}

std::string Whole(std::string_view text) {
  return text.substr(0, 4) == "moat" ? std::string(text) : "moat = 1\nbase = \"default\"\n" + std::string(text);
}

std::vector<Finding> LintText(std::string_view text, const plan::HostView* view = nullptr,
                              const std::vector<HostNote>* host = nullptr) {
  const auto model = policy::Parse(Whole(text), "/policies/test.toml", Read);
  if (!model.ok()) return {InvalidPolicy(model.error())};
  const auto base = policy::Load("default", Read);
  Subject subject{*model, model->bases.empty() ? nullptr : &*base, view, host, "99.1"};
  auto findings = Lint(subject);
  EXPECT_TRUE(findings.ok()) << findings.error().ToString();
  return findings.ok() ? *std::move(findings) : std::vector<Finding>{};
}

const Finding* Find(const std::vector<Finding>& findings, std::string_view rule) {
  for (const Finding& finding : findings) {
    if (finding.rule == rule) return &finding;
  }
  return nullptr;
}

std::string Names(const std::vector<Finding>& findings) {
  std::string out;
  for (const Finding& finding : findings) out += finding.rule + ": " + finding.message + "\n";
  return out;
}

class EachRule : public testing::TestWithParam<const Rule*> {};

TEST_P(EachRule, FindsTheBadOneAndNotTheGoodOne) {
  const Rule& rule = *GetParam();
  const auto bad = LintText(rule.bad), good = LintText(rule.good);
  ASSERT_NE(Find(bad, rule.id), nullptr) << rule.bad << "\nfound only\n" << Names(bad);
  EXPECT_EQ(Find(bad, rule.id)->severity, rule.severity);
  EXPECT_EQ(Find(good, rule.id), nullptr) << rule.good << "\nfound\n" << Names(good);
  EXPECT_EQ(Find(good, "policy-invalid"), nullptr) << Names(good);
}

std::vector<const Rule*> RulesWithPolicies() {
  std::vector<const Rule*> rules;
  for (const Rule& rule : Rules()) {
    if (!rule.bad.empty()) rules.push_back(&rule);
  }
  return rules;
}

std::string CaseName(const testing::TestParamInfo<const Rule*>& rule) {
  std::string name(rule.param->id);
  for (char& c : name) c = c == '-' ? '_' : c;
  return name;
}
INSTANTIATE_TEST_SUITE_P(Spec, EachRule, testing::ValuesIn(RulesWithPolicies()), CaseName);

TEST(Rules, AreManyAndEachSaysWhy) {
  EXPECT_GE(Rules().size(), 60U);
  for (const Rule& rule : Rules()) {
    EXPECT_FALSE(rule.why.empty() || rule.fix.empty() || rule.reference.empty()) << rule.id;
  }
}

// A host of few paths; all that is not named is a folder of root.
class SomeHost : public plan::HostView {
 public:
  using Type = plan::PathFacts::Type;
  SomeHost& Put(const std::string& path, Type type, std::uint32_t mode, std::uint32_t uid = 0) {
    plan::PathFacts facts;
    facts.type = type;
    facts.mode = mode;
    facts.uid = uid;
    paths_[path] = facts;
    return *this;
  }
  plan::PathFacts Look(const std::string& path) const override {
    const auto found = paths_.find(path);
    if (found != paths_.end()) return found->second;
    plan::PathFacts facts;
    facts.type = Type::kDirectory;
    facts.mode = 040755;
    return facts;
  }
  std::vector<std::string> List(const std::string& path) const override {
    std::vector<std::string> names;
    for (const auto& [name, facts] : paths_) {
      if (name.rfind(path + "/", 0) == 0) names.push_back(name.substr(path.size() + 1));
    }
    return names;
  }
  std::string Head(const std::string&, std::size_t) const override { return {}; }

 private:
  std::map<std::string, plan::PathFacts> paths_;
};

constexpr std::string_view kShowsModels = "[files]\nread = [\"/srv/models\"]";

TEST(HostFiles, ALinkOnTheWayToASource) {
  const SomeHost host = SomeHost().Put("/srv/models", SomeHost::Type::kSymlink, 0120777, 1000);
  EXPECT_NE(Find(LintText(kShowsModels, &host), "files-source-link"), nullptr);
  const SomeHost none = SomeHost().Put("/srv/models", SomeHost::Type::kSymlink, 0120777, 0);
  EXPECT_EQ(Find(LintText(kShowsModels, &none), "files-source-link"), nullptr);
}

TEST(HostFiles, AFolderOnTheWayThatOthersWrite) {
  const SomeHost open = SomeHost().Put("/srv", SomeHost::Type::kDirectory, 040777);
  const SomeHost sticky = SomeHost().Put("/srv", SomeHost::Type::kDirectory, 041777);
  EXPECT_NE(Find(LintText(kShowsModels, &open), "files-source-untrusted"), nullptr);
  EXPECT_EQ(Find(LintText(kShowsModels, &sticky), "files-source-untrusted"), nullptr);
}

TEST(HostFiles, ASocketInAShownFolder) {
  const SomeHost host = SomeHost().Put("/srv/models/daemon", SomeHost::Type::kOther, 0140666);
  const SomeHost none = SomeHost().Put("/srv/models/daemon", SomeHost::Type::kFile, 0100644);
  EXPECT_NE(Find(LintText(kShowsModels, &host), "files-socket-shown"), nullptr);
  EXPECT_EQ(Find(LintText(kShowsModels, &none), "files-socket-shown"), nullptr);
}

TEST(HostFiles, APolicyThatOthersCanReplace) {
  const SomeHost host = SomeHost().Put("/policies", SomeHost::Type::kDirectory, 040777);
  const SomeHost none;
  EXPECT_NE(Find(LintText(kShowsModels, &host), "policy-writable"), nullptr);
  EXPECT_EQ(Find(LintText(kShowsModels, &none), "policy-writable"), nullptr);
}

TEST(HostSettings, AreRemarks) {
  const std::vector<HostNote> notes = {{"kernel addresses can be read", "sysctl -w kernel.kptr_restrict=1"}}, none;
  EXPECT_NE(Find(LintText("", nullptr, &notes), "host-hardening"), nullptr);
  EXPECT_NE(Find(LintText("", nullptr, &notes), "host-newer-than-table"), nullptr);
  EXPECT_EQ(Find(LintText("", nullptr, &none), "host-hardening"), nullptr);
  EXPECT_EQ(Find(LintText(""), "host-newer-than-table"), nullptr);
}

constexpr std::string_view kAccepted =
    "[files]\nwrite = [\"/srv/results\"]\n[lint]\nallow = [{ rule = \"files-write\", reason = \"emptied after every single run\" }]";

TEST(Exceptions, AcceptWhatTheirOwnFileSays) {
  const auto findings = LintText(kAccepted);
  ASSERT_NE(Find(findings, "files-write"), nullptr);
  EXPECT_EQ(Find(findings, "files-write")->accepted, "emptied after every single run");
}

TEST(Exceptions, DoNotCoverWhatAnotherFileAdds) {
  const auto read = [](std::string_view name) -> Result<policy::SourceText> {
    if (name == "default") return Read(name);
    return policy::SourceText{"/policies/team.toml", Whole(kAccepted)};
  };
  const auto model = policy::Parse("moat = 1\nbase = \"team\"\n[files]\nwrite = [\"/srv/more\"]", "/policies/mine.toml", read);
  ASSERT_TRUE(model.ok()) << model.error().ToString();
  const auto findings = Lint(Subject{*model});
  int open = 0, accepted = 0;
  for (const Finding& finding : *findings) {
    if (finding.rule == "files-write") ++(finding.accepted.empty() ? open : accepted);
  }
  EXPECT_EQ(open, 1);
  EXPECT_EQ(accepted, 1);
}

TEST(Exceptions, NeedAReasonThatSaysSomething) {
  const auto findings = LintText("[lint]\nallow = [{ rule = \"files-write\", reason = \"ok\" }]");
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].rule, "policy-invalid");
  EXPECT_NE(findings[0].message.find("no reason"), std::string::npos) << findings[0].message;
}

TEST(Exceptions, TheirKeysAreStrict) {
  for (const char* text : {"[lint]\nallow = [{ rule = \"files-write\", because = \"it is needed for the results\" }]",
                           "[lint]\nallow = [\"files-write\"]", "[lint]\nallow = \"files-write\"",
                           "[lint]\nallow = [{ reason = \"it is needed for the results\" }]", "[lint]\ndeny = []"}) {
    EXPECT_NE(Find(LintText(text), "policy-invalid"), nullptr) << text;
  }
}

TEST(Severity, DecidesWhatIsOpen) {
  const auto findings = LintText(kAccepted);
  EXPECT_FALSE(AnyOpen(findings, Severity::kWarning)) << Names(findings);
  EXPECT_TRUE(AnyOpen(LintText("[mode]\nbest_effort = true"), Severity::kError));
}

}  // namespace
}  // namespace moat::lint
