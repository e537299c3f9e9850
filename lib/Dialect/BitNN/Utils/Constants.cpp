// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Dialect/BitNN/Utils/Constants.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"
#include <cstring>

using namespace mlir;
using namespace bitnn;

/// Above this, text is no longer readable and uniquing costs time.
static constexpr int64_t kLargestDenseBytes = 64 * 1024;

template <typename Storage>
static SmallVector<int32_t> widen(ArrayRef<char> data, unsigned bits) {
  SmallVector<int32_t> values(data.size() / sizeof(Storage));
  for (auto [index, value] : llvm::enumerate(values)) {
    Storage stored;
    std::memcpy(&stored, data.data() + index * sizeof(Storage),
                sizeof(Storage));
    value = llvm::SignExtend64(uint64_t(stored), bits);
  }
  return values;
}

template <typename Storage>
static SmallVector<Storage> narrow(ArrayRef<int32_t> values) {
  return llvm::map_to_vector(values,
                             [](int32_t value) { return Storage(value); });
}

/// Dense attributes and resources both give every element a power of two of
/// bytes.
static unsigned getStorageBytes(unsigned bits) {
  return llvm::PowerOf2Ceil(llvm::divideCeil(bits, 8));
}

FailureOr<SmallVector<int32_t>>
bitnn::getConstantIntegers(Attribute attribute) {
  if (auto single = dyn_cast<IntegerAttr>(attribute)) {
    if (!single.getValue().isSignedIntN(32))
      return failure();
    return SmallVector<int32_t>{int32_t(single.getValue().getSExtValue())};
  }
  if (auto dense = dyn_cast<DenseIntElementsAttr>(attribute)) {
    SmallVector<int32_t> values;
    values.reserve(dense.getNumElements());
    for (const APInt &value : dense) {
      if (!value.isSignedIntN(32))
        return failure();
      values.push_back(value.getSExtValue());
    }
    return values;
  }
  auto resource = dyn_cast<DenseResourceElementsAttr>(attribute);
  if (!resource || !resource.getType().getElementType().isSignlessInteger())
    return failure();
  unsigned bits = resource.getType().getElementTypeBitWidth();
  unsigned bytes = getStorageBytes(bits);
  AsmResourceBlob *blob = resource.getRawHandle().getBlob();
  if (!blob || bits > 32 ||
      blob->getData().size() != size_t(resource.getNumElements()) * bytes)
    return failure();
  if (bytes == 1)
    return widen<uint8_t>(blob->getData(), bits);
  if (bytes == 2)
    return widen<uint16_t>(blob->getData(), bits);
  return widen<uint32_t>(blob->getData(), bits);
}

//===----------------------------------------------------------------------===//
// Views
//===----------------------------------------------------------------------===//

static SmallVector<int64_t> getRowMajorStrides(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides(shape.size(), 1);
  for (size_t dim = shape.size(); dim-- > 1;)
    strides[dim - 1] = strides[dim] * shape[dim];
  return strides;
}

SmallVector<int32_t> ConstantView::flatten() const {
  SmallVector<int64_t> index(shape.size(), 0);
  SmallVector<int32_t> result(ShapedType::getNumElements(shape));
  int64_t offset = 0;
  for (int32_t &element : result) {
    element = values[offset];
    for (size_t dim = shape.size(); dim-- > 0;) {
      offset += strides[dim];
      if (++index[dim] < shape[dim])
        break;
      offset -= strides[dim] * shape[dim];
      index[dim] = 0;
    }
  }
  return result;
}

ConstantView ConstantView::transpose(ArrayRef<int64_t> permutation) const {
  return {values, applyPermutation(shape, permutation),
          applyPermutation(strides, permutation)};
}

static ConstantView getRowMajorView(SmallVector<int32_t> values,
                                    ArrayRef<int64_t> shape) {
  return {std::move(values), SmallVector<int64_t>(shape),
          getRowMajorStrides(shape)};
}

/// A linalg operation whose every element is one element of its only input.
static FailureOr<ConstantView> viewDataMovement(linalg::LinalgOp op) {
  if (op.getNumDpsInputs() != 1 || op.getNumDpsInits() != 1 ||
      op->getNumResults() != 1 || op.getNumReductionLoops() != 0)
    return failure();
  OpOperand *input = op.getDpsInputOperand(0);
  Block *body = op.getBlock();
  AffineMap from = op.getMatchingIndexingMap(input);
  AffineMap to = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  if (body->getTerminator()->getOperands() !=
          ValueRange(body->getArgument(0)) ||
      !from.isProjectedPermutation() || !to.isPermutation())
    return failure();
  FailureOr<ConstantView> source = getConstantView(input->get());
  auto type = cast<ShapedType>(op->getResult(0).getType());
  if (failed(source) || !type.hasStaticShape())
    return failure();
  SmallVector<int64_t> strides(type.getRank(), 0);
  for (auto [dim, stride] : llvm::enumerate(source->strides))
    strides[*to.getResultPosition(from.getResult(dim))] = stride;
  return ConstantView{std::move(source->values),
                      SmallVector<int64_t>(type.getShape()),
                      std::move(strides)};
}

/// Splits every dimension of `source` into the group of dimensions of `shape`
/// that it becomes.
static ConstantView expand(ConstantView source, ArrayRef<int64_t> shape,
                           ArrayRef<ReassociationIndices> groups) {
  SmallVector<int64_t> strides(shape.size(), 0);
  for (auto [dim, group] : llvm::enumerate(groups)) {
    int64_t stride = source.strides[dim];
    for (int64_t inner : llvm::reverse(group)) {
      strides[inner] = stride;
      stride *= shape[inner];
    }
  }
  return {std::move(source.values), SmallVector<int64_t>(shape),
          std::move(strides)};
}

/// Merges each group of dimensions of `source` into one. Copies the elements
/// where a group is not evenly spaced.
static ConstantView collapse(ConstantView source, ArrayRef<int64_t> shape,
                             ArrayRef<ReassociationIndices> groups) {
  SmallVector<int64_t> strides;
  for (ArrayRef<int64_t> group : groups) {
    int64_t extent = 1, stride = 0;
    for (int64_t dim : llvm::reverse(group)) {
      if (source.shape[dim] == 1)
        continue;
      if (extent == 1)
        stride = source.strides[dim];
      else if (source.strides[dim] != stride * extent)
        return getRowMajorView(source.flatten(), shape);
      extent *= source.shape[dim];
    }
    strides.push_back(stride);
  }
  return {std::move(source.values), SmallVector<int64_t>(shape),
          std::move(strides)};
}

FailureOr<ConstantView> bitnn::getConstantView(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return failure();
  using Result = FailureOr<ConstantView>;
  auto reshape = [](auto op, auto change) -> Result {
    Result source = getConstantView(op.getSrc());
    auto type = cast<ShapedType>(op.getResult().getType());
    if (failed(source) || !type.hasStaticShape())
      return failure();
    return change(std::move(*source), type.getShape(),
                  op.getReassociationIndices());
  };
  return llvm::TypeSwitch<Operation *, Result>(op)
      .Case<tensor::CollapseShapeOp, memref::CollapseShapeOp>(
          [&](auto op) { return reshape(op, collapse); })
      .Case<tensor::ExpandShapeOp, memref::ExpandShapeOp>(
          [&](auto op) { return reshape(op, expand); })
      .Case<tensor::CastOp, memref::CastOp>(
          [](auto op) { return getConstantView(op.getSource()); })
      .Case<linalg::LinalgOp>([](auto op) { return viewDataMovement(op); })
      .Case<memref::GetGlobalOp>([](auto op) -> Result {
        auto global = SymbolTable::lookupNearestSymbolFrom<memref::GlobalOp>(
            op, op.getNameAttr());
        if (!global || !global.getConstant() || global.isUninitialized() ||
            !global.getInitialValue())
          return failure();
        auto values = bitnn::getConstantIntegers(*global.getInitialValue());
        if (failed(values))
          return failure();
        return getRowMajorView(std::move(*values), global.getType().getShape());
      })
      .Default([](Operation *op) -> Result {
        Attribute attribute;
        if (!matchPattern(op, m_Constant(&attribute)))
          return failure();
        auto values = bitnn::getConstantIntegers(attribute);
        if (failed(values))
          return failure();
        auto type = dyn_cast<ShapedType>(op->getResult(0).getType());
        return getRowMajorView(std::move(*values),
                               type ? type.getShape() : ArrayRef<int64_t>());
      });
}

FailureOr<SmallVector<int32_t>> bitnn::getConstantIntegers(Value value) {
  FailureOr<ConstantView> view = getConstantView(value);
  if (failed(view))
    return failure();
  return view->flatten();
}

FailureOr<ConstantMatrix> bitnn::getConstantMatrix(Value weights) {
  auto type = dyn_cast<ShapedType>(weights.getType());
  if (!type || !type.hasStaticShape() || type.getRank() == 0 ||
      type.getDimSize(0) == 0)
    return failure();
  FailureOr<SmallVector<int32_t>> values = getConstantIntegers(weights);
  if (failed(values))
    return failure();
  int64_t rows = type.getDimSize(0);
  return ConstantMatrix(rows, values->size() / rows, *values);
}

ElementsAttr bitnn::getIntegerElements(ShapedType type,
                                       ArrayRef<int32_t> values) {
  unsigned bits = type.getElementTypeBitWidth();
  unsigned bytes = getStorageBytes(bits);
  if (int64_t(values.size() * bytes) <= kLargestDenseBytes) {
    SmallVector<APInt> elements = llvm::map_to_vector(
        values, [bits](int32_t value) { return APInt(bits, value, true); });
    return DenseElementsAttr::get(type, elements);
  }
  auto getResource = [&](auto stored) -> ElementsAttr {
    using Storage = typename decltype(stored)::value_type;
    return DenseResourceElementsAttr::get(
        type, "weights",
        HeapAsmResourceBlob::allocateAndCopyInferAlign<Storage>(stored));
  };
  if (bytes == 1)
    return getResource(narrow<int8_t>(values));
  if (bytes == 2)
    return getResource(narrow<int16_t>(values));
  return getResource(narrow<int32_t>(values));
}
