// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "bitnn/Conversion/Passes.h"
#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Transforms/RegionUtils.h"

namespace bitnn {
#define GEN_PASS_DEF_OUTLINEPARALLELPASS
#include "bitnn/Conversion/Passes.h.inc"
} // namespace bitnn

using namespace mlir;
using namespace bitnn;

namespace {
/// What the body of a loop needs from around it: values that are handed over,
/// and operations that can be repeated in the body.
struct Captures {
  llvm::SetVector<Value> values;
  SmallVector<Operation *> repeated;
  llvm::DenseSet<Operation *> seen;

  explicit Captures(Region &body) {
    llvm::SetVector<Value> used;
    getUsedValuesDefinedAbove(body, used);
    for (Value value : used)
      add(value);
  }

  void add(Value value) {
    Operation *op = value.getDefiningOp();
    if (!op || op->getNumRegions() != 0 || !isMemoryEffectFree(op)) {
      values.insert(value);
    } else if (seen.insert(op).second) {
      for (Value operand : op->getOperands())
        add(operand);
      repeated.push_back(op);
    }
  }
};

class Outliner {
public:
  Outliner(func::FuncOp entry, const LLVMTypeConverter &types)
      : entry(entry), types(types),
        pointer(LLVM::LLVMPointerType::get(entry.getContext())),
        int32(IntegerType::get(entry.getContext(), 32)) {}

  LogicalResult run();

private:
  LogicalResult outline(scf::ParallelOp loop, unsigned number);
  void buildRunner();
  func::FuncOp createFunction(const Twine &suffix, TypeRange arguments);
  Value getField(ImplicitLocOpBuilder &builder, Value argument, Type type,
                 unsigned field);
  Value pack(ImplicitLocOpBuilder &builder, Value value);
  Value unpack(ImplicitLocOpBuilder &builder, Value field, Type type);
  Type getFieldType(Type type) {
    return isa<MemRefType>(type) ? pointer : types.convertType(type);
  }

  func::FuncOp entry;
  const LLVMTypeConverter &types;
  Type pointer, int32;
  func::FuncOp runner;
};

func::FuncOp Outliner::createFunction(const Twine &suffix,
                                      TypeRange arguments) {
  OpBuilder builder(entry);
  auto function = func::FuncOp::create(builder, entry.getLoc(),
                                       (entry.getName() + suffix).str(),
                                       builder.getFunctionType(arguments, {}));
  function.setPrivate();
  function.addEntryBlock();
  return function;
}

/// func(parallel, count, body, argument): body(argument, i) for all i, by the
/// caller's function or by a loop.
void Outliner::buildRunner() {
  runner = createFunction(".in_any_order", {pointer, int32, pointer, pointer});
  ImplicitLocOpBuilder builder(entry.getLoc(), runner.getBody());
  MLIRContext *context = builder.getContext();
  Value parallel = runner.getArgument(0), count = runner.getArgument(1);
  Value body = runner.getArgument(2), argument = runner.getArgument(3);
  auto nothing = LLVM::LLVMVoidType::get(context);
  auto bodyType = LLVM::LLVMFunctionType::get(nothing, {pointer, int32});
  auto runType =
      LLVM::LLVMFunctionType::get(nothing, {pointer, int32, pointer, pointer});

  Value null = LLVM::ZeroOp::create(builder, pointer);
  Value isNull =
      LLVM::ICmpOp::create(builder, LLVM::ICmpPredicate::eq, parallel, null);
  auto choice = scf::IfOp::create(builder, isNull, /*withElseRegion=*/true);
  builder.setInsertionPointToStart(choice.thenBlock());
  Type index = builder.getIndexType();
  Value zero = arith::ConstantIndexOp::create(builder, 0);
  Value one = arith::ConstantIndexOp::create(builder, 1);
  Value end = arith::IndexCastOp::create(builder, index, count);
  auto loop = scf::ForOp::create(builder, zero, end, one);
  builder.setInsertionPointToStart(loop.getBody());
  Value each =
      arith::IndexCastOp::create(builder, int32, loop.getInductionVar());
  LLVM::CallOp::create(builder, bodyType, ValueRange{body, argument, each});

  builder.setInsertionPointToStart(choice.elseBlock());
  Type caller = LLVM::LLVMStructType::getLiteral(context, {pointer, pointer});
  Value run = LLVM::LoadOp::create(builder, pointer,
                                   getField(builder, parallel, caller, 0));
  Value data = LLVM::LoadOp::create(builder, pointer,
                                    getField(builder, parallel, caller, 1));
  LLVM::CallOp::create(builder, runType,
                       ValueRange{run, data, count, body, argument});
  builder.setInsertionPointAfter(choice);
  func::ReturnOp::create(builder);
}

Value Outliner::getField(ImplicitLocOpBuilder &builder, Value argument,
                         Type type, unsigned field) {
  return LLVM::GEPOp::create(builder, pointer, type, argument,
                             ArrayRef<LLVM::GEPArg>{0, int32_t(field)});
}

/// A value as a field of the argument: of a buffer its bare pointer.
Value Outliner::pack(ImplicitLocOpBuilder &builder, Value value) {
  Value converted = UnrealizedConversionCastOp::create(
                        builder, types.convertType(value.getType()), value)
                        .getResult(0);
  if (isa<MemRefType>(value.getType()))
    return MemRefDescriptor(converted).alignedPtr(builder, builder.getLoc());
  return converted;
}

Value Outliner::unpack(ImplicitLocOpBuilder &builder, Value field, Type type) {
  if (auto buffer = dyn_cast<MemRefType>(type))
    field = MemRefDescriptor::fromStaticShape(builder, builder.getLoc(), types,
                                              buffer, field);
  return UnrealizedConversionCastOp::create(builder, type, field).getResult(0);
}

LogicalResult Outliner::outline(scf::ParallelOp loop, unsigned number) {
  std::optional<int64_t> count = getConstantIntValue(loop.getUpperBound()[0]);
  if (loop.getNumLoops() != 1 || loop.getNumReductions() != 0 || !count ||
      getConstantIntValue(loop.getLowerBound()[0]) != 0 ||
      getConstantIntValue(loop.getStep()[0]) != 1)
    return loop.emitOpError("is no single loop from 0 to a constant");
  Captures captures(loop.getRegion());
  SmallVector<Type> fields;
  for (Value value : captures.values) {
    auto buffer = dyn_cast<MemRefType>(value.getType());
    if (buffer &&
        (!buffer.hasStaticShape() || !buffer.getLayout().isIdentity()))
      return loop.emitOpError("uses a buffer of the type ")
             << buffer << " that cannot be handed over as a pointer";
    fields.push_back(getFieldType(value.getType()));
  }
  Type argumentType =
      LLVM::LLVMStructType::getLiteral(loop.getContext(), fields);

  func::FuncOp body =
      createFunction(".parallel" + Twine(number), {pointer, int32});
  ImplicitLocOpBuilder builder(loop.getLoc(), body.getBody());
  IRMapping mapping;
  for (auto [field, value] : llvm::enumerate(captures.values)) {
    Value loaded = LLVM::LoadOp::create(
        builder, fields[field],
        getField(builder, body.getArgument(0), argumentType, field));
    mapping.map(value, unpack(builder, loaded, value.getType()));
  }
  for (Operation *op : captures.repeated)
    builder.clone(*op, mapping);
  mapping.map(loop.getInductionVars()[0],
              arith::IndexCastOp::create(builder, builder.getIndexType(),
                                         body.getArgument(1))
                  .getResult());
  for (Operation &op : loop.getBody()->without_terminator())
    builder.clone(op, mapping);
  func::ReturnOp::create(builder);

  // On the stack of the network: once, also for a loop in a loop.
  builder.setInsertionPointToStart(&entry.getBody().front());
  Value one = LLVM::ConstantOp::create(builder, int32, 1);
  Value argument = LLVM::AllocaOp::create(builder, pointer, argumentType, one);
  builder.setInsertionPoint(loop);
  for (auto [field, value] : llvm::enumerate(captures.values))
    LLVM::StoreOp::create(builder, pack(builder, value),
                          getField(builder, argument, argumentType, field));
  Value function =
      func::ConstantOp::create(builder, body.getFunctionType(), body.getName());
  Value address = UnrealizedConversionCastOp::create(builder, pointer, function)
                      .getResult(0);
  Value bodies = arith::ConstantIntOp::create(builder, *count, 32);
  func::CallOp::create(
      builder, runner,
      ValueRange{entry.getArguments().back(), bodies, address, argument});
  loop.erase();
  return success();
}

LogicalResult Outliner::run() {
  if (failed(entry.insertArgument(entry.getNumArguments(), pointer,
                                  DictionaryAttr(), entry.getLoc())))
    return failure();
  SmallVector<scf::ParallelOp> loops;
  entry.walk([&](scf::ParallelOp loop) { loops.push_back(loop); });
  if (!loops.empty())
    buildRunner();
  for (auto [number, loop] : llvm::enumerate(loops))
    if (failed(outline(loop, number)))
      return failure();
  return success();
}

struct OutlineParallel
    : public bitnn::impl::OutlineParallelPassBase<OutlineParallel> {
  using OutlineParallelPassBase::OutlineParallelPassBase;

  void runOnOperation() override {
    // Another part of the network's code has it.
    auto function = getOperation().lookupSymbol<func::FuncOp>(entry);
    if (!function || function.isExternal())
      return;
    LowerToLLVMOptions options(&getContext());
    options.useBarePtrCallConv = true;
    options.overrideIndexBitwidth(indexBitwidth);
    LLVMTypeConverter types(&getContext(), options);
    if (failed(Outliner(function, types).run()))
      signalPassFailure();
  }
};
} // namespace
