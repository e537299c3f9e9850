// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rows times constant columns; Gemm and QGemm.

#include "Products.h"
#include "Emit.h"
#include "Quantization.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;
using namespace bitnn::importer;

namespace {
struct Product {
  Value input;
  Weights weights;
  bool transposeInput, transposeWeights;
  Shape outputShape;
  Location loc;

  Value emit(OpBuilder &builder, ArrayRef<int64_t> bias,
             ArrayRef<int64_t> signs) const;
};
} // namespace

/// `values`, rows x columns, by columns.
static std::vector<int32_t> transpose(const std::vector<int32_t> &values,
                                      int64_t rows, int64_t columns) {
  std::vector<int32_t> result(values.size());
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j)
      result[j * rows + i] = values[i * columns + j];
  return result;
}

Value Product::emit(OpBuilder &builder, ArrayRef<int64_t> bias,
                    ArrayRef<int64_t> signs) const {
  Weights weights = this->weights;
  weights.applySigns(signs, /*outputAxis=*/transposeWeights ? 0 : 1);
  ArrayRef<int64_t> shape = getShape(input);
  Value matrix = input;
  if (transposeInput)
    matrix = emitMovement(builder, matrix, {{1, 0}, {shape[1], shape[0]}, loc});
  int64_t outputs = outputShape.back();
  int64_t inputs = weights.values.size() / outputs;
  int64_t rows = *getNumElements(outputShape) / outputs;
  matrix = emitReshape(builder, loc, matrix, {rows, inputs});
  Value constant =
      emitConstant(builder, loc, {inputs, outputs}, weights.bits,
                   transposeWeights ? transpose(weights.values, outputs, inputs)
                                    : weights.values);
  Value init = emitBias(builder, loc, {rows, outputs}, bias);
  Value result = linalg::MatmulOp::create(builder, loc, init.getType(),
                                          ValueRange{matrix, constant}, init)
                     .getResult(0);
  return emitReshape(builder, loc, result, outputShape);
}

/// `matrix`, .. x K, replaces the integers of `x`; the weights are K x N or,
/// transposed, N x K.
static FailureOr<Accumulator> multiplyRows(NodeContext &node,
                                           const Dequantized &x, Value matrix,
                                           const Operand &weightsOperand,
                                           bool transposeInput,
                                           bool transposeWeights) {
  auto weights = getWeights(node, weightsOperand, /*rank=*/2,
                            /*outputAxis=*/transposeWeights ? 0 : 1);
  if (failed(weights))
    return failure();
  Shape shape(getShape(matrix));
  if (transposeInput)
    std::swap(shape[0], shape[1]);
  if (shape.back() != weights->shape[transposeWeights ? 1 : 0])
    return node.refuse() << "an input of shape " << toString(shape)
                         << " and weights of shape " << toString(weights->shape)
                         << " disagree";
  shape.back() = weights->shape[transposeWeights ? 0 : 1];
  auto sum = makeLayer(node, x, *weights, shape,
                       /*channelAxis=*/shape.size() - 1, /*bias=*/nullptr);
  if (failed(sum))
    return failure();
  auto product = std::make_shared<const Product>(
      Product{matrix, std::move(*weights), transposeInput, transposeWeights,
              shape, node.loc});
  sum->emit = [product](OpBuilder &builder, ArrayRef<int64_t> bias,
                        ArrayRef<int64_t> signs) {
    return product->emit(builder, bias, signs);
  };
  return sum;
}

//===----------------------------------------------------------------------===//
// Exchanged dimensions
//===----------------------------------------------------------------------===//

Movement bitnn::importer::exchange(NodeContext &node, ArrayRef<int64_t> shape) {
  Shape permutation = llvm::to_vector<4>(llvm::seq<int64_t>(shape.size()));
  std::swap(permutation[shape.size() - 2], permutation[shape.size() - 1]);
  Movement movement{permutation, Shape(shape), node.loc};
  std::swap(movement.shape[shape.size() - 2], movement.shape.back());
  return movement;
}

/// A sum that is moved as soon as it is computed.
static Accumulator moveSum(Accumulator sum, const Movement &movement,
                           unsigned channelAxis) {
  sum.shape = movement.shape;
  sum.channelAxis = channelAxis;
  sum.emit = [emit = sum.emit, movement](OpBuilder &builder,
                                         ArrayRef<int64_t> bias,
                                         ArrayRef<int64_t> signs) {
    return emitMovement(builder, emit(builder, bias, signs), movement);
  };
  return sum;
}

Accumulator bitnn::importer::exchangeSum(NodeContext &node, Accumulator sum) {
  Movement movement = exchange(node, sum.shape);
  unsigned last = sum.shape.size() - 1;
  unsigned axis = sum.channelAxis == last ? last - 1 : last;
  return moveSum(std::move(sum), movement, axis);
}

Accumulator bitnn::importer::prependOnes(NodeContext &node, Accumulator sum,
                                         size_t count) {
  Shape shape(count, 1);
  llvm::append_range(shape, sum.shape);
  unsigned axis = sum.channelAxis + count;
  return moveSum(std::move(sum), Movement{{}, shape, node.loc}, axis);
}

FailureOr<Accumulator>
bitnn::importer::multiplyMatrix(NodeContext &node,
                                const MatrixProduct &product) {
  Value matrix = product.x.integers.value;
  // Of constant rows both are transposed, and the result transposed back.
  bool isLeft = product.areWeightsLeft;
  if (isLeft && !product.transposeX)
    matrix =
        emitMovement(node.builder, matrix, exchange(node, getShape(matrix)));
  auto sum = multiplyRows(node, product.x, matrix, product.weights,
                          !isLeft && product.transposeX,
                          product.transposeWeights != isLeft);
  if (failed(sum))
    return failure();
  Accumulator result =
      isLeft ? exchangeSum(node, std::move(*sum)) : std::move(*sum);
  if (product.bias &&
      failed(addBias(node, result, product.bias, result.shape.size() - 1)))
    return failure();
  return result;
}

//===----------------------------------------------------------------------===//
// Gemm
//===----------------------------------------------------------------------===//

/// beta times the bias, if it is not the bias.
static FailureOr<Operand> scaleBias(NodeContext &node, const Operand &bias,
                                    float beta) {
  if (!bias || beta == 1.0f)
    return bias;
  TensorRef floats = getFloats(bias);
  if (!floats)
    return node.refuseOperand(bias, "bias", "constant float32, times beta");
  std::vector<float> scaled;
  for (int64_t i = 0; i < floats->size(); ++i)
    scaled.push_back(beta * floats->getFloat(i));
  return share(Constant{makeTensor(floats->shape, scaled)});
}

/// alpha A B + beta C, one of A and B constant.
static Result multiplyMatrices(NodeContext &node, const Operand &a,
                               const Operand &b, const Operand &bias) {
  FailureOr<float> alpha = node.getFloat("alpha", 1.0f);
  FailureOr<float> beta = node.getFloat("beta", 1.0f);
  FailureOr<int64_t> transA = node.getInt("transA", 0);
  FailureOr<int64_t> transB = node.getInt("transB", 0);
  if (failed(alpha) || failed(beta) || failed(transA) || failed(transB))
    return failure();
  bool isLeft = a && std::holds_alternative<QuantizedConstant>(*a);
  auto x = getActivation(node, isLeft ? b : a, "input");
  if (failed(x))
    return failure();
  size_t rank = getShape((*x)->integers.value).size();
  if (rank != 2)
    return node.refuse() << "its input has " << rank
                         << " dimensions, it must be a matrix";
  FailureOr<Operand> scaled = scaleBias(node, bias, *beta);
  if (failed(scaled))
    return failure();
  bool isScaled = *alpha != 1.0f;
  MatrixProduct product{**x, isLeft ? a : b, isScaled ? nullptr : *scaled,
                        isLeft};
  product.transposeX = isLeft ? *transB : *transA;
  product.transposeWeights = isLeft ? *transA : *transB;
  auto sum = multiplyMatrix(node, product);
  if (failed(sum))
    return failure();
  if (isScaled) {
    sum = foldAffine(node, *sum, {*alpha}, {0.0});
    if (failed(sum) || (*scaled && failed(addBias(node, *sum, *scaled, 1))))
      return failure();
  }
  return ImportedValue(std::move(*sum));
}

Result bitnn::importer::importGemm(NodeContext &node) {
  return multiplyMatrices(node, node.getOperand(0), node.getOperand(1),
                          node.getOperand(2));
}

FailureOr<std::pair<Operand, Operand>>
bitnn::importer::dequantizeOperands(NodeContext &node, int64_t weightsAxis) {
  Result x = dequantize(node, node.getOperand(0), node.getOperand(1),
                        node.getOperand(2), /*axis=*/-2);
  if (failed(x))
    return failure();
  Result weights = dequantize(node, node.getOperand(3), node.getOperand(4),
                              node.getOperand(5), weightsAxis);
  if (failed(weights))
    return failure();
  return std::pair(share(std::move(*x)), share(std::move(*weights)));
}

Result bitnn::importer::importQGemm(NodeContext &node) {
  FailureOr<int64_t> transB = node.getInt("transB", 0);
  if (failed(transB))
    return failure();
  auto operands = dequantizeOperands(node, *transB ? 0 : 1);
  if (failed(operands))
    return failure();
  Result sum = multiplyMatrices(node, operands->first, operands->second,
                                node.getOperand(6));
  if (failed(sum))
    return failure();
  return quantize(node, share(std::move(*sum)), node.getOperand(7),
                  node.getOperand(8));
}
