// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Composition of functions of one number.

#include "Functions.h"
#include "Pairs.h"
#include "Quantization.h"
#include "llvm/ADT/bit.h"

using namespace mlir;
using namespace bitnn::importer;

//===----------------------------------------------------------------------===//
// Where a composition turns
//===----------------------------------------------------------------------===//

/// Floats in their order as integers.
static int64_t getRank(float value) {
  auto bits = llvm::bit_cast<int32_t>(value);
  return bits < 0 ? -int64_t(bits & INT32_MAX) : bits;
}
static float getFloatOfRank(int64_t rank) {
  float magnitude = llvm::bit_cast<float>(int32_t(std::abs(rank)));
  return rank < 0 ? -magnitude : magnitude;
}

/// Where `real` crosses `level` between neighbouring turns of its own.
static void addCrossings(const Real &real, int64_t channel, float level,
                         std::vector<float> &turns) {
  constexpr float kMost = std::numeric_limits<float>::max();
  std::vector<float> ends = turns;
  ends.insert(ends.begin(), -kMost);
  ends.push_back(kMost);
  for (size_t piece = 0; piece + 1 < ends.size(); ++piece) {
    auto isAbove = [&](int64_t rank) {
      return real.apply(getFloatOfRank(rank), channel) >= level;
    };
    int64_t low = getRank(ends[piece]), high = getRank(ends[piece + 1]);
    bool first = isAbove(low);
    if (isAbove(high) == first)
      continue;
    while (high - low > 1) {
      int64_t middle = low + (high - low) / 2;
      (isAbove(middle) == first ? low : high) = middle;
    }
    turns.push_back(getFloatOfRank(high));
  }
}

static std::optional<std::vector<std::vector<float>>>
composeTurns(const Real &real, const Function &step, int64_t channels) {
  if ((real.function && !real.function->turns) || !step.turns)
    return std::nullopt;
  auto getTurns = [](const Function &function, int64_t channel) {
    return (*function.turns)[function.turns->size() == 1 ? 0 : channel];
  };
  std::vector<std::vector<float>> result;
  for (int64_t channel = 0; channel < channels; ++channel) {
    std::vector<float> turns;
    if (real.function)
      turns = getTurns(*real.function, channel);
    std::vector<float> all = turns;
    for (float level : getTurns(step, channel)) {
      std::vector<float> crossings = turns;
      addCrossings(real, channel, level, crossings);
      all.insert(all.end(), crossings.begin() + turns.size(), crossings.end());
    }
    llvm::sort(all);
    result.push_back(std::move(all));
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Composition
//===----------------------------------------------------------------------===//

/// The constants of a padding that is still to come have the function applied
/// now.
static void applyToPadding(Real &real,
                           llvm::function_ref<float(float)> function) {
  for (Movement &movement : real.movements)
    if (movement.padding)
      movement.padding->fill = function(movement.padding->fill);
}

static bool hasMaximum(const Real &real) {
  return llvm::any_of(real.movements,
                      [](const Movement &m) { return bool(m.emit); });
}

/// `step` after what was applied to `real`; false if it cannot follow it.
static bool compose(Real &real, const Function &step) {
  // The largest of numbers need not have the largest function.
  if (hasMaximum(real))
    return false;
  std::shared_ptr<const Function> before = real.function;
  bool isPerChannel = step.channels > 1;
  if (isPerChannel && !real.movements.empty())
    return false;
  if (isPerChannel && before && before->channels > 1 &&
      (before->channels != step.channels || before->axis != step.axis))
    return false;
  applyToPadding(real, [&](float fill) { return step.apply(fill, 0); });
  auto composed = std::make_shared<Function>();
  composed->channels =
      std::max(step.channels, before ? before->channels : int64_t(1));
  composed->axis = isPerChannel || !before ? step.axis : before->axis;
  composed->turns = composeTurns(real, step, composed->channels);
  composed->apply = [lower = real.lower, upper = real.upper, before,
                     next = step.apply](float x, int64_t channel) {
    float value = std::min(std::max(x, lower), upper);
    return next(before ? before->apply(value, channel) : value, channel);
  };
  real.function = composed;
  real.lower = -std::numeric_limits<float>::infinity();
  real.upper = std::numeric_limits<float>::infinity();
  return true;
}

static constexpr llvm::StringLiteral kNoFunction =
    "its input is not behind a DequantizeLinear";

namespace {
/// Applies a function to a value.
struct Applier {
  NodeContext &node;
  const Function &step;

  template <typename T>
  Result compose(T real) const {
    if (!::compose(real, step))
      return node.decline("it follows a MaxPool, or constants of another axis; "
                          "put a QuantizeLinear and a DequantizeLinear between "
                          "them");
    real.nodes.push_back(&node.node);
    return ImportedValue(std::move(real));
  }
  Result operator()(const Dequantized &real) const { return compose(real); }
  Result operator()(const Accumulator &real) const { return compose(real); }
  Result operator()(const Pair &pair) const {
    if (step.channels > 1)
      return node.decline("it has constants per channel and follows an "
                          "operator on two tensors; put a QuantizeLinear and a "
                          "DequantizeLinear between them");
    return compose(pair);
  }
  Result operator()(const Parts &parts) const {
    if (auto pair = getPair(parts))
      return (*this)(*pair);
    if (parts.kind != Parts::Kind::Concat || step.channels > 1 ||
        hasMaximum(parts))
      return node.decline("it follows a " + toString(parts.kind) +
                          "; put a QuantizeLinear and a DequantizeLinear "
                          "between them");
    Parts result = parts;
    for (Operand &part : result.operands) {
      Result applied = applyFunction(node, part, step);
      if (failed(applied) || std::holds_alternative<Outside>(*applied))
        return applied;
      part = share(std::move(*applied));
    }
    applyToPadding(result, [&](float fill) { return step.apply(fill, 0); });
    result.nodes.push_back(&node.node);
    return ImportedValue(std::move(result));
  }
  template <typename T>
  Result operator()(const T &) const {
    return node.decline(kNoFunction);
  }

  static std::string toString(Parts::Kind kind) {
    return kind == Parts::Kind::Concat ? "Concat"
           : kind == Parts::Kind::Max  ? "Max"
                                       : "Min";
  }
};
} // namespace

Result bitnn::importer::applyFunction(NodeContext &node, const Operand &value,
                                      const Function &function) {
  if (!value)
    return node.refuse() << "its input is missing";
  return std::visit(Applier{node, function}, *value);
}

Result bitnn::importer::applyClamp(NodeContext &node, const Operand &value,
                                   float lower, float upper) {
  auto clip = [=](float bound) {
    return std::min(std::max(bound, lower), upper);
  };
  auto apply = [&](auto real) -> Result {
    real.lower = clip(real.lower);
    real.upper = clip(real.upper);
    applyToPadding(real, clip);
    real.nodes.push_back(&node.node);
    return ImportedValue(std::move(real));
  };
  // A clamp of a clamp is one clamp, and a range instead of a function.
  if (auto *real = value ? std::get_if<Dequantized>(value.get()) : nullptr;
      real && !real->function)
    return apply(*real);
  if (auto *pair = value ? std::get_if<Pair>(value.get()) : nullptr;
      pair && !pair->function)
    return apply(*pair);
  if (auto *sum = value ? std::get_if<Accumulator>(value.get()) : nullptr;
      sum && !sum->function)
    return apply(*sum);
  if (auto *parts = value ? std::get_if<Parts>(value.get()) : nullptr)
    return apply(*parts);
  Function step;
  step.apply = [=](float x, int64_t) { return clip(x); };
  step.turns = {{{}}};
  return applyFunction(node, value, step);
}

//===----------------------------------------------------------------------===//
// Two operands
//===----------------------------------------------------------------------===//

std::optional<ChannelConstant>
bitnn::importer::getChannelConstant(const Operand &operand,
                                    ArrayRef<int64_t> shape) {
  TensorRef tensor = operand ? getFloats(operand) : nullptr;
  if (!tensor || tensor->shape.size() > shape.size() || tensor->size() == 0)
    return std::nullopt;
  ChannelConstant result;
  for (auto [i, extent] : llvm::enumerate(tensor->shape)) {
    if (extent == 1)
      continue;
    unsigned axis = shape.size() - tensor->shape.size() + i;
    if (tensor->size() != extent || shape[axis] != extent)
      return std::nullopt;
    result.axis = axis;
  }
  for (int64_t i = 0; i < tensor->size(); ++i)
    result.values.push_back(tensor->getFloat(i));
  return result;
}

/// The function that a constant makes of a binary operator.
static Function bind(const ChannelConstant &constant, BinaryFunction function,
                     bool isLhs) {
  Function step;
  step.channels = constant.values.size();
  step.axis = constant.axis;
  step.apply = [=](float x, int64_t channel) {
    float other = constant.values[constant.values.size() == 1 ? 0 : channel];
    return isLhs ? function(other, x) : function(x, other);
  };
  // Powers, quotients and slopes turn at zero or nowhere.
  step.turns = {{{0}}};
  return step;
}

/// Whether two values are functions of the same integers.
static bool haveSameSource(const Dequantized &a, const Dequantized &b) {
  return a.integers.value == b.integers.value &&
         a.quantization == b.quantization && a.movements.empty() &&
         b.movements.empty();
}
static bool haveSameSource(const Accumulator &a, const Accumulator &b) {
  return a.emitted == b.emitted && a.scales == b.scales &&
         a.movements.empty() && b.movements.empty();
}

/// Whether an operand is the sigmoid, hard or not, of the other.
static bool isGate(NodeContext &node, unsigned index) {
  const Real *real = nullptr;
  if (auto *dequantized = node.getIf<Dequantized>(index))
    real = dequantized;
  else if (auto *sum = node.getIf<Accumulator>(index))
    real = sum;
  if (!real || real->nodes.empty() || node.node.inputs.size() != 2)
    return false;
  const Node &last = *real->nodes.back();
  return (last.op == "Sigmoid" || last.op == "HardSigmoid") &&
         last.outputs.front() == node.node.inputs[index] &&
         last.inputs.front() == node.node.inputs[1 - index];
}

/// Where x * Sigmoid(x) and x * HardSigmoid(x) turn: the one at its minimum,
/// the other where the gate opens, between it and zero, and where it is open.
static std::optional<std::vector<float>> getGateTurns(NodeContext &node) {
  if (node.node.op != "Mul" || (!isGate(node, 0) && !isGate(node, 1)))
    return std::nullopt;
  const Operand &gate = node.operands[isGate(node, 0) ? 0 : 1];
  const Real &real =
      std::holds_alternative<Dequantized>(*gate)
          ? static_cast<const Real &>(std::get<Dequantized>(*gate))
          : std::get<Accumulator>(*gate);
  const Node &last = *real.nodes.back();
  if (last.op == "Sigmoid")
    return std::vector<float>{-1.2784645427610738f};
  auto get = [&](StringRef name, float otherwise) {
    auto found = last.attributes.find(name);
    auto *value = found == last.attributes.end()
                      ? nullptr
                      : std::get_if<float>(&found->second);
    return value ? *value : otherwise;
  };
  float alpha = get("alpha", 0.2f), beta = get("beta", 0.5f);
  if (!(alpha > 0))
    return std::nullopt;
  return std::vector<float>{-beta / alpha, -beta / (2 * alpha),
                            (1 - beta) / alpha};
}

template <typename T>
static std::optional<Result> combine(NodeContext &node, const Operand &lhs,
                                     const Operand &rhs,
                                     BinaryFunction function) {
  auto *a = std::get_if<T>(lhs.get()), *b = std::get_if<T>(rhs.get());
  if (!a || !b || !haveSameSource(*a, *b))
    return std::nullopt;
  auto getChannels = [](const Real &real) {
    return real.function ? real.function->channels : 1;
  };
  T result = *a;
  Function both;
  bool useLhs = getChannels(*a) > 1;
  both.channels = std::max(getChannels(*a), getChannels(*b));
  if (const auto &from = useLhs ? a->function : b->function)
    both.axis = from->axis;
  if (useLhs && getChannels(*b) > 1 && a->function->axis != b->function->axis)
    return std::nullopt;
  both.apply = [f = Real(*a), g = Real(*b), function](float x, int64_t c) {
    return function(f.apply(x, c), g.apply(x, c));
  };
  if (auto turns = getGateTurns(node))
    both.turns = composeTurns(isGate(node, 0) ? Real(*b) : Real(*a),
                              Function{{}, 1, 0, {{*turns}}}, both.channels);
  result.function = std::make_shared<Function>(both);
  result.lower = -std::numeric_limits<float>::infinity();
  result.upper = std::numeric_limits<float>::infinity();
  llvm::append_range(result.nodes, b->nodes);
  result.nodes.push_back(&node.node);
  llvm::sort(result.nodes,
             [](const Node *x, const Node *y) { return x->index < y->index; });
  result.nodes.erase(llvm::unique(result.nodes), result.nodes.end());
  return Result(ImportedValue(std::move(result)));
}

std::optional<Result> bitnn::importer::applyBinary(NodeContext &node,
                                                   const Operand &lhs,
                                                   const Operand &rhs,
                                                   BinaryFunction function) {
  for (bool isLhs : {false, true}) {
    const Operand &value = isLhs ? rhs : lhs, &other = isLhs ? lhs : rhs;
    auto shape = getCurrentShape(*value);
    auto constant = shape ? getChannelConstant(other, *shape) : std::nullopt;
    bool isReal = std::holds_alternative<Dequantized>(*value) ||
                  std::holds_alternative<Accumulator>(*value) ||
                  std::holds_alternative<Pair>(*value) ||
                  std::holds_alternative<Parts>(*value);
    if (constant && isReal)
      return applyFunction(node, value, bind(*constant, function, isLhs));
  }
  if (auto result = combine<Dequantized>(node, lhs, rhs, function))
    return result;
  return combine<Accumulator>(node, lhs, rhs, function);
}
