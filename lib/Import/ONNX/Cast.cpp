// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Cast and Dropout.

#include "Emit.h"
#include "Movements.h"
#include "Quantization.h"

using namespace mlir;
using namespace bitnn::importer;

static Result castIntegers(NodeContext &node, const Integers &integers,
                           int64_t to) {
  if (to == kOnnxInt8 || to == kOnnxUInt8) {
    // Modulo 256: the bits stay, and with them the stored integers but for the
    // 128 that is taken off unsigned ones.
    Integers result = integers;
    result.isUnsigned = to == kOnnxUInt8;
    result.tensor = node.node.outputs.front();
    result.quantization = {};
    result.argument = {};
    if (result.isUnsigned != integers.isUnsigned)
      result.value = emitRecentre(node.builder, node.loc, integers.value);
    return ImportedValue(result);
  }
  if (to != kOnnxFloat)
    return node.decline("8-bit integers are cast to int8, uint8 and float32 "
                        "only");
  Dequantized real;
  real.tensor = integers.tensor;
  real.source = real.integers = integers;
  real.quantization = {1.0f, integers.isUnsigned ? -128 : 0};
  real.source.quantization = real.quantization;
  real.nodes.push_back(&node.node);
  return ImportedValue(std::move(real));
}

Result bitnn::importer::importCast(NodeContext &node) {
  FailureOr<int64_t> to = node.getInt("to", 0);
  if (failed(to))
    return failure();
  if (auto *integers = node.getIf<Integers>(0))
    return castIntegers(node, *integers, *to);
  if (auto *sum = node.getIf<Accumulator>(0); sum && *to == kOnnxFloat) {
    Accumulator result = *sum;
    result.isInteger = false;
    result.tensor = node.node.outputs.front();
    if (!sum->isInteger) {
      result.tensor = sum->tensor;
      result.nodes.push_back(&node.node);
    }
    return ImportedValue(std::move(result));
  }
  bool isReal =
      node.getIf<Dequantized>(0) || node.getIf<Pair>(0) || node.getIf<Parts>(0);
  if (isReal && *to == kOnnxFloat)
    return ImportedValue(*node.getOperand(0));
  return node.decline("it casts what has no integer form, or to a type that "
                      "has none");
}

Result bitnn::importer::importDropout(NodeContext &node) {
  auto *training = node.getIf<Constant>(2);
  if (node.getOperand(2) &&
      (!training ||
       training->tensor->bytes.find_first_not_of('\0') != std::string::npos))
    return node.refuse() << "training_mode is not supported; export the model "
                            "for inference";
  return importIdentity(node);
}
