// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The machines that code is generated for: one description per target, from
// which every pass takes lanes, registers, immediate ranges and costs.

#ifndef BITNN_TARGETINFO_TARGETINFO_H
#define BITNN_TARGETINFO_TARGETINFO_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <optional>
#include <string>

namespace bitnn {

/// LLVM's names of a machine.
struct TargetNames {
  std::string triple;
  std::string cpu;
  std::string features;
};

/// A vector instruction that replaces every lane, an index, by the entry of a
/// table that a register holds.
struct TableLookup {
  /// LLVM's name of it, as a function of table and indices; empty if a machine
  /// has none.
  llvm::StringLiteral intrinsic = "";
  /// The table has 2^indexBits entries, repeated until they fill the register.
  unsigned indexBits = 4;
  unsigned laneBits = 8;
  int64_t lanes = 16;
  /// Otherwise the bits above the index must be zero.
  bool ignoresHighBits = false;
};

/// What code generation needs to know of a machine.
struct TargetDescription {
  /// LLVM's name of the calling convention; empty for the default.
  std::string abi;
  /// Bits of a pointer and of the type `index`.
  unsigned indexBits = 64;
  /// 16-bit lanes of a vector; 1 where kernels are scalar.
  int64_t vectorLanes = 1;
  /// Registers for the values of a code block, pointers not among them, and
  /// how many of them may be accumulators. The others hold inputs, shifted
  /// values and shared sums.
  unsigned scalarRegisters = 10;
  unsigned scalarAccumulators = 8;
  unsigned vectorRegisters = 15;
  unsigned vectorAccumulators = 11;
  TableLookup tableLookup;
  /// Bytes that a load's immediate offset reaches, counted upwards.
  std::optional<int64_t> loadReach;
  /// Whether an access adds base, index and constant: code generation then
  /// repeats the sum of the first two in each.
  bool foldsAddresses = false;
  /// Adds of one code block: long blocks compile slowly, short ones spend
  /// more on their accumulators.
  unsigned maxAddsPerBlock = 400;
  /// Size of straight-line code, in thousandths of a byte per digit and in
  /// bytes per output of a layer; measured on the MLPerf Tiny networks.
  int64_t millibytesPerDigit = 4300;
  int64_t bytesPerEpilogue = 120;
  /// Straight-line code beyond this is replaced by tables, unless the user
  /// says otherwise.
  int64_t maxCodeBytes = int64_t(16) << 20;
  /// Whether the instruction set has an integer multiplication.
  bool hasMultiply = true;
  /// LLVM's name of the products of pairs of 16-bit numbers, added to 32-bit
  /// ones; empty where products are widened one by one.
  std::string pairProduct;
  /// What one multiplication of a dense kernel costs in additions of
  /// straight-line code: on rv32im, 8 instructions against 1.9.
  int64_t addsPerMultiply = 4;
  /// What one instruction of a lookup kernel costs in additions of scalar
  /// straight-line code, in thousandths; measured on layers of 128 to 640
  /// inputs. For targets without a cost model.
  int64_t milliaddsPerLookup = 500;
};

/// The names of the known targets, `host` first.
llvm::ArrayRef<llvm::StringRef> getTargetNames();

/// The machine behind a name of getTargetNames(). An unknown name is an error
/// that lists the known ones.
llvm::Expected<TargetNames> lookupTarget(llvm::StringRef name);

/// The description of a machine by LLVM's names. A machine that is not in the
/// table gets scalar code and conservative numbers.
TargetDescription describeTarget(llvm::StringRef triple, llvm::StringRef cpu,
                                 llvm::StringRef features);

} // namespace bitnn

#endif // BITNN_TARGETINFO_TARGETINFO_H
