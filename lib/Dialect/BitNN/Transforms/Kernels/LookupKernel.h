// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The parts of a lookup kernel: private functions that are called at every
// position.

#ifndef BITNN_DIALECT_BITNN_TRANSFORMS_KERNELS_LOOKUPKERNEL_H
#define BITNN_DIALECT_BITNN_TRANSFORMS_KERNELS_LOOKUPKERNEL_H

#include "KernelBuilder.h"
#include "LookupForm.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace bitnn {

/// What the parts of one kernel share.
struct LookupKernel {
  mlir::SymbolTable &symbols;
  const Layer &layer;
  llvm::StringRef name;
  const LookupForm &form;
  /// Outputs that are stored at once.
  int64_t epilogueLanes;
  /// Of the constant tables made so far.
  int64_t tableBytes = 0;

  mlir::MLIRContext *getContext() const { return layer.op->getContext(); }
  mlir::MemRefType getBuffer(int64_t size, mlir::Type element) const {
    return mlir::MemRefType::get({size}, element);
  }
  /// The tables of one position: by group and part.
  mlir::MemRefType getTableBuffer() const {
    return getBuffer(
        form.groups * form.parts * form.entries(),
        mlir::IntegerType::get(getContext(), form.lookup.laneBits));
  }
  /// The sums of one position, one for each output.
  mlir::MemRefType getSumBuffer() const {
    return getBuffer(form.paddedOutputs(),
                     mlir::IntegerType::get(getContext(), 32));
  }
  /// Whether lanes of outputs lie in a buffer as they do in a vector.
  bool isContiguous(const GridBuffer &buffer) const {
    return buffer.channelStep == 1 && layer.numOutputs() % epilogueLanes == 0;
  }
  /// The distance of neighbouring inputs, if all have the same.
  std::optional<int64_t> getInputStep() const;

  /// A constant table "name.`suffix`" of the module.
  template <typename T>
  mlir::memref::GlobalOp createTable(llvm::StringRef suffix,
                                     llvm::ArrayRef<T> values) {
    return createTable(suffix, 8 * sizeof(T),
                       {reinterpret_cast<const char *>(values.data()),
                        values.size() * sizeof(T)});
  }
  mlir::memref::GlobalOp createTable(llvm::StringRef suffix, unsigned bits,
                                     llvm::ArrayRef<char> bytes);
  mlir::func::FuncOp createFunction(llvm::StringRef suffix,
                                    mlir::TypeRange types) const {
    return createKernel(symbols, layer, (name + "." + suffix).str(), types);
  }
};

/// func(input, offset, gathered): the inputs of one position, side by side.
mlir::func::FuncOp buildInputGather(LookupKernel &kernel, mlir::Type inputType);
/// func(input, offset, tables): the sums of all subsets of each group of
/// inputs, which are `step` apart.
mlir::func::FuncOp buildSubsetSums(LookupKernel &kernel, mlir::Type inputType,
                                   int64_t step);
/// func(tables, sums)
mlir::func::FuncOp buildLookupSums(LookupKernel &kernel);
/// func(sums, stored, offset, row[, residual, offset, row]): the rows hold
/// what cannot be read or written as vectors.
mlir::FailureOr<mlir::func::FuncOp> buildLookupStore(LookupKernel &kernel,
                                                     mlir::Type storedType,
                                                     mlir::Type residualType);

/// `count` steps of work in pieces of `piece`, the last may be smaller: a loop,
/// if there are several, that carries `values`.
llvm::SmallVector<mlir::Value>
forPieces(KernelBuilder &builder, int64_t count, int64_t piece,
          mlir::ValueRange values,
          llvm::function_ref<llvm::SmallVector<mlir::Value>(int64_t,
                                                            mlir::ValueRange)>
              body);

} // namespace bitnn

#endif // BITNN_DIALECT_BITNN_TRANSFORMS_KERNELS_LOOKUPKERNEL_H
