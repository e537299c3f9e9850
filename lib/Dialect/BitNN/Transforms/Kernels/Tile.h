// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How one call of a straight-line kernel walks positions.

#ifndef BITNN_DIALECT_BITNN_TRANSFORMS_KERNELS_TILE_H
#define BITNN_DIALECT_BITNN_TRANSFORMS_KERNELS_TILE_H

#include "Layer.h"

namespace bitnn {

/// The memory of a tile: the partial sums of a slot, the code of a block.
struct TileBytes {
  int64_t perSlot = 0, code = 0;
};

/// The positions of one call, and where their partial sums are. Slots are
/// positions including those that only fill up vectors.
struct Tile {
  int64_t lanes = 1;
  /// Loops of a code block: rows of slots, each a multiple of `lanes` walked.
  int64_t rows = 1, columns = 1;
  /// Rows of positions that the epilogue stores, and slots between them.
  int64_t storedRows = 1, storedColumns = 1, slotsPerStoredRow = 0;
  int64_t slots = 0;
  /// Elements of a buffer of partial sums between slots and between outputs.
  int64_t slotStep = 1, outputStep = 1;

  /// The tile of a scalar kernel is one row of the grid.
  static Tile scalar(const Layer &layer, unsigned outputs);

  /// The tile of a vector kernel is as many rows, up to `mostRows`, as cost the
  /// least: in slots that are wasted, in times that a block's code is fetched.
  /// With stride 1 rows may be joined: the lanes between two rows compute
  /// values nobody stores.
  static Tile vector(const Layer &layer, int64_t lanes, const TileBytes &bytes,
                     int64_t mostRows);

  int64_t slotsPerRow() const { return slotsPerStoredRow * slotStep; }
};

} // namespace bitnn

#endif // BITNN_DIALECT_BITNN_TRANSFORMS_KERNELS_TILE_H
