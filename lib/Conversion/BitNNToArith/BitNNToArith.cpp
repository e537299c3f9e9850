// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Lowerings.h"
#include "bitnn/Conversion/Passes.h"
#include "bitnn/Dialect/BitNN/Utils/Remarks.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"

namespace bitnn {
#define GEN_PASS_DEF_CONVERTBITNNTOARITHPASS
#include "bitnn/Conversion/Passes.h.inc"
} // namespace bitnn

using namespace mlir;
using namespace bitnn;

static constexpr llvm::StringLiteral kPass = "convert-bitnn-to-arith";

/// More corrections than this are worth a word to the user.
static constexpr size_t kManyCorrections = 16;

namespace {
struct ConvertBitNNToArith
    : public bitnn::impl::ConvertBitNNToArithPassBase<ConvertBitNNToArith> {
  using ConvertBitNNToArithPassBase::ConvertBitNNToArithPassBase;
  void getDependentDialects(DialectRegistry &registry) const override {
    ConvertBitNNToArithPassBase::getDependentDialects(registry);
    registry.insert<LLVM::LLVMDialect>();
  }
  void runOnOperation() override;
};

/// Lowers the operations of one module.
class Lowering {
public:
  Lowering(ModuleOp module, bool multiply) : tables(module), plans(multiply) {
    if (auto target =
            module->getAttrOfType<TargetAttr>(BitNNDialect::kTargetAttr))
      byteTables = getByteTables(target.getTriple(), target.getCpu(),
                                 target.getFeatures());
  }

  void lower(Operation *op);

private:
  Value lowerRequantize(LaneBuilder &builder, RequantizeOp op);

  ConstantTables tables;
  RequantizePlans plans;
  ByteTables byteTables;
};
} // namespace

/// The index of a requantize, if it is known.
static std::optional<int64_t> getKnownIndex(RequantizeOp op) {
  APInt index;
  if (op.getReference().getNumFunctions() == 1)
    return 0;
  if (op.getConsecutive())
    return std::nullopt;
  if (matchPattern(op.getIndex(), m_ConstantInt(&index)) &&
      index.ult(op.getReference().getNumFunctions()))
    return index.getSExtValue();
  return std::nullopt;
}

static void remarkOnCorrections(RequantizeOp op, int64_t index, size_t count) {
  if (count <= kManyCorrections)
    return;
  emitMissedRemark(op, kPass,
                   {"channel " + std::to_string(index) + " compares with " +
                        std::to_string(count) + " thresholds",
                    "narrow accumulator_range"});
}

/// extsi(trunci(result)) -> resize(result): a result fits its stored type.
static void extendDirectly(LaneBuilder &builder, RequantizeOp op,
                           Value result) {
  for (Operation *user : llvm::make_early_inc_range(op->getUsers()))
    if (auto extend = dyn_cast<arith::ExtSIOp>(user)) {
      Type wide = getElementTypeOrSelf(extend.getType());
      extend.replaceAllUsesWith(
          builder.resize(result, wide.getIntOrFloatBitWidth()));
      extend.erase();
    }
}

/// trunci(result), which fits, in the form of a saturating pack: an instruction
/// of its own, where a plain truncation masks every lane.
static Value pack(LaneBuilder &builder, Value result, unsigned bits) {
  result = builder.atLeast(result, llvm::minIntN(bits));
  result = builder.atMost(result, llvm::maxIntN(bits));
  return builder.resize(result, bits);
}

Value Lowering::lowerRequantize(LaneBuilder &builder, RequantizeOp op) {
  Value result;
  // LLVM 22 packs what comes from 64-bit lanes wrongly.
  bool packs = false;
  if (std::optional<int64_t> index = getKnownIndex(op)) {
    const RequantizePlan &plan = plans.get(op, *index, /*chains=*/true);
    remarkOnCorrections(op, *index, plan.corrections.size());
    packs = plan.laneBits == 32 && isa<VectorType>(op.getType());
    result = bitnn::lowerRequantize(
        builder, plan, op.getAccumulatorInterval(*index), op.getAccumulator());
  } else {
    SmallVector<const RequantizePlan *> all;
    Interval domain = op.getAccumulatorInterval(0);
    for (int64_t i = 0, e = op.getReference().getNumFunctions(); i < e; ++i) {
      all.push_back(&plans.get(op, i, /*chains=*/false));
      remarkOnCorrections(op, i, all.back()->corrections.size());
      domain = domain.hull(op.getAccumulatorInterval(i));
    }
    result = lowerIndexedRequantize(builder, tables, all, domain,
                                    op.getAccumulator(), op.getIndex(),
                                    op.getConsecutive());
  }
  extendDirectly(builder, op, result);
  unsigned bits = getElementTypeOrSelf(op.getType()).getIntOrFloatBitWidth();
  if (op->use_empty())
    return result;
  return packs ? pack(builder, result, bits) : builder.resize(result, bits);
}

void Lowering::lower(Operation *op) {
  LaneBuilder builder(op->getLoc(), op);
  Value result =
      llvm::TypeSwitch<Operation *, Value>(op)
          .Case([&](RequantizeOp op) { return lowerRequantize(builder, op); })
          .Case([&](LookupOp op) {
            return lowerLookup(builder, tables, byteTables, op);
          })
          .Case([&](AddOp op) { return lowerAdd(builder, tables, op); });
  if (!op->use_empty())
    op->getResult(0).replaceAllUsesWith(result);
  op->erase();
}

/// Why the operation cannot be lowered, or nothing.
static StringRef getObstacle(Operation *op) {
  Type type = op->getResult(0).getType();
  if (auto vector = dyn_cast<VectorType>(type))
    return vector.getRank() == 1 && !vector.isScalable()
               ? ""
               : "is on a vector that is not of rank 1 and fixed length; run "
                 "--convert-vector-to-scf or unroll it first";
  if (isa<ShapedType>(type))
    return "is on a tensor; put it into a linalg.generic, with "
           "--convert-elementwise-to-linalg";
  return "";
}

void ConvertBitNNToArith::runOnOperation() {
  SmallVector<Operation *> scalarOps;
  WalkResult walk = getOperation().walk([&](Operation *op) {
    if (!isa<RequantizeOp, LookupOp, AddOp>(op))
      return WalkResult::advance();
    if (StringRef obstacle = getObstacle(op); !obstacle.empty()) {
      op->emitOpError() << obstacle;
      return WalkResult::interrupt();
    }
    scalarOps.push_back(op);
    return WalkResult::advance();
  });
  if (walk.wasInterrupted())
    return signalPassFailure();
  Lowering lowering(getOperation(), multiply);
  for (Operation *op : scalarOps)
    lowering.lower(op);
}
