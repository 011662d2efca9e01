#include "program/command.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cctype>
#include <set>
#include <sstream>
#include <thread>

namespace program {
namespace {

using Kind = scene::Selection::Kind;

constexpr unsigned kMostThreads = 64;

// What CLI11 fills in, before it is checked.
struct Words {
  std::string input, format, record, backend = "cpu";
  std::vector<std::string> nodes, pages, outputs, formats;
  int thumbnails = 0;
  double scale = 1;
  unsigned threads = 0;
  bool sealed = false, apart = false, json = false, verbose = false;
};

void AddShared(CLI::App* app, Words* words) {
  app->add_option("FILE", words->input, "a .fig, .deck or .jam file, or a folder with canvas.fig and images/")->required();
  app->add_flag("--sealed", words->sealed, "open all files first, then let the kernel refuse everything else, then read");
  app->add_option("--seal-record", words->record, "with --sealed: a file that gets one line when the seal stops the program");
}

// What is drawn, whoever asks for it.
void AddPictures(CLI::App* render, Words* words) {
  render->add_flag("--thumbnail", words->thumbnails, "what the file's own thumbnail shows, 400 pixels wide or high (the default)");
  render->add_option("--node", words->nodes, "a node by its id (1:5) or name; may be repeated")->allow_extra_args(false);
  render->add_option("--page", words->pages, "a page by its name or number (from 1); may be repeated")
      ->allow_extra_args(false);
  render->add_option("--scale", words->scale, "pixels per unit of the design, 0.001 to 1000");
  render->add_flag("-v,--verbose", words->verbose, "say what could not be drawn as the file means it");
}

void AddRender(CLI::App* app, Words* words) {
  CLI::App* render = app->add_subcommand("render", "draw thumbnails, pages or nodes, as PNG or SVG");
  AddShared(render, words);
  AddPictures(render, words);
  render->add_option("-o,--output", words->outputs,
                     "a file (.png or .svg), or a folder for one file per picture; - is standard output; may be repeated: "
                     "as often as there are pictures, or for one picture any number of times")
      ->required()
      ->allow_extra_args(false);
  render->add_option("--format", words->format, "png or svg, where the name does not say it")->check(CLI::IsMember({"png", "svg"}));
  render->add_option("--threads", words->threads, "threads for several pictures; as many as there are processors by default")
      ->check(CLI::Range(1u, kMostThreads));
  render->add_option("--backend", words->backend, "who puts layers together and blurs them: cpu, or gl (OpenGL ES without a window; never sealed)")
      ->check(CLI::IsMember({"cpu", "gl"}));
}

void AddServe(CLI::App* app, Words* words) {
  CLI::App* serve = app->add_subcommand("serve", "be started once and draw for `moat serve`: each job in a process forked for it, sealed before it comes");
  serve->add_flag("--apart", words->apart, "and in namespaces of its own, with nothing in them");
  serve->footer("A job has one input, an output for each picture, and as arguments what to draw, as with `render`:\n"
                "--thumbnail, --node, --page, --scale, -v; --format once, or once for each output.");
}

bool EndsWith(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

// ".png" of "a/b.PNG"; "" where there is none, as in "a.b/c" and ".hidden".
std::string EndingOf(const std::string& path) {
  const std::size_t name = path.rfind('/') + 1, dot = path.rfind('.');
  if (dot == std::string::npos || dot <= name) return "";
  std::string ending = path.substr(dot);
  for (char& letter : ending) letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  return ending;
}

// Throws CLI::ValidationError. Nobody wants a PNG that is called a JPEG.
Format FormatOf(const std::string& path, const std::string& word) {
  const std::string ending = EndingOf(path);
  if (ending == ".svg") return Format::kSvg;
  if (ending == ".png") return Format::kPng;
  if (word.empty() && !ending.empty()) throw CLI::ValidationError("-o", path + " is neither .png nor .svg; --format says which it is to be");
  return word == "svg" ? Format::kSvg : Format::kPng;
}

// The pictures in the order of the command line.
std::vector<scene::Selection> Selections(const CLI::App& render, const Words& words) {
  std::vector<scene::Selection> selections;
  std::size_t nodes = 0, pages = 0;
  for (const CLI::Option* option : render.parse_order()) {
    const std::string name = option->get_name();
    if (name == "--node" && nodes < words.nodes.size()) selections.push_back({Kind::kNode, words.nodes[nodes++]});
    if (name == "--page" && pages < words.pages.size()) selections.push_back({Kind::kPage, words.pages[pages++]});
    if (name == "--thumbnail") selections.push_back({Kind::kThumbnail, ""});
  }
  if (selections.empty()) selections.push_back({Kind::kThumbnail, ""});
  return selections;
}

// A file name from what was asked for, never from the design: "node 1:5" is 1-5.png.
std::string FileName(const scene::Selection& selection, Format format, std::set<std::string>* taken) {
  std::string name = selection.kind == Kind::kThumbnail ? "thumbnail" : selection.key.substr(0, 100);
  for (char& letter : name) {
    const bool plain = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') || (letter >= '0' && letter <= '9');
    if (!plain && letter != '.' && letter != '_') letter = '-';
  }
  if (name.empty() || name.front() == '.') name.insert(0, "-");
  const std::string end = format == Format::kSvg ? ".svg" : ".png";
  std::string unique = name + end;
  for (int i = 2; !taken->insert(unique).second; ++i) unique = name + "-" + std::to_string(i) + end;
  return unique;
}

// Throws CLI::ValidationError, as the rest of parsing does.
std::vector<Picture> Pictures(const std::vector<scene::Selection>& selections, const Words& words) {
  std::vector<Picture> pictures;
  std::set<std::string> taken;
  const auto add = [&](const scene::Selection& selection, const std::string& path) {
    const Format format = FormatOf(path, words.format);
    pictures.push_back({selection, EndsWith(path, "/") ? path + FileName(selection, format, &taken) : path, format});
  };
  if (selections.size() == 1) {
    for (const std::string& path : words.outputs) add(selections.front(), path);
  } else if (words.outputs.size() == 1 && EndsWith(words.outputs.front(), "/")) {
    for (const scene::Selection& selection : selections) add(selection, words.outputs.front());
  } else if (words.outputs.size() == selections.size()) {
    for (std::size_t i = 0; i < selections.size(); ++i) add(selections[i], words.outputs[i]);
  } else {
    throw CLI::ValidationError("-o", std::to_string(selections.size()) + " pictures need as many outputs, or one folder that ends in /");
  }
  std::set<std::string> paths;
  for (const Picture& picture : pictures) {
    if (!paths.insert(picture.path).second) throw CLI::ValidationError("-o", picture.path + " is there twice");
  }
  return pictures;
}

// What AddPictures asks for, but for the pictures.
void TakeDrawing(const CLI::App& app, const Words& words, Command* command) {
  command->remarks = words.verbose ? Command::Remarks::kTold : Command::Remarks::kQuiet;
  if (app.get_option("--scale")->count() == 0) return;
  if (!(words.scale >= 1e-3 && words.scale <= 1e3)) throw CLI::ValidationError("--scale", "is not within 0.001 to 1000");
  command->scale = words.scale;
}

Command Serving(const Words& words) {
  Command command;
  command.kind = Command::Kind::kServe;
  command.apart = words.apart ? Command::Apart::kYes : Command::Apart::kNo;
  return command;
}

Command Checked(const CLI::App& app, const Words& words) {
  Command command;
  const CLI::App* used = app.get_subcommands().front();
  if (used->get_name() == "serve") return Serving(words);
  command.kind = used->get_name() == "render" ? Command::Kind::kRender : used->get_name() == "list" ? Command::Kind::kList : Command::Kind::kInfo;
  command.input = words.input;
  if (!words.record.empty() && !words.sealed) throw CLI::ValidationError("--seal-record", "goes with --sealed");
  command.record = words.record;
  command.wall = words.sealed ? Command::Wall::kSealed : Command::Wall::kNone;
  if (words.sealed && words.backend == "gl") {
    throw CLI::ValidationError("--backend", "gl does not go with --sealed: a driver opens devices and makes code while it works; use a jail");
  }
  command.backend = words.backend == "gl" ? Command::Backend::kGl : Command::Backend::kCpu;
  command.text = words.json ? Command::Text::kJson : Command::Text::kPlain;
  if (command.kind != Command::Kind::kRender) return command;
  TakeDrawing(*used, words, &command);
  command.pictures = Pictures(Selections(*used, words), words);
  const unsigned wanted = words.threads != 0 ? words.threads : std::max(1u, std::thread::hardware_concurrency());
  command.threads = std::min({wanted, kMostThreads, static_cast<unsigned>(command.pictures.size())});
  return command;
}

// No threads: their number would be asked of the machine, and the pool's jobs are its work for several.
Command CheckedJob(const CLI::App& app, const Words& words, std::size_t outputs) {
  Command command;
  TakeDrawing(app, words, &command);
  const std::vector<scene::Selection> selections = Selections(app, words);
  if (outputs == 0 || (selections.size() != 1 && selections.size() != outputs)) {
    throw CLI::ValidationError("outputs", std::to_string(selections.size()) + " pictures do not go into " + std::to_string(outputs) + " outputs");
  }
  if (words.formats.size() > 1 && words.formats.size() != outputs) throw CLI::ValidationError("--format", "is said once, or once for each output");
  for (std::size_t i = 0; i < outputs; ++i) {
    const std::string format = words.formats.empty() ? "png" : words.formats[words.formats.size() == 1 ? 0 : i];
    command.pictures.push_back({selections[selections.size() == 1 ? 0 : i], "output " + std::to_string(i + 1), format == "svg" ? Format::kSvg : Format::kPng});
  }
  return command;
}

// `check` turns what was parsed into a command.
template <typename Check>
std::variant<Command, Answer> Understand(CLI::App* app, int argc, const char* const* argv, const Check& check) {
  try {
    app->parse(argc, argv);
    return check();
  } catch (const CLI::ParseError& error) {
    std::ostringstream out, err;
    if (app->exit(error, out, err) == 0) return Answer{out.str(), 0};
    return Answer{std::string("renderserver: ") + error.what() + " (renderserver --help)\n", kUsageCode};
  }
}

}  // namespace

std::variant<Command, Answer> Parse(int argc, const char* const* argv) {
  Words words;
  CLI::App app("Turns design files (.fig, .deck, .jam) into pictures.", "renderserver");
  app.set_version_flag("--version", "renderserver " MOAT_VERSION);
  app.require_subcommand(1);
  AddRender(&app, &words);
  AddServe(&app, &words);
  CLI::App* list = app.add_subcommand("list", "name the pages, and the nodes directly below them");
  CLI::App* info = app.add_subcommand("info", "tell the file's kind, version and what is in it");
  for (CLI::App* command : {list, info}) {
    AddShared(command, &words);
    command->add_flag("--json", words.json, "for machines");
  }
  app.footer("Exit status: 0, or 1 for the system, 2 for a wrong command line, and from 10 on the file's fault:\n"
             "10 not a design file, 11 container, 12 compression, 13 schema, 14 message, 15 graph, 16 geometry,\n"
             "17 image, 18 budget, 19 no such page or node, 20 output. The message begins with the word.");
  return Understand(&app, argc, argv, [&] { return Checked(app, words); });
}

std::variant<Command, Answer> ParseJob(const std::vector<std::string>& arguments, std::size_t outputs) {
  Words words;
  CLI::App app("What a job draws.", "renderserver");
  app.set_help_flag();
  AddPictures(&app, &words);
  app.add_option("--format", words.formats, "png or svg")->check(CLI::IsMember({"png", "svg"}))->allow_extra_args(false);
  std::vector<const char*> pointers = {"renderserver"};
  for (const std::string& argument : arguments) pointers.push_back(argument.c_str());
  return Understand(&app, static_cast<int>(pointers.size()), pointers.data(), [&] { return CheckedJob(app, words, outputs); });
}

}  // namespace program
