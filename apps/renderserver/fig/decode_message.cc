#include "fig/decode_message.h"

#include <algorithm>
#include <string>
#include <vector>

#include "fig/bind.h"
#include "fig/kiwi.h"
#include "fig/plan.h"

namespace fig {
namespace {

// Besides one per byte: structs in structs cost entries of the stack and no bytes.
constexpr std::uint64_t kFreeObjects = 4096;

class MessageDecoder {
 public:
  MessageDecoder(const Schema& schema, Bytes bytes, const Budget& budget)
      : schema_(schema), planner_(schema), in_(bytes, FaultClass::kMessage, "message"), budget_(budget) {
    stack_.reserve(budget.kiwi_depth);
  }

  Check Decode(std::uint32_t definition, const Kind& kind, void* object) {
    Push(FIG_TRY(planner_.Get(definition, &kind)), object);
    while (in_.ok() && !stack_.empty()) Step();
    if (in_.ok() && in_.left() != 0) in_.Fail("goes on behind its end");
    if (!in_.ok()) return in_.TakeFault();
    return Nothing{};
  }

 private:
  struct Frame {
    Plan* plan;
    void* object;                // null: skipped
    std::size_t next = 0;        // of a struct: field
    PlanField* array = nullptr;  // the array of objects that it is in the middle of
    std::uint32_t elements = 0;  // and how many are still to come
  };

  void Step() {
    Frame& frame = stack_.back();
    if (frame.elements > 0) {
      --frame.elements;
      Enter(frame, frame.array);
    } else if (PlanField* field = NextField(&frame); field == nullptr) {
      stack_.pop_back();
    } else if (field->field->array) {
      TakeArray(&frame, field);
    } else if (IsObject(*field->field)) {
      Enter(frame, field);
    } else {
      TakePrimitive(RowOf(frame, *field), *field, frame.object);
    }
  }

  PlanField* NextField(Frame* frame) {
    Plan& plan = *frame->plan;
    if (plan.definition->kind == DefinitionKind::kStruct) {
      return frame->next == plan.fields.size() ? nullptr : &plan.fields[frame->next++];
    }
    const std::uint32_t id = in_.Uint();
    if (id == 0) return nullptr;
    PlanField* field = plan.Find(id);
    if (field == nullptr) {
      in_.Fail("field " + std::to_string(id) + ", which " + Quoted(plan.definition->name) + " does not have");
    }
    return field;
  }

  bool IsObject(const Field& field) const {
    return field.type == Builtin::kDefined && schema_.definitions[field.definition].kind != DefinitionKind::kEnum;
  }

  static const Row* RowOf(const Frame& frame, const PlanField& field) {
    return frame.object == nullptr ? nullptr : field.row;
  }

  // Begins the object that `field` of `frame` holds. Makes `frame` invalid.
  void Enter(const Frame& frame, PlanField* field) {
    const Row* row = RowOf(frame, *field);
    if (row != nullptr && field->field->array == false) Charge(row->size);
    void* object = row == nullptr || !in_.ok() ? nullptr : row->open(frame.object);
    if (object != nullptr && row->kind().begins != nullptr) row->kind().begins(object, in_.offset());
    Plan** plan = object == nullptr ? &field->skip : &field->sub;
    if (*plan == nullptr) {
      Outcome<Plan*> made = planner_.Get(field->field->definition, object == nullptr ? nullptr : &row->kind());
      if (!made.ok()) return in_.FailWith(std::move(made.fault()));
      *plan = made.value();
    }
    Push(*plan, object);
  }

  void Push(Plan* plan, void* object) {
    if (stack_.size() == budget_.kiwi_depth) {
      return in_.FailAs(FaultClass::kBudget, "objects in objects, deeper than " + std::to_string(stack_.size()));
    }
    if (++objects_ > in_.size() + kFreeObjects) return in_.FailAs(FaultClass::kBudget, "more objects than bytes");
    stack_.push_back({plan, object});
  }

  void TakeArray(Frame* frame, PlanField* field) {
    const Field& type = *field->field;
    const Row* row = RowOf(*frame, *field);
    const std::uint32_t count = in_.Uint();
    const std::uint32_t least = schema_.LeastSize(type);
    if (count > 0 && least == 0) return in_.Fail("an array of elements that take no bytes");
    if (count > 0 && count > in_.left() / least) {
      return in_.Fail("array of " + std::to_string(count) + " elements in " + std::to_string(in_.left()) + " bytes");
    }
    if (row != nullptr && row->start != nullptr) Start(*row, count, frame->object);
    if (type.type == Builtin::kByte || type.type == Builtin::kBool) {
      TakeBytes(row, count, frame->object);
    } else if (IsObject(type)) {
      frame->array = field;
      frame->elements = count;
    } else {
      for (std::uint32_t i = 0; i < count && in_.ok(); ++i) TakePrimitive(row, *field, frame->object);
    }
  }

  void Start(const Row& row, std::uint32_t count, void* object) {
    if (row.most != nullptr && count > budget_.*row.most) {
      return in_.FailAs(FaultClass::kBudget, std::to_string(count) + " of " + std::string(row.name));
    }
    Charge(std::uint64_t{count} * row.size);
    if (in_.ok()) row.start(object, count);
  }

  // No row wants an array of bools, so there are only the bytes of blobs to hand on.
  void TakeBytes(const Row* row, std::uint32_t count, void* object) {
    const Bytes bytes = in_.Raw(count);
    if (row == nullptr || !in_.ok()) return;
    Value value;
    value.bytes = bytes;
    row->put(object, value);
  }

  void TakePrimitive(const Row* row, const PlanField& field, void* object) {
    if (row == nullptr) return Skip(field.field->type);
    Value value;
    switch (field.field->type) {
      case Builtin::kBool:
      case Builtin::kByte: value.word = in_.Byte(); break;
      case Builtin::kUint: value.word = in_.Uint(); break;
      case Builtin::kFloat: value.number = in_.Float(); break;
      case Builtin::kDefined: value.word = field.choices->Ours(in_.Uint()); break;
      case Builtin::kString:
        value.text = in_.String();
        Charge(value.text.size());
        break;
      case Builtin::kInt:
      case Builtin::kInt64:
      case Builtin::kUint64: return Skip(field.field->type);  // no row wants them
    }
    if (in_.ok()) row->put(object, value);
  }

  void Skip(Builtin type) {
    switch (type) {
      case Builtin::kBool:
      case Builtin::kByte: in_.Byte(); break;
      case Builtin::kInt:
      case Builtin::kUint:
      case Builtin::kDefined: in_.Uint(); break;
      case Builtin::kFloat: in_.SkipFloat(); break;
      case Builtin::kString: in_.String(); break;
      case Builtin::kInt64:
      case Builtin::kUint64: in_.Uint64(); break;
    }
  }

  void Charge(std::uint64_t bytes) {
    charged_ += bytes;
    if (charged_ > budget_.decoded_bytes) {
      in_.FailAs(FaultClass::kBudget, "objects of more than " + std::to_string(budget_.decoded_bytes) + " bytes");
    }
  }

  const Schema& schema_;
  Planner planner_;
  Reader in_;
  const Budget& budget_;
  std::vector<Frame> stack_;
  std::uint64_t objects_ = 0;
  std::uint64_t charged_ = 0;
};

}  // namespace

Outcome<Message> DecodeMessage(const Schema& schema, Bytes bytes, const Budget& budget) {
  const std::uint32_t root = schema.Find("Message");
  if (root == Schema::kNone || schema.definitions[root].kind != DefinitionKind::kMessage) {
    return Fault{FaultClass::kSchema, "no definition of a message \"Message\"", Fault::kNowhere, "schema"};
  }
  Message message;
  FIG_TRY(MessageDecoder(schema, bytes, budget).Decode(root, KindOf<Message>(), &message));
  return message;
}

}  // namespace fig
