// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One code block as a private function that loops over all positions of a
// tile, so that its code stays in the instruction cache.

#include "ProgramBody.h"
#include "StraightLine.h"
#include "bitnn/Arithmetic/CodeSharing.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace bitnn;

/// The code block as a program that the registers hold, proved to compute its
/// part of the weights.
static FailureOr<LinearProgram> getProgram(const StraightLineLayer &straight,
                                           const CodeBlock &code,
                                           StringRef name) {
  const StraightLineOptions &options = straight.options;
  Encoding encoding = straight.layer.encoding;
  unsigned temporaries = options.registers - code.matrix.rows();
  AdderGraph graph =
      options.share
          ? shareInCode(code.matrix, {encoding, temporaries, options.shiftCost})
          : AdderGraph::fromMatrix(code.matrix,
                                   {encoding, /*accumulate=*/true});
  auto fail = [&](llvm::Error error) {
    return straight.layer.op->emitOpError("internal error in code block '")
           << name << "': " << llvm::toString(std::move(error))
           << "; please report it, and compile with sharing off until then";
  };
  if (llvm::Error error = graph.verifyEquals(code.matrix))
    return fail(std::move(error));
  llvm::Expected<LinearProgram> program =
      LinearProgram::fromGraph(graph, options.registers);
  if (!program)
    return fail(program.takeError());
  return std::move(*program);
}

/// The additions of partial sums that one position executes.
static int64_t countAdds(func::FuncOp codeBlock) {
  int64_t adds = 0;
  codeBlock.walk([&](Operation *op) {
    adds += isa<arith::AddIOp, arith::SubIOp>(op) &&
            !op->getResult(0).getType().isIndex();
  });
  return adds;
}

namespace {
/// The body of a code block at one vector of positions.
class CodeBlockBody {
public:
  CodeBlockBody(KernelBuilder &builder, const StraightLineLayer &straight,
                const OutputBlock &block, unsigned window)
      : builder(builder), straight(straight), layer(straight.layer),
        tile(straight.tile), block(block), window(window),
        code(block.codeBlocks[window]) {}

  /// `view` begins at the code block's first input, `sums` at the tile's slot.
  void build(const LinearProgram &program, Value view, Value sums) {
    SmallVector<Value> operands;
    for (unsigned column : code.inputs)
      operands.push_back(builder.resize(
          builder.load(view, layer.inputOffsets[column] - getFirstOffset(),
                       tile.lanes),
          code.laneBits));
    for (unsigned output = 0; output < block.numOutputs; ++output)
      operands.push_back(getStart(sums, output));
    SmallVector<Value> results = emitProgram(builder, program, operands);
    for (auto [output, result] : llvm::enumerate(results))
      storeSum(result, sums, output);
  }

  int64_t getFirstOffset() const {
    return layer.inputOffsets[code.inputs.front()];
  }

private:
  /// Whether the code block adds to the 32-bit sums themselves.
  bool accumulates(unsigned output) const {
    return !isNarrow(code) && code.shifts[output] == 0;
  }

  /// Whether no code block before this one has 32-bit lanes.
  bool isFirstWide() const {
    return llvm::all_of(ArrayRef(block.codeBlocks).take_front(window),
                        isNarrow);
  }

  /// The 32-bit sum that this code block adds to.
  Value getPrevious(Value sums, unsigned output) {
    if (!isFirstWide())
      return builder.load(sums, straight.getSlice(block, window, output),
                          tile.lanes);
    Type type = getLaneType(builder.getI32Type(), tile.lanes);
    return builder.constant(type, straight.getBias(block, output));
  }

  Value getStart(Value sums, unsigned output) {
    if (accumulates(output) && (isFirstWide() || hasDigits(code, output)))
      return getPrevious(sums, output);
    Type lane = getLaneType(builder.getIntegerType(code.laneBits), tile.lanes);
    return builder.constant(lane, 0);
  }

  void storeSum(Value sum, Value sums, unsigned output) {
    // 32-bit sums begin with the first code block that has such lanes.
    if (!hasDigits(code, output) && (isNarrow(code) || !isFirstWide()))
      return;
    // Code generation would move a constant from the start of a sum to its end,
    // and other additions with it.
    if (int64_t start = code.starts[output])
      sum = arith::AddIOp::create(builder, sum,
                                  builder.constant(sum.getType(), start));
    if (!isNarrow(code) && !accumulates(output)) {
      sum = arith::ShLIOp::create(
          builder, sum, builder.constant(sum.getType(), code.shifts[output]));
      bool startsAtZero = isFirstWide() && straight.getBias(block, output) == 0;
      if (!startsAtZero)
        sum = arith::AddIOp::create(builder, sum, getPrevious(sums, output));
    }
    builder.store(sum, sums, straight.getSlice(block, window, output));
  }

  KernelBuilder &builder;
  const StraightLineLayer &straight;
  const Layer &layer;
  const Tile &tile;
  const OutputBlock &block;
  unsigned window;
  const CodeBlock &code;
};
} // namespace

FailureOr<func::FuncOp>
bitnn::buildCodeBlock(SymbolTable &symbols, const StraightLineLayer &straight,
                      const OutputBlock &block, unsigned window, StringRef name,
                      Type inputType, KernelStatistics &statistics) {
  const Layer &layer = straight.layer;
  const CodeBlock &code = block.codeBlocks[window];
  FailureOr<LinearProgram> program = getProgram(straight, code, name);
  if (failed(program))
    return failure();

  MLIRContext *context = layer.op->getContext();
  Type sumsType = isNarrow(code) ? straight.narrowSums : straight.wideSums;
  func::FuncOp function = createKernel(
      symbols, layer, name, {inputType, IndexType::get(context), sumsType});
  for (unsigned argument : {0, 2})
    function.setArgAttr(argument, LLVM::LLVMDialect::getNoAliasAttrName(),
                        UnitAttr::get(context));
  KernelBuilder builder(layer.op->getLoc(), function.getBody());
  CodeBlockBody body(builder, straight, block, window);
  Value start = builder.advance(function.getArgument(1), body.getFirstOffset());
  straight.forEachVector(builder, start, [&](Value, ValueRange position) {
    body.build(*program, builder.viewAt(function.getArgument(0), position[0]),
               builder.viewAt(function.getArgument(2), position[1]));
  });
  func::ReturnOp::create(builder);
  int64_t adds = countAdds(function);
  statistics.addsPerPosition += adds;
  statistics.unsharedAddsPerPosition +=
      adds - program->numAdds() + code.numAdds;
  return function;
}
