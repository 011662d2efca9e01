#include "attack/card.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace moat::attack {
namespace {

Card Some() {
  Card card;
  card.subject = "mine";
  card.host = "Linux";
  card.columns = {{"mine", Whose::kSubjects, {{"unshare-user", {Fate::kClosed, "EPERM"}},
                            {"mount-tmpfs", {Fate::kOpen, "worked"}},
                            {"shown-socket", {Fate::kOpen, "<script>alert(1)</script>\x1b[31m"}},
                            {"kvm", {Fate::kNotApplicable, "outside: none"}}}},
                  {"without seccomp", Whose::kSubjects, {{"unshare-user", {Fate::kOpen, "worked"}}}}};
  return card;
}

TEST(Card, CountsWhatApplies) {
  const Card card = Some();
  const Count count = CountOf(card, card.columns[0], "");
  EXPECT_EQ(count.applicable, 3U);
  EXPECT_EQ(count.open, 2U);
  EXPECT_EQ(count.not_applicable, 1U);
  EXPECT_EQ(CountOf(card, card.columns[0], "namespaces").open, 0U);
}

TEST(Card, FailsUntilEverythingOpenIsAccepted) {
  Card card = Some();
  EXPECT_TRUE(AnyFails(card));
  card.accepted["mount-tmpfs"] = "because";
  EXPECT_TRUE(AnyFails(card));
  card.accepted["shown-socket"] = "because";
  EXPECT_FALSE(AnyFails(card));
  EXPECT_EQ(CountOf(card, card.columns[0], "").accepted, 2U);
}

// Neither closed nor accepted: somebody has to look.
TEST(Card, FailsWithoutAnAnswer) {
  Card card = Some();
  card.columns[0].answers = {{"mount-tmpfs", {Fate::kUnclear, "killed by SIGSEGV"}}};
  EXPECT_TRUE(AnyFails(card));
  card.accepted["mount-tmpfs"] = "because";
  EXPECT_TRUE(AnyFails(card));
}

// What a seal does not claim to stop is not held against it; all else is.
TEST(Card, ASealIsMeasuredByItsClaims) {
  Card card = Some();
  card.sealed = true;
  card.columns[0].answers = {{"is-root", {Fate::kOpen, "uid 0"}}};
  EXPECT_FALSE(AnyFails(card));
  card.columns[0].answers["mount-tmpfs"] = {Fate::kOpen, "worked"};
  EXPECT_TRUE(AnyFails(card));
}

TEST(Card, TextSaysWhatALayerHeldAlone) {
  const std::string text = PrintText(Some());
  EXPECT_NE(text.find("without seccomp: 1 more get through: unshare-user"), std::string::npos) << text;
  EXPECT_NE(text.find("OPEN mount-tmpfs (C1, critical)"), std::string::npos) << text;
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

// A layer alone is seen by what it stops, beside a jail without any.
TEST(Card, TextSaysWhatALayerStopsAlone) {
  Card card = Some();
  card.columns[0].answers["io-uring-setup"] = {Fate::kClosed, "ENOSYS"};
  const std::map<std::string_view, Answer> all_open = {{"unshare-user", {Fate::kOpen, "worked"}}, {"io-uring-setup", {Fate::kOpen, "worked"}},
                                                       {"mount-tmpfs", {Fate::kOpen, "worked"}}};
  card.columns[1] = {"only user", Whose::kSubjects, all_open, "none of these"};
  card.columns[1].answers["io-uring-setup"] = {Fate::kClosed, "EPERM"};
  card.columns.push_back({"none of these", Whose::kSubjects, all_open});
  const std::string text = PrintText(card);
  EXPECT_NE(text.find("\nonly user: stops 1 of the 2 that get through without it: io-uring-setup\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\nnone of these: 2 more get through: unshare-user io-uring-setup\n"), std::string::npos) << text;
  EXPECT_NE(PrintHtml(card).find("stops 1 of the 2"), std::string::npos);
}

TEST(Card, JsonHasEachAnswer) {
  const auto json = nlohmann::json::parse(PrintJson(Some()));
  EXPECT_EQ(json["scores"][0]["open"], 2);
  EXPECT_EQ(json["probes"].size(), 4U);
}

TEST(Card, HtmlLoadsNothingAndRunsNothing) {
  const std::string page = PrintHtml(Some());
  for (const char* bad : {"<script", "http:", "https:", "src=", "url(", "<link", "<iframe"}) {
    EXPECT_EQ(page.find(bad), std::string::npos) << bad;
  }
  EXPECT_NE(page.find("&lt;script&gt;"), std::string::npos);
}

}  // namespace
}  // namespace moat::attack
