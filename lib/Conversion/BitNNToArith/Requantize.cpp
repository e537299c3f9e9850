// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// bitnn.requantize of a channel that is known: straight-line code.

#include "bitnn/Arithmetic/Requantize.h"
#include "Lowerings.h"

using namespace mlir;
using namespace bitnn;

const RequantizePlan &RequantizePlans::get(RequantizeOp op, int64_t index,
                                           bool chains, unsigned saturatedBits,
                                           int64_t addend) {
  ReferenceFunctionAttr reference = op.getReference();
  Interval domain = op.getAccumulatorInterval(index);
  auto key = std::tuple(reference.getAsOpaquePointer(), index, domain.lower,
                        domain.upper, chains, saturatedBits, addend);
  auto [place, isNew] = plans.try_emplace(key);
  if (isNew) {
    auto function = reference.getFunction(index);
    auto steps = StepFunction::ofMonotone(
        [&](int64_t accumulator) { return function(accumulator + addend); },
        domain - Interval::ofValue(addend));
    place->second = multiply ? planMultiply(steps)
                             : planRequantize(steps, chains, saturatedBits);
  }
  return place->second;
}

/// accumulator >= threshold ? delta : 0, added to `result`.
static Value addCorrection(LaneBuilder &builder, Value result,
                           Value accumulator, Correction correction) {
  Type type = result.getType();
  Value reached = arith::CmpIOp::create(
      builder, arith::CmpIPredicate::sge, accumulator,
      builder.constant(accumulator.getType(), correction.threshold));
  if (correction.delta != 1 && correction.delta != -1) {
    Value delta = arith::SelectOp::create(
        builder, reached, builder.constant(type, correction.delta),
        builder.constant(type, 0));
    return arith::AddIOp::create(builder, result, delta);
  }
  // A comparison of vectors is 0 or -1 in each lane.
  Value mask = arith::ExtSIOp::create(builder, type, reached);
  return builder.accumulate(result, mask, correction.delta > 0);
}

Value bitnn::lowerRequantize(LaneBuilder &builder, const RequantizePlan &plan,
                             Interval domain, Value accumulator,
                             unsigned shift) {
  accumulator = builder.resize(accumulator, 32);
  Value clamped = accumulator;
  if (plan.lower > domain.lower)
    clamped = builder.atLeast(clamped, plan.lower);
  if (plan.upper < domain.upper)
    clamped = builder.atMost(clamped, plan.upper);
  clamped = builder.resize(clamped, plan.laneBits);

  Value sum;
  if (plan.multiplier != 0) {
    sum = arith::MulIOp::create(
        builder, clamped, builder.constant(clamped.getType(), plan.multiplier));
  } else if (!plan.terms.empty()) {
    Value shifted = builder.shiftLeft(clamped, plan.leftShift);
    for (Term term : plan.terms)
      sum = builder.accumulate(
          sum, builder.shiftRight(term.ofSum ? sum : shifted, term.shift),
          term.negative);
  }
  sum = sum ? builder.add(sum, plan.constant)
            : builder.constant(clamped.getType(), plan.constant);
  assert((shift == 0 || plan.corrections.empty()) && "deltas are of results");
  sum = builder.lift(sum, plan.rounding);
  Value result =
      builder.resize(builder.shiftRight(sum, plan.rounding.shift - shift), 32);
  for (Correction correction : plan.corrections)
    result = addCorrection(builder, result, accumulator, correction);
  return result;
}
