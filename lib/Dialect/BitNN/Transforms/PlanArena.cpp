// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Dialect/BitNN/Transforms/Passes.h"
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

/// A buffer of the network and the operations of the entry between which it is
/// alive, by their places in the function.
struct Buffer {
  memref::AllocOp alloc;
  int64_t bytes = 0;
  int64_t first = 0, last = 0;
  int64_t offset = 0;

  bool overlaps(const Buffer &other) const {
    return first <= other.last && other.first <= last;
  }
};

/// The last place at which `value`, or a view of it, is used. Fails at a use
/// that lets the buffer escape.
LogicalResult extendLifetime(Value value, Block *body,
                             const llvm::DenseMap<Operation *, int64_t> &places,
                             Buffer &buffer) {
  for (Operation *user : value.getUsers()) {
    Operation *place = body->findAncestorOpInBlock(*user);
    buffer.last = std::max(buffer.last, places.lookup(place));
    if (isa<ViewLikeOpInterface>(user)) {
      for (Value view : user->getResults())
        if (failed(extendLifetime(view, body, places, buffer)))
          return failure();
      continue;
    }
    if (isa<memref::DeallocOp>(user))
      continue;
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

/// Greedy by size: the largest buffer first, each at the lowest offset that is
/// free during its whole life. Returns the bytes of the arena.
int64_t assignOffsets(MutableArrayRef<Buffer> buffers, int64_t alignment) {
  SmallVector<Buffer *> order;
  for (Buffer &buffer : buffers)
    order.push_back(&buffer);
  llvm::stable_sort(order, [](const Buffer *lhs, const Buffer *rhs) {
    return lhs->bytes > rhs->bytes;
  });
  int64_t total = 0;
  SmallVector<Buffer *> placed;
  for (Buffer *buffer : order) {
    // `placed` is sorted by offset, so the first gap is the lowest.
    int64_t offset = 0;
    for (const Buffer *other : placed) {
      if (!buffer->overlaps(*other))
        continue;
      if (offset + buffer->bytes <= other->offset)
        break;
      offset = std::max<int64_t>(
          offset, llvm::alignTo(other->offset + other->bytes, alignment));
    }
    buffer->offset = offset;
    auto *place = llvm::upper_bound(placed, buffer,
                                    [](const Buffer *lhs, const Buffer *rhs) {
                                      return lhs->offset < rhs->offset;
                                    });
    placed.insert(place, buffer);
    total = std::max(total, offset + buffer->bytes);
  }
  return total;
}

struct PlanArena : public bitnn::impl::PlanArenaPassBase<PlanArena> {
  using PlanArenaPassBase::PlanArenaPassBase;

  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (function.isPublic() && !function.isExternal())
        if (failed(plan(function)))
          return signalPassFailure();
  }

  LogicalResult collect(func::FuncOp function, SmallVector<Buffer> &buffers);
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
    unsigned bits =
        type.getElementType().isIndex() ? 64 : type.getElementTypeBitWidth();
    buffer.bytes = type.getNumElements() * llvm::divideCeil(bits, 8);
    buffer.first = places.lookup(body->findAncestorOpInBlock(*alloc));
    buffer.last = buffer.first;
    if (failed(extendLifetime(alloc, body, places, buffer)))
      return WalkResult::interrupt();
    buffers.push_back(buffer);
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

LogicalResult PlanArena::plan(func::FuncOp function) {
  SmallVector<Buffer> buffers;
  if (failed(collect(function, buffers)))
    return failure();
  int64_t total = assignOffsets(buffers, alignment);
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
