// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Batches of matrix products: a convolution with one group per product, whose
// pixels are the rows.

#include "Convolution.h"
#include "Emit.h"
#include "Movements.h"
#include "Products.h"

using namespace mlir;
using namespace bitnn::importer;

/// Repeats a tensor's leading dimensions, of which it may lack some or have
/// one entry.
static Value broadcastBatch(NodeContext &node, Value value,
                            ArrayRef<int64_t> batch) {
  Shape shape(batch.size() + 2 - getShape(value).size(), 1);
  llvm::append_range(shape, getShape(value));
  value = emitReshape(node.builder, node.loc, value, shape);
  Movement repeat = selectAll(node, shape);
  for (auto [axis, extent] : llvm::enumerate(batch))
    if (shape[axis] != extent)
      select(repeat, axis, Shape(extent, 0));
  return repeat.shape == shape ? value
                               : emitMovement(node.builder, value, repeat);
}

/// The weights of the convolution: the columns of the matrices are its outputs.
static QuantizedConstant makeGroups(const QuantizedConstant &given,
                                    ArrayRef<int64_t> batch) {
  ArrayRef<int64_t> shape = given.integers->shape;
  int64_t k = shape[shape.size() - 2], n = shape.back();
  int64_t count = *getNumElements(batch);
  std::vector<int64_t> values;
  for (int64_t i = 0; i < count; ++i) {
    int64_t matrix = getBroadcastSource(shape.drop_back(2), batch, i);
    for (int64_t output = 0; output < n; ++output)
      for (int64_t input = 0; input < k; ++input)
        values.push_back(
            given.integers->getInteger((matrix * k + input) * n + output));
  }
  QuantizedConstant weights = given;
  weights.integers =
      makeTensor(given.integers->type, {count * n, k, 1, 1}, values);
  weights.axis = 0;
  auto repeat = [&](auto &entries) {
    auto once = entries;
    for (int64_t b = 1; b < count && once.size() > 1; ++b)
      entries.insert(entries.end(), once.begin(), once.end());
  };
  repeat(weights.scales);
  repeat(weights.zeroPoints);
  return weights;
}

/// The sum of the convolution, 1 x (B N) x M x 1, as B x M x N. It is no layer:
/// its biases are one per matrix and column.
static Accumulator makeMatrices(NodeContext &node, const Accumulator &sum,
                                ArrayRef<int64_t> batch, int64_t m, int64_t n) {
  Accumulator result = sum;
  Shape columns(batch);
  columns.append({n, m});
  result.shape = columns;
  result.channelAxis = batch.size();
  if (result.scales.size() > 1)
    result.scales.resize(n);
  for (int64_t bias : sum.bias)
    result.bound = std::max(*result.bound, *sum.bound + std::abs(bias));
  result.bias.clear();
  result.signs.clear();
  result.emitted = std::make_shared<Value>();
  result.emit = [sum, columns, loc = node.loc](
                    OpBuilder &builder, ArrayRef<int64_t>, ArrayRef<int64_t>) {
    return emitReshape(builder, loc, emitAccumulator(builder, sum), columns);
  };
  return exchangeSum(node, std::move(result));
}

FailureOr<Accumulator>
bitnn::importer::multiplyBatch(NodeContext &node, const Dequantized &x,
                               const QuantizedConstant &given) {
  ArrayRef<int64_t> left = getShape(x.integers.value);
  ArrayRef<int64_t> right = given.integers->shape;
  int64_t rank = right.size(), k = left.back(), n = right.back();
  auto batch = getBroadcastShape(left.drop_back(2), right.drop_back(2));
  if (!batch || right[rank - 2] != k)
    return node.refuse() << "an input of shape " << toString(left)
                         << " and weights of shape " << toString(right)
                         << " disagree";
  if (!given.isPerTensor() && given.axis != rank - 1)
    return node.refuse() << "its weights have one scale per entry of axis "
                         << given.axis << ", only scales per output (axis "
                         << rank - 1 << ") have an integer form";
  int64_t m = left[left.size() - 2];
  Shape weightsShape(*batch), result(*batch);
  weightsShape.append({k, n});
  result.append({m, n});
  if (failed(checkShape(node, result)) ||
      failed(checkShape(node, weightsShape, /*isConstant=*/true)))
    return failure();
  auto weights = getWeights(node, share(makeGroups(given, *batch)), /*rank=*/4,
                            /*outputAxis=*/0);
  if (failed(weights))
    return failure();
  int64_t count = *getNumElements(*batch);
  Value rows = broadcastBatch(node, x.integers.value, *batch);
  Value columns =
      emitMovement(node.builder, rows, exchange(node, getShape(rows)));
  Value image =
      emitReshape(node.builder, node.loc, columns, {1, count * k, m, 1});
  Windows windows;
  windows.rank = 2;
  windows.kernel = windows.strides = windows.dilations = {1, 1};
  windows.before = windows.after = windows.declaredAfter = {0, 0};
  windows.outputs = {m, 1};
  auto sum = makeConvolution(node, x, image, std::move(*weights), windows,
                             count, /*bias=*/nullptr);
  if (failed(sum))
    return failure();
  return makeMatrices(node, *sum, *batch, m, n);
}
