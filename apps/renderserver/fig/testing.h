// What the tests of this folder share.
#pragma once

#include <ostream>
#include <string>

#include <gtest/gtest.h>

#include "fig/document.h"
#include "figgen/builder.h"
#include "figgen/encode.h"
#include "figgen/kiwi_writer.h"
#include "figgen/pack.h"
#include "figgen/schema_text.h"

namespace fig {

// "" when all went well, else the word of the fault's class.
template <typename T>
std::string WordOf(Outcome<T>&& outcome) {
  return outcome.ok() ? "" : Word(outcome.fault().kind);
}

// The fault's own text, which ends up in a failed test's output.
template <typename T>
std::string TextOf(Outcome<T>&& outcome) {
  return outcome.ok() ? "" : outcome.fault().ToString();
}

// A raw file of a schema and a message.
inline std::string RawFile(const std::string& schema, const std::string& message) {
  return figgen::Canvas("fig-kiwi", 1, {figgen::Deflate(schema), figgen::Deflate(message)});
}

inline std::string DecodedWord(const std::string& file, const Budget& budget = {}) {
  return WordOf(Decode(BytesOf(file), budget));
}

}  // namespace fig
