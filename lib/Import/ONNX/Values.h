// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a tensor of the ONNX graph is while the graph is imported. As in the
// reference (python/bitnn/values.py), DequantizeLinear computes nothing: it
// attaches a scale to its integers, and the operators after it stay symbolic
// until a QuantizeLinear says what integers they give.

#ifndef BITNN_LIB_IMPORT_ONNX_VALUES_H
#define BITNN_LIB_IMPORT_ONNX_VALUES_H

#include "Model.h"
#include "mlir/IR/Builders.h"
#include <cmath>
#include <functional>
#include <limits>
#include <optional>

namespace bitnn::importer {

/// What 8-bit integers stand for: (q - zeroPoint) * scale. Zero points are
/// those of the stored, signed integers: of a uint8 tensor, less 128.
struct Quantization {
  float scale;
  int64_t zeroPoint;
  /// The stored integers that the type has: fewer than 256 of int4.
  int64_t lowest = -128, highest = 127;

  bool operator==(const Quantization &other) const {
    return scale == other.scale && zeroPoint == other.zeroPoint &&
           lowest == other.lowest && highest == other.highest;
  }
};

/// A tensor known at import.
struct Constant {
  TensorRef tensor;
};

/// A constant behind a DequantizeLinear: weights, or a bias. Scales and zero
/// points are one, or one per entry of `axis`.
struct QuantizedConstant {
  TensorRef integers;
  std::vector<float> scales;
  std::vector<int64_t> zeroPoints;
  int64_t axis = 0;

  bool isPerTensor() const {
    return scales.size() == 1 && zeroPoints.size() == 1;
  }
};

/// The parameter of an element of a tensor: there is one, or one per entry of
/// an axis.
template <typename T>
T getEntry(const std::vector<T> &parameters, llvm::ArrayRef<int64_t> shape,
           int64_t axis, int64_t element) {
  if (parameters.size() == 1)
    return parameters.front();
  for (int64_t extent : shape.drop_front(axis + 1))
    element /= extent;
  return parameters[element % shape[axis]];
}

/// 8-bit integers that the function computes.
struct Integers {
  mlir::Value value;
  bool isUnsigned = false;
  /// The name of the ONNX tensor.
  std::string tensor;
  /// What they stand for, once a node has said so.
  std::optional<Quantization> quantization;
  /// The argument of the function that they are, or are moved from.
  std::optional<unsigned> argument;
};

/// A constant around a tensor.
struct Padding {
  /// Elements that each dimension gets.
  Shape before, after;
  /// What the constant stands for, and the stored integer.
  float fill = 0;
  int64_t integer = 0;
};

/// An operator that only moves data, to be applied to a tensor of any type: a
/// transpose, a selection, a padding, the maximum of windows, or without any of
/// them a reshape.
struct Movement {
  Shape permutation;
  Shape shape;
  mlir::Location loc;
  std::optional<Padding> padding = {};
  /// Of a selection: for each dimension the index of the source for each index
  /// of the result.
  std::vector<Shape> sources = {};
  /// What chooses the largest integers, and so commutes with what is monotone.
  std::function<mlir::Value(mlir::OpBuilder &, mlir::Value)> emit = {};
};

/// What float operators do to one number, step by step in float32: one function
/// for the tensor, or one per entry of a dimension of the integers.
struct Function {
  std::function<float(float, int64_t channel)> apply;
  int64_t channels = 1;
  unsigned axis = 0;
  /// Of each channel, in ascending order: where the function turns from
  /// falling to rising or back. Unknown for what several operators made of one
  /// number (x * sigmoid(x)).
  std::optional<std::vector<std::vector<float>>> turns;
};

/// A float tensor that exists as integers only.
struct Real {
  /// The name of the ONNX tensor as it was before `nodes`.
  std::string tensor;
  /// The clamp of the Relu and Clip operators applied so far, and what was
  /// applied after it.
  float lower = -std::numeric_limits<float>::infinity();
  float upper = std::numeric_limits<float>::infinity();
  std::shared_ptr<const Function> function;
  /// The operators applied so far. At an output they are left to the caller.
  std::vector<const Node *> nodes;
  /// The movements among them that are applied after quantization.
  std::vector<Movement> movements;

  /// Whether the integers are all there is to it.
  bool isUntouched() const {
    return !function && std::isinf(lower) && std::isinf(upper) &&
           movements.empty();
  }
  /// What the operators make of one number.
  float apply(float value, int64_t channel) const {
    value = std::min(std::max(value, lower), upper);
    return function ? function->apply(value, channel) : value;
  }
};

/// 8-bit integers behind a DequantizeLinear; movements are in `integers`.
struct Dequantized : Real {
  Integers source, integers;
  Quantization quantization;
};

/// An exact integer sum, `(acc + addend) * scale / count`.
struct Accumulator : Real {
  /// Emits the i32 tensor `acc`, which starts at `bias`, with the weights of
  /// each channel times its sign. Nothing is emitted before what follows in an
  /// Add or BatchNormalization of its own is known.
  using Emit =
      std::function<mlir::Value(mlir::OpBuilder &, llvm::ArrayRef<int64_t> bias,
                                llvm::ArrayRef<int64_t> signs)>;
  Emit emit;
  /// What emit gave, for several readers.
  std::shared_ptr<mlir::Value> emitted = std::make_shared<mlir::Value>();
  Shape shape;
  /// Of a layer, one entry per channel: an int32, and 1, 0 or -1.
  std::vector<int64_t> bias, signs;
  int64_t addend = 0;
  /// One, or one per channel, which is dimension `channelAxis`.
  std::vector<float> scales;
  unsigned channelAxis = 1;
  /// How many elements a pool averages: one number, or one per position.
  std::vector<int64_t> counts = {1};
  /// Whether ONNX types the sum as int32.
  bool isInteger = false;
  /// The largest size of the integers without the bias, of sums that tensors
  /// may be added to.
  std::optional<int64_t> bound;

  bool isLayer() const { return !bias.empty(); }
};

/// The float32 arithmetic of an operator on two operands.
using BinaryFunction = float (*)(float, float);

/// An operator on two dequantized tensors; each may have a function of its own.
struct Pair : Real {
  Dequantized lhs, rhs;
  BinaryFunction combine = nullptr;
  /// 1 of a sum, -1 of a difference, 0 of anything else.
  int sign = 0;
  Shape shape;
};

/// The softmax of a dequantized tensor along an axis, or along all dimensions
/// from it on.
struct Softmax : Real {
  Dequantized input;
  int64_t axis = 0;
  bool isFlat = false;
};

struct Outside;
struct Parts;
using ImportedValue =
    std::variant<std::monostate, Constant, QuantizedConstant, Integers,
                 Dequantized, Accumulator, Pair, Softmax, Parts, Outside>;

/// Several float tensors that a Concat joins, or a Max or Min chooses from:
/// they are quantized one by one, and then combined as integers.
struct Parts : Real {
  enum class Kind { Concat, Max, Min } kind = Kind::Concat;
  std::vector<std::shared_ptr<const ImportedValue>> operands;
  unsigned axis = 0;
  Shape shape;
};

/// Emits what a sum stands for without its addend, once.
mlir::Value emitAccumulator(mlir::OpBuilder &builder, const Accumulator &sum);

/// A tensor that the object does not compute: a graph input that is not 8-bit,
/// and what operators without integer form make of anything.
struct Outside {
  /// Graph inputs that it is computed from.
  std::vector<unsigned> inputs;
  /// Tensors of the object that it is computed from, at most one each.
  std::vector<std::shared_ptr<const ImportedValue>> sources;
  /// The operators, in the order of the graph; left to the caller.
  std::vector<const Node *> nodes;
  /// The first of them that reads a tensor of the object, and why it has no
  /// integer form.
  const Node *culprit = nullptr;
  std::string reason;
  /// Of a graph input.
  ElementType type = ElementType::Other;
  std::optional<Shape> shape;
};

} // namespace bitnn::importer

#endif // BITNN_LIB_IMPORT_ONNX_VALUES_H
