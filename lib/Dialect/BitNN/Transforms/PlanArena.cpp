// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Arithmetic/MemoryPlan.h"
#include "bitnn/Dialect/BitNN/IR/BitNN.h"
#include "bitnn/Dialect/BitNN/Transforms/Passes.h"
#include "bitnn/Dialect/BitNN/Utils/Locations.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

namespace bitnn {
#define GEN_PASS_DEF_PLANARENAPASS
#include "bitnn/Dialect/BitNN/Transforms/Passes.h.inc"
} // namespace bitnn

using namespace mlir;
using namespace bitnn;

namespace {

/// A buffer of the network and the places of the operations between which it is
/// alive.
struct Buffer {
  memref::AllocOp alloc;
  LiveBuffer life;
  int64_t offset = 0;
};

/// Lets the buffer live wherever `value`, or a view of it, is used. Fails at a
/// use that lets it escape.
LogicalResult extendLifetime(Value value, Block *body,
                             const llvm::DenseMap<Operation *, int64_t> &places,
                             LiveBuffer &life) {
  for (Operation *user : value.getUsers()) {
    if (isa<ViewLikeOpInterface>(user)) {
      for (Value view : user->getResults())
        if (failed(extendLifetime(view, body, places, life)))
          return failure();
      continue;
    }
    if (isa<memref::DeallocOp>(user))
      continue;
    int64_t place = places.lookup(body->findAncestorOpInBlock(*user));
    life.first = std::min(life.first, place);
    life.last = std::max(life.last, place);
    for (Type type : user->getResultTypes())
      if (isa<MemRefType>(type))
        return user->emitOpError(
            "passes a buffer on; the arena cannot follow its lifetime");
    if (user->hasTrait<OpTrait::IsTerminator>())
      return user->emitOpError("returns a buffer of the network; results must "
                               "be written to the caller's buffers");
  }
  return success();
}

/// The nodes of the network, one after the other, as steps of a timeline.
struct Timeline {
  SmallVector<std::string> steps;
  /// By place in the function.
  SmallVector<int64_t> stepOf;

  explicit Timeline(Block &body) {
    for (Operation &op : body) {
      std::string name = getNodeNameOrLine(op.getLoc());
      bool works = !isMemoryEffectFree(&op) &&
                   !isa<memref::AllocOp, memref::DeallocOp>(op) &&
                   !op.hasTrait<OpTrait::IsTerminator>();
      if (works && (steps.empty() || (!name.empty() && name != steps.back())))
        steps.push_back(name);
      stepOf.push_back(std::max<int64_t>(steps.size(), 1) - 1);
    }
  }
};

struct PlanArena : public bitnn::impl::PlanArenaPassBase<PlanArena> {
  using PlanArenaPassBase::PlanArenaPassBase;

  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (function.isPublic() && !function.isExternal())
        if (failed(plan(function)))
          return signalPassFailure();
  }

  LogicalResult collect(func::FuncOp function, SmallVector<Buffer> &buffers);
  void record(func::FuncOp function, ArrayRef<Buffer> buffers);
  LogicalResult plan(func::FuncOp function);
};

LogicalResult PlanArena::collect(func::FuncOp function,
                                 SmallVector<Buffer> &buffers) {
  Block *body = &function.getBody().front();
  llvm::DenseMap<Operation *, int64_t> places;
  for (auto [place, op] : llvm::enumerate(*body))
    places[&op] = place;
  WalkResult result = function.walk([&](memref::AllocOp alloc) {
    MemRefType type = alloc.getType();
    if (!type.hasStaticShape() || !type.getLayout().isIdentity()) {
      alloc.emitOpError("has the type ")
          << type << "; the arena needs static, contiguous buffers";
      return WalkResult::interrupt();
    }
    Buffer buffer;
    buffer.alloc = alloc;
    LiveBuffer &life = buffer.life;
    unsigned bits =
        type.getElementType().isIndex() ? 64 : type.getElementTypeBitWidth();
    life.bytes = type.getNumElements() * llvm::divideCeil(bits, 8);
    life.first = INT64_MAX;
    life.last = -1;
    if (failed(extendLifetime(alloc, body, places, life)))
      return WalkResult::interrupt();
    if (life.last < 0)
      life.first = life.last =
          places.lookup(body->findAncestorOpInBlock(*alloc));
    buffers.push_back(buffer);
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

/// Writes where the buffers are, and when, as `bitnn.arena` of the module.
void PlanArena::record(func::FuncOp function, ArrayRef<Buffer> buffers) {
  Timeline timeline(function.getBody().front());
  Builder builder(&getContext());
  SmallVector<Attribute> records;
  for (const Buffer &buffer : buffers) {
    auto number = [&](StringRef key, int64_t value) {
      return builder.getNamedAttr(key, builder.getI64IntegerAttr(value));
    };
    records.push_back(builder.getDictionaryAttr(
        {number("offset", buffer.offset), number("bytes", buffer.life.bytes),
         number("first", timeline.stepOf[buffer.life.first]),
         number("last", timeline.stepOf[buffer.life.last])}));
  }
  SmallVector<StringRef> steps(timeline.steps.begin(), timeline.steps.end());
  getOperation()->setAttr(
      BitNNDialect::kArenaAttr,
      builder.getDictionaryAttr(
          {builder.getNamedAttr("buffers", builder.getArrayAttr(records)),
           builder.getNamedAttr("steps", builder.getStrArrayAttr(steps))}));
}

LogicalResult PlanArena::plan(func::FuncOp function) {
  SmallVector<Buffer> buffers;
  if (failed(collect(function, buffers)))
    return failure();
  SmallVector<LiveBuffer> lives;
  for (const Buffer &buffer : buffers)
    lives.push_back(buffer.life);
  MemoryPlan memory = MemoryPlan::compute(lives, alignment);
  for (auto [buffer, offset] : llvm::zip_equal(buffers, memory.offsets))
    buffer.offset = offset;
  record(function, buffers);
  int64_t total = memory.bytes;
  // Vectors may read, never write, past the end of the last image.
  if (total)
    total = llvm::alignTo(total + slack, alignment);
  OpBuilder builder(function.getContext());
  auto type = MemRefType::get({total}, builder.getI8Type());
  auto attributes = builder.getDictionaryAttr(
      {builder.getNamedAttr(LLVM::LLVMDialect::getNoAliasAttrName(),
                            builder.getUnitAttr()),
       builder.getNamedAttr(LLVM::LLVMDialect::getAlignAttrName(),
                            builder.getI64IntegerAttr(alignment))});
  if (failed(function.insertArgument(function.getNumArguments(), type,
                                     attributes, function.getLoc())))
    return failure();
  Value scratch = function.getArguments().back();
  for (Buffer &buffer : buffers) {
    builder.setInsertionPoint(buffer.alloc);
    Location loc = buffer.alloc.getLoc();
    Value offset = arith::ConstantIndexOp::create(builder, loc, buffer.offset);
    auto view = memref::ViewOp::create(builder, loc, buffer.alloc.getType(),
                                       scratch, offset, ValueRange());
    for (Operation *user : llvm::make_early_inc_range(buffer.alloc->getUsers()))
      if (isa<memref::DeallocOp>(user))
        user->erase();
    buffer.alloc.replaceAllUsesWith(view.getResult());
    buffer.alloc.erase();
  }
  return success();
}

} // namespace
