#include "fig/document.h"

#include <new>
#include <stdexcept>

#include "fig/container.h"
#include "fig/decode_message.h"
#include "fig/meta.h"
#include "fig/schema.h"

namespace fig {
namespace {

// Removed nodes go; of two with the same guid the later one holds, in the place of the first.
Check TakeNodes(std::vector<NodeChange> changes, Document* document) {
  document->nodes.reserve(changes.size());
  for (NodeChange& change : changes) {
    if (change.removed) continue;
    if (!change.guid || change.guid->null()) {
      return Fault{FaultClass::kGraph, "a node without a guid", change.offset, "message"};
    }
    const auto [at, fresh] = document->by_guid.emplace(*change.guid, document->nodes.size());
    if (fresh) {
      document->nodes.push_back(std::move(change));
    } else {
      document->nodes[at->second] = std::move(change);
    }
  }
  return Nothing{};
}

Outcome<Document> DecodeFile(Bytes input, const Budget& budget) {
  Container container = FIG_TRY(OpenContainer(input, budget));
  Document document;
  document.kind = container.kind;
  document.zipped = container.zipped;
  document.version = container.version;
  document.thumbnail = container.thumbnail;
  document.images = std::move(container.images);
  document.storage = container.storage;
  if (!container.meta.empty()) {
    MetaFile meta = FIG_TRY(ParseMeta(container.meta));
    document.meta = meta.meta;
    document.file_name = std::move(meta.file_name);
  }
  const Schema schema = FIG_TRY(ParseSchema(container.schema, budget));
  document.schema_definitions = schema.definitions.size();
  Message message = FIG_TRY(DecodeMessage(schema, container.message, budget));
  document.blobs = std::move(message.blobs);
  FIG_TRY(TakeNodes(std::move(message.nodes), &document));
  return document;
}

}  // namespace

Outcome<Document> Decode(Bytes input, const Budget& budget) {
  try {
    return DecodeFile(input, budget);
  } catch (const std::bad_alloc&) {
    return NoMemory("file");
  } catch (const std::length_error&) {  // no machine has that much
    return Fault{FaultClass::kBudget, "longer than anything can be", Fault::kNowhere, "file"};
  }
}

}  // namespace fig
