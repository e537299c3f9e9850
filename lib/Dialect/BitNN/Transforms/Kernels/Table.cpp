// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Digits as index lists: for every output and plane, the inputs to add and the
// inputs to subtract. One small loop per layer reads them,
//   acc = 0; for each plane from the highest: acc = 2 acc + sum plus - sum
//   minus
// (Horner's scheme), so code does not grow with the number of weights.

#include "KernelBuilder.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace bitnn;

namespace {

/// The lists of a whole layer, in the order in which the loop reads them.
struct DigitTables {
  int64_t planes = 0;
  int64_t digits = 0;
  /// Per output and plane, from the highest: how many plus, how many minus.
  SmallVector<int32_t> counts;
  /// The offsets of these inputs from the position's first element.
  SmallVector<int32_t> offsets;
  SmallVector<int32_t> bias;

  explicit DigitTables(const Layer &layer);
};

DigitTables::DigitTables(const Layer &layer) {
  const ConstantMatrix &weights = layer.weights;
  for (unsigned output = 0; output < weights.rows(); ++output)
    for (int32_t weight : weights.row(output))
      if (auto digits = encode(weight, layer.encoding); !digits.empty())
        planes = std::max<int64_t>(planes, digits.back().shift + 1);
  for (unsigned output = 0; output < weights.rows(); ++output) {
    SmallVector<SmallVector<int32_t>> plus(planes), minus(planes);
    for (auto [input, weight] : llvm::enumerate(weights.row(output)))
      for (Digit digit : encode(weight, layer.encoding))
        (digit.negative ? minus : plus)[digit.shift].push_back(
            layer.inputOffsets[input]);
    for (int64_t plane = planes - 1; plane >= 0; --plane)
      for (const SmallVector<int32_t> &list : {plus[plane], minus[plane]}) {
        counts.push_back(list.size());
        digits += list.size();
        llvm::append_range(offsets, list);
      }
    bias.push_back(static_cast<int32_t>(layer.bias[output]));
  }
}

/// A constant table in the module, in the narrowest type that holds it.
struct Table {
  memref::GlobalOp global;
  int64_t bytes = 0;

  Table(SymbolTable &symbols, const Layer &layer, const Twine &name,
        ArrayRef<int32_t> values) {
    Builder builder(layer.op->getContext());
    auto fits = [&](unsigned bits) {
      return llvm::all_of(
          values, [&](int32_t value) { return llvm::isUIntN(bits, value); });
    };
    unsigned bits = fits(8) ? 8 : fits(16) ? 16 : 32;
    auto elements = llvm::map_to_vector(values, [&](int32_t value) {
      return APInt(bits, value, /*isSigned=*/true, /*implicitTrunc=*/true);
    });
    // Empty lists still need a place to point to.
    if (elements.empty())
      elements.push_back(APInt(bits, 0));
    auto element = builder.getIntegerType(bits);
    int64_t size = elements.size();
    auto type = MemRefType::get({size}, element);
    OpBuilder unattached(layer.op->getContext());
    global = memref::GlobalOp::create(
        unattached, layer.op->getLoc(), name.str(),
        builder.getStringAttr("private"), type,
        DenseElementsAttr::get(RankedTensorType::get({size}, element),
                               elements),
        /*constant=*/true, /*alignment=*/IntegerAttr());
    symbols.insert(global,
                   Block::iterator(layer.op->getParentOfType<func::FuncOp>()));
    bytes = size * bits / 8;
  }

  Value get(KernelBuilder &builder) {
    return memref::GetGlobalOp::create(builder, global.getType(),
                                       global.getSymName());
  }
};

/// A table's element as an index.
Value loadIndex(KernelBuilder &builder, Value table, Value at) {
  Value element = memref::LoadOp::create(builder, table, at);
  return arith::IndexCastUIOp::create(builder, builder.getIndexType(), element);
}

/// sum = sum +- the inputs in `count` offsets from `next` on. Returns the sum
/// and the place of the next list.
std::pair<Value, Value> sumList(KernelBuilder &builder, Value view,
                                Value offsets, Value count, Value sum,
                                Value next, bool negative) {
  auto loop = scf::ForOp::create(builder, builder.index(0), count,
                                 builder.index(1), ValueRange{sum, next});
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(loop.getBody());
  Value place = loop.getRegionIterArg(1);
  Value input =
      memref::LoadOp::create(builder, view, loadIndex(builder, offsets, place));
  input = builder.resize(input, 32);
  Value partial = loop.getRegionIterArg(0);
  if (negative)
    partial = arith::SubIOp::create(builder, partial, input);
  else
    partial = arith::AddIOp::create(builder, partial, input);
  scf::YieldOp::create(builder, ValueRange{partial, builder.advance(place, 1)});
  return {loop.getResult(0), loop.getResult(1)};
}

/// func(input, offset, stored, offset[, residual, offset]): one row.
class TableBuilder {
public:
  TableBuilder(SymbolTable &symbols, const Layer &layer, StringRef name)
      : digits(layer), symbols(symbols), layer(layer), name(name) {}

  FailureOr<func::FuncOp> buildRow(Type inputType, Type storedType,
                                   Type residualType);
  int64_t tableBytes = 0;
  const DigitTables digits;

private:
  FailureOr<Value> computeOutput(KernelBuilder &builder, Value output,
                                 Value view, Value counts, Value offsets,
                                 Value bias, Value &place, Value &next,
                                 Value residual);

  SymbolTable &symbols;
  const Layer &layer;
  StringRef name;
};

FailureOr<Value> TableBuilder::computeOutput(KernelBuilder &builder,
                                             Value output, Value view,
                                             Value counts, Value offsets,
                                             Value bias, Value &place,
                                             Value &next, Value residual) {
  Value zero = builder.constant(builder.getI32Type(), 0);
  Value one = builder.constant(builder.getI32Type(), 1);
  Value sum = zero;
  if (digits.planes > 0) {
    auto planes = scf::ForOp::create(
        builder, builder.index(0), builder.index(digits.planes),
        builder.index(1), ValueRange{zero, place, next});
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(planes.getBody());
    Value partial =
        arith::ShLIOp::create(builder, planes.getRegionIterArg(0), one);
    Value count = planes.getRegionIterArg(1), list = planes.getRegionIterArg(2);
    for (bool negative : {false, true}) {
      std::tie(partial, list) =
          sumList(builder, view, offsets, loadIndex(builder, counts, count),
                  partial, list, negative);
      count = builder.advance(count, 1);
    }
    scf::YieldOp::create(builder, ValueRange{partial, count, list});
    sum = planes.getResult(0);
    place = planes.getResult(1);
    next = planes.getResult(2);
  }
  Value start = memref::LoadOp::create(builder, bias, output);
  // The bias table holds bit patterns of 32-bit integers, perhaps narrowed.
  if (!start.getType().isInteger(32))
    start = arith::ExtUIOp::create(builder, builder.getI32Type(), start);
  Value accumulator = arith::AddIOp::create(builder, sum, start);
  return applyEpilogue(builder, layer, accumulator, output, residual);
}

FailureOr<func::FuncOp> TableBuilder::buildRow(Type inputType, Type storedType,
                                               Type residualType) {
  Table counts(symbols, layer, name + ".counts", digits.counts);
  Table offsets(symbols, layer, name + ".offsets", digits.offsets);
  Table bias(symbols, layer, name + ".bias", digits.bias);
  tableBytes = counts.bytes + offsets.bytes + bias.bytes;

  auto indexType = IndexType::get(layer.op->getContext());
  SmallVector<Type> types = {inputType, indexType, storedType, indexType};
  if (residualType)
    types.append({residualType, indexType});
  func::FuncOp function =
      createKernel(symbols, layer, (name + ".row").str(), types);
  KernelBuilder builder(layer.op->getLoc(), function.getBody());
  Value countTable = counts.get(builder), offsetTable = offsets.get(builder);
  Value biasTable = bias.get(builder);

  SmallVector<Value> starts = {function.getArgument(1),
                               function.getArgument(3)};
  SmallVector<int64_t> steps = {layer.input.steps[Column],
                                layer.init.steps[Column]};
  SmallVector<int64_t> channelSteps = {layer.init.channelStep};
  if (residualType) {
    starts.push_back(function.getArgument(5));
    steps.push_back(layer.residual.steps[Column]);
    channelSteps.push_back(layer.residual.channelStep);
  }
  LogicalResult result = success();
  builder.loop(
      layer.grid[Column], 1, starts, steps, [&](Value, ValueRange position) {
        Value view = builder.viewAt(function.getArgument(0), position[0]);
        SmallVector<Value> iterArgs = {builder.index(0), builder.index(0)};
        llvm::append_range(iterArgs, position.drop_front());
        auto outputs = scf::ForOp::create(builder, builder.index(0),
                                          builder.index(layer.numOutputs()),
                                          builder.index(1), iterArgs);
        OpBuilder::InsertionGuard guard(builder);
        builder.setInsertionPointToStart(outputs.getBody());
        ValueRange args = outputs.getRegionIterArgs();
        Value residual;
        if (residualType)
          residual =
              memref::LoadOp::create(builder, function.getArgument(4), args[3]);
        Value place = args[0], next = args[1];
        FailureOr<Value> stored =
            computeOutput(builder, outputs.getInductionVar(), view, countTable,
                          offsetTable, biasTable, place, next, residual);
        if (failed(stored)) {
          result = failure();
          return;
        }
        memref::StoreOp::create(builder, *stored, function.getArgument(2),
                                args[2]);
        SmallVector<Value> yielded = {place, next};
        for (auto [offset, step] :
             llvm::zip_equal(args.drop_front(2), channelSteps))
          yielded.push_back(builder.advance(offset, step));
        scf::YieldOp::create(builder, yielded);
      });
  func::ReturnOp::create(builder);
  if (failed(result))
    return failure();
  return function;
}

} // namespace

FailureOr<KernelStatistics> bitnn::buildTableKernel(SymbolTable &symbols,
                                                    const Layer &layer,
                                                    StringRef name,
                                                    bool parallel) {
  KernelBuilder builder(layer.op->getLoc(), layer.op);
  SmallVector<Value> flat = {flatten(builder, layer.input),
                             flatten(builder, layer.init)};
  SmallVector<const GridBuffer *> buffers = {&layer.input, &layer.init};
  if (layer.hasResidual()) {
    flat.push_back(flatten(builder, layer.residual));
    buffers.push_back(&layer.residual);
  }
  TableBuilder table(symbols, layer, name);
  FailureOr<func::FuncOp> row =
      table.buildRow(flat[0].getType(), flat[1].getType(),
                     layer.hasResidual() ? flat[2].getType() : Type());
  if (failed(row))
    return failure();
  RowRange rows{0, layer.grid[Row], 1};
  int64_t pieces = parallel ? countPieces(rows, 1) : 1;
  builder.cases(pieces, parallel, [&](int64_t piece) {
    forEachRow(builder, layer, buffers, rows.getPiece(piece, pieces),
               [&](ValueRange offsets) {
                 SmallVector<Value> arguments;
                 for (auto [buffer, offset] : llvm::zip_equal(flat, offsets))
                   arguments.append({buffer, offset});
                 func::CallOp::create(builder, *row, arguments);
               });
  });
  layer.op->erase();
  KernelStatistics statistics;
  statistics.groups = 1;
  statistics.tableBytes = table.tableBytes;
  // One per digit, and the bias.
  statistics.addsPerPosition = table.digits.digits + layer.numOutputs();
  statistics.unsharedAddsPerPosition = statistics.addsPerPosition;
  return statistics;
}
