// Objects to a message, by a schema.
#pragma once

#include <string>

#include "figgen/schema_text.h"
#include "figgen/value.h"

namespace figgen {

// `object` as a value of the definition `name`. Throws std::invalid_argument or
// std::bad_variant_access when it does not fit. Recursive: objects are made by this program.
std::string Encode(const SchemaTable& schema, std::string_view name, const Object& object);

}  // namespace figgen
