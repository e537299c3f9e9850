// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Layer.h"
#include "bitnn/Dialect/BitNN/Utils/Constants.h"
#include "mlir/IR/BuiltinTypes.h"

using namespace mlir;
using namespace bitnn;

Type Layer::getInputElementType() const {
  return cast<ShapedType>(input.memref.getType()).getElementType();
}

Type Layer::getStoredType() const {
  return cast<ShapedType>(init.memref.getType()).getElementType();
}

/// The offset and strides of a buffer; of a tensor, those of a contiguous one.
static LogicalResult getStaticLayout(Operation *op, Value value,
                                     int64_t &offset,
                                     SmallVector<int64_t> &strides) {
  auto type = cast<ShapedType>(value.getType());
  offset = 0;
  auto memref = dyn_cast<MemRefType>(type);
  if (!memref) {
    strides.assign(type.getRank(), 1);
    for (int64_t dim = type.getRank() - 2; dim >= 0; --dim)
      strides[dim] = strides[dim + 1] * type.getDimSize(dim + 1);
    return success();
  }
  if (failed(memref.getStridesAndOffset(strides, offset)) ||
      ShapedType::isDynamic(offset) ||
      llvm::any_of(strides, ShapedType::isDynamic))
    return op->emitOpError("needs buffers of static layout, but one is ")
           << memref;
  return success();
}

/// Fills `buffer` from the strides of (batch, row, column, channel).
static LogicalResult setBuffer(Operation *op, GridBuffer &buffer, Value value,
                               std::array<int, 4> dims,
                               std::array<int64_t, 2> steps = {1, 1}) {
  SmallVector<int64_t> strides;
  if (failed(getStaticLayout(op, value, buffer.base, strides)))
    return failure();
  auto at = [&](int dim) { return dim < 0 ? 0 : strides[dim]; };
  buffer.memref = value;
  buffer.steps = {at(dims[0]), at(dims[1]) * steps[0], at(dims[2]) * steps[1]};
  buffer.channelStep = at(dims[3]);
  return success();
}

template <typename OpTy>
static FailureOr<SmallVector<int32_t>> readWeights(OpTy op) {
  FailureOr<SmallVector<int32_t>> weights =
      getConstantIntegers(op.getWeights());
  if (failed(weights))
    return op.emitOpError("needs constant weights; make them an initializer "
                          "of the network");
  return weights;
}

static FailureOr<ConstantMatrix> getConvMatrix(Conv2DOp op) {
  FailureOr<SmallVector<int32_t>> weights = readWeights(op);
  if (failed(weights))
    return failure();
  ArrayRef<int64_t> shape = op.getWeightsType().getShape();
  int64_t outputs = shape[0], channels = op.getInputType().getDimSize(1);
  int64_t perGroup = shape[1] * shape[2] * shape[3];
  ConstantMatrix matrix(outputs, channels * shape[2] * shape[3]);
  for (int64_t output = 0; output < outputs; ++output) {
    int64_t group = output / (outputs / op.getGroups());
    for (int64_t input = 0; input < perGroup; ++input)
      matrix.at(output, group * perGroup + input) =
          (*weights)[output * perGroup + input];
  }
  return matrix;
}

FailureOr<ConstantMatrix> bitnn::getWeightMatrix(Operation *op) {
  if (auto conv = dyn_cast<Conv2DOp>(op))
    return getConvMatrix(conv);
  auto matmul = cast<MatmulOp>(op);
  FailureOr<SmallVector<int32_t>> weights = readWeights(matmul);
  if (failed(weights))
    return failure();
  ArrayRef<int64_t> shape = matmul.getWeightsType().getShape();
  return ConstantMatrix(shape[0], shape[1], *weights);
}

template <typename OpTy>
static LogicalResult setCommon(OpTy op, Layer &layer) {
  layer.op = op;
  FailureOr<ConstantMatrix> weights = getWeightMatrix(op);
  if (failed(weights))
    return failure();
  layer.weights = std::move(*weights);
  layer.bias.assign(layer.numOutputs(), 0);
  if (op.getBias()) {
    FailureOr<SmallVector<int32_t>> bias = getConstantIntegers(op.getBias());
    if (failed(bias))
      return op.emitOpError("needs a constant bias");
    llvm::copy(*bias, layer.bias.begin());
  }
  layer.encoding = op.getDigitEncoding();
  layer.inputRange =
      Interval::ofSigned(op.getInputType().getElementTypeBitWidth());
  if (std::optional<ArrayRef<int64_t>> range = op.getInputRange())
    layer.inputRange = {(*range)[0], (*range)[1]};
  if (op.hasEpilogue())
    layer.epilogue = &op.getEpilogue();
  return success();
}

static FailureOr<Layer> getConvLayer(Conv2DOp op) {
  Layer layer;
  constexpr std::array<int, 4> dims = {0, 2, 3, 1};
  if (failed(setCommon(op, layer)) ||
      failed(setBuffer(op, layer.input, op.getInput(), dims,
                       {op.getStrides()[0], op.getStrides()[1]})) ||
      failed(setBuffer(op, layer.init, op.getInit(), dims)) ||
      (op.getResidual() &&
       failed(setBuffer(op, layer.residual, op.getResidual(), dims))))
    return failure();
  ArrayRef<int64_t> shape = op.getInitType().getShape();
  layer.grid = {shape[0], shape[2], shape[3]};
  int64_t rowStep = layer.input.steps[Row] / op.getStrides()[0];
  int64_t columnStep = layer.input.steps[Column] / op.getStrides()[1];
  ArrayRef<int64_t> window = op.getWeightsType().getShape().drop_front(2);
  for (int64_t c = 0, e = op.getInputType().getDimSize(1); c < e; ++c)
    for (int64_t y = 0; y < window[0]; ++y)
      for (int64_t x = 0; x < window[1]; ++x)
        layer.inputOffsets.push_back(c * layer.input.channelStep +
                                     y * op.getDilations()[0] * rowStep +
                                     x * op.getDilations()[1] * columnStep);
  return layer;
}

static FailureOr<Layer> getMatmulLayer(MatmulOp op) {
  Layer layer;
  constexpr std::array<int, 4> dims = {-1, -1, 0, 1};
  if (failed(setCommon(op, layer)) ||
      failed(setBuffer(op, layer.input, op.getInput(), dims)) ||
      failed(setBuffer(op, layer.init, op.getInit(), dims)) ||
      (op.getResidual() &&
       failed(setBuffer(op, layer.residual, op.getResidual(), dims))))
    return failure();
  layer.grid = {1, 1, op.getInitType().getDimSize(0)};
  for (int64_t k = 0, e = layer.weights.columns(); k < e; ++k)
    layer.inputOffsets.push_back(k * layer.input.channelStep);
  return layer;
}

FailureOr<Layer> bitnn::getLayer(Operation *op) {
  if (auto conv = dyn_cast<Conv2DOp>(op))
    return getConvLayer(conv);
  return getMatmulLayer(cast<MatmulOp>(op));
}
