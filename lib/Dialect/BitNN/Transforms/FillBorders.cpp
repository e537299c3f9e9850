// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An image with padding is a buffer that is filled, and then written but for
// its border. Only the border needs the fill, and in memory it is a few runs:
// what is right of one row and left of the next, and what is below one channel
// and above the next.

#include "bitnn/Dialect/BitNN/IR/BitNN.h"
#include "bitnn/Dialect/BitNN/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

namespace bitnn {
#define GEN_PASS_DEF_FILLBORDERSPASS
#include "bitnn/Dialect/BitNN/Transforms/Passes.h.inc"
} // namespace bitnn

using namespace mlir;
using namespace bitnn;

namespace {

/// Neighbouring elements, so many of them at each of some places.
struct Runs {
  int64_t offset, length;
  SmallVector<int64_t> counts = {}, strides = {};
};

/// The operands that are a view of `buffer`, outside of views.
void collectUses(Value buffer, SmallVector<OpOperand *> &uses) {
  for (OpOperand &use : buffer.getUses())
    if (isa<ViewLikeOpInterface>(use.getOwner()))
      collectUses(use.getOwner()->getResult(0), uses);
    else
      uses.push_back(&use);
}

/// Whether the operation of this operand writes every element of it.
bool isOverwritten(OpOperand &use) {
  Operation *op = use.getOwner();
  if (auto copy = dyn_cast<memref::CopyOp>(op))
    return use.get() == copy.getTarget() && copy.getSource() != use.get();
  // Layers begin at the bias.
  if (isa<Conv2DOp, MatmulOp>(op))
    return cast<DestinationStyleOpInterface>(op).isDpsInit(&use);
  auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
  return linalgOp && linalgOp.isDpsInit(&use) &&
         !linalgOp.payloadUsesValueFromOperand(&use) &&
         linalgOp.getMatchingIndexingMap(&use).isPermutation();
}

/// The part of the image that is overwritten before anything else happens to
/// it, if it is the same rows and columns of all channels.
memref::SubViewOp findInterior(linalg::FillOp fill, Value image) {
  SmallVector<OpOperand *> uses;
  collectUses(image, uses);
  OpOperand *first = nullptr;
  for (OpOperand *use : uses) {
    Operation *op = use->getOwner();
    if (op->getBlock() != fill->getBlock())
      return nullptr;
    if (op == fill || op->isBeforeInBlock(fill))
      continue;
    // Who writes the image must not read it, too.
    if (first && first->getOwner() == op)
      return nullptr;
    if (!first || op->isBeforeInBlock(first->getOwner()))
      first = use;
  }
  auto part = first ? first->get().getDefiningOp<memref::SubViewOp>() : nullptr;
  if (!part || part.getSource() != image || !isOverwritten(*first) ||
      !part.hasUnitStride())
    return nullptr;
  auto isStatic = [](ArrayRef<int64_t> values) {
    return llvm::none_of(values, ShapedType::isDynamic);
  };
  ArrayRef<int64_t> sizes = part.getStaticSizes();
  ArrayRef<int64_t> shape = part.getSourceType().getShape();
  bool isOfAll = isStatic(part.getStaticOffsets()) && isStatic(sizes) &&
                 sizes.drop_back(2) == shape.drop_back(2);
  return isOfAll ? part : nullptr;
}

/// What the rows and columns of `part` leave of the image. What follows one
/// channel and precedes the next is one run, and so with rows.
SmallVector<Runs> getBorder(memref::SubViewOp part) {
  ArrayRef<int64_t> shape = part.getSourceType().getShape();
  size_t row = shape.size() - 2, column = row + 1;
  ArrayRef<int64_t> offsets = part.getStaticOffsets();
  ArrayRef<int64_t> sizes = part.getStaticSizes();
  int64_t pitch = shape[column], channel = shape[row] * pitch;
  int64_t channels = part.getSourceType().getNumElements() / channel;
  int64_t before = offsets[row] * pitch + offsets[column];
  int64_t end = before + (sizes[row] - 1) * pitch + sizes[column];
  int64_t last = (channels - 1) * channel + end;
  return {{0, before},
          {before + sizes[column],
           pitch - sizes[column],
           {channels, sizes[row] - 1},
           {channel, pitch}},
          {end, channel - end + before, {channels - 1}, {channel}},
          {last, channel - end}};
}

void fillRuns(OpBuilder &builder, linalg::FillOp fill, const Runs &runs) {
  if (runs.length == 0 || llvm::is_contained(runs.counts, 0))
    return;
  SmallVector<int64_t> shape(runs.counts), strides(runs.strides);
  shape.push_back(runs.length);
  strides.push_back(1);
  Value image = fill.getOutputs()[0];
  Type element = cast<MemRefType>(image.getType()).getElementType();
  auto layout =
      StridedLayoutAttr::get(builder.getContext(), runs.offset, strides);
  auto type = MemRefType::get(shape, element, layout);
  Value view = memref::ReinterpretCastOp::create(
      builder, fill.getLoc(), type, image, runs.offset, shape, strides);
  linalg::FillOp::create(builder, fill.getLoc(), fill.getInputs(), view);
}

struct FillBorders : public bitnn::impl::FillBordersPassBase<FillBorders> {
  void runOnOperation() override {
    SmallVector<linalg::FillOp> fills;
    getOperation().walk([&](linalg::FillOp fill) { fills.push_back(fill); });
    for (linalg::FillOp fill : fills) {
      auto alloc = fill.getOutputs()[0].getDefiningOp<memref::AllocOp>();
      if (!alloc || alloc.getType().getRank() < 2 ||
          !alloc.getType().hasStaticShape() ||
          !alloc.getType().getLayout().isIdentity())
        continue;
      memref::SubViewOp part = findInterior(fill, alloc);
      if (!part)
        continue;
      OpBuilder builder(fill);
      for (const Runs &runs : getBorder(part))
        fillRuns(builder, fill, runs);
      fill.erase();
    }
  }
};

} // namespace
