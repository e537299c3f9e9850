// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Dialect/BitNN/Utils/Constants.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
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

FailureOr<SmallVector<int32_t>> bitnn::getConstantIntegers(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return failure();
  return llvm::TypeSwitch<Operation *, FailureOr<SmallVector<int32_t>>>(op)
      .Case<tensor::CollapseShapeOp, tensor::ExpandShapeOp,
            memref::CollapseShapeOp, memref::ExpandShapeOp>(
          [](auto reshape) { return getConstantIntegers(reshape.getSrc()); })
      .Case<tensor::CastOp, memref::CastOp>(
          [](auto cast) { return getConstantIntegers(cast.getSource()); })
      .Case([](linalg::TransposeOp op) -> FailureOr<SmallVector<int32_t>> {
        FailureOr<SmallVector<int32_t>> values =
            getConstantIntegers(op.getInput());
        if (failed(values))
          return failure();
        return transpose(*values, op.getInput().getType().getShape(),
                         op.getPermutation());
      })
      .Case([](memref::GetGlobalOp op) -> FailureOr<SmallVector<int32_t>> {
        auto global = SymbolTable::lookupNearestSymbolFrom<memref::GlobalOp>(
            op, op.getNameAttr());
        if (!global || !global.getConstant() || global.isUninitialized() ||
            !global.getInitialValue())
          return failure();
        return getConstantIntegers(*global.getInitialValue());
      })
      .Default([](Operation *op) -> FailureOr<SmallVector<int32_t>> {
        Attribute attribute;
        if (!matchPattern(op, m_Constant(&attribute)))
          return failure();
        return getConstantIntegers(attribute);
      });
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

SmallVector<int32_t> bitnn::transpose(ArrayRef<int32_t> values,
                                      ArrayRef<int64_t> shape,
                                      ArrayRef<int64_t> permutation) {
  SmallVector<int64_t> strides(shape.size(), 1);
  for (int64_t dim = int64_t(shape.size()) - 2; dim >= 0; --dim)
    strides[dim] = strides[dim + 1] * shape[dim + 1];

  SmallVector<int32_t> result;
  result.reserve(values.size());
  SmallVector<int64_t> index(shape.size(), 0);
  int64_t source = 0;
  for (size_t count = 0; count < values.size(); ++count) {
    result.push_back(values[source]);
    for (int64_t dim = int64_t(shape.size()) - 1; dim >= 0; --dim) {
      int64_t from = permutation[dim];
      source += strides[from];
      if (++index[dim] < shape[from])
        break;
      source -= strides[from] * shape[from];
      index[dim] = 0;
    }
  }
  return result;
}
