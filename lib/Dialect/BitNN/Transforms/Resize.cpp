// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Resize.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Utils/Utils.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace bitnn;

Value bitnn::createResize(OpBuilder &builder, Location loc, Value value,
                          unsigned bits) {
  auto type = cast<RankedTensorType>(value.getType());
  Type element = builder.getIntegerType(bits);
  Value init = tensor::EmptyOp::create(builder, loc, type.getShape(), element);
  AffineMap identity = builder.getMultiDimIdentityMap(type.getRank());
  SmallVector<utils::IteratorType> iterators(type.getRank(),
                                             utils::IteratorType::parallel);
  auto generic = linalg::GenericOp::create(
      builder, loc, init.getType(), value, init,
      ArrayRef<AffineMap>{identity, identity}, iterators,
      [&](OpBuilder &nested, Location nestedLoc, ValueRange args) {
        Value resized =
            bits > type.getElementTypeBitWidth()
                ? arith::ExtSIOp::create(nested, nestedLoc, element, args[0])
                      .getResult()
                : arith::TruncIOp::create(nested, nestedLoc, element, args[0])
                      .getResult();
        linalg::YieldOp::create(nested, nestedLoc, resized);
      });
  return generic.getResult(0);
}

Value bitnn::matchWiden(Operation *op) {
  auto generic = dyn_cast_or_null<linalg::GenericOp>(op);
  if (!generic || generic.getNumDpsInputs() != 1 ||
      generic.getNumResults() != 1 || !linalg::isElementwise(generic) ||
      !llvm::all_of(generic.getIndexingMapsArray(),
                    [](AffineMap map) { return map.isIdentity(); }))
    return {};
  Block *body = generic.getBody();
  Operation *extend = body->getTerminator()->getOperand(0).getDefiningOp();
  if (!isa_and_nonnull<arith::ExtSIOp>(extend) ||
      extend->getOperand(0) != body->getArgument(0))
    return {};
  return generic.getDpsInputOperand(0)->get();
}
