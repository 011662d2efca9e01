// How much of what inputs need has not been seen yet. Pure.
//
// An input would have met a policy that lacks something exactly when it needs an entry that no other input
// needed: leaving each input out in turn, the share of those is the Good-Turing estimate for the next
// one. Its bound is Clopper and Pearson's, one-sided. How many entries are unseen at all: Chao's lower
// bound, from those seen in one and in two inputs.
#pragma once

#include <string>
#include <vector>

namespace moat::learn {

struct Estimate {
  unsigned inputs = 0;
  unsigned alone = 0;      // inputs that needed an entry of their own
  double next = 1;         // chance that the next input needs something new
  double bound = 1;        // with 95 % confidence it is no higher
  double unseen = 0;       // entries not seen, at least
  unsigned held_out = 0, surprised = 0;  // inputs that ran last; those of them that the first did not cover

  std::string ToString() const;  // "2.1 % (below 5.0 % with 95 % confidence, 143 inputs); ..."
};

// `entries`: for each entry the inputs (below `inputs`, in the order in which they ran) that needed it; those that everybody needs may be
// left out.
Estimate Estimated(unsigned inputs, const std::vector<std::vector<unsigned>>& entries);

// The p with P(X <= hits) = 5 % for X binomial(trials, p).
double UpperBound(unsigned hits, unsigned trials);

}  // namespace moat::learn
