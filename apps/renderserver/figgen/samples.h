// Named small documents, each of which shows one thing. They are what is drawn in demonstrations,
// compared in tests and mutated by fuzzers.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "figgen/builder.h"

namespace figgen {

struct Sample {
  std::string_view name;
  std::string_view shows;
  Sketch (*draw)(std::string_view name);
  Packing packing = {};
  // Instead of `draw`: a file that a Sketch cannot be.
  std::string (*write)() = nullptr;
};

std::vector<Sample> AllSamples();  // names are unique
const Sample* FindSample(const std::vector<Sample>& samples, std::string_view name);  // null: none
std::string FileName(const Sample& sample);  // with .fig, .deck or .jam
std::string Write(const Sample& sample);

// By theme; each is in samples_<theme>.cc.
std::vector<Sample> ShapeSamples();
std::vector<Sample> PaintSamples();
std::vector<Sample> LayerSamples();
std::vector<Sample> TextSamples();
std::vector<Sample> SymbolSamples();
std::vector<Sample> FileSamples();
std::vector<Sample> ShowSamples();

// A frame on a page of its own, white, which is what the thumbnail shows.
Node Board(Sketch* sketch, double width, double height);

constexpr unsigned kRed = 0xE5484D, kBlue = 0x3E63DD, kGreen = 0x30A46C, kYellow = 0xFFD60A, kInk = 0x1C2024,
                   kSand = 0xF4F0E8, kSky = 0xB8DCF5, kPlum = 0x8E4EC6, kOrange = 0xF76B15;

}  // namespace figgen
