// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "LookupForm.h"
#include "mlir/IR/Matchers.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace bitnn;

/// Whether only requantizations ask for the channel: they can be told that
/// every lane has its own.
static bool allowsChannelLanes(const Layer &layer) {
  if (!layer.epilogue)
    return true;
  return llvm::all_of(layer.epilogue->front().getArgument(1).getUsers(),
                      [](Operation *user) { return isa<RequantizeOp>(user); });
}

static bool isGrouped(const Layer &layer) {
  auto conv = dyn_cast<Conv2DOp>(layer.op);
  return conv && conv.getGroups() > 1;
}

/// Bits of the widest weight in two's complement.
static int64_t countPlanes(const ConstantMatrix &weights) {
  unsigned planes = 1;
  for (unsigned output = 0; output < weights.rows(); ++output)
    for (int32_t weight : weights.row(output))
      planes = std::max(
          planes, APInt(32, weight, /*isSigned=*/true).getSignificantBits());
  return planes;
}

std::optional<LookupForm> LookupForm::get(const Layer &layer,
                                          const TargetDescription &target) {
  LookupForm form;
  form.lookup = target.tableLookup;
  if (form.lookup.intrinsic.empty() || isGrouped(layer) ||
      !allowsChannelLanes(layer) || layer.weights.columns() == 0)
    return std::nullopt;
  unsigned indexBits = form.lookup.indexBits, laneBits = form.lookup.laneBits;
  form.blocks = llvm::divideCeil(layer.numOutputs(), form.lookup.lanes);
  form.groups = llvm::divideCeil(layer.weights.columns(), indexBits);
  form.lowest = layer.inputRange.lower;
  form.planes = countPlanes(layer.weights);

  int64_t greatest =
      std::max<int64_t>(1, layer.inputRange.upper - form.lowest) * indexBits;
  form.window = UINT16_MAX / greatest;
  if (form.window == 0)
    return std::nullopt;
  constexpr int64_t kShortChunk = 3;
  int64_t laneMax = (int64_t(1) << laneBits) - 1;
  form.chunk = laneMax / greatest;
  if (laneBits == 8 && form.chunk < kShortChunk) {
    form.parts = 2;
    form.partBits = llvm::divideCeil(llvm::Log2_64(greatest) + 1, 2);
    int64_t low = (int64_t(1) << form.partBits) - 1;
    form.chunk = laneMax / std::max(low, greatest >> form.partBits);
  }
  form.chunk = std::min(form.chunk, form.window);
  // Beside the accumulators: a table's parts, indices, and a constant.
  int64_t most = (target.vectorRegisters - 6) / form.parts;
  form.planesPerPass = std::max<int64_t>(1, most / form.indicesPerLane()) *
                       form.indicesPerLane();
  return form;
}

SmallVector<std::pair<int64_t, int64_t>> LookupForm::getPasses() const {
  SmallVector<std::pair<int64_t, int64_t>> passes;
  for (int64_t first = 0; first < planes; first += planesPerPass)
    passes.push_back({first, std::min(planes, first + planesPerPass)});
  return passes;
}

int64_t LookupForm::countIndexLanes() const {
  int64_t vectors = 0;
  for (auto [first, last] : getPasses())
    vectors += llvm::divideCeil(last - first, indicesPerLane());
  return blocks * groups * vectors * lookup.lanes;
}

SmallVector<uint16_t>
LookupForm::getIndices(const ConstantMatrix &weights) const {
  SmallVector<uint16_t> indices;
  indices.reserve(countIndexLanes());
  auto getIndex = [&](int64_t output, int64_t group, int64_t plane) {
    unsigned index = 0;
    for (unsigned bit = 0; bit < lookup.indexBits; ++bit) {
      int64_t input = group * lookup.indexBits + bit;
      if (output < weights.rows() && input < weights.columns())
        index |= (weights.at(output, input) >> plane & 1) << bit;
    }
    return index;
  };
  for (int64_t block = 0; block < blocks; ++block)
    for (auto [first, last] : getPasses())
      for (int64_t group = 0; group < groups; ++group)
        for (int64_t word = first; word < last; word += indicesPerLane())
          for (int64_t lane = 0; lane < lookup.lanes; ++lane) {
            int64_t output = block * lookup.lanes + getOutput(lane);
            unsigned packed = 0;
            int64_t end = std::min(last, word + indicesPerLane());
            for (int64_t plane = word; plane < end; ++plane)
              packed |= getIndex(output, group, plane)
                        << (plane - word) * lookup.indexBits;
            indices.push_back(packed);
          }
  return indices;
}

SmallVector<int32_t> LookupForm::getBias(const Layer &layer) const {
  SmallVector<int32_t> biases(paddedOutputs());
  for (unsigned output = 0; output < layer.numOutputs(); ++output) {
    int64_t bias = layer.bias[output];
    for (int32_t weight : layer.weights.row(output))
      bias += lowest * weight;
    biases[output] = static_cast<int32_t>(bias);
  }
  return biases;
}

int64_t LookupForm::estimateInstructions() const {
  // For each plane a lookup and an addition of each part; for each vector of
  // indices its load, and what takes it apart.
  int64_t vectors = countIndexLanes() / lookup.lanes;
  int64_t lookups = blocks * groups * planes;
  int64_t masks = lookup.ignoresHighBits ? 0 : lookups;
  int64_t widenings =
      lookup.laneBits == 16 ? 0 : llvm::divideCeil(lookups * parts * 6, chunk);
  constexpr int64_t kPerTable = 24;
  return lookups * 2 * parts + vectors * 2 + masks + widenings +
         groups * kPerTable;
}

int64_t LookupForm::estimateBytes() const {
  constexpr int64_t kCodeBytes = 3000;
  return countIndexLanes() * lookup.laneBits / 8 + 4 * paddedOutputs() +
         kCodeBytes;
}
