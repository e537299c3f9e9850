// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The value of each scalar operation in terms of arith, memref and vector.

#ifndef BITNN_LIB_CONVERSION_BITNNTOARITH_LOWERINGS_H
#define BITNN_LIB_CONVERSION_BITNNTOARITH_LOWERINGS_H

#include "ConstantTables.h"
#include "LaneTables.h"
#include "bitnn/Dialect/BitNN/IR/BitNN.h"
#include <map>

namespace bitnn {

/// Plans are made once for each channel, however many operations it has.
class RequantizePlans {
public:
  explicit RequantizePlans(bool multiply) : multiply(multiply) {}

  /// Without chains every term is a digit. Results may be left to be saturated
  /// to `saturatedBits`. The plan is of the accumulator less `addend`.
  const RequantizePlan &get(RequantizeOp op, int64_t index, bool chains,
                            unsigned saturatedBits = 0, int64_t addend = 0);

private:
  bool multiply;
  std::map<std::tuple<const void *, int64_t, int64_t, int64_t, bool, unsigned,
                      int64_t>,
           RequantizePlan>
      plans;
};

/// A plan as straight-line code. `domain` has all accumulators. What is
/// returned is not saturated yet, and still to be shifted to the right by
/// `shift`, at most the plan's.
mlir::Value lowerRequantize(LaneBuilder &builder, const RequantizePlan &plan,
                            Interval domain, mlir::Value accumulator,
                            unsigned shift = 0);

/// The plan of the channel `index`, read from tables. Consecutive: each lane
/// has a channel of its own, the first lane `index`.
mlir::Value lowerIndexedRequantize(LaneBuilder &builder, ConstantTables &tables,
                                   llvm::ArrayRef<const RequantizePlan *> plans,
                                   Interval domain, mlir::Value accumulator,
                                   mlir::Value index, bool consecutive);

/// `byteTables` is what the target has for vectors.
mlir::Value lowerLookup(LaneBuilder &builder, ConstantTables &tables,
                        ByteTables byteTables, LookupOp op);

mlir::Value lowerAdd(LaneBuilder &builder, ConstantTables &tables, AddOp op);

} // namespace bitnn

#endif // BITNN_LIB_CONVERSION_BITNNTOARITH_LOWERINGS_H
