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

static bool isLoad(Operation *op) {
  return isa<memref::LoadOp, vector::LoadOp>(op);
}

/// The last operation before `op`, in its block, that may write what was loaded
/// before it.
static Operation *getLastWriteBefore(Operation *op) {
  do
    op = op->getPrevNode();
  while (op && (isLoad(op) || isMemoryEffectFree(op)));
  return op;
}

/// Moves the operations that compute `value` alone (a load, its extension) to
/// just before `user`. Code generation keeps our order, so a value that is
/// loaded early would occupy a register until then. Nothing may write between
/// `write` and `user`.
static void sinkToUse(Value value, Operation *user, Operation *write) {
  Block *block = user->getBlock();
  Operation *producer = value.getDefiningOp();
  auto comesBefore = [&](Operation *other) {
    Operation *place = block->findAncestorOpInBlock(*other);
    return place && place->isBeforeInBlock(user);
  };
  if (!producer || producer->getBlock() != block ||
      llvm::any_of(producer->getUsers(), comesBefore))
    return;
  bool seesWrite = write && producer->isBeforeInBlock(write);
  if (!isPure(producer) && (!isLoad(producer) || seesWrite))
    return;
  producer->moveBefore(user);
  for (Value operand : producer->getOperands())
    if (operand.hasOneUse())
      sinkToUse(operand, producer, write);
}

/// adder_graph(x...) { body } -> body, with x loaded at its first use
static void inlineGraph(AdderGraphOp graph) {
  Operation *write = getLastWriteBefore(graph);
  Block &body = graph.getBody().front();
  Operation *yield = body.getTerminator();
  SmallVector<std::pair<Value, Operation *>> firstUses;
  for (auto [argument, input] :
       llvm::zip(body.getArguments(), graph.getInputs())) {
    Operation *first = nullptr;
    for (Operation *user : argument.getUsers())
      if (!first || user->isBeforeInBlock(first))
        first = user;
    if (first && first != yield)
      firstUses.emplace_back(input, first);
    argument.replaceAllUsesWith(input);
  }
  graph->replaceAllUsesWith(yield->getOperands());
  yield->erase();
  graph->getBlock()->getOperations().splice(Block::iterator(graph),
                                            body.getOperations());
  graph.erase();
  for (auto [input, user] : firstUses)
    sinkToUse(input, user, write);
}

namespace {
struct LowerAdderGraphs
    : public bitnn::impl::LowerAdderGraphsPassBase<LowerAdderGraphs> {
  void runOnOperation() override {
    getOperation().walk([](AdderGraphOp graph) { inlineGraph(graph); });
  }
};
} // namespace
