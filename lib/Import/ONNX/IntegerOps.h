// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operators on 8-bit integers themselves, without a scale.

#ifndef BITNN_LIB_IMPORT_ONNX_INTEGEROPS_H
#define BITNN_LIB_IMPORT_ONNX_INTEGEROPS_H

#include "NodeContext.h"

namespace bitnn::importer {

/// Add, Sub, Mul, Div, Mod, BitShift, Max or Min of two tensors, modulo 256.
Result combineIntegers(NodeContext &node, const Operand &lhs,
                       const Operand &rhs);

/// The clamp of 8-bit integers.
Result clampIntegers(NodeContext &node, const Integers &integers, int64_t lower,
                     int64_t upper);

} // namespace bitnn::importer

#endif // BITNN_LIB_IMPORT_ONNX_INTEGEROPS_H
