// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The float32 arithmetic of QuantizeLinear and DequantizeLinear, that of the
// reference (python/bitnn), step by step.

#ifndef BITNN_LIB_IMPORT_ONNX_QUANTIZATION_H
#define BITNN_LIB_IMPORT_ONNX_QUANTIZATION_H

#include "NodeContext.h"

namespace bitnn::importer {

/// ONNX's numbers of element types.
constexpr int64_t kOnnxFloat = 1, kOnnxUInt8 = 2, kOnnxInt8 = 3;

constexpr int64_t kLowest = -128, kHighest = 127, kEightBitValues = 256;

/// A type of integers of at most 8 bits.
struct StoredType {
  ElementType stored;
  std::string name;
  int64_t lowest, highest;

  bool isUnsigned() const { return stored == ElementType::UInt8; }
  /// The quantization of integers of this type, as stored.
  Quantization getQuantization(float scale, int64_t zeroPoint) const {
    int64_t half = isUnsigned() ? 128 : 0;
    return {scale, zeroPoint - half, lowest - half, highest - half};
  }
};

/// The type that ONNX calls so, or has that number; nothing if it is no such
/// type.
std::optional<StoredType> getStoredType(llvm::StringRef name);
std::optional<StoredType> getStoredType(int64_t onnxType);

/// clamp(rint(real / scale) + zero point), ties to even, the quotient in
/// float32.
inline int64_t quantizeReal(float real, Quantization to) {
  float quotient = real / to.scale;
  // ONNX leaves open what is not a number; it becomes what zero becomes.
  if (std::isnan(quotient))
    quotient = 0;
  double rounded = double(std::nearbyint(quotient)) + double(to.zeroPoint);
  return std::clamp(rounded, double(to.lowest), double(to.highest));
}

/// What the Relu and Clip operators before a QuantizeLinear leave of the range.
inline std::pair<int32_t, int32_t> getRange(const Real &real, Quantization to) {
  return {quantizeReal(real.lower, to), quantizeReal(real.upper, to)};
}

inline float dequantizeInteger(int64_t q, Quantization from) {
  return float(q - from.zeroPoint) * from.scale;
}

/// A constant tensor of floats, or what a quantized constant stands for; null
/// for anything else.
TensorRef getFloats(const Operand &value);

/// The shape of a tensor as the ONNX graph has it, if it is known.
std::optional<Shape> getCurrentShape(const ImportedValue &value);

/// The 8-bit integers of a tensor that has a float value.
mlir::FailureOr<mlir::Value>
quantizeValue(NodeContext &node, const Operand &value, Quantization to);

/// The 8-bit values that a sum becomes by way of a function of its own.
mlir::FailureOr<mlir::Value>
quantizeByTable(NodeContext &node, const Accumulator &sum, Quantization to);

/// The 8-bit values of a softmax.
mlir::Value quantizeSoftmax(NodeContext &node, const Softmax &softmax,
                            Quantization to);

} // namespace bitnn::importer

#endif // BITNN_LIB_IMPORT_ONNX_QUANTIZATION_H
