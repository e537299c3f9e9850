// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Composition of functions of one number.

#include "Functions.h"
#include "Pairs.h"
#include "Quantization.h"

using namespace mlir;
using namespace bitnn::importer;

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
