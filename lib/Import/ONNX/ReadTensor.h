// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The tensors and types of protobuf messages; ReadModel.cpp has the rest.

#ifndef BITNN_LIB_IMPORT_ONNX_READTENSOR_H
#define BITNN_LIB_IMPORT_ONNX_READTENSOR_H

#include "Model.h"
// The generated header last: protobuf's macros end with its own.
#include "onnx.pb.h"

namespace bitnn::importer {

/// "int8", or the name or number of a type that is not supported.
std::string getProtoTypeName(int type);

/// The type of an array at the graph's edge: packed integers have one byte
/// each.
ElementType getEdgeType(int type);

/// Reads a tensor, from the model or from a file in the folder of the model.
/// Errors are emitted at `file`, and begin with `what` it is.
mlir::FailureOr<TensorRef> readTensor(const ::onnx::TensorProto &from,
                                      const std::string &what,
                                      mlir::Location file);

} // namespace bitnn::importer

#endif // BITNN_LIB_IMPORT_ONNX_READTENSOR_H
