// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a lookup kernel stores of the sums of one position.

#include "LookupKernel.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace bitnn;

/// Copies `count` elements, each side with its step.
static void copyElements(KernelBuilder &builder, int64_t count, Value from,
                         Value fromOffset, int64_t fromStep, Value to,
                         Value toOffset, int64_t toStep) {
  builder.loop(count, 1, {fromOffset, toOffset}, {fromStep, toStep},
               [&](Value, ValueRange offsets) {
                 Value value =
                     memref::LoadOp::create(builder, from, offsets[0]);
                 memref::StoreOp::create(builder, value, to, offsets[1]);
               });
}

FailureOr<func::FuncOp> bitnn::buildLookupStore(LookupKernel &kernel,
                                                Type storedType,
                                                Type residualType) {
  const Layer &layer = kernel.layer;
  auto indexType = IndexType::get(kernel.getContext());
  auto getRow = [&](Type type) {
    return kernel.getBuffer(kernel.form.paddedOutputs(),
                            cast<MemRefType>(type).getElementType());
  };
  SmallVector<Type> types = {kernel.getSumBuffer(), storedType, indexType,
                             getRow(storedType)};
  if (residualType)
    types.append({residualType, indexType, getRow(residualType)});
  func::FuncOp function = kernel.createFunction("store", types);
  KernelBuilder builder(layer.op->getLoc(), function.getBody());
  auto argument = [&](unsigned i) -> Value { return function.getArgument(i); };

  int64_t outputs = layer.numOutputs();
  Value zero = builder.index(0);
  // Where lanes are loaded and stored.
  Value storedView = argument(3), residualView;
  if (kernel.isContiguous(layer.init))
    storedView = builder.viewAt(argument(1), argument(2));
  if (residualType && kernel.isContiguous(layer.residual)) {
    residualView = builder.viewAt(argument(4), argument(5));
  } else if (residualType) {
    residualView = argument(6);
    copyElements(builder, outputs, argument(4), argument(5),
                 layer.residual.channelStep, residualView, zero, 1);
  }
  LogicalResult result = success();
  builder.loop(
      outputs, kernel.epilogueLanes, {}, {}, [&](Value output, ValueRange) {
        auto load = [&](Value view) -> Value {
          Type element = cast<MemRefType>(view.getType()).getElementType();
          return vector::LoadOp::create(
              builder, VectorType::get(kernel.epilogueLanes, element), view,
              output);
        };
        FailureOr<Value> stored = applyEpilogue(
            builder, layer, load(argument(0)), output,
            residualType ? load(residualView) : Value(), LaneKind::Channels);
        if (failed(stored)) {
          result = failure();
          return;
        }
        vector::StoreOp::create(builder, *stored, storedView, output);
      });
  if (!kernel.isContiguous(layer.init))
    copyElements(builder, outputs, storedView, zero, 1, argument(1),
                 argument(2), layer.init.channelStep);
  func::ReturnOp::create(builder);
  if (failed(result))
    return failure();
  return function;
}
