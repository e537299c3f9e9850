// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Gemm, MatMul and their QLinear forms.

#include "Emit.h"
#include "Weights.h"
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

/// A Gemm has matrices only, a MatMul any number of rows in front.
static Result multiply(NodeContext &node, const Operand &input,
                       const Operand &weightsOperand, const Operand &bias,
                       bool transposeInput, bool transposeWeights) {
  auto x = getActivation(node, input, "input");
  if (failed(x))
    return failure();
  auto weights = getWeights(node, weightsOperand, /*rank=*/2,
                            /*outputAxis=*/transposeWeights ? 0 : 1);
  if (failed(weights))
    return failure();
  Shape shape(getShape((*x)->integers.value));
  if (shape.size() < 2)
    return node.refuse() << "vectors are not supported, only matrices";
  if (transposeInput)
    std::swap(shape[0], shape[1]);
  if (shape.back() != weights->shape[transposeWeights ? 1 : 0])
    return node.refuse() << "an input of shape " << toString(shape)
                         << " and weights of shape " << toString(weights->shape)
                         << " disagree";
  shape.back() = weights->shape[transposeWeights ? 0 : 1];
  auto sum = makeLayer(node, **x, *weights, shape,
                       /*channelAxis=*/shape.size() - 1, bias);
  if (failed(sum))
    return failure();
  auto product = std::make_shared<const Product>(
      Product{(*x)->integers.value, std::move(*weights), transposeInput,
              transposeWeights, shape, node.loc});
  sum->emit = [product](OpBuilder &builder, ArrayRef<int64_t> bias,
                        ArrayRef<int64_t> signs) {
    return product->emit(builder, bias, signs);
  };
  return ImportedValue(std::move(*sum));
}

static Result multiplyMatrices(NodeContext &node, const Operand &input,
                               const Operand &weights, const Operand &bias) {
  for (StringRef name : {"alpha", "beta"}) {
    FailureOr<float> factor = node.getFloat(name, 1.0f);
    if (failed(factor))
      return failure();
    if (*factor != 1.0f)
      return node.refuse() << name << " = " << toString(*factor)
                           << " is not supported, only 1";
  }
  FailureOr<int64_t> transA = node.getInt("transA", 0);
  if (failed(transA))
    return failure();
  FailureOr<int64_t> transB = node.getInt("transB", 0);
  if (failed(transB))
    return failure();
  auto x = getActivation(node, input, "input");
  if (failed(x))
    return failure();
  size_t rank = getShape((*x)->integers.value).size();
  if (rank != 2)
    return node.refuse() << "its input has " << rank
                         << " dimensions, it must be a matrix";
  return multiply(node, input, weights, bias, *transA, *transB);
}

Result bitnn::importer::importGemm(NodeContext &node) {
  return multiplyMatrices(node, node.getOperand(0), node.getOperand(1),
                          node.getOperand(2));
}

Result bitnn::importer::importMatMul(NodeContext &node) {
  return multiply(node, node.getOperand(0), node.getOperand(1), nullptr, false,
                  false);
}

/// The first six operands of an operator in QLinear form: input and weights.
static FailureOr<std::pair<Operand, Operand>>
dequantizeOperands(NodeContext &node, int64_t weightsAxis) {
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

Result bitnn::importer::importQLinearMatMul(NodeContext &node) {
  auto operands = dequantizeOperands(node, /*weightsAxis=*/-1);
  if (failed(operands))
    return failure();
  Result sum =
      multiply(node, operands->first, operands->second, nullptr, false, false);
  if (failed(sum))
    return failure();
  return quantize(node, share(std::move(*sum)), node.getOperand(6),
                  node.getOperand(7));
}
