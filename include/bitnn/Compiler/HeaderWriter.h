// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef BITNN_COMPILER_HEADERWRITER_H
#define BITNN_COMPILER_HEADERWRITER_H

#include "bitnn/Compiler/EntryPoint.h"
#include "llvm/Support/raw_ostream.h"

namespace bitnn {

/// The C names of the network's arrays, inputs first: the names of the ONNX
/// graph as identifiers, distinct even in capitals, none a word of C or C++.
std::vector<std::string> makeParameterNames(const EntryPoint &entry);

/// Writes the C header, which is all that a caller needs: the prototype, and
/// sizes, scales and zero points as macros. It is C99 and C++.
void writeHeader(const EntryPoint &entry, llvm::raw_ostream &os);

} // namespace bitnn

#endif // BITNN_COMPILER_HEADERWRITER_H
