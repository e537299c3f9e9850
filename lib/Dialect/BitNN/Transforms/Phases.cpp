// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Phases.h"
#include "Kernels/KernelChoice.h"
#include "Resize.h"
#include "bitnn/Dialect/BitNN/Utils/Constants.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/Matchers.h"
#include <set>

using namespace mlir;
using namespace bitnn;

//===----------------------------------------------------------------------===//
// What a convolution reads
//===----------------------------------------------------------------------===//

/// Sees through padding of rows and columns by a constant, and returns what it
/// adds before the first ones.
static Pair setSource(PhaseReader &reader) {
  reader.source = reader.op.getInput();
  auto pad = reader.source.getDefiningOp<tensor::PadOp>();
  Value value = pad ? pad.getConstantPaddingValue() : Value();
  if (!value || !matchPattern(value, m_Constant(&reader.padding)))
    return {0, 0};
  ArrayRef<int64_t> low = pad.getStaticLow(), high = pad.getStaticHigh();
  bool ofPixels = llvm::none_of(low, ShapedType::isDynamic) &&
                  llvm::none_of(high, ShapedType::isDynamic) && low[0] == 0 &&
                  low[1] == 0 && high[0] == 0 && high[1] == 0;
  if (!ofPixels) {
    reader.padding = {};
    return {0, 0};
  }
  reader.source = pad.getSource();
  return {low[2], low[3]};
}

static void setTaps(PhaseReader &reader, Pair low) {
  Conv2DOp op = reader.op;
  ArrayRef<int64_t> shape = op.getWeightsType().getShape();
  int64_t perChannel = shape[2] * shape[3];
  for (int64_t index = 0; index < perChannel; ++index) {
    if (llvm::all_of(llvm::seq(shape[0] * shape[1]), [&](int64_t channel) {
          return reader.weights[channel * perChannel + index] == 0;
        }))
      continue;
    Tap tap{index, {}, {}};
    Pair at = {index / shape[3], index % shape[3]};
    for (int axis : {0, 1}) {
      int64_t stride = op.getStrides()[axis];
      int64_t offset = at[axis] * op.getDilations()[axis] - low[axis];
      if (axis == 0 || !reader.columnsApart)
        tap.position[axis] = llvm::divideFloorSigned(offset, stride);
      tap.phase[axis] = offset - tap.position[axis] * stride;
    }
    reader.taps.push_back(tap);
  }
}

FailureOr<PhaseReader> PhaseReader::get(Conv2DOp op, bool columnsApart) {
  PhaseReader reader;
  reader.op = op;
  reader.columnsApart = columnsApart;
  FailureOr<SmallVector<int32_t>> weights =
      getConstantIntegers(op.getWeights());
  if (failed(weights))
    return failure();
  reader.weights = std::move(*weights);
  setTaps(reader, setSource(reader));
  for (int axis : {0, 1}) {
    int64_t first = 0, last = 0;
    for (auto [index, tap] : llvm::enumerate(reader.taps)) {
      first = std::min(index ? first : tap.position[axis], tap.position[axis]);
      last = std::max(index ? last : tap.position[axis], tap.position[axis]);
    }
    reader.lower[axis] = first;
    reader.upper[axis] = last + op.getInitType().getDimSize(2 + axis);
    reader.window[axis] = last - first + 1;
  }
  return reader;
}

int64_t PhaseReader::countPhases() const {
  std::set<Pair> phases;
  for (const Tap &tap : taps)
    phases.insert(tap.phase);
  return phases.size();
}

bool PhaseReader::paysToSetApart(const PhaseReader &plain,
                                 int64_t lanes) const {
  // Instructions for a vector.
  constexpr int64_t kCopy = 4;
  Conv2DOp op = this->op;
  FailureOr<int64_t> digits = countLayerDigits(op);
  if (failed(digits) || plain.window[1] <= 1)
    return false;
  ArrayRef<int64_t> shape = op.getInitType().getShape();
  Pair outputs = {shape[2], shape[3]};
  int64_t pitch = plain.upper[1] - plain.lower[1];
  int64_t saved = countVectors(outputs, pitch, lanes) -
                  countVectors(outputs, shape[3], lanes);
  int64_t pixels = (upper[0] - lower[0]) * shape[3];
  int64_t copied = op.getInputType().getDimSize(1) * countPhases() *
                   llvm::divideCeil(pixels, lanes) * kCopy;
  return saved * *digits > copied;
}

//===----------------------------------------------------------------------===//
// What several of them share
//===----------------------------------------------------------------------===//

static Pair getStrides(Conv2DOp op) {
  return {op.getStrides()[0], op.getStrides()[1]};
}

PhaseImage::PhaseImage(const PhaseReader &reader)
    : source(reader.source), strides(getStrides(reader.op)),
      columnsApart(reader.columnsApart), bits(reader.bits), lower(reader.lower),
      upper(reader.upper) {}

bool PhaseImage::suits(const PhaseReader &reader) const {
  return source == reader.source && strides == getStrides(reader.op) &&
         columnsApart == reader.columnsApart && bits == reader.bits &&
         (!padding || !reader.padding || padding == reader.padding);
}

void PhaseImage::add(PhaseReader reader) {
  if (reader.padding)
    padding = reader.padding;
  for (int axis : {0, 1}) {
    lower[axis] = std::min(lower[axis], reader.lower[axis]);
    upper[axis] = std::max(upper[axis], reader.upper[axis]);
  }
  for (const Tap &tap : reader.taps)
    if (!llvm::is_contained(phases, tap.phase))
      phases.push_back(tap.phase);
  llvm::sort(phases);
  readers.push_back(std::move(reader));
}

static SmallVector<OpFoldResult> toResults(OpBuilder &builder,
                                           ArrayRef<int64_t> values) {
  return getAsIndexOpFoldResult(builder.getContext(), values);
}

Value PhaseImage::insertPhase(OpBuilder &builder, Value result,
                              int64_t phase) const {
  auto type = cast<RankedTensorType>(source.getType());
  int64_t batch = type.getDimSize(0), channels = type.getDimSize(1);
  // The first row and column in the source and in the result; what is missing
  // is padding.
  Pair from, to, count;
  for (int axis : {0, 1}) {
    int64_t stride = strides[axis], start = phases[phase][axis];
    int64_t first =
        std::max(lower[axis], llvm::divideCeilSigned(-start, stride));
    int64_t end = std::min(
        upper[axis],
        llvm::divideCeilSigned(type.getDimSize(2 + axis) - start, stride));
    from[axis] = first * stride + start;
    to[axis] = first - lower[axis];
    count[axis] = end - first;
    if (count[axis] <= 0)
      return result;
  }
  Location loc = result.getLoc();
  Value part = tensor::ExtractSliceOp::create(
      builder, loc, source, toResults(builder, {0, 0, from[0], from[1]}),
      toResults(builder, {batch, channels, count[0], count[1]}),
      toResults(builder, {1, 1, strides[0], strides[1]}));
  if (type.getElementTypeBitWidth() < bits)
    part = createResize(builder, loc, part, bits);
  return tensor::InsertSliceOp::create(
      builder, loc, part, result,
      toResults(builder, {0, 0, phase, to[0], to[1]}),
      toResults(builder, {batch, channels, 1, count[0], count[1]}),
      toResults(builder, {1, 1, 1, 1, 1}));
}

Value PhaseImage::create() const {
  Conv2DOp first = readers.front().op;
  OpBuilder builder(first);
  auto type = cast<RankedTensorType>(source.getType());
  int64_t numPhases = phases.size();
  SmallVector<int64_t> shape = {type.getDimSize(0), type.getDimSize(1),
                                numPhases, upper[0] - lower[0],
                                upper[1] - lower[1]};
  IntegerType element = builder.getIntegerType(bits);
  Value result =
      tensor::EmptyOp::create(builder, first.getLoc(), shape, element);
  if (padding) {
    auto wide = builder.getIntegerAttr(element, padding.getInt());
    Value value = arith::ConstantOp::create(builder, first.getLoc(), wide);
    result = linalg::FillOp::create(builder, first.getLoc(), value, result)
                 .getResult(0);
  }
  for (int64_t phase = 0; phase < numPhases; ++phase)
    result = insertPhase(builder, result, phase);
  return result;
}

/// The weights of one channel for each of `phases` of a channel.
static Value createWeights(OpBuilder &builder, const PhaseReader &reader,
                           ArrayRef<Pair> phases) {
  Conv2DOp op = reader.op;
  auto type = cast<RankedTensorType>(op.getWeightsType());
  ArrayRef<int64_t> shape = type.getShape();
  int64_t numPhases = phases.size(), perChannel = shape[2] * shape[3];
  int64_t perPhase = reader.window[0] * reader.window[1];
  SmallVector<int32_t> split(shape[0] * shape[1] * numPhases * perPhase, 0);
  for (int64_t channel = 0; channel < shape[0] * shape[1]; ++channel)
    for (const Tap &tap : reader.taps) {
      int64_t phase = llvm::find(phases, tap.phase) - phases.begin();
      int64_t row = tap.position[0] - reader.lower[0];
      int64_t column = tap.position[1] - reader.lower[1];
      split[(channel * numPhases + phase) * perPhase + row * reader.window[1] +
            column] = reader.weights[channel * perChannel + tap.index];
    }
  auto splitType = RankedTensorType::get(
      {shape[0], shape[1] * numPhases, reader.window[0], reader.window[1]},
      type.getElementType());
  return arith::ConstantOp::create(builder, op.getLoc(), splitType,
                                   getIntegerElements(splitType, split));
}

void PhaseImage::rewrite(const PhaseReader &reader, Value image) const {
  Conv2DOp op = reader.op;
  OpBuilder builder(op);
  auto isTheOne = [&](const Tap &tap) {
    return tap.phase == reader.taps.front().phase;
  };
  // One phase can be read alone; several lie between others.
  ArrayRef<Pair> read(phases);
  int64_t firstPhase = 0;
  if (llvm::all_of(reader.taps, isTheOne)) {
    firstPhase = llvm::find(phases, reader.taps.front().phase) - phases.begin();
    read = read.slice(firstPhase, 1);
  }
  ArrayRef<int64_t> shape = cast<RankedTensorType>(image.getType()).getShape();
  int64_t numPhases = read.size();
  SmallVector<int64_t> part = {shape[0], shape[1], numPhases,
                               reader.upper[0] - reader.lower[0],
                               reader.upper[1] - reader.lower[1]};
  if (part != shape)
    image = tensor::ExtractSliceOp::create(
        builder, op.getLoc(), image,
        toResults(builder, {0, 0, firstPhase, reader.lower[0] - lower[0],
                            reader.lower[1] - lower[1]}),
        toResults(builder, part), toResults(builder, {1, 1, 1, 1, 1}));
  SmallVector<ReassociationIndices> channels = {{0}, {1, 2}, {3}, {4}};
  Value input =
      tensor::CollapseShapeOp::create(builder, op.getLoc(), image, channels);
  if (!op.getInputRange()) {
    // What is known of narrow values holds for the wide ones.
    unsigned bits = op.getInputType().getElementTypeBitWidth();
    op.setInputRange(
        SmallVector<int64_t>{llvm::minIntN(bits), llvm::maxIntN(bits)});
  }
  op.getInputMutable().assign(input);
  op.getWeightsMutable().assign(createWeights(builder, reader, read));
  op.setStrides({1, 1});
  op.setDilations({1, 1});
}
