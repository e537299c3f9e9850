// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ProgramBody.h"

using namespace mlir;
using namespace bitnn;

using Opcode = LinearProgram::Opcode;

SmallVector<Value> bitnn::emitProgram(KernelBuilder &builder,
                                      const LinearProgram &program,
                                      ValueRange inputs) {
  Type type = inputs.front().getType();
  auto op = AdderGraphOp::create(
      builder, SmallVector<Type>(program.numOutputs(), type), inputs);
  Block *block = &op.getBody().emplaceBlock();
  block->addArguments(inputs.getTypes(),
                      SmallVector<Location>(inputs.size(), builder.getLoc()));
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(block);

  llvm::DenseMap<int64_t, Value> constants;
  auto getConstant = [&](int64_t value) {
    Value &constant = constants[value];
    if (!constant) {
      OpBuilder::InsertionGuard atStart(builder);
      builder.setInsertionPointToStart(block);
      constant = builder.constant(type, value);
    }
    return constant;
  };
  SmallVector<Value> values(program.numValues()), outputs(program.numOutputs());
  for (const LinearProgram::Instruction &instruction :
       program.getInstructions()) {
    auto lhs = [&] { return values[instruction.lhs]; };
    auto rhs = [&] { return values[instruction.rhs]; };
    auto define = [&](Value value) { values[instruction.result] = value; };
    switch (instruction.opcode) {
    case Opcode::Load:
      define(block->getArgument(instruction.index));
      break;
    case Opcode::Shift:
      define(arith::ShLIOp::create(builder, lhs(),
                                   getConstant(instruction.index)));
      break;
    case Opcode::Add:
      define(arith::AddIOp::create(builder, lhs(), rhs()));
      break;
    case Opcode::Subtract:
      define(arith::SubIOp::create(builder, lhs(), rhs()));
      break;
    case Opcode::Negate:
      define(arith::SubIOp::create(builder, getConstant(0), lhs()));
      break;
    case Opcode::Zero:
      define(getConstant(0));
      break;
    case Opcode::Store:
      outputs[instruction.index] = lhs();
      break;
    }
  }
  YieldOp::create(builder, outputs);
  return op.getResults();
}
