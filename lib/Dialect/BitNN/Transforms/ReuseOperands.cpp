// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Dialect/BitNN/IR/BitNN.h"
#include "bitnn/Dialect/BitNN/Transforms/Passes.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

namespace bitnn {
#define GEN_PASS_DEF_REUSEOPERANDSPASS
#include "bitnn/Dialect/BitNN/Transforms/Passes.h.inc"
} // namespace bitnn

using namespace mlir;
using namespace bitnn;

/// The operands that are read element by element, each before the element of
/// the result at its place is written.
static SmallVector<OpOperand *> getElementwiseOperands(Operation *op) {
  SmallVector<OpOperand *> operands;
  auto addResidual = [&](auto layer) {
    if (layer.getResidual())
      operands.push_back(&layer.getResidualMutable()[0]);
  };
  if (auto conv = dyn_cast<Conv2DOp>(op))
    addResidual(conv);
  else if (auto matmul = dyn_cast<MatmulOp>(op))
    addResidual(matmul);
  else if (auto generic = dyn_cast<linalg::GenericOp>(op);
           generic && generic.getNumParallelLoops() == generic.getNumLoops())
    for (OpOperand *operand : generic.getDpsInputOperands())
      if (generic.getMatchingIndexingMap(operand).isIdentity())
        operands.push_back(operand);
  return operands;
}

/// Whether the network itself computes the tensor into a buffer of its own.
static bool isInternal(Value tensor) {
  Operation *producer = tensor.getDefiningOp();
  while (isa_and_nonnull<tensor::CollapseShapeOp, tensor::ExpandShapeOp,
                         tensor::ExtractSliceOp>(producer))
    producer = producer->getOperand(0).getDefiningOp();
  return isa_and_nonnull<DestinationStyleOpInterface>(producer);
}

/// Whether nothing reads the tensor after `op`, nor anything else in it.
static bool isLastRead(Value tensor, Operation *op) {
  return llvm::all_of(tensor.getUses(),
                      [&](OpOperand &use) {
                        Operation *user = op->getBlock()->findAncestorOpInBlock(
                            *use.getOwner());
                        return user && (user == op ? use.getOwner() == op
                                                   : user->isBeforeInBlock(op));
                      }) &&
         llvm::count(op->getOperands(), tensor) == 1;
}

/// Whether nothing reads the tensor, or a slice of it that is not `except`,
/// after `op`, nor `op` itself.
static bool isDeadAfter(Value tensor, Operation *op, Value except = {}) {
  return llvm::all_of(tensor.getUsers(), [&](Operation *user) {
    if (isa<tensor::ExtractSliceOp>(user)) {
      if (user->getResult(0) == except)
        return true;
      if (!isDeadAfter(user->getResult(0), op))
        return false;
    }
    Operation *place = op->getBlock()->findAncestorOpInBlock(*user);
    return place && place->isBeforeInBlock(op);
  });
}

/// op(x) outs(tensor.empty) -> op(x) outs(x), where x is dead afterwards
static void reuseOperand(DestinationStyleOpInterface op) {
  if (op.getNumDpsInits() != 1)
    return;
  OpOperand *init = op.getDpsInitOperand(0);
  if (!init->get().getDefiningOp<tensor::EmptyOp>())
    return;
  for (OpOperand *operand : getElementwiseOperands(op)) {
    Value tensor = operand->get();
    if (tensor.getType() != init->get().getType() || !isInternal(tensor) ||
        !isLastRead(tensor, op))
      continue;
    // What the rest of an image is read for would be lost.
    if (auto slice = tensor.getDefiningOp<tensor::ExtractSliceOp>();
        slice && !isDeadAfter(slice.getSource(), op, tensor))
      continue;
    init->set(tensor);
    return;
  }
}

//===----------------------------------------------------------------------===//
// Images with a border
//===----------------------------------------------------------------------===//

namespace {
/// A tensor in an image with a border of one value:
///   %border = linalg.fill ins(%value) outs(%empty)
///   %image = tensor.insert_slice %inner into %border
struct BorderedImage {
  linalg::FillOp border;
  tensor::InsertSliceOp insert;
  Attribute value;

  RankedTensorType getType() {
    return cast<RankedTensorType>(insert.getResult().getType());
  }
  ArrayRef<int64_t> getInnerOffsets() { return insert.getStaticOffsets(); }
};
} // namespace

/// The image that `inner` becomes part of.
static std::optional<BorderedImage> findImage(Value inner) {
  for (Operation *user : inner.getUsers()) {
    auto insert = dyn_cast<tensor::InsertSliceOp>(user);
    if (!insert || insert.getSource() != inner || !insert.hasUnitStride() ||
        insert.getSourceType().getRank() != insert.getDestType().getRank() ||
        llvm::any_of(insert.getStaticOffsets(), ShapedType::isDynamic))
      continue;
    BorderedImage image;
    image.insert = insert;
    image.border = insert.getDest().getDefiningOp<linalg::FillOp>();
    if (image.border &&
        image.border.getOutputs()[0].getDefiningOp<tensor::EmptyOp>() &&
        matchPattern(image.border.getInputs()[0], m_Constant(&image.value)))
      return image;
  }
  return std::nullopt;
}

/// Where `image` lies in `around`, if the two tensors in them coincide.
static std::optional<SmallVector<int64_t>> findPlace(BorderedImage image,
                                                     BorderedImage around) {
  SmallVector<int64_t> place;
  for (auto [inner, outer, extent, room] : llvm::zip_equal(
           image.getInnerOffsets(), around.getInnerOffsets(),
           image.getType().getShape(), around.getType().getShape())) {
    place.push_back(outer - inner);
    if (outer < inner || outer - inner + extent > room)
      return std::nullopt;
  }
  return place;
}

/// op(x) written into an image with a border, where x is dead afterwards and
/// in an image with at least this border: op(x) is written over x, and the
/// image is a part of x's.
static void reuseImage(DestinationStyleOpInterface op) {
  if (op.getNumDpsInits() != 1 || op->getNumResults() != 1)
    return;
  OpOperand *init = op.getDpsInitOperand(0);
  auto slice = init->get().getDefiningOp<tensor::ExtractSliceOp>();
  std::optional<BorderedImage> image = findImage(op->getResult(0));
  // Nothing else may begin with the border.
  if (!slice || !image || slice.getSource() != image->border.getResult(0) ||
      slice.getStaticOffsets() != image->insert.getStaticOffsets() ||
      !slice.getSource().hasNUses(2))
    return;
  for (OpOperand *operand : getElementwiseOperands(op)) {
    Value tensor = operand->get();
    std::optional<BorderedImage> around = findImage(tensor);
    if (tensor.getType() != init->get().getType() || !around ||
        around->value != image->value ||
        around->getType().getElementType() !=
            image->getType().getElementType() ||
        !isLastRead(tensor, op) || !isDeadAfter(around->insert.getResult(), op))
      continue;
    std::optional<SmallVector<int64_t>> place = findPlace(*image, *around);
    if (!place)
      continue;
    OpBuilder builder(op);
    auto part = [&](Value from, ArrayRef<int64_t> offsets,
                    ArrayRef<int64_t> sizes) -> Value {
      SmallVector<OpFoldResult> at = getAsIndexOpFoldResult(
                                    builder.getContext(), offsets),
                                extents = getAsIndexOpFoldResult(
                                    builder.getContext(), sizes),
                                steps(at.size(), builder.getIndexAttr(1));
      return tensor::ExtractSliceOp::create(builder, op.getLoc(), from, at,
                                            extents, steps);
    };
    Value whole =
        part(around->insert.getResult(), *place, image->getType().getShape());
    Value inner = part(whole, image->getInnerOffsets(),
                       cast<RankedTensorType>(tensor.getType()).getShape());
    operand->set(inner);
    init->set(inner);
    image->insert.getDestMutable().assign(whole);
    slice.erase();
    image->border.erase();
    return;
  }
}

namespace {
struct ReuseOperands
    : public bitnn::impl::ReuseOperandsPassBase<ReuseOperands> {
  void runOnOperation() override {
    getOperation().walk([](DestinationStyleOpInterface op) {
      reuseOperand(op);
      reuseImage(op);
    });
  }
};
} // namespace
