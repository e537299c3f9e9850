// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Lowerings.h"
#include "bitnn/Conversion/Passes.h"
#include "bitnn/Dialect/BitNN/Utils/Remarks.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
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
  Value lowerKnown(LaneBuilder &builder, RequantizeOp op, int64_t index);
  Value packResult(LaneBuilder &builder, Value result, unsigned bits);

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

static unsigned getBits(Type type) {
  return getElementTypeOrSelf(type).getIntOrFloatBitWidth();
}

/// trunci(value), saturating: on vectors an instruction of its own, where a
/// plain truncation masks every lane.
static Value pack(LaneBuilder &builder, Value value, unsigned bits) {
  value = builder.atLeast(value, llvm::minIntN(bits));
  value = builder.atMost(value, llvm::maxIntN(bits));
  return builder.resize(value, bits);
}

/// The same from 32 to 8 bits where an instruction packs the halves of two
/// vectors of 32 bytes in turns: order is restored once, at the end, and code
/// generation sees that before the two shuffles are none.
static Value packInTurns(LaneBuilder &builder, Value value) {
  constexpr int64_t kQuarter = 4;
  SmallVector<int64_t> order;
  int64_t lanes = cast<VectorType>(value.getType()).getNumElements();
  for (int64_t first = 0; first < lanes; first += 4 * kQuarter)
    for (int64_t quarter : {0, 2, 1, 3})
      for (int64_t lane = 0; lane < kQuarter; ++lane)
        order.push_back(first + quarter * kQuarter + lane);
  for (unsigned bits : {16, 8}) {
    value = pack(builder, value, bits);
    value = vector::ShuffleOp::create(builder, value, value, order);
  }
  return value;
}

/// extsi(trunci(result)) -> result of that size: it fits its stored type.
static void extendDirectly(LaneBuilder &builder, RequantizeOp op, Value result,
                           bool packs = false) {
  for (Operation *user : llvm::make_early_inc_range(op->getUsers()))
    if (auto extend = dyn_cast<arith::ExtSIOp>(user)) {
      unsigned bits = getBits(extend.getType());
      packs &= bits < getBits(result.getType());
      extend.replaceAllUsesWith(packs ? pack(builder, result, bits)
                                      : builder.resize(result, bits));
      extend.erase();
    }
}

static bool isExtended(RequantizeOp op, unsigned bits) {
  return llvm::all_of(op->getUsers(), [&](Operation *user) {
    return isa<arith::ExtSIOp>(user) &&
           getBits(user->getResult(0).getType()) == bits;
  });
}

/// What is added to an accumulator of the domain last; `accumulator` becomes
/// what it is added to.
static int64_t takeAddend(Value &accumulator, Interval &domain) {
  auto add = accumulator.getDefiningOp<arith::AddIOp>();
  APInt value;
  if (!add || !matchPattern(add.getRhs(), m_ConstantInt(&value)))
    return 0;
  int64_t addend = value.getSExtValue();
  Interval before = domain - Interval::ofValue(addend);
  if (!before.fitsSigned(32))
    return 0;
  domain = before;
  accumulator = add.getLhs();
  return addend;
}

/// With the index of the channel known, what is added to the accumulator last
/// is part of the plan, and so is its saturation on vectors.
Value Lowering::lowerKnown(LaneBuilder &builder, RequantizeOp op,
                           int64_t index) {
  unsigned bits = getBits(op.getType());
  bool isVector = isa<VectorType>(op.getType());
  Value accumulator = op.getAccumulator();
  Interval domain = op.getAccumulatorInterval(index);
  int64_t addend = isVector ? takeAddend(accumulator, domain) : 0;
  const RequantizePlan &plan =
      plans.get(op, index, /*chains=*/true, isVector ? bits : 0, addend);
  remarkOnCorrections(op, index, plan.corrections.size());
  unsigned above = 16 - bits;
  if (plan.saturatedBits != 0 && plan.rounding.shift >= above &&
      isExtended(op, 16)) {
    // One saturation, at the upper end of 16 bits, is both limits.
    Value upper = pack(
        builder,
        bitnn::lowerRequantize(builder, plan, domain, accumulator, above), 16);
    Value result = builder.shiftRight(upper, above);
    extendDirectly(builder, op, result);
    return result;
  }
  Value result = bitnn::lowerRequantize(builder, plan, domain, accumulator);
  if (plan.saturatedBits != 0)
    return packResult(builder, result, bits);
  // LLVM 22 packs what comes from 64-bit lanes wrongly.
  bool packs = plan.laneBits == 32 && isVector;
  extendDirectly(builder, op, result, packs);
  if (op->use_empty())
    return result;
  return packs ? packResult(builder, result, bits)
               : builder.resize(result, bits);
}

Value Lowering::packResult(LaneBuilder &builder, Value result, unsigned bits) {
  int64_t lanes = cast<VectorType>(result.getType()).getNumElements();
  bool inTurns = byteTables.bytes == 32 && lanes % 32 == 0 && bits == 8;
  return inTurns ? packInTurns(builder, result) : pack(builder, result, bits);
}

Value Lowering::lowerRequantize(LaneBuilder &builder, RequantizeOp op) {
  if (std::optional<int64_t> index = getKnownIndex(op))
    return lowerKnown(builder, op, *index);
  SmallVector<const RequantizePlan *> all;
  Interval domain = op.getAccumulatorInterval(0);
  for (int64_t i = 0, e = op.getReference().getNumFunctions(); i < e; ++i) {
    all.push_back(&plans.get(op, i, /*chains=*/false));
    remarkOnCorrections(op, i, all.back()->corrections.size());
    domain = domain.hull(op.getAccumulatorInterval(i));
  }
  Value result =
      lowerIndexedRequantize(builder, tables, all, domain, op.getAccumulator(),
                             op.getIndex(), op.getConsecutive());
  extendDirectly(builder, op, result);
  if (op->use_empty())
    return result;
  return builder.resize(result, getBits(op.getType()));
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
  // An addition that became part of a plan.
  auto addition = op->getOperand(0).getDefiningOp<arith::AddIOp>();
  op->erase();
  if (addition && isOpTriviallyDead(addition))
    addition.erase();
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
  // A requantize whose result is extended for an addition skips both.
  std::stable_partition(scalarOps.begin(), scalarOps.end(),
                        [](Operation *op) { return isa<AddOp>(op); });
  Lowering lowering(getOperation(), multiply);
  for (Operation *op : scalarOps)
    lowering.lower(op);
}
