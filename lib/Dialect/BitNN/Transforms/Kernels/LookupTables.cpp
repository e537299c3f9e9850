// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a lookup kernel makes of the inputs of one position.

#include "LookupKernel.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace bitnn;

func::FuncOp bitnn::buildInputGather(LookupKernel &kernel, Type inputType) {
  const Layer &layer = kernel.layer;
  auto offsets = llvm::map_to_vector(
      layer.inputOffsets, [](int64_t offset) { return int32_t(offset); });
  auto global = kernel.createTable<int32_t>("offsets", offsets);
  int64_t size = offsets.size();
  func::FuncOp function = kernel.createFunction(
      "gather", {inputType, IndexType::get(kernel.getContext()),
                 kernel.getBuffer(size, layer.getInputElementType())});
  KernelBuilder builder(layer.op->getLoc(), function.getBody());
  Value offsetTable = memref::GetGlobalOp::create(builder, global.getType(),
                                                  global.getSymName());
  Value view = builder.viewAt(function.getArgument(0), function.getArgument(1));
  builder.loop(size, 1, {}, {}, [&](Value input, ValueRange) {
    Value offset = memref::LoadOp::create(builder, offsetTable, input);
    offset =
        arith::IndexCastUIOp::create(builder, builder.getIndexType(), offset);
    Value value = memref::LoadOp::create(builder, view, offset);
    memref::StoreOp::create(builder, value, function.getArgument(2), input);
  });
  func::ReturnOp::create(builder);
  return function;
}

/// The sums of all subsets of `inputs` inputs: entry i has those whose bit is
/// in i.
static void storeSubsetSums(KernelBuilder &builder, const LookupForm &form,
                            Value view, int64_t step, int64_t inputs,
                            Value tables, Value tableOffset) {
  int64_t entries = form.entries();
  auto type = VectorType::get(entries, builder.getIntegerType(16));
  auto getConstant = [&](llvm::function_ref<int64_t(int64_t)> get) -> Value {
    SmallVector<int16_t> values;
    for (int64_t entry = 0; entry < entries; ++entry)
      values.push_back(get(entry));
    return arith::ConstantOp::create(
        builder, DenseElementsAttr::get(type, ArrayRef<int16_t>(values)));
  };
  Value sums;
  for (int64_t input = 0; input < inputs; ++input) {
    Value value = builder.resize(builder.load(view, input * step, 1), 16);
    value = vector::BroadcastOp::create(builder, type, value);
    Value chosen =
        getConstant([&](int64_t entry) { return -(entry >> input & 1); });
    value = arith::AndIOp::create(builder, value, chosen);
    sums = sums ? arith::AddIOp::create(builder, sums, value) : value;
  }
  int64_t counted = (int64_t(1) << inputs) - 1;
  if (form.lowest != 0)
    sums = arith::SubIOp::create(
        builder, sums, getConstant([&](int64_t entry) {
          return form.lowest * llvm::popcount(uint64_t(entry & counted));
        }));
  Value tableView = builder.viewAt(tables, tableOffset);
  for (int64_t part = 0; part < form.parts; ++part) {
    Value cut = sums;
    if (form.parts > 1 && part == 0)
      cut = arith::AndIOp::create(
          builder, cut,
          builder.constant(type, (int64_t(1) << form.partBits) - 1));
    if (part > 0)
      cut = arith::ShRUIOp::create(builder, cut,
                                   builder.constant(type, form.partBits));
    builder.store(builder.resize(cut, form.lookup.laneBits), tableView,
                  part * entries);
  }
}

func::FuncOp bitnn::buildSubsetSums(LookupKernel &kernel, Type inputType,
                                    int64_t step) {
  const LookupForm &form = kernel.form;
  func::FuncOp function = kernel.createFunction(
      "tables", {inputType, IndexType::get(kernel.getContext()),
                 kernel.getTableBuffer()});
  KernelBuilder builder(kernel.layer.op->getLoc(), function.getBody());
  int64_t perGroup = form.lookup.indexBits;
  SmallVector<Value> starts = {function.getArgument(1), builder.index(0)};
  forPieces(builder, kernel.layer.weights.columns(), perGroup, starts,
            [&](int64_t inputs, ValueRange offsets) -> SmallVector<Value> {
              Value view = builder.viewAt(function.getArgument(0), offsets[0]);
              storeSubsetSums(builder, form, view, step, inputs,
                              function.getArgument(2), offsets[1]);
              return {builder.advance(offsets[0], perGroup * step),
                      builder.advance(offsets[1], form.parts * form.entries())};
            });
  func::ReturnOp::create(builder);
  return function;
}
