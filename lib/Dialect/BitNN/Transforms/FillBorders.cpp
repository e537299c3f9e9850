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

/// Neighbouring elements, in the same places of each of some images.
struct Runs {
  int64_t offset = 0;
  SmallVector<int64_t> counts, strides;
  int64_t length = 0;
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

/// The parts of the image that are overwritten before anything reads it.
SmallVector<memref::SubViewOp> findOverwritten(linalg::FillOp fill,
                                               Value image) {
  SmallVector<OpOperand *> uses;
  collectUses(image, uses);
  llvm::DenseMap<Operation *, SmallVector<OpOperand *>> usesOf;
  for (OpOperand *use : uses) {
    Operation *op = fill->getBlock()->findAncestorOpInBlock(*use->getOwner());
    if (!op)
      return {};
    usesOf[op].push_back(use);
  }
  SmallVector<memref::SubViewOp> parts;
  for (Operation *op = fill->getNextNode(); op; op = op->getNextNode()) {
    auto found = usesOf.find(op);
    if (found == usesOf.end())
      continue;
    OpOperand *use = found->second.front();
    auto part = use->get().getDefiningOp<memref::SubViewOp>();
    if (found->second.size() != 1 || use->getOwner() != op || !part ||
        part.getSource() != image || !isOverwritten(*use))
      break;
    parts.push_back(part);
  }
  return parts;
}

/// What the rows and columns of `part` leave of the images that it is in.
SmallVector<Runs> getBorder(memref::SubViewOp part) {
  MemRefType type = part.getSourceType();
  auto [strides, offset] = type.getStridesAndOffset();
  size_t row = type.getRank() - 2, column = row + 1;
  ArrayRef<int64_t> offsets = part.getStaticOffsets();
  ArrayRef<int64_t> sizes = part.getStaticSizes();
  int64_t pitch = strides[row], perImage = type.getDimSize(row) * pitch;

  Runs images;
  bool isWhole = true;
  for (size_t dim = 0; dim < row; ++dim) {
    images.offset += offsets[dim] * strides[dim];
    isWhole &= sizes[dim] == type.getDimSize(dim);
    images.counts.push_back(sizes[dim]);
    images.strides.push_back(strides[dim]);
  }
  int64_t before = offsets[row] * pitch + offsets[column];
  int64_t end = before + (sizes[row] - 1) * pitch + sizes[column];
  auto at = [&](int64_t first, int64_t length) {
    Runs runs = images;
    runs.offset += first;
    runs.length = length;
    return runs;
  };
  Runs rows = at(before + sizes[column], pitch - sizes[column]);
  rows.counts.push_back(sizes[row] - 1);
  rows.strides.push_back(pitch);
  if (!isWhole)
    return {at(0, before), rows, at(end, perImage - end)};
  // What follows one image and precedes the next is one run.
  int64_t last = type.getNumElements() - perImage;
  Runs between = {end, {last / perImage}, {perImage}, perImage - end + before};
  return {
      {0, {}, {}, before}, rows, between, {last + end, {}, {}, perImage - end}};
}

/// Whether the images of the parts are all of `type`, each once.
bool areAllImages(ArrayRef<memref::SubViewOp> parts, MemRefType type) {
  size_t row = type.getRank() - 2;
  int64_t count = 0;
  for (size_t index = 0; index < parts.size(); ++index) {
    memref::SubViewOp part = parts[index];
    if (!part.hasUnitStride() || part.getDroppedDims().any() ||
        llvm::any_of(part.getStaticOffsets(), ShapedType::isDynamic) ||
        llvm::any_of(part.getStaticSizes(), ShapedType::isDynamic))
      return false;
    int64_t images = 1;
    for (int64_t size : part.getStaticSizes().take_front(row))
      images *= size;
    count += images;
    for (memref::SubViewOp other : parts.take_front(index)) {
      bool overlaps = true;
      for (size_t dim = 0; dim < row; ++dim) {
        int64_t first = part.getStaticOffset(dim),
                second = other.getStaticOffset(dim);
        overlaps &= first < second + other.getStaticSize(dim) &&
                    second < first + part.getStaticSize(dim);
      }
      if (overlaps)
        return false;
    }
  }
  ArrayRef<int64_t> shape = type.getShape();
  return count * shape[row] * shape[row + 1] == type.getNumElements();
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
      SmallVector<memref::SubViewOp> parts = findOverwritten(fill, alloc);
      if (parts.empty() || !areAllImages(parts, alloc.getType()))
        continue;
      OpBuilder builder(fill);
      for (memref::SubViewOp part : parts)
        for (const Runs &runs : getBorder(part))
          fillRuns(builder, fill, runs);
      fill.erase();
    }
  }
};

} // namespace
