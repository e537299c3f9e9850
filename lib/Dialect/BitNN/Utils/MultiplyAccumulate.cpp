// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Dialect/BitNN/Utils/MultiplyAccumulate.h"
#include "bitnn/Dialect/BitNN/Utils/Constants.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace bitnn;

bool bitnn::isMultiplyAccumulate(linalg::LinalgOp op) {
  return op.getNumReductionLoops() > 0 && op.getNumDpsInputs() >= 2 &&
         op.getNumDpsInits() == 1 &&
         llvm::any_of(*op.getBlock(),
                      llvm::IsaPred<arith::MulIOp, arith::MulFOp>);
}

//===----------------------------------------------------------------------===//
// The body
//===----------------------------------------------------------------------===//

namespace {
/// One factor of the product.
struct Factor {
  BlockArgument element;
  int64_t zeroPoint = 0;
};
} // namespace

/// The known integer behind a scalar of the body: a constant, or a block
/// argument that is a scalar operand.
static std::optional<int64_t> getConstantScalar(linalg::LinalgOp op,
                                                Value scalar) {
  if (auto argument = dyn_cast<BlockArgument>(scalar);
      argument && argument.getOwner() == op.getBlock())
    scalar = op.getMatchingOpOperand(argument)->get();
  FailureOr<SmallVector<int32_t>> values = getConstantIntegers(scalar);
  if (failed(values) || values->size() != 1)
    return std::nullopt;
  return values->front();
}

/// Matches `extsi(element) - zeroPoint`; the extension is absent on i32.
static std::variant<Factor, Obstacle> matchFactor(linalg::LinalgOp op,
                                                  Value value) {
  Factor factor;
  if (auto subtraction = value.getDefiningOp<arith::SubIOp>()) {
    std::optional<int64_t> zeroPoint =
        getConstantScalar(op, subtraction.getRhs());
    if (!zeroPoint)
      return Obstacle{"a zero point is not a constant",
                      "make the quantization parameters constants"};
    factor.zeroPoint = *zeroPoint;
    value = subtraction.getLhs();
  }
  if (value.getDefiningOp<arith::ExtUIOp>())
    return Obstacle{"an operand is unsigned (arith.extui)",
                    "re-centre it: xor with -128, zero point minus 128"};
  if (auto extension = value.getDefiningOp<arith::ExtSIOp>())
    value = extension.getIn();
  factor.element = dyn_cast<BlockArgument>(value);
  if (!factor.element || factor.element.getOwner() != op.getBlock())
    return Obstacle{"a factor is not an element of an operand minus a "
                    "constant",
                    "compute the operand in an operation of its own"};
  return factor;
}

static const Obstacle kNoSumOfProducts = {
    "the body is not 'accumulator + a * b'",
    "move other arithmetic into an elementwise operation"};

static std::optional<Obstacle> matchBody(linalg::LinalgOp op,
                                         MultiplyAccumulate &result) {
  Block *body = op.getBlock();
  BlockArgument accumulator =
      op.getMatchingBlockArgument(op.getDpsInitOperand(0));
  if (!accumulator.getType().isInteger(32))
    return Obstacle{
        llvm::formatv("it accumulates in {0}", accumulator.getType()),
        "quantize the operands and accumulate in i32"};
  auto sum =
      body->getTerminator()->getOperand(0).getDefiningOp<arith::AddIOp>();
  if (!sum)
    return kNoSumOfProducts;
  Value addend = sum.getLhs() == accumulator ? sum.getRhs() : sum.getLhs();
  auto product = addend.getDefiningOp<arith::MulIOp>();
  if (!product || (sum.getLhs() != accumulator && sum.getRhs() != accumulator))
    return kNoSumOfProducts;

  SmallVector<Factor, 2> factors;
  for (Value operand : product->getOperands()) {
    auto factor = matchFactor(op, operand);
    if (auto *obstacle = std::get_if<Obstacle>(&factor))
      return *obstacle;
    factors.push_back(std::get<Factor>(factor));
  }
  auto isConstant = [&](const Factor &factor) {
    return succeeded(
        getConstantView(op.getMatchingOpOperand(factor.element)->get()));
  };
  if (!isConstant(factors[1]))
    std::swap(factors[0], factors[1]);
  if (!isConstant(factors[1]))
    return Obstacle{"no operand is constant, so there are no digits",
                    "make the weights a constant of the model"};
  result.input = op.getMatchingOpOperand(factors[0].element);
  result.inputZeroPoint = factors[0].zeroPoint;
  result.weights = op.getMatchingOpOperand(factors[1].element);
  result.weightsZeroPoint = factors[1].zeroPoint;
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// The loops
//===----------------------------------------------------------------------===//

namespace {
/// `loop * factor`.
struct Term {
  unsigned loop;
  int64_t factor;
};
} // namespace

static std::optional<Term> matchTerm(AffineExpr expr) {
  if (auto loop = dyn_cast<AffineDimExpr>(expr))
    return Term{loop.getPosition(), 1};
  auto product = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!product || product.getKind() != AffineExprKind::Mul)
    return std::nullopt;
  auto loop = dyn_cast<AffineDimExpr>(product.getLHS());
  auto factor = dyn_cast<AffineConstantExpr>(product.getRHS());
  if (!loop || !factor || factor.getValue() < 1)
    return std::nullopt;
  return Term{loop.getPosition(), factor.getValue()};
}

static std::optional<Window>
matchWindow(AffineExpr expr, unsigned position,
            ArrayRef<utils::IteratorType> iterators) {
  auto sum = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!sum || sum.getKind() != AffineExprKind::Add)
    return std::nullopt;
  std::optional<Term> image = matchTerm(sum.getLHS());
  std::optional<Term> kernel = matchTerm(sum.getRHS());
  if (!image || !kernel)
    return std::nullopt;
  if (iterators[image->loop] == utils::IteratorType::reduction)
    std::swap(image, kernel);
  if (iterators[image->loop] != utils::IteratorType::parallel ||
      iterators[kernel->loop] != utils::IteratorType::reduction)
    return std::nullopt;
  return Window{image->loop, kernel->loop, position, image->factor,
                kernel->factor};
}

static std::optional<Obstacle> matchLoops(linalg::LinalgOp op,
                                          MultiplyAccumulate &result) {
  SmallVector<utils::IteratorType> iterators = op.getIteratorTypesArray();
  AffineMap input = op.getMatchingIndexingMap(result.input);
  AffineMap weights = op.getMatchingIndexingMap(result.weights);
  AffineMap output = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  if (!weights.isProjectedPermutation() || !output.isProjectedPermutation())
    return Obstacle{"its weights or results are not indexed by plain loops",
                    "write it as one of linalg's named operations"};

  llvm::SmallBitVector inInput(op.getNumLoops()), isWindow(op.getNumLoops());
  for (auto [position, expr] : llvm::enumerate(input.getResults())) {
    if (auto loop = dyn_cast<AffineDimExpr>(expr)) {
      inInput.set(loop.getPosition());
      continue;
    }
    std::optional<Window> window = matchWindow(expr, position, iterators);
    if (!window || !output.isFunctionOfDim(window->image) ||
        !weights.isFunctionOfDim(window->kernel))
      return Obstacle{llvm::formatv("dimension {0} of its input is not indexed "
                                    "by 'image * stride + kernel * dilation'",
                                    position),
                      "write it as one of linalg's named convolutions"};
    result.windows.push_back(*window);
    isWindow.set(window->image);
    isWindow.set(window->kernel);
  }

  for (unsigned loop = 0; loop < op.getNumLoops(); ++loop) {
    if (isWindow.test(loop))
      continue;
    bool ofInput = inInput.test(loop),
         ofWeights = weights.isFunctionOfDim(loop),
         ofOutput = output.isFunctionOfDim(loop);
    std::optional<unsigned> *role = nullptr;
    if (ofInput && ofOutput)
      role = ofWeights ? &result.group : &result.batch;
    else if (ofWeights && ofOutput)
      role = &result.output;
    else if (ofInput && ofWeights)
      role = &result.reduction;
    if (!role || *role)
      return Obstacle{llvm::formatv("loop {0} is not the only batch, group, "
                                    "output channel or input channel",
                                    loop),
                      "collapse dimensions of the same kind into one"};
    *role = loop;
  }

  if (result.windows.size() == 2) {
    if (result.batch && (result.group || (result.output && result.reduction)))
      return std::nullopt;
    return Obstacle{"it has no batch or no channels",
                    "add dimensions of size 1 with tensor.expand_shape"};
  }
  if (!result.windows.empty())
    return Obstacle{llvm::formatv("it convolves {0} dimensions, and bitnn two",
                                  result.windows.size()),
                    "add or collapse dimensions with tensor.expand_shape or "
                    "tensor.collapse_shape"};
  if (result.group)
    return Obstacle{"it is a batch of matrix products with different weights",
                    "use one matrix product for each batch element"};
  if (!result.batch || !result.output || !result.reduction)
    return Obstacle{"it is a product of a matrix and a vector",
                    "add a dimension of size 1 with tensor.expand_shape"};
  return std::nullopt;
}

std::variant<MultiplyAccumulate, Obstacle>
bitnn::matchMultiplyAccumulate(linalg::LinalgOp op) {
  MultiplyAccumulate result;
  if (!op.hasPureTensorSemantics() || op.hasDynamicShape())
    return Obstacle{"it is not on tensors of static shape",
                    "fix the shapes, and convert before bufferization"};
  if (std::optional<Obstacle> obstacle = matchBody(op, result))
    return *obstacle;
  if (std::optional<Obstacle> obstacle = matchLoops(op, result))
    return *obstacle;
  return result;
}
