// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Places in one piece of memory for buffers that are alive at known times.

#ifndef BITNN_ARITHMETIC_MEMORYPLAN_H
#define BITNN_ARITHMETIC_MEMORYPLAN_H

#include "llvm/ADT/ArrayRef.h"
#include <cstdint>
#include <vector>

namespace bitnn {

/// A buffer, alive from step `first` to step `last`, both included.
struct LiveBuffer {
  int64_t bytes = 0;
  int64_t first = 0, last = 0;

  bool overlaps(const LiveBuffer &other) const {
    return first <= other.last && other.first <= last;
  }
};

/// One offset per buffer, and the bytes that all of them take.
struct MemoryPlan {
  std::vector<int64_t> offsets;
  int64_t bytes = 0;

  /// Offsets are multiples of `alignment`, and buffers that are alive together
  /// do not share memory. To find the smallest plan is NP-hard; this one is the
  /// best of a few greedy ones, and has getMostLive() bytes where a network is
  /// a chain: then at most two buffers live on from one step to the next.
  static MemoryPlan compute(llvm::ArrayRef<LiveBuffer> buffers,
                            int64_t alignment);
};

/// The most bytes alive in one step, sizes rounded up to the alignment: no plan
/// takes less, but for the rounding of one buffer.
int64_t getMostLive(llvm::ArrayRef<LiveBuffer> buffers, int64_t alignment);

} // namespace bitnn

#endif // BITNN_ARITHMETIC_MEMORYPLAN_H
