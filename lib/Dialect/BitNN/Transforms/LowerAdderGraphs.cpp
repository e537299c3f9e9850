// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Dialect/BitNN/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace bitnn {
#define GEN_PASS_DEF_LOWERADDERGRAPHSPASS
#include "bitnn/Dialect/BitNN/Transforms/Passes.h.inc"
} // namespace bitnn

using namespace mlir;
using namespace bitnn;

/// Moves the operations that compute `value` alone (a load, its extension) to
/// just before `user`. Code generation keeps our order, so a value that is
/// loaded early would occupy a register until then.
static void sinkToUse(Value value, Operation *user) {
  Operation *producer = value.getDefiningOp();
  if (!producer || producer->getBlock() != user->getBlock() ||
      !llvm::all_of(producer->getUsers(), [&](Operation *other) {
        return !other->isBeforeInBlock(user);
      }))
    return;
  if (!isa<memref::LoadOp, vector::LoadOp>(producer) && !isPure(producer))
    return;
  producer->moveBefore(user);
  for (Value operand : producer->getOperands())
    if (operand.hasOneUse())
      sinkToUse(operand, producer);
}

/// The first operation of its block that uses `value`.
static Operation *getFirstUser(Value value) {
  Operation *first = nullptr;
  for (Operation *user : value.getUsers())
    if (!first || user->isBeforeInBlock(first))
      first = user;
  return first;
}

/// adder_graph(x...) { body } -> body, with x loaded at its first use
static void inlineGraph(AdderGraphOp graph) {
  Block &body = graph.getBody().front();
  Operation *yield = body.getTerminator();
  graph->replaceAllUsesWith(yield->getOperands());
  SmallVector<Value> inputs(graph.getInputs());
  for (auto [argument, input] : llvm::zip(body.getArguments(), inputs))
    argument.replaceAllUsesWith(input);
  yield->erase();
  Block *block = graph->getBlock();
  block->getOperations().splice(Block::iterator(graph), body.getOperations());
  graph.erase();
  for (Value input : inputs)
    if (Operation *user = getFirstUser(input))
      sinkToUse(input, user);
}

namespace {
struct LowerAdderGraphs
    : public bitnn::impl::LowerAdderGraphsPassBase<LowerAdderGraphs> {
  void runOnOperation() override {
    getOperation().walk([](AdderGraphOp graph) { inlineGraph(graph); });
  }
};
} // namespace
