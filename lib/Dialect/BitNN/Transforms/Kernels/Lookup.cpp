// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A layer as lookups of sums (LookupForm.h). At every position one function
// makes tables of the inputs, one looks up the sums of all outputs, and one
// turns them into stored values.

#include "LookupKernel.h"
#include "bitnn/Arithmetic/Digits.h"

using namespace mlir;
using namespace bitnn;

std::optional<int64_t> LookupKernel::getInputStep() const {
  ArrayRef<int64_t> offsets = layer.inputOffsets;
  if (offsets.size() < 2)
    return 1;
  int64_t step = offsets[1] - offsets[0];
  for (size_t i = 0; i + 1 < offsets.size(); ++i)
    if (offsets[i + 1] - offsets[i] != step)
      return std::nullopt;
  return step;
}

memref::GlobalOp LookupKernel::createTable(StringRef suffix, unsigned bits,
                                           ArrayRef<char> bytes) {
  OpBuilder builder(getContext());
  Type element = builder.getIntegerType(bits);
  int64_t size = bytes.size() * 8 / bits;
  auto contents = DenseElementsAttr::getFromRawBuffer(
      RankedTensorType::get({size}, element), bytes);
  // No vector of it should be in two cache lines.
  auto global = memref::GlobalOp::create(
      builder, layer.op->getLoc(), (name + "." + suffix).str(),
      builder.getStringAttr("private"), MemRefType::get({size}, element),
      contents, /*constant=*/true, builder.getI64IntegerAttr(64));
  symbols.insert(global,
                 Block::iterator(layer.op->getParentOfType<func::FuncOp>()));
  tableBytes += bytes.size();
  return global;
}

SmallVector<Value> bitnn::forPieces(
    KernelBuilder &builder, int64_t count, int64_t piece, ValueRange values,
    llvm::function_ref<SmallVector<Value>(int64_t, ValueRange)> body) {
  SmallVector<Value> carried(values);
  int64_t whole = count / piece;
  if (whole == 1) {
    carried = body(piece, carried);
  } else if (whole > 1) {
    auto loop =
        scf::ForOp::create(builder, builder.index(0), builder.index(whole),
                           builder.index(1), carried);
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(loop.getBody());
    scf::YieldOp::create(builder, body(piece, loop.getRegionIterArgs()));
    carried = loop.getResults();
  }
  if (count % piece != 0)
    carried = body(count % piece, carried);
  return carried;
}

/// The additions of lanes that one call executes; its loops have constant
/// bounds.
static int64_t countLaneAdds(func::FuncOp function) {
  int64_t adds = 0;
  function.walk([&](Operation *op) {
    if (!isa<arith::AddIOp, arith::SubIOp>(op) ||
        op->getResult(0).getType().isIndex())
      return;
    auto vector = dyn_cast<VectorType>(op->getResult(0).getType());
    int64_t times = vector ? vector.getNumElements() : 1;
    for (auto loop = op->getParentOfType<scf::ForOp>(); loop;
         loop = loop->getParentOfType<scf::ForOp>())
      times *= loop.getStaticTripCount()->getSExtValue();
    adds += times;
  });
  return adds;
}

FailureOr<KernelStatistics> bitnn::buildLookupKernel(SymbolTable &symbols,
                                                     const Layer &layer,
                                                     StringRef name,
                                                     const LookupForm &form,
                                                     int64_t epilogueLanes) {
  LookupKernel kernel = {symbols, layer, name, form, epilogueLanes};
  KernelBuilder builder(layer.op->getLoc(), layer.op);
  SmallVector<const GridBuffer *> buffers = {&layer.input, &layer.init};
  if (layer.hasResidual())
    buffers.push_back(&layer.residual);
  SmallVector<Value> flat;
  for (const GridBuffer *buffer : buffers)
    flat.push_back(flatten(builder, *buffer));

  auto allocate = [&](MemRefType type) -> Value {
    return memref::AllocOp::create(builder, type);
  };
  std::optional<int64_t> step = kernel.getInputStep();
  func::FuncOp gather;
  Value gathered;
  if (!step) {
    gather = buildInputGather(kernel, flat[0].getType());
    gathered = allocate(cast<MemRefType>(gather.getArgumentTypes()[2]));
  }
  func::FuncOp makeTables =
      buildSubsetSums(kernel, gather ? gathered.getType() : flat[0].getType(),
                      step.value_or(1));
  func::FuncOp makeSums = buildLookupSums(kernel);
  FailureOr<func::FuncOp> store =
      buildLookupStore(kernel, flat[1].getType(),
                       layer.hasResidual() ? flat[2].getType() : Type());
  if (failed(store))
    return failure();

  Value tableBuffer = allocate(kernel.getTableBuffer());
  Value sumBuffer = allocate(kernel.getSumBuffer());
  SmallVector<Value> rows;
  for (size_t i = 1; i < flat.size(); ++i)
    rows.push_back(
        allocate(cast<MemRefType>(store->getArgumentTypes()[3 * i])));
  auto call = [&](func::FuncOp function, ValueRange operands) {
    func::CallOp::create(builder, function, operands);
  };
  auto steps = llvm::map_to_vector(
      buffers, [](const GridBuffer *buffer) { return buffer->steps[Column]; });
  forEachRow(
      builder, layer, buffers, RowRange{0, layer.grid[Row], 1},
      [&](ValueRange row) {
        builder.loop(
            layer.grid[Column], 1, row, steps, [&](Value, ValueRange offsets) {
              if (gather) {
                call(gather, {flat[0], offsets[0], gathered});
                call(makeTables, {gathered, builder.index(0), tableBuffer});
              } else {
                call(makeTables, {flat[0], offsets[0], tableBuffer});
              }
              call(makeSums, {tableBuffer, sumBuffer});
              SmallVector<Value> operands = {sumBuffer};
              for (size_t i = 1; i < flat.size(); ++i)
                operands.append({flat[i], offsets[i], rows[i - 1]});
              call(*store, operands);
            });
      });
  layer.op->erase();

  KernelStatistics statistics;
  statistics.groups = 1;
  statistics.addsPerPosition =
      countLaneAdds(makeTables) + countLaneAdds(makeSums);
  // One per digit, and the bias.
  statistics.unsharedAddsPerPosition = layer.numOutputs();
  for (unsigned output = 0; output < layer.numOutputs(); ++output)
    for (int32_t weight : layer.weights.row(output))
      statistics.unsharedAddsPerPosition += countDigits(weight, layer.encoding);
  statistics.tableBytes = kernel.tableBytes;
  return statistics;
}
