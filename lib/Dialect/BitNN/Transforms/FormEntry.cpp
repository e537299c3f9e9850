// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Dialect/BitNN/Transforms/Passes.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace bitnn {
#define GEN_PASS_DEF_FORMENTRYPASS
#include "bitnn/Dialect/BitNN/Transforms/Passes.h.inc"
} // namespace bitnn

using namespace mlir;
using namespace bitnn;

/// The buffer of an edge: contiguous, of the tensor's shape.
static FailureOr<MemRefType> getEdgeType(func::FuncOp function, Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || !tensor.hasStaticShape())
    return function.emitOpError("has an edge of type ")
           << type << "; an entry function needs tensors of static shape";
  return MemRefType::get(tensor.getShape(), tensor.getElementType());
}

/// What several operations accumulate into becomes one tensor for each. If
/// results began in one tensor, they would be computed in one output.
static void separateInits(func::FuncOp function) {
  SmallVector<Operation *> shared;
  function.walk([&](Operation *op) {
    if (isa<linalg::FillOp, linalg::BroadcastOp>(op) &&
        op->getNumResults() == 1 && !op->getResult(0).hasOneUse())
      shared.push_back(op);
  });
  for (Operation *op : shared)
    for (OpOperand &use : llvm::make_early_inc_range(
             llvm::drop_begin(op->getResult(0).getUses()))) {
      OpBuilder builder(use.getOwner());
      Operation *copy = builder.clone(*op);
      OpOperand &init =
          *cast<DestinationStyleOpInterface>(copy).getDpsInitsMutable().begin();
      if (Operation *empty = init.get().getDefiningOp<tensor::EmptyOp>()) {
        builder.setInsertionPoint(copy);
        init.set(builder.clone(*empty)->getResult(0));
      }
      use.set(copy->getResult(0));
    }
}

/// concat(a, b) -> b inserted into (a inserted into an empty tensor): what is
/// computed for it can be computed in its place.
static LogicalResult decomposeConcats(func::FuncOp function) {
  SmallVector<tensor::ConcatOp> concats;
  function.walk([&](tensor::ConcatOp op) { concats.push_back(op); });
  for (tensor::ConcatOp op : concats) {
    OpBuilder builder(op);
    FailureOr<SmallVector<Value>> parts = op.decomposeOperation(builder);
    if (failed(parts))
      return op.emitOpError("has parts whose places are not known");
    op.replaceAllUsesWith(parts->front());
    op.erase();
    // A place for what is computed before all of it.
    Value whole = parts->front();
    while (auto insert = whole.getDefiningOp<tensor::InsertSliceOp>())
      whole = insert.getDest();
    if (auto empty = whole.getDefiningOp<tensor::EmptyOp>())
      empty->moveBefore(&function.getBody().front().front());
  }
  return success();
}

/// The empty tensor that all of `result` is inserted into, if nothing else
/// reads any of it.
static tensor::EmptyOp findWholeDestination(Value result) {
  while (auto insert = result.getDefiningOp<tensor::InsertSliceOp>()) {
    if (!insert->hasOneUse())
      return nullptr;
    result = insert.getDest();
  }
  auto empty = result.getDefiningOp<tensor::EmptyOp>();
  return empty && empty->hasOneUse() ? empty : nullptr;
}

/// func(tensors) -> tensors  becomes  func(input memrefs, output memrefs)
static LogicalResult formEntry(func::FuncOp function) {
  MLIRContext *context = function.getContext();
  auto noalias = NamedAttribute(LLVM::LLVMDialect::getNoAliasAttrName(),
                                UnitAttr::get(context));
  Block &body = function.getBody().front();
  Operation *terminator = body.getTerminator();
  OpBuilder builder(&body, body.begin());

  SmallVector<Type> types;
  SmallVector<Attribute> argumentAttributes;
  auto addEdge = [&](MemRefType type, DictionaryAttr edge) {
    NamedAttrList attributes(edge);
    attributes.set(noalias.getName(), noalias.getValue());
    types.push_back(type);
    argumentAttributes.push_back(attributes.getDictionary(context));
  };
  for (BlockArgument argument : body.getArguments()) {
    FailureOr<MemRefType> type = getEdgeType(function, argument.getType());
    if (failed(type))
      return failure();
    addEdge(*type, function.getArgAttrDict(argument.getArgNumber()));
    auto tensor = cast<RankedTensorType>(argument.getType());
    argument.setType(*type);
    auto value = bufferization::ToTensorOp::create(
        builder, argument.getLoc(), tensor, argument, /*restrict=*/true,
        /*writable=*/false);
    argument.replaceAllUsesExcept(value, value);
  }
  builder.setInsertionPoint(terminator);
  for (auto [index, result] : llvm::enumerate(terminator->getOperands())) {
    FailureOr<MemRefType> type = getEdgeType(function, result.getType());
    if (failed(type))
      return failure();
    DictionaryAttr edge = function.getResultAttrDict(index);
    addEdge(*type, edge ? edge : builder.getDictionaryAttr({}));
    BlockArgument output = body.addArgument(*type, result.getLoc());
    // The elimination of empty tensors looks for the destination of a whole.
    tensor::EmptyOp whole = result.getDefiningOp<tensor::InsertSliceOp>()
                                ? findWholeDestination(result)
                                : nullptr;
    if (whole) {
      OpBuilder before = OpBuilder::atBlockBegin(&body);
      auto value = bufferization::ToTensorOp::create(
          before, result.getLoc(), whole.getType(), output, /*restrict=*/true,
          /*writable=*/true);
      whole.replaceAllUsesWith(value.getResult());
      whole.erase();
    }
    bufferization::MaterializeInDestinationOp::create(
        builder, result.getLoc(), /*result=*/Type(), result, output,
        /*restrict=*/!whole, /*writable=*/true);
  }
  terminator->setOperands({});
  function.removeResAttrsAttr();
  function.setFunctionType(builder.getFunctionType(types, {}));
  function.setAllArgAttrs(argumentAttributes);
  return success();
}

namespace {
struct FormEntry : public bitnn::impl::FormEntryPassBase<FormEntry> {
  using FormEntryPassBase::FormEntryPassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    SmallVector<func::FuncOp> entries;
    for (auto function : module.getOps<func::FuncOp>())
      if (function.isPublic() && !function.isExternal())
        entries.push_back(function);
    if (entries.size() != 1) {
      module.emitError("needs exactly one public function, the network, but "
                       "has ")
          << entries.size();
      return signalPassFailure();
    }
    separateInits(entries[0]);
    if (failed(decomposeConcats(entries[0])) || failed(formEntry(entries[0])))
      return signalPassFailure();
    if (!name.empty())
      entries[0].setName(name);
  }
};
} // namespace
