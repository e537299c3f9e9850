// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Constant tables of a module: equal ones are one.

#ifndef BITNN_LIB_CONVERSION_BITNNTOARITH_CONSTANTTABLES_H
#define BITNN_LIB_CONVERSION_BITNNTOARITH_CONSTANTTABLES_H

#include "LaneBuilder.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/SymbolTable.h"

namespace bitnn {

class ConstantTables {
public:
  explicit ConstantTables(mlir::ModuleOp module)
      : module(module), symbols(module) {}

  /// The table of `values` modulo 2^bits, one-dimensional, as a value. Its
  /// symbol follows from its contents.
  mlir::Value get(LaneBuilder &builder, llvm::ArrayRef<int64_t> values,
                  unsigned bits);

private:
  mlir::ModuleOp module;
  mlir::SymbolTable symbols;
  mlir::Operation *last = nullptr;
};

} // namespace bitnn

#endif // BITNN_LIB_CONVERSION_BITNNTOARITH_CONSTANTTABLES_H
