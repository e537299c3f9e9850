// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Inputs and sums of straight-line code, the digits that refer to them, and the
// order in which few registers compute them.

#ifndef BITNN_LIB_ARITHMETIC_CODENODES_H
#define BITNN_LIB_ARITHMETIC_CODENODES_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/bit.h"
#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace bitnn {

/// Sets of rows of the matrix, and of shifts.
using Rows = uint64_t;
using Shifts = uint64_t;
constexpr unsigned kMaxRows = 64;
/// Planes of an int32 weight in CSD.
constexpr unsigned kMaxPlanes = 32;

/// The rows that have a digit at one node and shift.
struct Plane {
  Rows positive = 0, negative = 0;

  static Plane ofRows(Rows rows, bool isNegative) {
    return isNegative ? Plane{0, rows} : Plane{rows, 0};
  }
  Rows rows() const { return positive | negative; }
  /// The rows whose two digits have equal signs, or opposite ones.
  Plane intersect(const Plane &other, bool opposite) const {
    return opposite
               ? Plane{positive & other.negative, negative & other.positive}
               : Plane{positive & other.positive, negative & other.negative};
  }
  bool meets(const Plane &other, bool opposite) const {
    return intersect(other, opposite).rows() != 0;
  }
  void remove(Rows rows) {
    positive &= ~rows;
    negative &= ~rows;
  }
};

/// (lhs << lhsShift) + (rhs << rhsShift), or their difference.
struct Sum {
  unsigned lhs = 0, rhs = 0;
  unsigned lhsShift = 0, rhsShift = 0;
  bool isDifference = false;
};

/// An input or a sum, and the digits that refer to it.
struct CodeNode {
  /// None for an input.
  std::optional<Sum> sum;
  std::array<Plane, kMaxPlanes> planes;
  /// The planes that have digits.
  Shifts accumulated = 0;
  /// Shifts by which the node is a term of sums.
  Shifts summed = 0;

  /// At least the rows that have digits.
  Rows rows = 0;

  void addDigits(unsigned shift, Plane digits) {
    planes[shift].positive |= digits.positive;
    planes[shift].negative |= digits.negative;
    accumulated |= Shifts(1) << shift;
    rows |= digits.rows();
  }
  void removeDigits(unsigned shift, Rows removed) {
    planes[shift].remove(removed);
    if (!planes[shift].rows())
      accumulated &= ~(Shifts(1) << shift);
  }
};

/// Counts the registers, beside the accumulators, that nodes need if they are
/// computed in a given order, each added to its accumulators as soon as it is
/// there. Keeps its memory from one count to the next.
class RegisterCounter {
public:
  unsigned count(llvm::ArrayRef<CodeNode> nodes,
                 llvm::ArrayRef<unsigned> order);

private:
  static constexpr unsigned kNone = ~0u;
  /// Reads up to two values, and computes one or adds to accumulators. Values
  /// are numbered by node and shift.
  struct Instruction {
    unsigned reads[2];
    bool isValue;
  };

  unsigned readShifted(unsigned node, unsigned shift);
  void add(Instruction instruction);

  std::vector<Instruction> program;
  /// By value, the last instruction that reads it.
  std::vector<unsigned> lastRead;
};

} // namespace bitnn

#endif // BITNN_LIB_ARITHMETIC_CODENODES_H
