#include "program/command.h"

#include <gtest/gtest.h>

namespace program {
namespace {

using SelectionKind = scene::Selection::Kind;

std::variant<Command, Answer> Of(std::vector<const char*> words) {
  words.insert(words.begin(), "renderserver");
  return Parse(static_cast<int>(words.size()), words.data());
}
Command Good(const std::vector<const char*>& words) {
  auto parsed = Of(words);
  if (const Answer* answer = std::get_if<Answer>(&parsed)) {
    ADD_FAILURE() << answer->text;
    return {};
  }
  return std::get<Command>(parsed);
}
Answer Bad(const std::vector<const char*>& words) {
  auto parsed = Of(words);
  if (const Answer* answer = std::get_if<Answer>(&parsed)) return *answer;
  ADD_FAILURE() << "was understood";
  return {};
}

TEST(Command, AThumbnailIsTheDefault) {
  const Command command = Good({"render", "a.fig", "-o", "a.png"});
  EXPECT_EQ(command.kind, Command::Kind::kRender);
  EXPECT_EQ(command.input, "a.fig");
  ASSERT_EQ(command.pictures.size(), 1u);
  EXPECT_EQ(command.pictures[0].selection.kind, SelectionKind::kThumbnail);
  EXPECT_EQ(command.pictures[0].format, Format::kPng);
  EXPECT_FALSE(command.scale.has_value());
  EXPECT_EQ(command.threads, 1u);
  EXPECT_EQ(command.wall, Command::Wall::kNone);
}

TEST(Command, PicturesKeepTheirOrder) {
  const Command command = Good({"render", "--node", "1:5", "--page", "2", "--node", "Logo", "--thumbnail", "-o", "a.png", "-o", "b.svg",
                                "-o", "c", "-o", "d.png", "--format", "svg", "--scale", "2.5", "--threads", "3", "a.fig"});
  ASSERT_EQ(command.pictures.size(), 4u);
  EXPECT_EQ(command.pictures[0].selection.key, "1:5");
  EXPECT_EQ(command.pictures[1].selection.kind, SelectionKind::kPage);
  EXPECT_EQ(command.pictures[1].selection.key, "2");
  EXPECT_EQ(command.pictures[1].format, Format::kSvg);
  EXPECT_EQ(command.pictures[2].selection.key, "Logo");
  EXPECT_EQ(command.pictures[2].format, Format::kSvg);  // by --format: the name does not say
  EXPECT_EQ(command.pictures[3].selection.kind, SelectionKind::kThumbnail);
  EXPECT_EQ(command.pictures[3].format, Format::kPng);
  EXPECT_EQ(command.scale, 2.5);
  EXPECT_EQ(command.threads, 3u);
}

TEST(Command, TheNameTellsTheFormatOrNothingDoes) {
  EXPECT_EQ(Good({"render", "a.fig", "-o", "A.SVG"}).pictures[0].format, Format::kSvg);
  EXPECT_EQ(Good({"render", "a.fig", "-o", "a.svg/.hidden"}).pictures[0].format, Format::kPng);
  EXPECT_EQ(Good({"render", "a.fig", "-o", "b.c/"}).pictures[0].format, Format::kPng);
  EXPECT_EQ(Good({"render", "a.fig", "-o", "a.tmp", "--format", "svg"}).pictures[0].format, Format::kSvg);
  EXPECT_NE(Bad({"render", "a.fig", "-o", "a.jpg"}).text.find("a.jpg"), std::string::npos);
}

TEST(Command, OnePictureMayGoToSeveralPlaces) {
  const Command command = Good({"render", "a.fig", "--node", "1:5", "-o", "a.png", "-o", "a.svg"});
  ASSERT_EQ(command.pictures.size(), 2u);
  EXPECT_EQ(command.pictures[1].selection.key, "1:5");
}

TEST(Command, AFolderGetsNamesFromTheCommandLine) {
  const Command command = Good({"render", "a.fig", "--node", "1:5", "--node", "../../etc/x", "--node", "..--..-etc-x", "--node", ".hidden", "-o", "out/"});
  ASSERT_EQ(command.pictures.size(), 4u);
  EXPECT_EQ(command.pictures[0].path, "out/1-5.png");
  EXPECT_EQ(command.pictures[1].path, "out/-..-..-etc-x.png");
  EXPECT_EQ(command.pictures[2].path, "out/-..--..-etc-x.png");
  EXPECT_EQ(command.pictures[3].path, "out/-.hidden.png");
  const Command twice = Good({"render", "a.fig", "--node", "a/b", "--node", "a b", "-o", "out/", "--format", "svg"});
  EXPECT_EQ(twice.pictures[0].path, "out/a-b.svg");
  EXPECT_EQ(twice.pictures[1].path, "out/a-b-2.svg");
}

TEST(Command, WhatDoesNotFitIsRefusedInOneLine) {
  const std::vector<std::vector<const char*>> lines = {
      {},
      {"paint", "a.fig"},
      {"render", "a.fig"},
      {"render", "-o", "a.png"},
      {"render", "a.fig", "-o", "a.png", "--scale", "0"},
      {"render", "a.fig", "-o", "a.png", "--scale", "nan"},
      {"render", "a.fig", "-o", "a.png", "--format", "gif"},
      {"render", "a.fig", "-o", "a.png", "--threads", "0"},
      {"render", "a.fig", "b.fig", "-o", "a.png"},
      {"render", "a.fig", "--node", "1", "--node", "2", "-o", "a.png"},
      {"render", "a.fig", "-o", "a.png", "-o", "a.png"},
      {"render", "a.fig", "-o", "a.png", "--seal-record", "r"},
      {"list", "a.fig", "--scale", "1"},
  };
  for (const auto& line : lines) {
    const Answer answer = Bad(line);
    EXPECT_EQ(answer.code, kUsageCode);
    EXPECT_EQ(answer.text.find("renderserver: "), 0u) << answer.text;
    EXPECT_EQ(answer.text.find('\n'), answer.text.size() - 1) << answer.text;
  }
}

TEST(Command, HelpAndVersionAreNoFailure) {
  for (const std::vector<const char*>& line : {std::vector<const char*>{"--help"}, {"render", "--help"}, {"--version"}}) {
    const Answer answer = Bad(line);
    EXPECT_EQ(answer.code, 0);
    EXPECT_NE(answer.text, "");
  }
}

TEST(Command, ListAndInfo) {
  const Command list = Good({"list", "a.fig", "--json", "--sealed", "--seal-record", "r"});
  EXPECT_EQ(list.kind, Command::Kind::kList);
  EXPECT_EQ(list.text, Command::Text::kJson);
  EXPECT_EQ(list.wall, Command::Wall::kSealed);
  EXPECT_EQ(list.record, "r");
  EXPECT_EQ(Good({"info", "a.fig"}).kind, Command::Kind::kInfo);
}

Command Job(const std::vector<std::string>& arguments, std::size_t outputs) {
  auto parsed = ParseJob(arguments, outputs);
  if (const Answer* answer = std::get_if<Answer>(&parsed)) {
    ADD_FAILURE() << answer->text;
    return {};
  }
  return std::get<Command>(parsed);
}

TEST(Job, DrawsAThumbnailIntoEachOutput) {
  const Command command = Job({}, 2);
  EXPECT_EQ(command.kind, Command::Kind::kRender);
  ASSERT_EQ(command.pictures.size(), 2u);
  EXPECT_EQ(command.pictures[1].selection.kind, SelectionKind::kThumbnail);
  EXPECT_EQ(command.pictures[1].format, Format::kPng);
  EXPECT_EQ(command.pictures[1].path, "output 2");
  EXPECT_EQ(command.threads, 1u);
}

TEST(Job, SaysWhatToDrawAndHow) {
  const Command command = Job({"--node", "1:5", "--page", "2", "--format", "svg", "--format", "png", "--scale", "2", "-v"}, 2);
  ASSERT_EQ(command.pictures.size(), 2u);
  EXPECT_EQ(command.pictures[0].selection.key, "1:5");
  EXPECT_EQ(command.pictures[0].format, Format::kSvg);
  EXPECT_EQ(command.pictures[1].selection.kind, SelectionKind::kPage);
  EXPECT_EQ(command.pictures[1].format, Format::kPng);
  EXPECT_EQ(command.scale, 2);
  EXPECT_EQ(command.remarks, Command::Remarks::kTold);
  EXPECT_EQ(Job({"--page", "1", "--format", "svg"}, 3).pictures[2].format, Format::kSvg);
}

TEST(Job, WhatDoesNotFitIsRefusedInOneLine) {
  struct Wrong {
    std::vector<std::string> arguments;
    std::size_t outputs;
  };
  const std::vector<Wrong> all = {{{}, 0}, {{"--page", "1", "--page", "2"}, 1}, {{"--page", "1", "--page", "2"}, 3},
                                  {{"--format", "png", "--format", "svg"}, 3}, {{"--format", "gif"}, 1}, {{"--scale", "0"}, 1}, {{"a.fig"}, 1},
                                  {{"--help"}, 1}, {{"--version"}, 1}, {{"-o", "x"}, 1}, {{"--sealed"}, 1}, {{"--threads", "2"}, 1},
                                  {{"--backend", "gl"}, 1}, {{""}, 1}};
  for (const Wrong& wrong : all) {
    auto parsed = ParseJob(wrong.arguments, wrong.outputs);
    const Answer* answer = std::get_if<Answer>(&parsed);
    ASSERT_NE(answer, nullptr) << wrong.arguments.size();
    EXPECT_EQ(answer->code, kUsageCode);
    EXPECT_EQ(answer->text.find('\n'), answer->text.size() - 1) << answer->text;
  }
}

TEST(Command, Serve) {
  EXPECT_EQ(Good({"serve"}).kind, Command::Kind::kServe);
  EXPECT_EQ(Good({"serve"}).apart, Command::Apart::kNo);
  EXPECT_EQ(Good({"serve", "--apart"}).apart, Command::Apart::kYes);
  EXPECT_EQ(Bad({"serve", "a.fig"}).code, kUsageCode);
}

}  // namespace
}  // namespace program
