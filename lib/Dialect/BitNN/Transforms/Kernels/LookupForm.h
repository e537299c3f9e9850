// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A layer as lookups of sums. Inputs are taken in groups of a few; the sums of
// all subsets of a group are a table that one register holds. A weight of two's
// complement is a bit in each of several planes, so a group's bits in a plane
// are an index into its table, and one instruction finds the partial sums of as
// many outputs as a vector has lanes:
//
//   y[o] = bias[o] + sum over planes p, groups g: +-2^p
//   table[g][index[o][p][g]]
//
// The cost does not depend on the weights' digits: this is for layers with many
// of them, and with too few positions to be lanes.

#ifndef BITNN_DIALECT_BITNN_TRANSFORMS_KERNELS_LOOKUPFORM_H
#define BITNN_DIALECT_BITNN_TRANSFORMS_KERNELS_LOOKUPFORM_H

#include "Layer.h"
#include "bitnn/TargetInfo/TargetInfo.h"

namespace bitnn {

struct LookupForm {
  TableLookup lookup;
  /// Of outputs, as many as there are lanes, and of inputs, indexBits each.
  int64_t blocks = 0, groups = 0;
  /// Inputs count from here, so that sums are never negative.
  int64_t lowest = 0;
  /// Bits of a weight, of which the last is its sign, and how many of them are
  /// added up at once.
  int64_t planes = 0, planesPerPass = 0;
  /// A sum that does not fit a lane is cut into a low and a high part, after
  /// this many bits.
  int64_t parts = 1;
  unsigned partBits = 0;
  /// Groups whose sums fit a lane, and those whose sums fit 16 bits.
  int64_t chunk = 0, window = 0;

  /// None if the target has no lookup, if inputs are too wide for it, or if
  /// what the layer stores is not made for lanes that are outputs.
  static std::optional<LookupForm> get(const Layer &layer,
                                       const TargetDescription &target);

  int64_t entries() const { return int64_t(1) << lookup.indexBits; }
  /// Indices in one lane.
  int64_t indicesPerLane() const { return lookup.laneBits / lookup.indexBits; }
  int64_t paddedOutputs() const { return blocks * lookup.lanes; }
  /// Vectors of 16-bit sums that a block has: bytes become two.
  int64_t halves() const { return 16 / lookup.laneBits; }

  /// The output in a lane of a block. Of bytes, the lower ones of 16 bits are
  /// the first half of the outputs.
  int64_t getOutput(int64_t lane) const {
    return lane / halves() + lane % halves() * (lookup.lanes / halves());
  }

  /// Planes [first, second) for every pass.
  llvm::SmallVector<std::pair<int64_t, int64_t>> getPasses() const;
  /// The indices as the kernel reads them, in lanes of lookup.laneBits: by
  /// block, pass, group and plane.
  llvm::SmallVector<uint16_t> getIndices(const ConstantMatrix &weights) const;
  int64_t countIndexLanes() const;
  /// The bias of every output, with what counting from `lowest` takes away.
  llvm::SmallVector<int32_t> getBias(const Layer &layer) const;

  /// Vector instructions at one position, about.
  int64_t estimateInstructions() const;
  /// Of code and tables, about, without the epilogue.
  int64_t estimateBytes() const;
};

} // namespace bitnn

#endif // BITNN_DIALECT_BITNN_TRANSFORMS_KERNELS_LOOKUPFORM_H
