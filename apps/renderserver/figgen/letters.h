// A typeface of our own, of squares on a grid of five by seven: enough for samples. Capitals, digits
// and some signs; small letters look like capitals.
#pragma once

#include "figgen/outline.h"

namespace figgen {

constexpr double kLetterAdvance = 0.6;  // em
constexpr double kCapHeight = 0.7;

// In em units, the y axis upwards, the base line at 0. Empty for a space and for unknown signs.
Outline LetterOutline(char letter);

}  // namespace figgen
