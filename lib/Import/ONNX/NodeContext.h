// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One node while it is imported, and the meaning of operators.

#ifndef BITNN_LIB_IMPORT_ONNX_NODECONTEXT_H
#define BITNN_LIB_IMPORT_ONNX_NODECONTEXT_H

#include "Values.h"
#include <map>

namespace bitnn::importer {

class Importer;
using Result = mlir::FailureOr<ImportedValue>;
/// Null: the operand is left out.
using Operand = std::shared_ptr<const ImportedValue>;

/// A node with its operands; builds in the function and at the location of the
/// node.
class NodeContext {
public:
  NodeContext(Importer &importer, const Node &node,
              llvm::ArrayRef<Operand> operands);

  Importer &importer;
  const Node &node;
  llvm::ArrayRef<Operand> operands;
  mlir::OpBuilder &builder;
  mlir::Location loc;
  /// Of an operator with several outputs: all but the first, by their place.
  std::map<unsigned, ImportedValue> furtherResults;

  /// The operand, or null if the node does not have it.
  Operand getOperand(unsigned index) const {
    return index < operands.size() ? operands[index] : nullptr;
  }
  /// The operand if it is a `T`, or null.
  template <typename T>
  const T *getIf(unsigned index) const {
    Operand operand = getOperand(index);
    return operand ? std::get_if<T>(operand.get()) : nullptr;
  }

  /// Begins the error that refuses the node.
  mlir::InFlightDiagnostic refuse() const;
  /// The node has no integer form: an error only if its result is needed.
  ImportedValue decline(const llvm::Twine &reason) const;
  /// Refuses the node because of what an operand is. `expected` completes
  /// "its <expected>".
  mlir::InFlightDiagnostic refuseOperand(const Operand &operand,
                                         llvm::StringRef what,
                                         llvm::StringRef expected) const;

  /// Attributes; fail with an error if they have another type.
  mlir::FailureOr<int64_t> getInt(llvm::StringRef name,
                                  int64_t otherwise) const;
  mlir::FailureOr<float> getFloat(llvm::StringRef name, float otherwise) const;
  mlir::FailureOr<std::string> getString(llvm::StringRef name,
                                         llvm::StringRef otherwise) const;
  mlir::FailureOr<Shape> getInts(llvm::StringRef name,
                                 llvm::ArrayRef<int64_t> otherwise) const;
  bool has(llvm::StringRef attribute) const {
    return node.attributes.contains(attribute);
  }
  /// Refuses every value of an attribute but one.
  mlir::LogicalResult refuseUnless(llvm::StringRef name, int64_t only) const;

private:
  template <typename T>
  mlir::FailureOr<T> getAttribute(llvm::StringRef name, T otherwise,
                                  llvm::StringRef type) const;
};

/// The meaning of an operator.
struct Operator {
  Result (*import)(NodeContext &) = nullptr;
  /// A layer: never left to the caller.
  bool isLayer = false;
};

/// The operator of a node, or null.
const Operator *findOperator(const Node &node);

/// 8-bit integers from a value; the operands of QuantizeLinear, or the last
/// ones of an operator in QLinear form.
Result quantize(NodeContext &node, const Operand &value, const Operand &scale,
                const Operand &zeroPoint, int64_t axis = 1);
/// Attaches a scale to 8-bit integers, or to constants.
Result dequantize(NodeContext &node, const Operand &value, const Operand &scale,
                  const Operand &zeroPoint, int64_t axis = 1);

/// Dequantized activations without an operator in between, one scale for the
/// tensor.
mlir::FailureOr<const Dequantized *>
getActivation(NodeContext &node, const Operand &value, llvm::StringRef what);
/// Adds an int32 bias to a sum; the entries of a vector are those of `axis`.
mlir::LogicalResult addBias(NodeContext &node, Accumulator &sum,
                            const Operand &bias, unsigned axis);

Result importQuantizeLinear(NodeContext &);
Result importDequantizeLinear(NodeContext &);
Result importConv(NodeContext &);
Result importConvInteger(NodeContext &);
Result importConvTranspose(NodeContext &);
Result importMatMulInteger(NodeContext &);
Result importReduce(NodeContext &);
Result importSoftmax(NodeContext &);
Result importQLinearSoftmax(NodeContext &);
Result importQLinearConv(NodeContext &);
Result importGemm(NodeContext &);
Result importQGemm(NodeContext &);
Result importMatMul(NodeContext &);
Result importQLinearMatMul(NodeContext &);
Result importBinary(NodeContext &);
Result importPRelu(NodeContext &);
Result importBatchNormalization(NodeContext &);
Result importQLinearAdd(NodeContext &);
Result importQLinearMul(NodeContext &);
Result importQLinearSigmoid(NodeContext &);
Result importQLinearLeakyRelu(NodeContext &);
Result importQLinearConcat(NodeContext &);
Result importRelu(NodeContext &);
Result importClip(NodeContext &);
Result importFunction(NodeContext &);
Result importMaxPool(NodeContext &);
Result importAveragePool(NodeContext &);
Result importQLinearAveragePool(NodeContext &);
Result importGlobalAveragePool(NodeContext &);
Result importIdentity(NodeContext &);
Result importDropout(NodeContext &);
Result importFlatten(NodeContext &);
Result importReshape(NodeContext &);
Result importTranspose(NodeContext &);
Result importSqueeze(NodeContext &);
Result importUnsqueeze(NodeContext &);
Result importSlice(NodeContext &);
Result importSplit(NodeContext &);
Result importGather(NodeContext &);
Result importExpand(NodeContext &);
Result importTile(NodeContext &);
Result importDepthToSpace(NodeContext &);
Result importSpaceToDepth(NodeContext &);
Result importPad(NodeContext &);
Result importResize(NodeContext &);
Result importUpsample(NodeContext &);
Result importConcat(NodeContext &);
Result importCast(NodeContext &);
Result importConstant(NodeContext &);

/// Shares a value that an operator of several steps has computed.
inline Operand share(ImportedValue value) {
  return std::make_shared<const ImportedValue>(std::move(value));
}

} // namespace bitnn::importer

#endif // BITNN_LIB_IMPORT_ONNX_NODECONTEXT_H
