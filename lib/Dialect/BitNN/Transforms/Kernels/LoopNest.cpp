// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "LoopNest.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace bitnn;

namespace {
class NestBuilder {
public:
  NestBuilder(KernelBuilder &builder, const LoopNest &nest, LoopNest::Body body)
      : builder(builder), nest(nest), body(body) {
    auto reduces = [](const NestLoop &loop) { return loop.reduces; };
    firstReduction = llvm::find_if(nest.loops, reduces) - nest.loops.begin();
    for (const NestLoop &loop : nest.loops)
      if (loop.index)
        indices.resize(std::max<size_t>(indices.size(), *loop.index + 1));
  }

  void build();

private:
  using Values = SmallVector<Value>;

  int64_t countBodies(size_t loop) const;
  int64_t getUnroll(size_t loop) const {
    return std::max<int64_t>(nest.unroll / countBodies(loop + 1), 1);
  }
  void buildLoop(size_t loop, ValueRange offsets);
  void buildPoint(ValueRange offsets, int64_t lanes);
  Values accumulate(size_t loop, ValueRange inputs, ValueRange values,
                    int64_t lanes);
  Value accumulateOnLanes(ValueRange inputs, Value start);
  Values accumulateOnLanes(size_t loop, ValueRange inputs, ValueRange values);
  Values computeBody(ValueRange inputs, ValueRange values, int64_t lanes);
  Value loadLanes(const Walk &walk, Value flat, Value offset, int64_t lanes);
  Value loadLanes(Value flat, Value offset, int64_t step, int64_t lanes);

  SmallVector<int64_t> getSteps(ArrayRef<Walk> walks, size_t loop,
                                int64_t count = 1) {
    return llvm::map_to_vector(
        walks, [&](const Walk &walk) { return walk.steps[loop] * count; });
  }
  Values advance(ValueRange offsets, ArrayRef<int64_t> steps, int64_t count) {
    Values result;
    for (auto [offset, step] : llvm::zip_equal(offsets, steps))
      result.push_back(builder.advance(offset, step * count));
    return result;
  }
  /// Whoever asks for the index of the loop gets it.
  void setIndex(size_t loop, Value index) {
    if (nest.loops[loop].index)
      indices[*nest.loops[loop].index] = index;
  }

  KernelBuilder &builder;
  const LoopNest &nest;
  LoopNest::Body body;
  size_t firstReduction;
  Values flatInputs, flatOutputs, indices;
};
} // namespace

void NestBuilder::build() {
  Values starts;
  auto start = [&](const Walk &walk) {
    GridBuffer buffer;
    buffer.memref = walk.memref;
    starts.push_back(builder.index(walk.base));
    return flatten(builder, buffer);
  };
  flatInputs = llvm::map_to_vector(nest.inputs, start);
  flatOutputs = llvm::map_to_vector(nest.outputs, start);
  buildLoop(0, starts);
}

/// How often the body is in the code of one iteration of the loop around
/// `loop`; more often than allowed if there is a loop in it.
int64_t NestBuilder::countBodies(size_t loop) const {
  if (loop == nest.loops.size())
    return 1;
  if (nest.laneLoop && *nest.laneLoop >= firstReduction)
    return nest.unroll + 1;
  int64_t count = nest.loops[loop].count;
  if (loop == nest.laneLoop)
    count = KernelBuilder::countVectors(count, nest.lanes, nest.mayOverlap);
  return count * countBodies(loop + 1);
}

/// The loops that do not reduce.
void NestBuilder::buildLoop(size_t loop, ValueRange offsets) {
  if (loop == firstReduction)
    return buildPoint(offsets, 1);
  SmallVector<int64_t> steps = getSteps(nest.inputs, loop);
  llvm::append_range(steps, getSteps(nest.outputs, loop));
  int64_t count = nest.loops[loop].count;
  int64_t unroll = getUnroll(loop);
  if (loop == nest.laneLoop)
    return builder.vectorLoop(
        count, nest.lanes, offsets, steps,
        [&](ValueRange inner, int64_t at, int64_t lanes) {
          buildPoint(advance(inner, steps, at), lanes);
        },
        unroll, nest.mayOverlap);
  builder.loop(
      count, 1, offsets, steps,
      [&](Value index, ValueRange inner) {
        setIndex(loop, index);
        buildLoop(loop + 1, inner);
      },
      unroll);
}

/// One element of every output, or `lanes` neighbours.
void NestBuilder::buildPoint(ValueRange offsets, int64_t lanes) {
  ValueRange inputs = offsets.take_front(nest.inputs.size());
  ValueRange outputs = offsets.drop_front(nest.inputs.size());
  bool accumulates = firstReduction < nest.loops.size();
  Values values;
  if (nest.readsOutputs || accumulates)
    for (auto [flat, offset] : llvm::zip_equal(flatOutputs, outputs))
      values.push_back(loadLanes(flat, offset, 1, lanes));
  if (accumulates && nest.laneLoop && *nest.laneLoop >= firstReduction)
    values = {accumulateOnLanes(inputs, values.front())};
  else
    values = accumulate(firstReduction, inputs, values, lanes);
  for (auto [value, flat, offset] :
       llvm::zip_equal(values, flatOutputs, outputs))
    if (isa<VectorType>(value.getType()))
      vector::StoreOp::create(builder, value, flat, offset);
    else
      memref::StoreOp::create(builder, value, flat, offset);
}

/// The loops that reduce.
SmallVector<Value> NestBuilder::accumulate(size_t loop, ValueRange inputs,
                                           ValueRange values, int64_t lanes) {
  if (loop == nest.loops.size())
    return computeBody(inputs, values, lanes);
  return builder.fold(
      nest.loops[loop].count, 1, inputs, getSteps(nest.inputs, loop), values,
      [&](Value index, ValueRange inner, ValueRange current) {
        setIndex(loop, index);
        return accumulate(loop + 1, inner, current, lanes);
      },
      getUnroll(loop));
}

/// Adds up vectors, and their lanes in the end: one vector for what fills whole
/// ones, and one for each of the smaller vectors that are left.
Value NestBuilder::accumulateOnLanes(ValueRange inputs, Value start) {
  int64_t count = nest.loops[*nest.laneLoop].count;
  Values values;
  for (int64_t lanes = nest.lanes; lanes > 0; lanes /= 2)
    if (lanes == nest.lanes ? count >= lanes : (count & lanes) != 0)
      values.push_back(builder.constant(getLaneType(start.getType(), lanes),
                                        nest.combiner->neutral));
  for (Value value : accumulateOnLanes(firstReduction, inputs, values))
    start = isa<VectorType>(value.getType())
                ? vector::ReductionOp::create(builder, nest.combiner->kind,
                                              value, start)
                      .getResult()
                : vector::makeArithReduction(builder, builder.getLoc(),
                                             nest.combiner->kind, value, start);
  return start;
}

SmallVector<Value> NestBuilder::accumulateOnLanes(size_t loop,
                                                  ValueRange inputs,
                                                  ValueRange values) {
  int64_t count = nest.loops[loop].count;
  SmallVector<int64_t> steps = getSteps(nest.inputs, loop);
  if (loop != nest.laneLoop)
    return builder.fold(count, 1, inputs, steps, values,
                        [&](Value index, ValueRange inner, ValueRange current) {
                          setIndex(loop, index);
                          return accumulateOnLanes(loop + 1, inner, current);
                        });
  Values results;
  int64_t at = 0;
  for (Value value : values) {
    auto type = dyn_cast<VectorType>(value.getType());
    int64_t lanes = type ? type.getNumElements() : 1;
    int64_t end = lanes == nest.lanes ? count / lanes * lanes : at + lanes;
    llvm::append_range(
        results, builder.fold(end - at, lanes, advance(inputs, steps, at),
                              getSteps(nest.inputs, loop, lanes), value,
                              [&](Value, ValueRange inner, ValueRange current) {
                                return computeBody(inner, current, lanes);
                              }));
    at = end;
  }
  return results;
}

SmallVector<Value> NestBuilder::computeBody(ValueRange inputs,
                                            ValueRange values, int64_t lanes) {
  Values loaded;
  for (auto [walk, flat, offset] :
       llvm::zip_equal(nest.inputs, flatInputs, inputs))
    loaded.push_back(loadLanes(walk, flat, offset, lanes));
  return body(indices, loaded, values, lanes);
}

/// The first and the last element of a buffer that a nest gets to.
static std::pair<int64_t, int64_t> getExtent(const LoopNest &nest,
                                             const Walk &walk) {
  int64_t first = walk.base, last = walk.base;
  for (auto [loop, step] : llvm::zip_equal(nest.loops, walk.steps))
    (step < 0 ? first : last) += (loop.count - 1) * step;
  return {first, last};
}

static int64_t getBufferSize(Value memref) {
  while (auto view = memref.getDefiningOp<memref::SubViewOp>())
    memref = view.getSource();
  auto type = cast<MemRefType>(memref.getType());
  auto [strides, size] = type.getStridesAndOffset();
  for (auto [stride, count] : llvm::zip_equal(strides, type.getShape()))
    size += stride * (count - 1);
  return size + 1;
}

/// Lanes of one input. Every second byte is one half of 16 bits, if the other
/// half is in the buffer, too.
Value NestBuilder::loadLanes(const Walk &walk, Value flat, Value offset,
                             int64_t lanes) {
  int64_t step = nest.laneLoop ? walk.steps[*nest.laneLoop] : 0;
  Type element = cast<MemRefType>(flat.getType()).getElementType();
  auto [first, last] = getExtent(nest, walk);
  bool isLower = last + 1 < getBufferSize(walk.memref);
  if (lanes == 1 || step != 2 || !element.isInteger(8) ||
      !(isLower || first > 0))
    return loadLanes(flat, offset, step, lanes);
  Value bytes =
      vector::LoadOp::create(builder, VectorType::get(2 * lanes, element), flat,
                             builder.advance(offset, isLower ? 0 : -1));
  auto type = VectorType::get(lanes, builder.getI16Type());
  Value pairs = vector::BitCastOp::create(builder, type, bytes);
  if (!isLower)
    pairs = arith::ShRUIOp::create(builder, pairs, builder.constant(type, 8));
  return builder.resize(pairs, 8);
}

/// Elements `step` apart: the vectors between the first and the last are
/// loaded, of which the last two may overlap, and nothing else.
Value NestBuilder::loadLanes(Value flat, Value offset, int64_t step,
                             int64_t lanes) {
  if (lanes == 1 || step == 0)
    return memref::LoadOp::create(builder, flat, offset);
  auto type =
      VectorType::get(lanes, cast<MemRefType>(flat.getType()).getElementType());
  int64_t lastStart = (lanes - 1) * (step - 1);
  Value result;
  for (int64_t part = 0; part < step; ++part) {
    int64_t start = std::min(part * lanes, lastStart);
    Value loaded = vector::LoadOp::create(builder, type, flat,
                                          builder.advance(offset, start));
    if (part == 0) {
      result = loaded;
      continue;
    }
    // Lanes of later parts are filled in later.
    SmallVector<int64_t> picked;
    for (int64_t lane = 0; lane < lanes; ++lane) {
      int64_t place = lane * step;
      if (place / lanes == part)
        picked.push_back(lanes + place - start);
      else
        picked.push_back(part == 1 && place < lanes ? place : lane);
    }
    result = vector::ShuffleOp::create(builder, result, loaded, picked);
  }
  return result;
}

void LoopNest::build(KernelBuilder &builder, Body body) {
  simplify();
  findOverlap();
  chooseVectors();
  if (!laneLoop)
    unroll = 1;
  NestBuilder(builder, *this, body).build();
}
