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

/// What all tiles of that kind cost, in vectors of positions; measured.
static double getCost(const Layer &layer, const Tile &tile,
                      const TileBytes &bytes) {
  // A part of a second-level cache, which holds a block's code until the next
  // tile. Beyond it every tile waits for the code again.
  constexpr int64_t kCacheBytes = 512 << 10;
  constexpr double kFetched = 0.1, kFetchedFromAfar = 2.5, kOfSums = 0.08;
  double tiles = double(layer.grid[Row]) / tile.storedRows;
  double vectors = double(tile.slots) / tile.lanes;
  int64_t sums = tile.slots * bytes.perSlot;
  bool fits = bytes.code + sums <= kCacheBytes;
  return tiles * (vectors * (1 + kOfSums * sums / kCacheBytes) +
                  (fits ? kFetched : kFetchedFromAfar));
}

Tile Tile::vector(const Layer &layer, int64_t lanes, const TileBytes &bytes,
                  int64_t mostRows) {
  // Partial sums are scratch memory of the whole network.
  constexpr int64_t kMostBytes = 512 << 10;
  Tile best = ofRows(layer, lanes, 1);
  for (int64_t rows = 2; rows <= mostRows; ++rows) {
    if (layer.grid[Row] % rows != 0)
      continue;
    Tile tile = ofRows(layer, lanes, rows);
    if (tile.slots * bytes.perSlot <= kMostBytes &&
        getCost(layer, tile, bytes) < getCost(layer, best, bytes))
      best = tile;
  }
  return best;
}
