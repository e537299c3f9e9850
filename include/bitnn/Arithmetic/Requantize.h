// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The search for the cheapest exact requantize.

#ifndef BITNN_ARITHMETIC_REQUANTIZE_H
#define BITNN_ARITHMETIC_REQUANTIZE_H

#include "bitnn/Arithmetic/RequantizePlan.h"

namespace bitnn {

/// A plan without multiplication, of few additions, equal to the reference on
/// its whole domain, which must fit 32 bits. There is always one: if no sum of
/// shifts rounds to the reference, its thresholds are counted. Without chains
/// every term is a shift of the input: a digit. With `saturatedBits` the plan
/// may leave the clamp to a saturation of its result, which costs nothing.
RequantizePlan planRequantize(const StepFunction &reference, bool chains = true,
                              unsigned saturatedBits = 0);

/// The same with one multiplication: of 32 bits by 32 to 64, or within 32 bits
/// where that is exact.
RequantizePlan planMultiply(const StepFunction &reference);

} // namespace bitnn

#endif // BITNN_ARITHMETIC_REQUANTIZE_H
