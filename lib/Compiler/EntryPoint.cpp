// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Compiler/EntryPoint.h"
#include "bitnn/Dialect/BitNN/IR/BitNN.h"
#include "bitnn/Dialect/BitNN/IR/EdgeAttributes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace bitnn;

std::string Edge::getElementName() const {
  return (isUnsigned ? "uint" : "int") + std::to_string(bits);
}

int64_t Edge::getNumElements() const {
  return ShapedType::getNumElements(shape);
}

std::string bitnn::makeModelName(StringRef fileName) {
  std::string name;
  for (char c : llvm::sys::path::stem(fileName))
    name += llvm::isAlnum(c) ? c : '_';
  // Identifiers with a leading underscore belong to the implementation.
  if (llvm::none_of(name, [](char c) { return c != '_'; }))
    return "model";
  return llvm::isAlpha(name[0]) ? name : "model_" + name;
}

/// The one public function with a body.
static FailureOr<func::FuncOp> findEntry(ModuleOp module) {
  SmallVector<func::FuncOp> entries;
  for (auto function : module.getOps<func::FuncOp>())
    if (function.isPublic() && !function.isExternal())
      entries.push_back(function);
  if (entries.size() == 1)
    return entries[0];
  return module.emitError("needs exactly one public function, the network, but "
                          "has ")
         << entries.size();
}

static FailureOr<Edge> readEdge(func::FuncOp function, Type type,
                                DictionaryAttr attributes,
                                StringRef defaultName) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || !tensor.hasStaticShape() ||
      !tensor.getElementType().isInteger())
    return function.emitOpError("has an edge of type ")
           << type
           << "; inputs and outputs of a network are integer tensors of static "
              "shape";
  Edge edge;
  edge.name = defaultName.str();
  edge.bits = tensor.getElementTypeBitWidth();
  edge.shape.assign(tensor.getShape().begin(), tensor.getShape().end());
  if (!attributes)
    return edge;
  if (auto name = attributes.getAs<StringAttr>(BitNNDialect::kNameAttr))
    edge.name = name.str();
  if (auto name = attributes.getAs<StringAttr>(BitNNDialect::kTensorAttr))
    edge.tensor = name.str();
  if (auto scale = attributes.getAs<FloatAttr>(BitNNDialect::kScaleAttr))
    edge.scale = scale.getValue().convertToFloat();
  auto scales = attributes.getAs<DenseF32ArrayAttr>(kEdgeScalesAttr);
  auto axis = attributes.getAs<IntegerAttr>(kEdgeAxisAttr);
  if (scales && axis) {
    edge.scales.assign(scales.asArrayRef().begin(), scales.asArrayRef().end());
    edge.axis = axis.getInt();
  }
  if (auto zero = attributes.getAs<IntegerAttr>(BitNNDialect::kZeroPointAttr))
    edge.zeroPoint = zero.getInt();
  edge.isUnsigned = attributes.contains(BitNNDialect::kUnsignedAttr);
  edge.isFloat = attributes.contains(BitNNDialect::kFloatAttr);
  if (auto caller = attributes.getAs<ArrayAttr>(BitNNDialect::kCallerAttr))
    for (auto type : caller.getAsRange<StringAttr>())
      edge.caller.push_back(type.str());
  return edge;
}

FailureOr<EntryPoint> bitnn::readEntryPoint(ModuleOp module, StringRef name) {
  FailureOr<func::FuncOp> function = findEntry(module);
  if (failed(function))
    return failure();
  EntryPoint entry;
  entry.name = name.str();
  auto read = [&](TypeRange types, auto getAttributes, StringRef kind,
                  std::vector<Edge> &edges) {
    for (auto [index, type] : llvm::enumerate(types)) {
      FailureOr<Edge> edge = readEdge(*function, type, getAttributes(index),
                                      (kind + llvm::Twine(index)).str());
      if (failed(edge))
        return failure();
      edges.push_back(*edge);
    }
    return success();
  };
  auto ofArgument = [&](unsigned i) { return function->getArgAttrDict(i); };
  auto ofResult = [&](unsigned i) { return function->getResultAttrDict(i); };
  if (failed(read(function->getArgumentTypes(), ofArgument, "input",
                  entry.inputs)) ||
      failed(
          read(function->getResultTypes(), ofResult, "output", entry.outputs)))
    return failure();
  return entry;
}

LogicalResult bitnn::readScratch(ModuleOp module, EntryPoint &entry) {
  FailureOr<func::FuncOp> function = findEntry(module);
  if (failed(function))
    return failure();
  unsigned index = entry.inputs.size() + entry.outputs.size();
  if (function->getNumArguments() != index + 1)
    return function->emitOpError("has ")
           << function->getNumArguments()
           << " arguments; a network on buffers has its inputs, its outputs "
              "and one for scratch memory, here "
           << index + 1;
  auto type = dyn_cast<MemRefType>(function->getArgument(index).getType());
  if (!type || !type.hasStaticShape() || !type.getElementType().isInteger(8))
    return function->emitOpError(
        "has scratch memory that is no array of bytes");
  entry.scratchBytes = type.getNumElements();
  if (auto align = function->getArgAttrOfType<IntegerAttr>(
          index, LLVM::LLVMDialect::getAlignAttrName()))
    entry.scratchAlignment = align.getInt();
  return success();
}
