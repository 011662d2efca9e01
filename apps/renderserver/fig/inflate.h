// Deflate and zstd, with a budget that is checked before memory is taken.
#pragma once

#include <string>

#include "fig/budget.h"
#include "fig/bytes.h"
#include "fig/fault.h"

namespace fig {

// What all of one file may inflate to; each stream takes its share from it.
class InflateBudget {
 public:
  explicit InflateBudget(const Budget& budget) : budget_(budget), left_(budget.inflated_total_bytes) {}

  // The most that a stream of `stored` bytes may become.
  std::uint64_t LimitFor(std::uint64_t stored) const;
  void Spend(std::uint64_t inflated) { left_ -= inflated; }  // precondition: within LimitFor()

 private:
  const Budget& budget_;
  std::uint64_t left_;
};

// A raw deflate stream (no zlib header). Bytes behind its end are not looked at.
Outcome<Buffer> Inflate(Bytes stored, InflateBudget* budget, const std::string& where);

// The same when a directory has said how long it will be: kCompression if it was wrong.
Outcome<Buffer> InflateExactly(Bytes stored, std::uint64_t size, InflateBudget* budget, const std::string& where);

// One zstd frame, whether or not it says how long it will be.
Outcome<Buffer> Unzstd(Bytes stored, InflateBudget* budget, const std::string& where);

}  // namespace fig
