// The words of a command of moat-cli: flags of a fixed list, words between them, and a command behind `--`.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "moat/result.h"

namespace moat::tool {

struct Flags {
  std::vector<std::string_view> with_value;  // "--corpus"
  std::vector<std::string_view> plain;       // "--json"; --help is always one
  std::string_view help;                     // "`moat learn --help` lists the flags"
};

struct Arguments {
  std::map<std::string, std::vector<std::string>, std::less<>> values;  // by flag; a plain one has one empty value
  std::vector<std::string> words;
  std::vector<std::string> command;

  bool Has(std::string_view flag) const { return values.find(flag) != values.end(); }
  std::string Value(std::string_view flag) const;  // the last one; "" for none
  std::vector<std::string> Values(std::string_view flag) const;
};

// `--flag value` and `--flag=value`. An unknown flag is an error with a suggestion.
Result<Arguments> ParseArguments(const std::vector<std::string>& args, const Flags& flags);

// A count of 1 to 256 threads; two for each processor where `text` is empty.
Result<unsigned> JobsOf(const std::string& text);

}  // namespace moat::tool
