// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operators on two operands of which one is constant, or which are made of the
// same integers: functions of one number.

#include "Functions.h"
#include "Quantization.h"

using namespace mlir;
using namespace bitnn::importer;

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
