// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The order of a nest's loops, and which of them is lanes.

#include "LoopNest.h"

using namespace mlir;
using namespace bitnn;

/// Inputs of which every n-th element is used are loaded whole up to here.
static constexpr int64_t kWidestStep = 4;

template <typename Function>
static void forEachWalk(LoopNest &nest, Function function) {
  for (Walk &walk : nest.inputs)
    function(walk);
  for (Walk &walk : nest.outputs)
    function(walk);
}

static void eraseLoop(LoopNest &nest, size_t loop) {
  nest.loops.erase(nest.loops.begin() + loop);
  forEachWalk(nest,
              [&](Walk &walk) { walk.steps.erase(walk.steps.begin() + loop); });
}

/// Moves a loop inwards.
static void moveLoop(LoopNest &nest, size_t from, size_t to) {
  auto move = [&](auto &list) {
    std::rotate(list.begin() + from, list.begin() + from + 1,
                list.begin() + to + 1);
  };
  move(nest.loops);
  forEachWalk(nest, [&](Walk &walk) { move(walk.steps); });
}

/// Whether `inner`, the next loop, runs through what `outer` steps over in
/// every buffer: then they are one loop.
static bool isOneLoop(LoopNest &nest, size_t outer) {
  const NestLoop &first = nest.loops[outer], &second = nest.loops[outer + 1];
  bool merges = !first.index && !second.index &&
                first.isParallel == second.isParallel &&
                first.reduces == second.reduces;
  forEachWalk(nest, [&](const Walk &walk) {
    merges &= walk.steps[outer] == walk.steps[outer + 1] * second.count;
  });
  return merges;
}

/// Loops that reduce go inside, so that their values stay in registers; loops
/// of one iteration are none, and contiguous ones are one.
void LoopNest::simplify() {
  for (size_t loop = loops.size(); loop-- > 0;)
    if (loops[loop].count == 1)
      eraseLoop(*this, loop);
  for (size_t loop = loops.size(), last = loops.size(); loop-- > 0;)
    if (loops[loop].reduces)
      moveLoop(*this, loop, --last);
  for (size_t outer = loops.size(); outer-- > 0;) {
    if (outer + 1 >= loops.size() || !isOneLoop(*this, outer))
      continue;
    loops[outer + 1].count *= loops[outer].count;
    eraseLoop(*this, outer);
  }
}

/// Whether the iterations of a loop may be lanes: of what they store, or of the
/// values that they accumulate.
static bool canBeLanes(const LoopNest &nest, size_t loop) {
  const NestLoop &candidate = nest.loops[loop];
  if (candidate.index || !(candidate.isParallel || candidate.reduces) ||
      (candidate.reduces && !nest.combiner))
    return false;
  int64_t outputStep = candidate.reduces ? 0 : 1;
  int64_t widest = candidate.reduces ? 1 : kWidestStep;
  return llvm::all_of(nest.inputs,
                      [&](const Walk &walk) {
                        return walk.steps[loop] >= 0 &&
                               walk.steps[loop] <= widest;
                      }) &&
         llvm::all_of(nest.outputs, [&](const Walk &walk) {
           return walk.steps[loop] == outputStep;
         });
}

/// The lanes are the innermost loop of those that do not reduce or, if it must
/// be, of all; without such a loop code is scalar.
void LoopNest::chooseVectors() {
  size_t parallel =
      llvm::count_if(loops, [](const NestLoop &loop) { return !loop.reduces; });
  for (size_t end : {parallel, loops.size()})
    for (size_t loop = end; loop-- > 0 && !laneLoop;)
      if (lanes > 1 && canBeLanes(*this, loop)) {
        moveLoop(*this, loop, end - 1);
        laneLoop = end - 1;
      }
}

/// The buffer that `memref` is a view of.
static Value getRoot(Value memref) {
  while (auto view = memref.getDefiningOp<ViewLikeOpInterface>())
    memref = view.getViewSource();
  return memref;
}

void LoopNest::findOverlap() {
  auto isInput = [&](const Walk &output) {
    return llvm::any_of(inputs, [&](const Walk &input) {
      return getRoot(input.memref) == getRoot(output.memref);
    });
  };
  mayOverlap = !readsOutputs && llvm::none_of(outputs, isInput) &&
               llvm::none_of(loops, [](NestLoop loop) { return loop.reduces; });
}
