// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "KernelBuilder.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace bitnn;

Value KernelBuilder::index(int64_t value) {
  return arith::ConstantIndexOp::create(*this, value);
}

Value KernelBuilder::advance(Value offset, int64_t value) {
  if (value == 0)
    return offset;
  return arith::AddIOp::create(*this, offset, index(value));
}

SmallVector<Value> KernelBuilder::fold(
    int64_t count, int64_t step, ValueRange offsets,
    ArrayRef<int64_t> increments, ValueRange values,
    llvm::function_ref<SmallVector<Value>(Value, ValueRange, ValueRange)> body,
    int64_t unroll) {
  if (count <= 0)
    return values;
  auto advanceAll = [&](ValueRange from, int64_t times) {
    SmallVector<Value> advanced;
    for (auto [offset, increment] : llvm::zip_equal(from, increments))
      advanced.push_back(advance(offset, increment * times));
    return advanced;
  };
  // Some iterations, one after the other.
  auto repeat = [&](int64_t times, Value start, ValueRange from,
                    SmallVector<Value> current) {
    for (int64_t time = 0; time < times; ++time)
      current =
          body(advance(start, time * step), advanceAll(from, time), current);
    return current;
  };
  int64_t iterations = llvm::divideCeil(count, step);
  if (iterations <= unroll)
    return repeat(iterations, index(0), offsets, values);

  int64_t rest = iterations % unroll, looped = iterations - rest;
  SmallVector<Value> starts(offsets);
  llvm::append_range(starts, values);
  auto loop =
      scf::ForOp::create(*this, index(0), index(rest ? looped * step : count),
                         index(step * unroll), starts);
  {
    OpBuilder::InsertionGuard guard(*this);
    setInsertionPointToStart(loop.getBody());
    ValueRange arguments = loop.getRegionIterArgs();
    ValueRange current = arguments.take_front(offsets.size());
    SmallVector<Value> results = repeat(unroll, loop.getInductionVar(), current,
                                        arguments.drop_front(offsets.size()));
    SmallVector<Value> next = advanceAll(current, unroll);
    llvm::append_range(next, results);
    // Without offsets and values the builder has made the terminator already.
    if (!next.empty())
      scf::YieldOp::create(*this, next);
  }
  SmallVector<Value> results(loop.getResults().drop_front(offsets.size()));
  return rest ? repeat(rest, index(looped * step), advanceAll(offsets, looped),
                       results)
              : results;
}

void KernelBuilder::loop(int64_t count, int64_t step, ValueRange offsets,
                         ArrayRef<int64_t> increments,
                         llvm::function_ref<void(Value, ValueRange)> body,
                         int64_t unroll) {
  fold(
      count, step, offsets, increments, {},
      [&](Value index, ValueRange inner, ValueRange) {
        body(index, inner);
        return SmallVector<Value>();
      },
      unroll);
}

void KernelBuilder::vectorLoop(
    int64_t count, int64_t lanes, ValueRange offsets, ArrayRef<int64_t> steps,
    llvm::function_ref<void(ValueRange, int64_t, int64_t)> body, int64_t unroll,
    bool mayOverlap) {
  int64_t at = count / lanes * lanes;
  SmallVector<int64_t> increments =
      llvm::map_to_vector(steps, [&](int64_t step) { return step * lanes; });
  loop(
      at, lanes, offsets, increments,
      [&](Value, ValueRange inner) { body(inner, 0, lanes); }, unroll);
  while (at < count) {
    int64_t piece = llvm::bit_ceil<uint64_t>(count - at);
    if (!mayOverlap || piece > count)
      piece = llvm::bit_floor<uint64_t>(count - at);
    at = std::min(at, count - piece);
    body(offsets, at, piece);
    at += piece;
  }
}

int64_t KernelBuilder::countVectors(int64_t count, int64_t lanes,
                                    bool mayOverlap) {
  uint64_t rest = count % lanes;
  int64_t pieces = llvm::popcount(rest);
  if (mayOverlap && pieces > 1)
    pieces = llvm::bit_ceil(rest) <= uint64_t(count) ? 1 : 2;
  return count / lanes + pieces;
}

void KernelBuilder::cases(int64_t count, bool inAnyOrder,
                          llvm::function_ref<void(int64_t)> body) {
  if (!inAnyOrder || count == 1) {
    for (int64_t each = 0; each < count; ++each)
      body(each);
    return;
  }
  auto loop =
      scf::ParallelOp::create(*this, ValueRange(index(0)),
                              ValueRange(index(count)), ValueRange(index(1)));
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(loop.getBody());
  SmallVector<int64_t> values = llvm::to_vector(llvm::seq(count - 1));
  auto choice = scf::IndexSwitchOp::create(
      *this, TypeRange(), loop.getInductionVars()[0], values, values.size());
  for (int64_t each = 0; each < count; ++each) {
    Region &region = each + 1 < count ? choice.getCaseRegions()[each]
                                      : choice.getDefaultRegion();
    setInsertionPointToStart(&region.emplaceBlock());
    body(each);
    scf::YieldOp::create(*this);
  }
}

Value KernelBuilder::viewAt(Value flat, Value offset) {
  auto type = cast<MemRefType>(flat.getType());
  auto layout = StridedLayoutAttr::get(getContext(), ShapedType::kDynamic, {1});
  auto viewType =
      MemRefType::get(type.getShape(), type.getElementType(), layout);
  return memref::ReinterpretCastOp::create(
      *this, viewType, flat, OpFoldResult(offset),
      ArrayRef<OpFoldResult>{getIndexAttr(type.getDimSize(0))},
      ArrayRef<OpFoldResult>{getIndexAttr(1)});
}

Value KernelBuilder::load(Value view, int64_t at, int64_t lanes) {
  Type element = cast<MemRefType>(view.getType()).getElementType();
  if (lanes == 1)
    return memref::LoadOp::create(*this, view, index(at));
  return vector::LoadOp::create(*this, VectorType::get(lanes, element), view,
                                index(at));
}

void KernelBuilder::store(Value value, Value view, int64_t at) {
  if (isa<VectorType>(value.getType()))
    vector::StoreOp::create(*this, value, view, index(at));
  else
    memref::StoreOp::create(*this, value, view, index(at));
}

Value KernelBuilder::constant(Type type, int64_t value) {
  unsigned bits = getElementTypeOrSelf(type).getIntOrFloatBitWidth();
  auto element = IntegerAttr::get(getElementTypeOrSelf(type),
                                  APInt(bits, value, /*isSigned=*/true,
                                        /*implicitTrunc=*/true));
  if (auto vector = dyn_cast<VectorType>(type))
    return arith::ConstantOp::create(*this,
                                     DenseElementsAttr::get(vector, element));
  return arith::ConstantOp::create(*this, element);
}

Value KernelBuilder::resize(Value value, unsigned bits) {
  unsigned from = getElementTypeOrSelf(value.getType()).getIntOrFloatBitWidth();
  Type element = getIntegerType(bits);
  Type type = element;
  if (auto vector = dyn_cast<VectorType>(value.getType()))
    type = vector.clone(element);
  if (from < bits)
    return arith::ExtSIOp::create(*this, type, value);
  if (from > bits)
    return arith::TruncIOp::create(*this, type, value);
  return value;
}

Type bitnn::getLaneType(Type type, int64_t lanes) {
  return lanes == 1 ? type : VectorType::get(lanes, type);
}

Value bitnn::flatten(KernelBuilder &builder, const GridBuffer &buffer) {
  auto type = cast<MemRefType>(buffer.memref.getType());
  auto [strides, offset] = type.getStridesAndOffset();
  int64_t size = offset + 1;
  for (auto [stride, dim] : llvm::zip(strides, type.getShape()))
    size += stride * (dim - 1);
  return memref::ReinterpretCastOp::create(
      builder, MemRefType::get({size}, type.getElementType()), buffer.memref,
      OpFoldResult(builder.getIndexAttr(0)),
      ArrayRef<OpFoldResult>{builder.getIndexAttr(size)},
      ArrayRef<OpFoldResult>{builder.getIndexAttr(1)});
}

func::FuncOp bitnn::createKernel(SymbolTable &symbols, const Layer &layer,
                                 StringRef name, TypeRange argumentTypes) {
  OpBuilder builder(layer.op->getContext());
  auto function = func::FuncOp::create(
      layer.op->getLoc(), name, builder.getFunctionType(argumentTypes, {}));
  function.setPrivate();
  // Before the entry function, so that a dump reads callee first.
  symbols.insert(function,
                 Block::iterator(layer.op->getParentOfType<func::FuncOp>()));
  function.addEntryBlock();
  return function;
}

RowRange RowRange::getPiece(int64_t piece, int64_t pieces) const {
  int64_t begin = numSteps() * piece / pieces;
  int64_t end = numSteps() * (piece + 1) / pieces;
  return {first + begin * step, (end - begin) * step, step};
}

// Enough for the processors of today, and little code: each is a few calls.
static constexpr int64_t kBodies = 16;

int64_t bitnn::countPieces(const RowRange &rows, int64_t blocks) {
  return std::min<int64_t>(rows.numSteps(), llvm::divideCeil(kBodies, blocks));
}

int64_t bitnn::countRowsOfPiece(int64_t rows, int64_t blocks) {
  return llvm::divideCeil(rows, llvm::divideCeil(kBodies, blocks));
}

void bitnn::forEachRow(KernelBuilder &builder, const Layer &layer,
                       ArrayRef<const GridBuffer *> buffers,
                       const RowRange &rows,
                       llvm::function_ref<void(ValueRange)> body) {
  auto getSteps = [&](GridDim dim, int64_t count) {
    return llvm::map_to_vector(buffers, [&](const GridBuffer *buffer) {
      return count * buffer->steps[dim];
    });
  };
  SmallVector<Value> starts;
  for (const GridBuffer *buffer : buffers)
    starts.push_back(
        builder.index(buffer->base + rows.first * buffer->steps[Row]));
  builder.loop(layer.grid[Batch], 1, starts, getSteps(Batch, 1),
               [&](Value, ValueRange image) {
                 builder.loop(rows.count, rows.step, image,
                              getSteps(Row, rows.step),
                              [&](Value, ValueRange row) { body(row); });
               });
}

/// The value of an operand inside of copied operations; constants from outside
/// are copied along. On vectors, a value that all lanes share becomes a splat.
static FailureOr<Value> mapOperand(KernelBuilder &builder, IRMapping &mapping,
                                   Value operand, int64_t lanes) {
  bool isSplat = lanes > 1 && !operand.getType().isIndex();
  Value mapped = mapping.lookupOrDefault(operand);
  TypedAttr constant;
  if (matchPattern(mapped, m_Constant(&constant))) {
    if (isSplat && !isa<ShapedType>(constant.getType()))
      constant = DenseElementsAttr::get(
          VectorType::get(lanes, constant.getType()), Attribute(constant));
    return arith::ConstantOp::create(builder, constant).getResult();
  }
  if (!mapping.contains(operand))
    return failure();
  if (!isSplat || isa<VectorType>(mapped.getType()))
    return mapped;
  return vector::BroadcastOp::create(
             builder, VectorType::get(lanes, mapped.getType()), mapped)
      .getResult();
}

/// Copies one operation; on vectors if an operand is one.
static LogicalResult cloneOnLanes(KernelBuilder &builder, Operation &op,
                                  IRMapping &mapping, int64_t lanes) {
  if (!OpTrait::hasElementwiseMappableTraits(&op))
    return op.emitOpError("is not elementwise, so it cannot be part of an "
                          "epilogue");
  bool onLanes = llvm::any_of(op.getOperands(), [&](Value operand) {
    Value mapped = mapping.lookupOrNull(operand);
    return mapped && isa<VectorType>(mapped.getType());
  });
  int64_t opLanes = onLanes ? lanes : 1;
  OperationState state(op.getLoc(), op.getName());
  for (Value operand : op.getOperands()) {
    FailureOr<Value> mapped = mapOperand(builder, mapping, operand, opLanes);
    if (failed(mapped))
      return op.emitOpError("reads a value from outside of the epilogue "
                            "that is not a constant");
    state.addOperands(*mapped);
  }
  for (Type type : op.getResultTypes())
    state.addTypes(getLaneType(type, opLanes));
  state.addAttributes(op.getAttrs());
  Operation *copy = builder.create(state);
  mapping.map(op.getResults(), copy->getResults());
  return success();
}

FailureOr<SmallVector<Value>> bitnn::cloneOnLanes(KernelBuilder &builder,
                                                  Block &block,
                                                  IRMapping &mapping,
                                                  int64_t lanes) {
  // Constants are copied at their uses.
  for (Operation &op : block.without_terminator())
    if (!matchPattern(&op, m_Constant()) &&
        !mapping.contains(op.getResult(0)) &&
        failed(::cloneOnLanes(builder, op, mapping, lanes)))
      return failure();
  SmallVector<Value> results;
  for (Value operand : block.getTerminator()->getOperands()) {
    FailureOr<Value> result = mapOperand(builder, mapping, operand, lanes);
    if (failed(result))
      return block.getParentOp()->emitOpError(
          "has an epilogue that does not use its accumulator");
    results.push_back(*result);
  }
  return results;
}

FailureOr<Value> bitnn::applyEpilogue(KernelBuilder &builder,
                                      const Layer &layer, Value accumulator,
                                      Value channel, Value residual,
                                      LaneKind kind) {
  if (!layer.epilogue)
    return accumulator;
  int64_t lanes = 1;
  if (auto vector = dyn_cast<VectorType>(accumulator.getType()))
    lanes = vector.getNumElements();
  Block &block = layer.epilogue->front();
  IRMapping mapping;
  mapping.map(block.getArgument(0), accumulator);
  mapping.map(block.getArgument(1), channel);
  if (residual)
    mapping.map(block.getArgument(2), residual);
  FailureOr<SmallVector<Value>> stored =
      cloneOnLanes(builder, block, mapping, lanes);
  if (failed(stored))
    return failure();
  if (kind == LaneKind::Channels)
    for (auto op : block.getOps<RequantizeOp>()) {
      auto copy = mapping.lookup(op.getResult()).getDefiningOp<RequantizeOp>();
      copy.setConsecutive(isa<VectorType>(copy.getType()));
    }
  return stored->front();
}
