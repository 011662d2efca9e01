// Files that somebody has spoilt by machine: whatever they are, decoding ends, and soon.
#include <chrono>
#include <random>

#include "fig/testing.h"
#include "figgen/samples.h"

namespace fig {
namespace {

std::string Packed(const char* sample) {
  const auto samples = figgen::AllSamples();
  return figgen::Write(*figgen::FindSample(samples, sample));
}

// A raw file whose message is not compressed, so that what is changed is what is read.
std::string Bare(const char* sample) {
  const auto samples = figgen::AllSamples();
  const auto stored = [](const std::string& bytes) {  // deflate's blocks without compression
    std::string out;
    for (std::size_t at = 0; at == 0 || at < bytes.size(); at += 0xFFFF) {
      const std::string part = bytes.substr(at, 0xFFFF);
      out += at + 0xFFFF >= bytes.size() ? '\1' : '\0';
      figgen::AppendLittle(part.size(), 2, &out);
      figgen::AppendLittle(~part.size(), 2, &out);
      out += part;
    }
    return out;
  };
  const figgen::SchemaTable& schema = figgen::OwnSchema();
  const std::string message = figgen::Encode(schema, "Message", figgen::FindSample(samples, sample)->draw(sample).Message());
  return figgen::Canvas("fig-kiwi", 1, {stored(figgen::EncodeSchema(schema)), stored(message)});
}

// So that a slow machine tries fewer, not that it fails.
class Patience {
 public:
  bool left() const { return std::chrono::steady_clock::now() < end_; }

 private:
  std::chrono::steady_clock::time_point end_ = std::chrono::steady_clock::now() + std::chrono::seconds(4);
};

Budget SmallBudget() {
  Budget budget;
  budget.inflated_bytes = 4 << 20;
  budget.decoded_bytes = 16 << 20;
  return budget;
}

TEST(Hostile, CutOffAnywhere) {
  const Patience patience;
  for (const std::string& file : {Bare("compromise"), Packed("images")}) {
    for (std::size_t size = 0; size < file.size() && patience.left(); ++size) {
      EXPECT_NE(DecodedWord(file.substr(0, size), SmallBudget()), "") << size;
    }
  }
}

TEST(Hostile, EveryByteChanged) {
  const Patience patience;
  std::size_t tried = 0;
  for (const std::string& file : {Bare("instances"), Packed("compromise")}) {
    for (std::size_t at = 0; at < file.size(); ++at) {
      for (const char mask : {'\x01', '\x80', '\xFF'}) {
        std::string changed = file;
        changed[at] = static_cast<char>(changed[at] ^ mask);
        if (patience.left()) static_cast<void>(DecodedWord(changed, SmallBudget())), ++tried;
      }
    }
  }
  EXPECT_GT(tried, 100u);
}

TEST(Hostile, PiecesRepeatedMovedAndLost) {
  const Patience patience;
  std::mt19937 random(20240229);
  const std::vector<std::string> files = {Bare("instances"), Bare("text-runs"), Packed("images")};
  std::size_t tried = 0;
  for (; patience.left() && tried < 60'000; ++tried) {
    std::string file = files[tried % files.size()];
    for (unsigned changes = 1 + random() % 4; changes > 0; --changes) {
      const std::size_t at = random() % file.size(), size = random() % 64, to = random() % file.size();
      const std::string piece = file.substr(at, size);
      if (random() % 2 == 0) file.erase(at, size);
      file.insert(std::min(to, file.size()), piece);
    }
    static_cast<void>(DecodedWord(file, SmallBudget()));
  }
  EXPECT_GT(tried, 100u);
}

}  // namespace
}  // namespace fig
