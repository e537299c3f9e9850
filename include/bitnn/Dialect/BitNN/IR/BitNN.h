// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The bitnn dialect: quantized neural networks as additions and shifts.

#ifndef BITNN_DIALECT_BITNN_IR_BITNN_H
#define BITNN_DIALECT_BITNN_IR_BITNN_H

#include "bitnn/Arithmetic/Digits.h"
#include "bitnn/Arithmetic/Interval.h"
#include "bitnn/Arithmetic/ReferenceFunction.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/InferIntRangeInterface.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Interfaces/TilingInterface.h"
#include <functional>

#include "bitnn/Dialect/BitNN/IR/BitNNDialect.h.inc"
#include "bitnn/Dialect/BitNN/IR/BitNNEnums.h.inc"

#include "bitnn/Dialect/BitNN/IR/BitNNAttrInterfaces.h.inc"
#define GET_ATTRDEF_CLASSES
#include "bitnn/Dialect/BitNN/IR/BitNNAttributes.h.inc"
#define GET_OP_CLASSES
#include "bitnn/Dialect/BitNN/IR/BitNNOps.h.inc"

#endif // BITNN_DIALECT_BITNN_IR_BITNN_H
