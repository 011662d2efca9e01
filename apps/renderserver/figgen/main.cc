// figgen: writes the project's own design files.
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "figgen/encode.h"
#include "figgen/samples.h"
#include "figgen/schema_text.h"

namespace {

using figgen::Sample;

constexpr char kUsage[] =
    "usage: figgen --list            names, and what each shows\n"
    "       figgen NAME -o FILE      one sample; - is standard output\n"
    "       figgen --all FOLDER      all of them, into a folder that exists\n"
    "       figgen --seeds FOLDER    their schemas and messages, for the message's fuzz target\n";

bool WriteFile(const std::string& path, const std::string& bytes) {
  std::FILE* file = path == "-" ? stdout : std::fopen(path.c_str(), "wbe");
  if (file == nullptr) return std::perror(path.c_str()), false;
  const bool written = std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size();
  const bool closed = file == stdout ? std::fflush(file) == 0 : std::fclose(file) == 0;
  if (!written || !closed) std::perror(path.c_str());
  return written && closed;
}

// A length of the schema, the schema, the message; and once more with the schema left out.
bool WriteSeeds(const std::vector<Sample>& samples, const std::string& folder) {
  constexpr std::size_t kLargest = 32 << 10;  // larger ones only slow a fuzzer down
  const std::string schema = figgen::EncodeSchema(figgen::OwnSchema());
  for (const Sample& sample : samples) {
    if (sample.draw == nullptr) continue;
    const std::string message = figgen::Encode(figgen::OwnSchema(), "Message", sample.draw(sample.name).Message());
    if (message.size() > kLargest) continue;
    std::string with;
    figgen::AppendLittle(schema.size(), 4, &with);
    const std::string path = folder + "/" + std::string(sample.name);
    if (!WriteFile(path + ".with", with + schema + message)) return false;
    if (!WriteFile(path + ".without", std::string(4, '\0') + message)) return false;
  }
  return true;
}

int Run(const std::vector<std::string>& words) {
  const std::vector<Sample> samples = figgen::AllSamples();
  if (words.size() == 1 && words[0] == "--list") {
    for (const Sample& sample : samples) {
      std::printf("%-24s %s\n", figgen::FileName(sample).c_str(), std::string(sample.shows).c_str());
    }
    return 0;
  }
  if (words.size() == 2 && words[0] == "--all") {
    for (const Sample& sample : samples) {
      if (!WriteFile(words[1] + "/" + figgen::FileName(sample), figgen::Write(sample))) return 1;
    }
    return 0;
  }
  if (words.size() == 2 && words[0] == "--seeds") return WriteSeeds(samples, words[1]) ? 0 : 1;
  if (words.size() == 3 && words[1] == "-o") {
    const Sample* sample = figgen::FindSample(samples, words[0]);
    if (sample != nullptr) return WriteFile(words[2], figgen::Write(*sample)) ? 0 : 1;
    std::fprintf(stderr, "figgen: no sample %s; see figgen --list\n", words[0].c_str());
    return 2;
  }
  std::fputs(kUsage, stderr);
  return 2;
}

}  // namespace

int main(int count, char** words) {
  try {
    return Run({words + 1, words + count});
  } catch (const std::exception& fault) {
    std::fprintf(stderr, "figgen: %s\n", fault.what());
    return 1;
  }
}
