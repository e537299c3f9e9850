// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Arithmetic/Digits.h"
#include "bitnn/Conversion/Passes.h"
#include "bitnn/Dialect/BitNN/Utils/Constants.h"
#include "bitnn/Dialect/BitNN/Utils/MultiplyAccumulate.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"

namespace bitnn {
#define GEN_PASS_DEF_CONVERTLINALGTOBITNNPASS
#include "bitnn/Conversion/Passes.h.inc"
} // namespace bitnn

using namespace mlir;
using namespace bitnn;

static constexpr llvm::StringLiteral kPass = "convert-linalg-to-bitnn";

//===----------------------------------------------------------------------===//
// Layouts
//===----------------------------------------------------------------------===//

namespace {
/// How one operand reaches bitnn's layout: transposed, then its group merged
/// with the channel after it.
struct Layout {
  /// Dimension of the operand for each dimension before merging.
  SmallVector<int64_t> permutation;
  /// The dimension that is merged with the one after it.
  std::optional<int64_t> merged;

  SmallVector<ReassociationIndices> getReassociation() const {
    SmallVector<ReassociationIndices> groups;
    for (int64_t dim = 0, rank = permutation.size(); dim < rank; ++dim) {
      groups.push_back({dim});
      if (merged == dim)
        groups.back().push_back(++dim);
    }
    return groups;
  }
};
} // namespace

/// The dimension of the tensor indexed by `map` that `loop` walks along.
static int64_t getDimension(AffineMap map, unsigned loop) {
  return *map.getResultPosition(getAffineDimExpr(loop, map.getContext()));
}

/// The layout of a tensor indexed by `map` whose dimensions are the loops
/// `first`, then `group` and `channel` merged, then `last`.
static Layout getLayout(AffineMap map, std::optional<unsigned> first,
                        std::optional<unsigned> group,
                        std::optional<unsigned> channel,
                        ArrayRef<unsigned> last) {
  Layout layout;
  if (group && channel)
    layout.merged = first ? 1 : 0;
  for (std::optional<unsigned> loop : {first, group, channel})
    if (loop)
      layout.permutation.push_back(getDimension(map, *loop));
  for (unsigned loop : last)
    layout.permutation.push_back(getDimension(map, loop));
  return layout;
}

static Value createEmpty(OpBuilder &builder, Location loc,
                         ArrayRef<int64_t> shape, Type elementType) {
  return tensor::EmptyOp::create(builder, loc, shape, elementType);
}

static Value createTranspose(OpBuilder &builder, Location loc, Value value,
                             ArrayRef<int64_t> permutation) {
  if (isIdentityPermutation(permutation))
    return value;
  auto type = cast<RankedTensorType>(value.getType());
  Value init =
      createEmpty(builder, loc, applyPermutation(type.getShape(), permutation),
                  type.getElementType());
  return linalg::TransposeOp::create(builder, loc, value, init, permutation)
      .getResult()[0];
}

static Value toBitNNLayout(OpBuilder &builder, Location loc, Value value,
                           const Layout &layout) {
  value = createTranspose(builder, loc, value, layout.permutation);
  if (!layout.merged)
    return value;
  return builder.createOrFold<tensor::CollapseShapeOp>(
      loc, value, layout.getReassociation());
}

static Value fromBitNNLayout(OpBuilder &builder, Location loc, Value value,
                             const Layout &layout, RankedTensorType type) {
  if (layout.merged)
    value = tensor::ExpandShapeOp::create(
        builder, loc,
        type.clone(applyPermutation(type.getShape(), layout.permutation)),
        value, layout.getReassociation());
  return createTranspose(builder, loc, value,
                         invertPermutationVector(layout.permutation));
}

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

/// The weights as a matrix of outputs, and their type.
namespace {
struct Weights {
  SmallVector<int32_t> values;
  RankedTensorType type;
};
} // namespace

/// The weights minus their zero point, in the element type they have if it
/// holds them, or in the next larger one.
static std::variant<Weights, Obstacle>
getWeights(const MultiplyAccumulate &op, AffineMap map,
           SmallVector<int64_t> extents) {
  bool isConv = !op.windows.empty();
  SmallVector<unsigned> kernel = llvm::map_to_vector(
      op.windows, [](const Window &window) { return window.kernel; });
  SmallVector<int64_t> permutation;
  auto extent = [&](std::optional<unsigned> loop) {
    if (loop)
      permutation.push_back(getDimension(map, *loop));
    return loop ? extents[*loop] : 1;
  };
  int64_t outputs = extent(op.group) * extent(op.output);
  SmallVector<int64_t> shape = {outputs, extent(op.reduction)};
  if (isConv)
    shape.append({extent(kernel[0]), extent(kernel[1])});

  SmallVector<int32_t> values =
      getConstantView(op.weights->get())->transpose(permutation).flatten();
  int64_t lowest = 0, highest = 0;
  for (int32_t &value : values) {
    int64_t centred = int64_t(value) - op.weightsZeroPoint;
    lowest = std::min(lowest, centred);
    highest = std::max(highest, centred);
    value = int32_t(centred);
  }
  auto type = cast<RankedTensorType>(op.weights->get().getType());
  for (unsigned bits : {2, 4, 8, 16})
    if (bits >= std::min(type.getElementTypeBitWidth(), 16u) &&
        llvm::isIntN(bits, lowest) && llvm::isIntN(bits, highest))
      return Weights{std::move(values),
                     RankedTensorType::get(
                         shape, IntegerType::get(type.getContext(), bits))};
  return Obstacle{llvm::formatv("weights minus their zero point reach [{0}, "
                                "{1}], which is not in 16 bits",
                                lowest, highest),
                  "quantize the weights to 8 bits or fewer"};
}

/// One value per output channel, if the init depends on nothing else.
static FailureOr<SmallVector<int32_t>>
getConstantBias(Value init, const Layout &layout, int64_t channels) {
  FailureOr<ConstantView> source = getConstantView(init);
  if (failed(source))
    return failure();
  ConstantView view = source->transpose(layout.permutation);
  int64_t lastChannel = layout.merged.value_or(1) + (layout.merged ? 1 : 0);
  ConstantView perChannel = view;
  bool dependsOnPlace = false;
  for (int64_t dim = 0, rank = view.shape.size(); dim < rank; ++dim) {
    if (dim >= 1 && dim <= lastChannel)
      continue;
    dependsOnPlace |= view.strides[dim] != 0 && view.shape[dim] != 1;
    perChannel.strides[dim] = 0;
  }
  if (dependsOnPlace && view.flatten() != perChannel.flatten())
    return failure();
  for (int64_t dim = 0, rank = view.shape.size(); dim < rank; ++dim)
    if (dim < 1 || dim > lastChannel)
      perChannel.shape[dim] = 1;
  SmallVector<int32_t> bias = perChannel.flatten();
  assert(int64_t(bias.size()) == channels);
  return bias;
}

//===----------------------------------------------------------------------===//
// Patterns
//===----------------------------------------------------------------------===//

namespace {
struct ConvertMultiplyAccumulate
    : public OpInterfaceRewritePattern<linalg::LinalgOp> {
  ConvertMultiplyAccumulate(MLIRContext *context, DigitEncoding encoding)
      : OpInterfaceRewritePattern(context), encoding(encoding) {}

  LogicalResult decline(PatternRewriter &rewriter, Operation *op,
                        const Obstacle &obstacle) const {
    emitMissedRemark(op, kPass, obstacle);
    return rewriter.notifyMatchFailure(op, obstacle.reason);
  }

  LogicalResult matchAndRewrite(linalg::LinalgOp op,
                                PatternRewriter &rewriter) const override {
    if (!isMultiplyAccumulate(op))
      return rewriter.notifyMatchFailure(op, "it is no sum of products");
    auto match = matchMultiplyAccumulate(op);
    if (auto *obstacle = std::get_if<Obstacle>(&match))
      return decline(rewriter, op, *obstacle);
    auto &product = std::get<MultiplyAccumulate>(match);

    auto inputType = cast<RankedTensorType>(product.input->get().getType());
    if (!inputType.getElementType().isInteger(8) &&
        !inputType.getElementType().isInteger(16))
      return decline(rewriter, op,
                     {llvm::formatv("its input has elements of type {0}",
                                    inputType.getElementType()),
                      "quantize the input to i8 or i16"});
    auto found = getWeights(product, op.getMatchingIndexingMap(product.weights),
                            op.getStaticLoopRanges());
    if (auto *obstacle = std::get_if<Obstacle>(&found))
      return decline(rewriter, op, *obstacle);
    rewrite(op, product, std::get<Weights>(found), rewriter);
    return success();
  }

private:
  void rewrite(linalg::LinalgOp op, const MultiplyAccumulate &product,
               const Weights &weights, PatternRewriter &rewriter) const {
    Location loc = op.getLoc();
    OpOperand *init = op.getDpsInitOperand(0);
    auto resultType = cast<RankedTensorType>(init->get().getType());

    AffineMap inputMap = op.getMatchingIndexingMap(product.input);
    Layout inputLayout = getLayout(inputMap, product.batch, product.group,
                                   product.reduction, {});
    for (const Window &window : product.windows)
      inputLayout.permutation.push_back(window.position);
    Layout resultLayout = getLayout(
        op.getMatchingIndexingMap(init), product.batch, product.group,
        product.output,
        llvm::map_to_vector(product.windows,
                            [](const Window &window) { return window.image; }));

    int64_t channels = weights.type.getDimSize(0);
    FailureOr<SmallVector<int32_t>> constantBias =
        getConstantBias(init->get(), resultLayout, channels);
    Value input =
        toBitNNLayout(rewriter, loc, product.input->get(), inputLayout);
    if (!product.windows.empty())
      input = cropInput(rewriter, loc, input, op.getStaticLoopRanges(),
                        product.windows);
    Value weightsValue = arith::ConstantOp::create(
        rewriter, loc, weights.type,
        getIntegerElements(weights.type, weights.values));
    Value bias =
        createBias(rewriter, loc,
                   foldZeroPoint(succeeded(constantBias)
                                     ? *constantBias
                                     : SmallVector<int32_t>(channels, 0),
                                 weights, product.inputZeroPoint));

    SmallVector<int64_t> shape =
        applyPermutation(resultType.getShape(), resultLayout.permutation);
    if (resultLayout.merged) {
      shape[1] *= shape[2];
      shape.erase(shape.begin() + 2);
    }
    Value empty =
        createEmpty(rewriter, loc, shape, resultType.getElementType());
    Operation *layer =
        product.windows.empty()
            ? createMatmul(rewriter, loc, input, weightsValue, bias, empty)
            : createConv(
                  rewriter, loc, input, weightsValue, bias, empty, product,
                  product.group ? op.getStaticLoopRanges()[*product.group] : 1);
    Value result = fromBitNNLayout(rewriter, loc, layer->getResult(0),
                                   resultLayout, resultType);
    if (failed(constantBias)) {
      emitMissedRemark(op, kPass,
                       {"its init is not a constant per output channel: added "
                        "afterwards",
                        "make the bias a constant of the model"});
      result = linalg::AddOp::create(
                   rewriter, loc, resultType, ValueRange{result, init->get()},
                   createEmpty(rewriter, loc, resultType.getShape(),
                               resultType.getElementType()))
                   .getResult(0);
    }

    unsigned digits = 0;
    Encoding digitEncoding =
        encoding == DigitEncoding::Csd ? Encoding::Csd : Encoding::Binary;
    for (int32_t weight : weights.values)
      digits += countDigits(weight, digitEncoding);
    remark::passed(loc, getRemarkOptions(layer, kPass))
        << remark::metric("Weights", weights.values.size())
        << remark::metric("Digits", digits)
        << remark::metric("Encoding", stringifyDigitEncoding(encoding));
    rewriter.replaceOp(op, result);
  }

  /// linalg lets an image be larger than its windows reach; bitnn derives the
  /// result's shape from the image.
  static Value cropInput(PatternRewriter &rewriter, Location loc, Value input,
                         ArrayRef<int64_t> extents, ArrayRef<Window> windows) {
    auto type = cast<RankedTensorType>(input.getType());
    SmallVector<int64_t> shape(type.getShape());
    for (auto [dim, window] : llvm::enumerate(windows)) {
      int64_t reach = (extents[window.kernel] - 1) * window.dilation + 1;
      int64_t &size = shape[dim + 2];
      if ((size - reach) / window.stride + 1 != extents[window.image])
        size = (extents[window.image] - 1) * window.stride + reach;
    }
    if (type.getShape() == ArrayRef(shape))
      return input;
    SmallVector<OpFoldResult> offsets(4, rewriter.getIndexAttr(0)),
        strides(4, rewriter.getIndexAttr(1));
    return tensor::ExtractSliceOp::create(
        rewriter, loc, input, offsets,
        getAsIndexOpFoldResult(rewriter.getContext(), shape), strides);
  }

  /// sum (x - zx) w + bias = sum x w + (bias - zx sum w), modulo 2^32.
  static SmallVector<int32_t> foldZeroPoint(SmallVector<int32_t> bias,
                                            const Weights &weights,
                                            int64_t inputZeroPoint) {
    size_t columns = weights.values.size() / bias.size();
    for (auto [row, value] : llvm::enumerate(bias)) {
      uint32_t sum = 0;
      for (int32_t weight :
           ArrayRef(weights.values).slice(row * columns, columns))
        sum += uint32_t(weight);
      value = int32_t(uint32_t(value) - uint32_t(inputZeroPoint) * sum);
    }
    return bias;
  }

  static Value createBias(PatternRewriter &rewriter, Location loc,
                          ArrayRef<int32_t> bias) {
    if (llvm::all_of(bias, [](int32_t value) { return value == 0; }))
      return {};
    auto type = RankedTensorType::get(bias.size(), rewriter.getI32Type());
    return arith::ConstantOp::create(rewriter, loc, type,
                                     getIntegerElements(type, bias));
  }

  Operation *createMatmul(PatternRewriter &rewriter, Location loc, Value input,
                          Value weights, Value bias, Value empty) const {
    return MatmulOp::create(rewriter, loc, empty.getType(), input, weights,
                            bias, /*residual=*/Value(), empty, encoding,
                            /*input_range=*/nullptr, /*schedule=*/nullptr);
  }

  Operation *createConv(PatternRewriter &rewriter, Location loc, Value input,
                        Value weights, Value bias, Value empty,
                        const MultiplyAccumulate &product,
                        int64_t groups) const {
    ArrayRef<Window> windows = product.windows;
    int64_t strides[] = {windows[0].stride, windows[1].stride};
    int64_t dilations[] = {windows[0].dilation, windows[1].dilation};
    return Conv2DOp::create(rewriter, loc, empty.getType(), input, weights,
                            bias, /*residual=*/Value(), empty, strides,
                            dilations, groups, encoding,
                            /*input_range=*/nullptr, /*schedule=*/nullptr);
  }

  DigitEncoding encoding;
};

/// collapse(transpose(x)) = transpose(collapse(x)), where each group of the
/// collapse is contiguous in x as well: so the expansion of a grouped
/// convolution's channels meets its inverse.
struct SwapCollapseWithTranspose
    : public OpRewritePattern<tensor::CollapseShapeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(tensor::CollapseShapeOp op,
                                PatternRewriter &rewriter) const override {
    auto transpose = op.getSrc().getDefiningOp<linalg::TransposeOp>();
    if (!transpose)
      return rewriter.notifyMatchFailure(op, "its source is no transpose");
    ArrayRef<int64_t> permutation = transpose.getPermutation();
    SmallVector<ReassociationIndices> groups = llvm::map_to_vector(
        op.getReassociationIndices(), [&](const ReassociationIndices &group) {
          return llvm::map_to_vector<2>(
              group, [&](int64_t dim) { return permutation[dim]; });
        });
    for (const ReassociationIndices &group : groups)
      for (size_t index = 1; index < group.size(); ++index)
        if (group[index] != group[index - 1] + 1)
          return rewriter.notifyMatchFailure(
              op, "a group is scattered in the transpose's source");
    SmallVector<ReassociationIndices> sorted = groups;
    llvm::sort(sorted, [](const auto &lhs, const auto &rhs) {
      return lhs.front() < rhs.front();
    });
    SmallVector<int64_t> order = llvm::map_to_vector(
        groups, [&](const ReassociationIndices &group) -> int64_t {
          return llvm::find(sorted, group) - sorted.begin();
        });
    Value collapsed = rewriter.createOrFold<tensor::CollapseShapeOp>(
        op.getLoc(), transpose.getInput(), sorted);
    rewriter.replaceOp(
        op, createTranspose(rewriter, op.getLoc(), collapsed, order));
    return success();
  }
};

struct ConvertLinalgToBitNN
    : public bitnn::impl::ConvertLinalgToBitNNPassBase<ConvertLinalgToBitNN> {
  using ConvertLinalgToBitNNPassBase::ConvertLinalgToBitNNPassBase;

  void runOnOperation() override {
    MLIRContext *context = &getContext();
    // A single walk: every operation is considered, and explained, once.
    RewritePatternSet conversions(context);
    conversions.add<ConvertMultiplyAccumulate>(context, encoding);
    walkAndApplyPatterns(getOperation(), std::move(conversions));

    // The movement around grouped and channel-last layers cancels.
    RewritePatternSet movement(context);
    movement.add<SwapCollapseWithTranspose>(context);
    linalg::TransposeOp::getCanonicalizationPatterns(movement, context);
    tensor::CollapseShapeOp::getCanonicalizationPatterns(movement, context);
    tensor::ExpandShapeOp::getCanonicalizationPatterns(movement, context);
    if (failed(applyPatternsGreedily(getOperation(), std::move(movement))))
      signalPassFailure();
  }
};
} // namespace
