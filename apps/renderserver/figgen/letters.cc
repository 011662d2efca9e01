#include "figgen/letters.h"

#include <algorithm>
#include <cctype>
#include <string_view>

namespace figgen {
namespace {

constexpr double kSquare = 0.1;
constexpr int kRows = 7, kColumns = 5;

struct Letter {
  char sign;
  std::string_view rows;  // seven of five, from the top
};

// O is round and not here.
constexpr Letter kLetters[] = {
    {'A', " ### #   ##   #######   ##   ##   #"}, {'B', "#### #   ##   ##### #   ##   ##### "},
    {'C', " ### #   ##    #    #    #   # ### "}, {'D', "#### #   ##   ##   ##   ##   ##### "},
    {'E', "######    #    #### #    #    #####"}, {'F', "######    #    #### #    #    #    "},
    {'G', " #####    #    #  ###   ##   # ### "}, {'H', "#   ##   ##   #######   ##   ##   #"},
    {'I', " ###   #    #    #    #    #   ### "}, {'J', "  ###   #    #    #    # #  #  ##  "},
    {'K', "#   ##  # # #  ##   # #  #  # #   #"}, {'L', "#    #    #    #    #    #    #####"},
    {'M', "#   ### ### # ## # ##   ##   ##   #"}, {'N', "#   ###  ## # ##  ###   ##   ##   #"},
    {'P', "#### #   ##   ##### #    #    #    "}, {'Q', " ### #   ##   ##   ## # ##  #  ## #"},
    {'R', "#### #   ##   ##### # #  #  # #   #"}, {'S', " #####    #     ###     #    ##### "},
    {'T', "#####  #    #    #    #    #    #  "}, {'U', "#   ##   ##   ##   ##   ##   # ### "},
    {'V', "#   ##   ##   ##   ##   # # #   #  "}, {'W', "#   ##   ##   ## # ## # ### ###   #"},
    {'X', "#   ##   # # #   #   # # #   ##   #"}, {'Y', "#   ##   # # #   #    #    #    #  "},
    {'Z', "#####    #   #   #   #   #    #####"}, {'0', " ### #  ### # ## # ## # ###  # ### "},
    {'1', "  #   ##    #    #    #    #   ### "}, {'2', " ### #   #    #  ##  #   #    #####"},
    {'3', "####     #    # ###     #    ##### "}, {'4', "   #   ##  # # #  # #####   #    # "},
    {'5', "######    ####     #    #    ##### "}, {'6', " ### #    #    #### #   ##   # ### "},
    {'7', "#####    #   #   #   #    #    #   "}, {'8', " ### #   ##   # ### #   ##   # ### "},
    {'9', " ### #   ##   # ####    #    # ### "}, {'.', "                           ##   ## "},
    {',', "                      ##   ##   #  "}, {'!', "  #    #    #    #    #         #  "},
    {'-', "                ###                "}, {':', "      ##   ##        ##   ##       "},
    {'+', "       #    #  #####  #    #       "}, {'/', "    #    #   #   #   #   #    #    "},
};

Outline RoundLetter() {
  Outline ring;
  ring.Oval(0, 0, kColumns * kSquare, kRows * kSquare);
  ring.Oval(kSquare, kSquare, (kColumns - 2) * kSquare, (kRows - 2) * kSquare, Outline::Turn::kCounter);
  return ring;
}

}  // namespace

Outline LetterOutline(char letter) {
  const char sign = static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
  if (sign == 'O') return RoundLetter();
  Outline outline;
  const auto* known =
      std::find_if(std::begin(kLetters), std::end(kLetters), [&](const Letter& l) { return l.sign == sign; });
  if (known == std::end(kLetters)) return outline;
  for (int row = 0; row < kRows; ++row) {
    for (int column = 0; column < kColumns;) {
      int end = column;
      const auto set = [&] { return known->rows[static_cast<std::size_t>(row * kColumns + end)] == '#'; };
      while (end < kColumns && set()) ++end;
      const int length = end - column;
      if (length > 0) outline.Box(column * kSquare, (kRows - 1 - row) * kSquare, length * kSquare, kSquare);
      column = end + 1;
    }
  }
  return outline;
}

}  // namespace figgen
