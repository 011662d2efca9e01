#include "learn/estimate.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace moat::learn {
namespace {

// P(X <= hits), X binomial: in logarithms, for the sake of thousands of inputs.
double AtMost(unsigned hits, unsigned trials, double p) {
  double sum = 0;
  for (unsigned k = 0; k <= hits; ++k) {
    const double ways = std::lgamma(trials + 1.0) - std::lgamma(k + 1.0) - std::lgamma(trials - k + 1.0);
    sum += std::exp(ways + k * std::log(p) + (trials - k) * std::log1p(-p));
  }
  return sum;
}

// Inputs are numbered in the order in which they ran, and who needed an entry first is always known: what the
// second half needed and the first had not shown.
void HoldOut(Estimate& estimate, const std::vector<std::vector<unsigned>>& entries) {
  const unsigned half = (estimate.inputs + 1) / 2;
  std::vector<bool> surprised(estimate.inputs, false);
  for (const std::vector<unsigned>& who : entries) {
    if (std::any_of(who.begin(), who.end(), [&](unsigned input) { return input < half; })) continue;
    for (const unsigned input : who) surprised[input] = true;
  }
  estimate.held_out = estimate.inputs - half;
  estimate.surprised = static_cast<unsigned>(std::count(surprised.begin(), surprised.end(), true));
}

}  // namespace

double UpperBound(unsigned hits, unsigned trials) {
  constexpr double kDoubt = 0.05;
  if (trials == 0 || hits >= trials) return 1;
  double low = 0, high = 1;
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (AtMost(hits, trials, middle) > kDoubt ? low : high) = middle;
  }
  return high;
}

Estimate Estimated(unsigned inputs, const std::vector<std::vector<unsigned>>& entries) {
  Estimate estimate;
  estimate.inputs = inputs;
  if (inputs == 0) return estimate;
  std::vector<bool> alone(inputs, false);
  double once = 0, twice = 0;
  for (const std::vector<unsigned>& who : entries) {
    if (who.size() == 1) alone[who.front()] = true;
    once += who.size() == 1;
    twice += who.size() == 2;
  }
  estimate.alone = static_cast<unsigned>(std::count(alone.begin(), alone.end(), true));
  estimate.next = static_cast<double>(estimate.alone) / inputs;
  estimate.bound = UpperBound(estimate.alone, inputs);
  const double most = (inputs - 1.0) / inputs;
  estimate.unseen = twice > 0 ? most * once * once / (2 * twice) : most * once * std::max(0.0, once - 1) / 2;
  HoldOut(estimate, entries);
  return estimate;
}

std::string Estimate::ToString() const {
  char text[320];
  std::snprintf(text, sizeof(text),
                "the next input needs something new with a chance of %.1f %%, and with 95 %% confidence of less than %.1f %% (%u inputs, "
                "%u needed something of their own); about %.0f entries unseen; held out: %u of %u inputs needed what the others had not shown",
                next * 100, bound * 100, inputs, alone, unseen, surprised, held_out);
  return text;
}

}  // namespace moat::learn
