// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Functions of one number between a DequantizeLinear and a QuantizeLinear.

#ifndef BITNN_LIB_IMPORT_ONNX_FUNCTIONS_H
#define BITNN_LIB_IMPORT_ONNX_FUNCTIONS_H

#include "NodeContext.h"

namespace bitnn::importer {

/// The names of the operators that are functions of one number, by domain.
llvm::ArrayRef<std::pair<llvm::StringLiteral, llvm::StringLiteral>>
getFunctionNames();

/// Where `step` after what was applied to `real` turns, by channel, if that is
/// known.
std::optional<std::vector<std::vector<float>>>
composeTurns(const Real &real, const Function &step, int64_t channels);

/// Applies a function to what a value stands for; declines where it has no
/// integer form.
Result applyFunction(NodeContext &node, const Operand &value,
                     const Function &function);

/// The clamp to [lower, upper].
Result applyClamp(NodeContext &node, const Operand &value, float lower,
                  float upper);

/// A constant operand as one number, or one per entry of an axis of a tensor
/// of the given shape.
struct ChannelConstant {
  std::vector<float> values;
  unsigned axis = 0;
};
std::optional<ChannelConstant>
getChannelConstant(const Operand &operand, llvm::ArrayRef<int64_t> shape);

/// An operator on two operands of which one is constant, or which are made of
/// the same integers; nothing if they are neither.
std::optional<Result> applyBinary(NodeContext &node, const Operand &lhs,
                                  const Operand &rhs, BinaryFunction function);

} // namespace bitnn::importer

#endif // BITNN_LIB_IMPORT_ONNX_FUNCTIONS_H
