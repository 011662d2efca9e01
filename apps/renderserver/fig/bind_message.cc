// The message as a whole.
#include "fig/bind_kinds.h"

namespace fig {
namespace {

constexpr Row BlobBytes() {
  Row row{"bytes", Want::kBytes};
  row.put = [](void* object, const Value& value) { *static_cast<Bytes*>(object) = value.bytes; };
  return row;
}

constexpr Row Nodes() {
  Row row = List<&Message::nodes>("nodeChanges");
  row.most = &Budget::nodes;
  return row;
}

}  // namespace

template <>
const Kind& KindOf<Bytes>() {
  static constexpr Row kRows[] = {BlobBytes()};
  static constexpr Kind kKind = {"Blob", kRows};
  return kKind;
}

template <>
const Kind& KindOf<Message>() {
  static constexpr Row kRows[] = {Nodes(), List<&Message::blobs>("blobs")};
  static constexpr Kind kKind = {"Message", kRows};
  return kKind;
}

}  // namespace fig
