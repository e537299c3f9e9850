// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Tile.h"
#include "llvm/Support/MathExtras.h"

using namespace bitnn;

Tile Tile::scalar(const Layer &layer, unsigned outputs) {
  Tile tile;
  tile.columns = tile.storedColumns = tile.slots = layer.grid[Column];
  tile.slotsPerStoredRow = tile.slots;
  tile.slotStep = outputs;
  return tile;
}

/// The tile of `storedRows` rows.
static Tile ofRows(const Layer &layer, int64_t lanes, int64_t storedRows) {
  Tile tile;
  tile.lanes = lanes;
  tile.storedRows = storedRows;
  tile.storedColumns = layer.grid[Column];
  int64_t perRow = llvm::divideCeil(layer.grid[Column], lanes);
  int64_t pitch = layer.input.steps[Row];
  int64_t joined = (storedRows - 1) * pitch + layer.grid[Column];
  bool join = layer.input.steps[Column] == 1 && pitch >= layer.grid[Column] &&
              llvm::divideCeil(joined, lanes) <
                  static_cast<uint64_t>(storedRows * perRow);
  if (join) {
    tile.columns = joined;
    tile.slotsPerStoredRow = pitch;
    tile.slots = llvm::alignTo(joined, lanes);
  } else {
    tile.rows = storedRows;
    tile.columns = layer.grid[Column];
    tile.slotsPerStoredRow = perRow * lanes;
    tile.slots = tile.rows * tile.slotsPerStoredRow;
  }
  tile.outputStep = tile.slots;
  return tile;
}

Tile Tile::vector(const Layer &layer, int64_t lanes, int64_t bytesPerSlot) {
  // A part of a second-level cache: partial sums are written and read once.
  constexpr int64_t kBytes = 64 << 10;
  auto countSlots = [&](const Tile &tile) {
    return tile.slots * (layer.grid[Row] / tile.storedRows);
  };
  Tile best = ofRows(layer, lanes, 1);
  for (int64_t rows = 2; rows <= layer.grid[Row]; ++rows) {
    if (layer.grid[Row] % rows != 0)
      continue;
    Tile tile = ofRows(layer, lanes, rows);
    if (tile.slots * bytesPerSlot <= kBytes &&
        countSlots(tile) <= countSlots(best))
      best = tile;
  }
  return best;
}
