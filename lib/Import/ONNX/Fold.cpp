// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Fold.h"
#include "Emit.h"
#include "Functions.h"
#include "Movements.h"
#include "Quantization.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace bitnn::importer;

static ElementType getType(int64_t onnxType) {
  switch (onnxType) {
  case kOnnxFloat:
    return ElementType::Float32;
  case kOnnxUInt8:
    return ElementType::UInt8;
  case kOnnxInt8:
    return ElementType::Int8;
  case 6:
    return ElementType::Int32;
  case 7:
    return ElementType::Int64;
  case 9:
    return ElementType::Bool;
  default:
    return ElementType::Other;
  }
}

static TensorRef cast(const Tensor &tensor, ElementType to) {
  if (to == ElementType::Other || tensor.type == ElementType::Other)
    return nullptr;
  if (to == ElementType::Float32)
    return makeTensor(tensor.shape, getNumbers<float>(tensor));
  std::vector<int64_t> numbers;
  for (double number : getNumbers<double>(tensor)) {
    // What does not fit is undefined.
    if (!(std::abs(number) < 9e15))
      return nullptr;
    numbers.push_back(to == ElementType::Bool ? number != 0 : int64_t(number));
  }
  return makeTensor(to, tensor.shape, numbers);
}

/// The extents from `start` to `end` of a shape (Shape, since opset 15).
static std::optional<Result> foldShape(NodeContext &node) {
  Operand operand = node.getOperand(0);
  auto shape = operand ? getCurrentShape(*operand) : std::nullopt;
  if (auto *outside = node.getIf<Outside>(0))
    shape = outside->shape;
  if (!shape)
    return std::nullopt;
  if (node.node.op == "Size")
    return Result(ImportedValue(
        Constant{makeTensor(ElementType::Int64, {}, *getNumElements(*shape))}));
  int64_t rank = shape->size();
  auto bound = [&](StringRef name, int64_t otherwise) -> FailureOr<int64_t> {
    FailureOr<int64_t> value = node.getInt(name, otherwise);
    if (failed(value))
      return failure();
    return std::clamp<int64_t>(*value < 0 ? *value + rank : *value, 0, rank);
  };
  FailureOr<int64_t> start = bound("start", 0), end = bound("end", rank);
  if (failed(start) || failed(end))
    return Result(failure());
  Shape extents;
  for (int64_t i = *start; i < *end; ++i)
    extents.push_back((*shape)[i]);
  return Result(ImportedValue(Constant{
      makeTensor(ElementType::Int64, {int64_t(extents.size())}, extents)}));
}

static TensorRef fillShape(NodeContext &node, const Tensor &shape) {
  Shape extents;
  for (int64_t extent : getNumbers<int64_t>(shape))
    extents.push_back(extent);
  FailureOr<int64_t> size = getNumElements(extents);
  if (failed(size) || *size > kMostFolded)
    return nullptr;
  auto found = node.node.attributes.find("value");
  if (found == node.node.attributes.end())
    return makeTensor(extents, std::vector<float>(*size, 0.0f));
  auto *value = std::get_if<TensorRef>(&found->second);
  if (!value || (*value)->type == ElementType::Other || (*value)->size() != 1)
    return nullptr;
  if ((*value)->type == ElementType::Float32)
    return makeTensor(extents,
                      std::vector<float>(*size, (*value)->getFloat(0)));
  return makeTensor((*value)->type, extents,
                    std::vector<int64_t>(*size, (*value)->getInteger(0)));
}

static TensorRef makeRange(ArrayRef<TensorRef> bounds) {
  for (const TensorRef &bound : bounds)
    if (bound->type != ElementType::Int64 || bound->size() != 1)
      return nullptr;
  int64_t start = bounds[0]->getInteger(0), limit = bounds[1]->getInteger(0);
  int64_t delta = bounds[2]->getInteger(0);
  SmallVector<int64_t> values;
  for (int64_t i = start; delta > 0 ? i < limit : i > limit; i += delta) {
    if (delta == 0 || int64_t(values.size()) >= kMostFolded)
      return nullptr;
    values.push_back(i);
    int64_t next;
    if (llvm::AddOverflow(i, delta, next))
      break;
  }
  return makeTensor(ElementType::Int64, {int64_t(values.size())}, values);
}

/// Vectors, joined: what exporters make of extents.
static TensorRef joinVectors(ArrayRef<TensorRef> tensors) {
  auto result = std::make_shared<Tensor>(*tensors.front());
  result->bytes.clear();
  result->shape = {0};
  for (const TensorRef &tensor : tensors) {
    if (tensor->shape.size() != 1 || tensor->type != result->type)
      return nullptr;
    result->shape[0] += tensor->size();
    result->bytes += tensor->bytes;
  }
  return result;
}

static TensorRef choose(const Tensor &condition, const Tensor &a,
                        const Tensor &b) {
  auto shape = getBroadcastShape(a.shape, b.shape);
  shape = shape ? getBroadcastShape(condition.shape, *shape) : std::nullopt;
  FailureOr<int64_t> size = failure();
  if (shape)
    size = getNumElements(*shape);
  if (failed(size) || *size > kMostFolded || a.type != b.type ||
      condition.type != ElementType::Bool || a.bytes.empty())
    return nullptr;
  auto result = std::make_shared<Tensor>(a);
  result->shape = *shape;
  result->bytes.clear();
  size_t width = a.bytes.size() / a.size();
  for (int64_t i = 0; i < *size; ++i) {
    bool isFirst =
        condition.getInteger(getBroadcastSource(condition.shape, *shape, i));
    const Tensor &from = isFirst ? a : b;
    result->bytes.append(
        from.bytes, getBroadcastSource(from.shape, *shape, i) * width, width);
  }
  return result;
}

static TensorRef multiplyAll(const Tensor &tensor) {
  int64_t product = 1;
  for (int64_t number : getNumbers<int64_t>(tensor))
    if (llvm::MulOverflow(product, number, product))
      return nullptr;
  return makeTensor(tensor.type, {}, product);
}

static TensorRef fold(NodeContext &node, ArrayRef<TensorRef> constants) {
  StringRef op = node.node.op;
  const Tensor &first = *constants.front();
  size_t count = constants.size();
  bool isBinary =
      llvm::StringSwitch<bool>(op)
          .Cases({"Add", "Sub", "Mul", "Div", "Mod", "Max", "Min"}, true)
          .Cases({"Equal", "Less", "Greater"}, true)
          .Default(false);
  if (isBinary && count == 2)
    return combineConstants(op, first, *constants[1]);
  if (op == "Cast") {
    FailureOr<int64_t> to = node.getInt("to", 0);
    return succeeded(to) ? cast(first, getType(*to)) : nullptr;
  }
  if (op == "ConstantOfShape" && isInteger(first.type))
    return fillShape(node, first);
  if (op == "Range" && count == 3)
    return makeRange(constants);
  if (op == "Concat")
    return joinVectors(constants);
  if (op == "Where" && count == 3)
    return choose(first, *constants[1], *constants[2]);
  FailureOr<int64_t> keep = node.getInt("keepdims", 1);
  if (op == "ReduceProd" && count == 1 && succeeded(keep) && !*keep &&
      isInteger(first.type) && first.shape.size() == 1)
    return multiplyAll(first);
  return nullptr;
}

std::optional<Result> bitnn::importer::foldConstants(NodeContext &node) {
  if (!node.node.domain.empty())
    return std::nullopt;
  if (node.node.op == "Shape" || node.node.op == "Size")
    return foldShape(node);
  SmallVector<TensorRef> constants;
  for (const Operand &operand : node.operands) {
    auto *constant = operand ? std::get_if<Constant>(operand.get()) : nullptr;
    if (!constant || constant->tensor->type == ElementType::Other)
      return std::nullopt;
    constants.push_back(constant->tensor);
  }
  if (constants.empty())
    return std::nullopt;
  TensorRef result = fold(node, constants);
  if (!result)
    return std::nullopt;
  return Result(ImportedValue(Constant{result}));
}
