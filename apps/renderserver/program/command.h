// The command line, as data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "scene/build.h"

namespace program {

enum class Format : std::uint8_t { kPng, kSvg };

// One picture: what is shown, where it goes ("-": standard output), and as what.
struct Picture {
  scene::Selection selection;
  std::string path;
  Format format = Format::kPng;
};

struct Command {
  enum class Kind : std::uint8_t { kRender, kList, kInfo, kServe };
  enum class Wall : std::uint8_t { kNone, kSealed };
  enum class Apart : std::uint8_t { kNo, kYes };  // namespaces of its own
  enum class Backend : std::uint8_t { kCpu, kGl };  // who puts layers together
  enum class Text : std::uint8_t { kPlain, kJson };
  enum class Remarks : std::uint8_t { kQuiet, kTold };

  Kind kind = Kind::kRender;
  std::string input;
  std::vector<Picture> pictures;
  std::optional<double> scale;
  unsigned threads = 1;
  Wall wall = Wall::kNone;
  Backend backend = Backend::kCpu;
  std::string record;  // where a sealed process says what it was stopped for; "": nowhere
  Text text = Text::kPlain;
  Remarks remarks = Remarks::kQuiet;
  Apart apart = Apart::kNo;  // kServe
};

// What to do instead when the command line does not say a command: text and the exit code. Help and
// version are such answers, with code 0.
struct Answer {
  std::string text;
  int code = 0;
};

constexpr int kUsageCode = 2;

std::variant<Command, Answer> Parse(int argc, const char* const* argv);

// The words of a job that the pool hands over: what to draw, a picture for each of its `outputs`, which
// are called "output 1" ...; or for one picture any number of them. Files are none of their business.
std::variant<Command, Answer> ParseJob(const std::vector<std::string>& arguments, std::size_t outputs);

}  // namespace program
