// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A sum that becomes 8-bit by way of any function of one number: the function
// is constant between its steps, so its value is found by a binary search.

#include "Emit.h"
#include "Quantization.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace bitnn::importer;

namespace {
/// From `starts[i]` on the value is `values[i]`.
struct Steps {
  std::vector<int32_t> starts, values;
};
} // namespace

/// The first number of (low, high] for which a predicate holds, that holds at
/// `high`, and from its first number on.
static int64_t findFirst(int64_t low, int64_t high,
                         llvm::function_ref<bool(int64_t)> holds) {
  while (high - low > 1) {
    int64_t middle = low + (high - low) / 2;
    (holds(middle) ? high : low) = middle;
  }
  return high;
}

/// The steps between accumulators where the function does not turn.
static void addSteps(int64_t low, int64_t high,
                     llvm::function_ref<int64_t(int64_t)> function,
                     Steps &steps) {
  int64_t value = function(low), last = function(high);
  if (steps.values.empty() || steps.values.back() != value) {
    steps.starts.push_back(low);
    steps.values.push_back(value);
  }
  while (value != last) {
    low = findFirst(low, high,
                    [&](int64_t acc) { return function(acc) != value; });
    value = function(low);
    steps.starts.push_back(low);
    steps.values.push_back(value);
  }
}

/// Around a turn the function is nearly flat, and rounding to float32 may make
/// it waver: what lies there is asked one by one.
static constexpr int64_t kFlat = 2048;

/// The steps of one channel.
static Steps findSteps(const Accumulator &sum, int64_t channel,
                       Quantization to) {
  float scale = sum.scales[sum.scales.size() == 1 ? 0 : channel] /
                float(sum.counts.front());
  auto getReal = [&](int64_t acc) { return float(acc) * scale; };
  auto function = [&](int64_t acc) {
    return quantizeReal(sum.apply(getReal(acc), channel), to);
  };
  const auto &turns = *sum.function->turns;
  SmallVector<int64_t> ends = {INT32_MIN};
  for (float turn : turns[turns.size() == 1 ? 0 : channel])
    if (getReal(INT32_MIN) < turn && getReal(INT32_MAX) >= turn) {
      int64_t place = findFirst(INT32_MIN, INT32_MAX, [&](int64_t acc) {
        return getReal(acc) >= turn;
      });
      int64_t first = std::max<int64_t>(place - kFlat, INT32_MIN);
      int64_t last = std::min<int64_t>(place + kFlat, INT32_MAX);
      for (int64_t acc = first; acc <= last; ++acc)
        ends.push_back(acc);
    }
  ends.push_back(int64_t(INT32_MAX) + 1);
  llvm::sort(ends);
  Steps steps;
  for (size_t piece = 0; piece + 1 < ends.size(); ++piece)
    if (ends[piece] < ends[piece + 1])
      addSteps(ends[piece], ends[piece + 1] - 1, function, steps);
  return steps;
}

namespace {
/// The steps of all channels, each padded to `length`, a power of two.
struct StepTable {
  int64_t length;
  SmallVector<int32_t> starts, values, channels;
};
} // namespace

static StepTable makeTable(ArrayRef<Steps> all) {
  StepTable table;
  size_t most = 2;
  for (const Steps &steps : all)
    most = std::max(most, steps.starts.size());
  table.length = llvm::PowerOf2Ceil(most);
  for (const Steps &steps : all) {
    table.channels.push_back(table.starts.size());
    llvm::append_range(table.starts, steps.starts);
    llvm::append_range(table.values, steps.values);
    // Never reached but by the largest number, which has the last value.
    table.starts.resize(table.channels.back() + table.length, INT32_MAX);
    table.values.resize(table.starts.size(), steps.values.back());
  }
  return table;
}

FailureOr<Value> bitnn::importer::quantizeByTable(NodeContext &node,
                                                  const Accumulator &sum,
                                                  Quantization to) {
  if (!sum.function->turns || sum.counts.size() > 1)
    return node.refuse()
           << "the function of " << quote(sum.tensor) << " before it is "
           << (sum.counts.size() > 1 ? "one of an average whose windows differ"
                                     : "made of several operators")
           << "; put a QuantizeLinear and a DequantizeLinear before "
           << describe(*sum.nodes.front());
  size_t channels =
      std::max<int64_t>(sum.scales.size(), sum.function->channels);
  bool isPerChannel = sum.function->channels > 1;
  unsigned axis = isPerChannel ? sum.function->axis : sum.channelAxis;
  if (isPerChannel && sum.scales.size() > 1 && axis != sum.channelAxis)
    return node.refuse() << "the constants of " << quote(sum.tensor)
                         << " belong to another axis than its scales; put a "
                            "QuantizeLinear and a DequantizeLinear behind it";
  std::vector<Steps> all;
  for (size_t channel = 0; channel < channels; ++channel)
    all.push_back(findSteps(sum, channel, to));
  StepTable table = makeTable(all);

  OpBuilder &builder = node.builder;
  Location loc = node.loc;
  int64_t size = table.starts.size();
  Value starts = emitConstant(builder, loc, {size}, 32, table.starts);
  Value values = emitConstant(builder, loc, {size}, 8, table.values);
  Value acc = emitAccumulator(builder, sum);
  AffineMap identity = builder.getMultiDimIdentityMap(getShape(acc).size());
  SmallVector<Value> inputs = {acc};
  SmallVector<AffineMap> maps = {identity};
  if (channels > 1) {
    inputs.push_back(
        emitConstant(builder, loc, {int64_t(channels)}, 32, table.channels));
    maps.push_back(identity.getSubMap(axis));
  }
  return emitElementwise(
      builder, loc, getShape(acc), inputs, maps, 8,
      [&](OpBuilder &nested, Location at, ValueRange scalars) {
        auto constant = [&](int64_t value) -> Value {
          return arith::ConstantOp::create(nested, at,
                                           nested.getI32IntegerAttr(value));
        };
        Value value = scalars[0];
        if (sum.addend)
          value =
              arith::AddIOp::create(nested, at, value, constant(sum.addend));
        Value place = channels > 1 ? scalars[1] : constant(0);
        for (int64_t step = table.length / 2; step > 0; step /= 2) {
          Value next = arith::AddIOp::create(nested, at, place, constant(step));
          Value reached = arith::CmpIOp::create(
              nested, at, arith::CmpIPredicate::sge, value,
              emitTableEntry(nested, at, starts, next));
          place = arith::SelectOp::create(nested, at, reached, next, place);
        }
        return emitTableEntry(nested, at, values, place);
      });
}
