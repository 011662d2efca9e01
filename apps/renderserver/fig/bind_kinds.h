// Which tables there are, and the enums that several of them share.
#pragma once

#include <array>
#include <vector>

#include "fig/bind.h"
#include "fig/document.h"

namespace fig {

// The outermost object of a file.
struct Message {
  std::vector<NodeChange> nodes;
  std::vector<Bytes> blobs;  // views into the message
};

// bind_basics.cc
template <> const Kind& KindOf<Vector>();
template <> const Kind& KindOf<Matrix>();
template <> const Kind& KindOf<Colour>();
template <> const Kind& KindOf<Guid>();
template <> const Kind& KindOf<std::array<float, 4>>();
// bind_paint.cc
template <> const Kind& KindOf<ColourStop>();
template <> const Kind& KindOf<ImageRef>();
template <> const Kind& KindOf<PaintFilter>();
template <> const Kind& KindOf<Paint>();
template <> const Kind& KindOf<Effect>();
// bind_text.cc
template <> const Kind& KindOf<Glyph>();
template <> const Kind& KindOf<Decoration>();
template <> const Kind& KindOf<TextData>();
template <> const Kind& KindOf<DerivedTextData>();
template <> const Kind& KindOf<VectorData>();
// bind_node.cc
template <> const Kind& KindOf<Path>();
template <> const Kind& KindOf<SymbolData>();
template <> const Kind& KindOf<NodeChange>();
// bind_message.cc
template <> const Kind& KindOf<Bytes>();
template <> const Kind& KindOf<Message>();

extern const Choices kBlendModes;
extern const Choices kNodeTypes;

}  // namespace fig
